from __future__ import annotations

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.credentials.multibase import base64url
from shared.credentials.status_list import LENGTH, decoded, encoded, is_set, with_bits
from shared.errors import Unreadable

_indexes = st.sets(st.integers(0, LENGTH - 1), max_size=40)


@settings(deadline=None)
@given(_indexes, st.integers(0, LENGTH - 1))
def test_just_the_bits_that_were_set_are_set(indexes: set[int], another: int) -> None:
    bits = decoded(encoded(with_bits(indexes)))
    assert len(bits) * 8 == LENGTH
    assert all(is_set(bits, index) for index in indexes)
    assert is_set(bits, another) is (another in indexes)
    assert sum(byte.bit_count() for byte in bits) == len(indexes)


def test_bit_0_is_the_left_most() -> None:
    assert with_bits([0])[0] == 0x80
    assert with_bits([LENGTH - 1])[-1] == 0x01


@pytest.mark.parametrize("index", [-1, LENGTH])
def test_a_bit_outside_of_the_list_is_neither_set_nor_read(index: int) -> None:
    with pytest.raises(ValueError, match=f"got bit {index}"):
        with_bits([index])
    with pytest.raises(Unreadable, match=f"got {index}"):
        is_set(with_bits([]), index)


def test_the_same_list_is_encoded_in_one_way() -> None:
    assert encoded(with_bits([1, 2])) == encoded(with_bits([2, 1]))


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "u",
        "uAAAA",
        "H4sI",
        base64url(b"\x1f\x8b\x08"),
        base64url(gzip.compress(bytes(LENGTH // 8 - 1), mtime=0)),
        base64url(gzip.compress(bytes(16 * 1024 * 1024 + 1), mtime=0)),
        base64url(gzip.compress(bytes(50_000_000), mtime=0)),
        base64url(gzip.compress(bytes(LENGTH // 8), mtime=0)[:-4]),
    ],
)
def test_what_is_no_list_is_refused(text: object) -> None:
    with pytest.raises(Unreadable, match="expected"):
        decoded(text)


@pytest.mark.parametrize("length", [LENGTH // 8, LENGTH // 8 + 1, LENGTH, 16 * 1024 * 1024])
def test_a_list_of_another_issuer_may_be_longer(length: int) -> None:
    bits = decoded(base64url(gzip.compress(b"\x80" + bytes(length - 1), 1)))
    assert len(bits) == length
    assert is_set(bits, 0)
    assert not is_set(bits, length * 8 - 1)
