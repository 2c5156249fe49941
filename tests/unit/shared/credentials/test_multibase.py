from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.credentials.multibase import (
    base58,
    base64url,
    ed25519_multibase,
    from_base58,
    from_base64url,
    from_ed25519_multibase,
)
from shared.errors import Unreadable


@given(st.binary(max_size=128))
def test_bytes_come_back_from_base58(data: bytes) -> None:
    assert from_base58(base58(data)) == data


@given(st.binary(max_size=300))
def test_bytes_come_back_from_base64url(data: bytes) -> None:
    assert from_base64url(base64url(data)) == data


def test_the_alphabet_is_that_of_the_specification() -> None:
    # draft-msporny-base58-03, section 5
    assert base58(b"Hello World!") == "z2NEpo7TZRRrLZSi2U"
    assert base58(bytes.fromhex("0000287fb4cd")) == "z11233QC4"
    assert base64url(b"\xff\xfe\xfd") == "u__79"


@pytest.mark.parametrize("text", [None, 1, "", "u11", "2NEpo", "z0", "zl", "zＯ", "z" + "1" * 600])
def test_what_is_no_base58_is_refused(text: object) -> None:
    with pytest.raises(Unreadable, match="expected"):
        from_base58(text)


@pytest.mark.parametrize("text", [None, 1, "", "zAA", "uA", "uA=A", "u*", "uあ"])
def test_what_is_no_base64url_is_refused(text: object) -> None:
    with pytest.raises(Unreadable, match="expected"):
        from_base64url(text)


def test_a_key_of_another_kind_is_not_taken_for_ed25519() -> None:
    assert from_ed25519_multibase(ed25519_multibase(bytes(32))) == bytes(32)
    for other in (base58(b"\xe7\x01" + bytes(33)), base58(b"\xed\x01" + bytes(31)), base58(bytes(32))):
        with pytest.raises(Unreadable, match="ed01"):
            from_ed25519_multibase(other)
