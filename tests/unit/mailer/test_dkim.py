"""DKIM signatures, checked by another implementation (dkimpy)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from services.mailer.domain.dkim import DkimKey, parse_keys, read_key, signed
from services.mailer.domain.mime import Mail, compose
from tests.worlds.dkim_keys import DOMAIN, ED25519, RSA, is_valid

DATE = datetime(2026, 3, 31, 15, 0, tzinfo=UTC)
RARE = "髙橋﨑①㈱𠮷辻\U000e0100 ～ ﾊﾝｶｸ"
MAIL = Mail(
    message_id="<award.ABCDEFGHIJKLMNOPQRSTUVWX23@jci.example.jp>",
    sender_name="OpenBadge",
    sender="noreply_openbadge@jci.example.jp",
    recipient="taro@example.jp",
    subject=RARE,
    text=f"{RARE} 様\n\n.\nhttps://example.jp/receive/A/b\n",
    html=f"<p>{RARE}</p>",
)


def pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize("key", [RSA, ED25519], ids=lambda key: key.algorithm)
def test_another_implementation_finds_the_signature_valid(key: DkimKey) -> None:
    assert is_valid(signed(compose(MAIL, DATE), [key], DOMAIN, DATE), key)


def test_a_letter_is_signed_with_each_key() -> None:
    message = signed(compose(MAIL, DATE), [ED25519, RSA], DOMAIN, DATE)
    assert is_valid(message, ED25519, 0) and is_valid(message, RSA, 1)
    assert max(map(len, message.split(b"\r\n"))) <= 78


def test_without_a_key_the_letter_stays_as_it_is() -> None:
    assert signed(compose(MAIL, DATE), [], DOMAIN, DATE) == compose(MAIL, DATE)


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=200), st.text(max_size=60), st.text(max_size=60))
def test_every_letter_has_a_valid_signature_whatever_stands_in_it(text: str, subject: str, name: str) -> None:
    clean = text.encode("utf-8", "replace").decode()
    mail = replace(MAIL, text=clean, html=clean, subject=f"a{subject}", sender_name=f"b{name}")
    assert is_valid(signed(compose(mail, DATE), [ED25519], DOMAIN, DATE), ED25519)


@pytest.mark.parametrize("old", [b"taro@", b"Subject: ", b"auto-generated", b"Date: Wed", b"=?utf-8?b?"])
def test_a_letter_that_was_changed_on_the_way_has_no_valid_signature(old: bytes) -> None:
    message = signed(compose(MAIL, DATE), [ED25519], DOMAIN, DATE)
    assert old in message
    assert not is_valid(message.replace(old, old[:-1] + b"x"), ED25519)


@pytest.mark.parametrize("header", [b"From: a@evil.example", b"Subject: other", b"To: b@evil.example"])
def test_a_second_header_of_a_signed_name_breaks_the_signature(header: bytes) -> None:
    message = signed(compose(MAIL, DATE), [ED25519], DOMAIN, DATE)
    head, _, rest = message.partition(b"\r\nFrom:")
    for changed in (header + b"\r\n" + message, head + b"\r\n" + header + b"\r\nFrom:" + rest):
        assert not is_valid(changed, ED25519)


def test_spaces_and_folds_that_a_relay_changes_break_nothing() -> None:
    message = signed(compose(replace(MAIL, subject=RARE * 5), DATE), [RSA], DOMAIN, DATE)
    assert is_valid(b"Received: by relay\r\n" + message.replace(b"\r\n =?utf-8?b?", b"\r\n\t=?utf-8?b?"), RSA)
    assert is_valid(message + b"\r\n\r\n", RSA)


def test_equal_letters_have_equal_signatures() -> None:
    first, second = (signed(compose(MAIL, DATE), [RSA, ED25519], DOMAIN, DATE) for _ in range(2))
    assert first == second


def test_keys_are_read_from_their_files(tmp_path: Path) -> None:
    for key in (RSA, ED25519):
        (tmp_path / key.selector).write_bytes(pem(key.key))
    found = parse_keys(", ".join(f"{key.selector}:{tmp_path / key.selector}" for key in (RSA, ED25519)))
    assert [(key.selector, key.record) for key in found] == [(key.selector, key.record) for key in (RSA, ED25519)]


@pytest.mark.parametrize("setting", ["/keys/a.pem", "a.b:/dev/null", "UP:/dev/null", "a;b:/dev/null", "ok:/dev/null"])
def test_a_setting_that_is_no_key_is_refused(setting: str) -> None:
    with pytest.raises(ValueError, match=r"expected|PEM|load"):
        parse_keys(setting)


def test_a_key_of_another_kind_or_too_short_is_refused() -> None:
    for other in (ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 1024)):
        with pytest.raises(ValueError, match="another kind of key"):
            read_key("mail", pem(other))
