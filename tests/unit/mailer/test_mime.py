"""The bytes of a letter."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mailer.domain.mime import Mail, compose, encoded, quoted

RARE = "髙橋﨑①㈱𠮷辻\U000e0100 ～ ﾊﾝｶｸ"
DATE = datetime(2026, 3, 31, 15, 0, tzinfo=UTC)
MAIL = Mail(
    message_id="<award.ABCDEFGHIJKLMNOPQRSTUVWX23@jci.example.jp>",
    sender_name="OpenBadge",
    sender="noreply_openbadge@jci.example.jp",
    recipient="taro@example.jp",
    subject=RARE,
    text=f"{RARE} 様\n\n.\nhttps://example.jp/receive/A/b\n",
    html=f"<p>{RARE}</p>",
)


def read(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_rare_characters_come_through_unchanged() -> None:
    message = read(compose(MAIL, DATE))
    assert message["Subject"] == RARE
    assert body(message, "plain").replace("\r\n", "\n") == MAIL.text
    assert body(message, "html").strip() == MAIL.html


def test_every_header_is_there_and_readable() -> None:
    message = read(compose(MAIL, DATE))
    assert message["From"] == "OpenBadge <noreply_openbadge@jci.example.jp>"
    assert message["To"] == "taro@example.jp"
    assert message["Message-ID"] == MAIL.message_id
    assert message["Date"] == "Wed, 01 Apr 2026 00:00:00 +0900"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/alternative"
    assert not message.defects


def test_composing_the_same_letter_again_gives_the_same_bytes() -> None:
    assert compose(MAIL, DATE) == compose(MAIL, DATE)


def test_each_line_has_at_most_76_characters_and_ends_with_crlf() -> None:
    content = compose(replace(MAIL, subject=RARE * 20, text=RARE * 200), DATE)
    lines = content.split(b"\r\n")
    assert max(map(len, lines)) <= 76
    assert not any(b"\n" in line or line.startswith(b".") for line in lines)
    content.decode("ascii")


@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=200))
def test_a_header_is_read_as_the_text_that_was_written(text: str) -> None:
    header = encoded(text)
    assert all(len(word) <= 76 for word in header.split("\r\n"))
    if header != text:
        assert str(make_header(decode_header(header))) == text


def test_a_carriers_dotted_address_is_quoted() -> None:
    assert quoted("..taro..@docomo.example") == '"..taro.."@docomo.example'
    assert quoted("taro.yamada@example.jp") == "taro.yamada@example.jp"


@pytest.mark.parametrize("address", ["taro@example.jp\r\nBcc: all@example.jp", "ｔａｒｏ@example.jp"])
def test_an_address_with_a_line_break_or_beyond_ascii_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII") as refusal:
        compose(replace(MAIL, recipient=address), DATE)
    assert "example" not in str(refusal.value)
