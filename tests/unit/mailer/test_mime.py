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


@pytest.mark.parametrize(
    "text",
    [
        "髙" * 80,
        "a" * 300,
        "word " * 60,
        f"{'a' * 60}髙{'b' * 60}",
        "公益社団法人 日本コンクリート工学会 " * 4,
        "=?utf-8?b?44GC?=",
    ],
)
def test_a_long_subject_and_a_long_name_are_folded_and_read_as_they_were_written(text: str) -> None:
    content = compose(replace(MAIL, subject=text, sender_name=text), DATE)
    assert max(map(len, content.split(b"\r\n"))) <= 76
    message = read(content)
    assert message["Subject"] == text
    sender = str(make_header(decode_header(email.message_from_bytes(content)["From"])))
    assert sender.split() == [*text.split(), f"<{MAIL.sender}>"]


@pytest.mark.parametrize("character", ["辻\U000e0100", "か\u3099", "👨\u200d👩\u200d👧", "𠮷"])
def test_no_encoded_word_ends_within_a_character(character: str) -> None:
    for before in range(14):
        words = encoded("あ" * before + character * 20).split("\r\n ")
        assert len(words) > 1
        for word in words:
            text = str(make_header(decode_header(word)))
            assert text.strip("あ").replace(character, "") == ""


@pytest.mark.parametrize(
    "text", ["a\r\nBcc: all@example.jp", "a\nb", "髙\r橋", "a\u2028Bcc: b", "a\u0085b", "\x00\x1b[0m", "\ud800a"]
)
def test_no_text_begins_a_header_line_of_its_own(text: str) -> None:
    message = read(compose(replace(MAIL, subject=text, sender_name=text), DATE))
    names = ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Auto-Submitted", "Content-Language"]
    assert message.keys() == [*names, "Content-Type"]
    assert not any(ord(character) < 32 or character in "\x85\u2028" for character in message["Subject"])


@pytest.mark.parametrize(
    "address",
    [
        "taro@example.jp>, <all@example.jp",
        "taro@example.jp,all@example.jp",
        "taro@example.jp (x)",
        "taro@example.jp\nBcc: b@example.jp",
        "taro@exam ple.jp",
        "taro@example.jp\x00",
        "taro@[127.0.0.1]",
        "taro@example.jp> SIZE=1",
        '"a\\"b@c.jp"@example.jp',
        "taro",
        "@example.jp",
        f"{'a' * 250}@example.jp",
    ],
)
def test_only_one_address_is_an_address(address: str) -> None:
    for mail in (replace(MAIL, recipient=address), replace(MAIL, sender=address)):
        with pytest.raises(ValueError, match="expected") as refusal:
            compose(mail, DATE)
        assert address not in str(refusal.value)


@pytest.mark.parametrize("id", ["<a@b>\r\nBcc: x@example.jp", "a@b.jp", "<a b@c.jp>", "<髙@b.jp>", "<>"])
def test_a_message_id_that_is_none_is_refused(id: str) -> None:
    with pytest.raises(ValueError, match="Message-ID"):
        compose(replace(MAIL, message_id=id), DATE)


def test_a_carriers_dotted_address_is_quoted() -> None:
    assert quoted("..taro..@docomo.example") == '"..taro.."@docomo.example'
    assert quoted("taro.yamada@example.jp") == "taro.yamada@example.jp"


@pytest.mark.parametrize("address", ["taro@example.jp\r\nBcc: all@example.jp", "ｔａｒｏ@example.jp"])
def test_an_address_with_a_line_break_or_beyond_ascii_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII") as refusal:
        compose(replace(MAIL, recipient=address), DATE)
    assert "example" not in str(refusal.value)
