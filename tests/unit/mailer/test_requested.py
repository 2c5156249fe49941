"""Letters that other services ask for: which requests are refused, what stands in the letters."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mailer.domain.bounce import letter_of
from services.mailer.domain.letters import LetterWriter, message_id, return_path
from services.mailer.domain.mime import compose
from services.mailer.domain.requested import (
    FACTS,
    LINES,
    WHAT,
    Language,
    RequestedLetter,
    moment_in_words,
    request_id,
    request_problem,
)
from services.mailer.domain.samples import sample_messages
from shared.letter_events import AccountLetterRequested
from tests.unit.mailer.test_letters import PROGRAMME, WRITER, Seen

SAMPLES = {name: message for name, message in sample_messages(PROGRAMME) if isinstance(message, RequestedLetter)}
AT = datetime(2026, 4, 1, tzinfo=UTC)


def request(letter: str = "new-link", **facts: str | None) -> AccountLetterRequested:
    """A request that is complete, but for these facts; None takes one away."""
    given = {**SAMPLES[letter].facts, **facts} if letter in SAMPLES else facts
    return AccountLetterRequested(
        letter_id="account/7/1",
        letter=letter,
        recipient="taro@example.jp",
        facts={name: value for name, value in given.items() if value is not None},
        requested_at=AT,
    )


# ── the door ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("letter", FACTS)
def test_a_request_with_all_its_facts_is_taken_and_more_than_these_are_ignored(letter: str) -> None:
    assert request_problem(request(letter, more="than it needs")) is None


@pytest.mark.parametrize(("letter", "fact"), [(letter, fact) for letter, needed in FACTS.items() for fact in needed])
def test_a_request_without_one_of_its_facts_is_refused_with_the_facts_name(letter: str, fact: str) -> None:
    assert f"got no {fact};" in (request_problem(request(letter, **{fact: None})) or "")


@pytest.mark.parametrize("empty", ["", " ", "\u3000\n"])
def test_an_empty_fact_is_none_except_the_three_that_may_be_empty(empty: str) -> None:
    assert "got no name" in (request_problem(request(name=empty)) or "")
    assert "got no body" in (request_problem(request("enquiry", body=empty)) or "")
    assert request_problem(request("enquiry", link="")) is None
    assert request_problem(request("paper-sent", tracking="")) is None
    assert request_problem(request("paper-sent", shipper="", tracking="")) is None


@pytest.mark.parametrize("letter", ["", "award", "en", "../award", "new-link\n", "New-Link"])
def test_a_letter_of_an_unknown_name_is_refused_with_the_known_ones(letter: str) -> None:
    assert "expected one of confirm-address" in (request_problem(request(letter, name="x")) or "")


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "/receive/1", "https://a b", 'https://a"b']
)
def test_a_link_that_is_no_url_is_refused_and_not_repeated(link: str) -> None:
    problem = request_problem(request(link=link))
    assert problem is not None and link not in problem


def test_a_notice_about_something_unknown_is_refused() -> None:
    assert "expected one of password-changed" in (request_problem(request("account-notice", what="hacked")) or "")


# ── the letters ─────────────────────────────────────────────────────────────────────────────────────────


def flat(text: str) -> str:
    """Without white space and the marks of lists, headings and the signature."""
    return re.sub(r"\s|^[・■]|^- |^--$", "", text, flags=re.MULTILINE)


BUTTONS = ("ボタンを押せないときは、次のURL", "Ifthebuttondoesnotwork,openthislink:")


@pytest.mark.parametrize("name", SAMPLES)
def test_text_and_html_say_the_same(name: str) -> None:
    """But for the title and the button, which the text doesn't need."""
    mail = WRITER.compose(SAMPLES[name])
    seen = Seen(mail.html)
    html = flat(seen.text).replace(BUTTONS[0], "次のURL").replace(BUTTONS[1], "Openthislink:")
    title = flat(re.findall(r"<h1.*?>(.*?)</h1>", mail.html)[0])
    button = flat("".join(re.findall(r'class="bt".*?><a.*?>(.*?)</a>', mail.html)))
    assert html.startswith(title)
    assert html.removeprefix(title).replace(button, "", 1) == flat(mail.text)
    assert {link.removeprefix("mailto:") for link in seen.links} <= set(mail.text.split())


@pytest.mark.parametrize("name", SAMPLES)
def test_every_fact_stands_in_the_letter(name: str) -> None:
    message = SAMPLES[name]
    mail = WRITER.compose(message)
    words = {**dict.fromkeys(("qualification", "desk", "what", "hours"), ""), "tracking": "1234"}
    for fact, value in message.facts.items():
        shown = moment_in_words(words.get(fact, value), message.language)
        for line in shown.splitlines():
            assert line in mail.text
            assert line in mail.html
    assert ("Diagnosis" in mail.text or "コンクリート" in mail.text) or "qualification" not in message.facts


@pytest.mark.parametrize("name", [name for name, message in SAMPLES.items() if "hours" in message.facts])
def test_a_link_is_said_to_work_until_its_end_however_late_its_letter_leaves(name: str) -> None:
    message = replace(SAMPLES[name], ends_at=datetime(2026, 4, 1, 3, 5, 59, tzinfo=UTC))
    words = {"ja": "2026年4月1日 12時05分まで", "en": "until 1 April 2026, 12:05 (Japan time)"}[message.language]
    mail = WRITER.compose(message)
    assert words in mail.text and words in mail.html and "48" not in mail.text
    unknown = WRITER.compose(replace(message, ends_at=None))
    assert {"ja": "お送りしてから48時間", "en": "for 48 hours"}[message.language] in unknown.text


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize(("fact", "labels"), [("shipper", ("配送", "Carrier")), ("tracking", ("番号　4", "Tracking"))])
def test_a_parcel_without_a_carrier_or_a_number_has_no_line_for_it(
    language: Language, fact: str, labels: tuple[str, str]
) -> None:
    parcel = replace(SAMPLES["paper-sent"], language=language)
    mail = WRITER.compose(replace(parcel, facts={**parcel.facts, fact: ""}))
    assert not any(label in mail.text + mail.html for label in labels)
    assert mail.text.count("\n") == WRITER.compose(parcel).text.count("\n") - 1


@pytest.mark.parametrize("name", SAMPLES)
def test_a_letter_is_in_the_language_that_was_asked_for(name: str) -> None:
    message = SAMPLES[name]
    mail = WRITER.compose(message)
    assert f'<html lang="{message.language}">' in mail.html
    assert f"Content-Language: {message.language}".encode() in compose(mail, AT)
    assert (PROGRAMME.society.name.en in mail.text) == (message.language == "en")


def test_a_reply_to_an_enquiry_goes_to_the_person_and_no_other_letter_has_such_an_address() -> None:
    assert b"\r\nReply-To: hanako@example.org\r\n" in compose(WRITER.compose(SAMPLES["enquiry"]), AT)
    assert b"Reply-To" not in compose(WRITER.compose(SAMPLES["reset-password"]), AT)
    for address in ("a@example.jp\r\nBcc: b@example.jp", "a@example.jp, b@example.jp", "no address"):
        with pytest.raises(ValueError, match="got an address"):
            compose(WRITER.compose(replace(SAMPLES["enquiry"], reply_to=address)), AT)


@pytest.mark.parametrize("letter", FACTS)
@pytest.mark.parametrize("hostile", ["太郎\r\nBcc: a@example.jp", "<i>&\x00\u2028x", "\u202e太郎\x1b[31m"])
def test_no_fact_begins_a_header_a_tag_or_a_line_of_its_own(letter: str, hostile: str) -> None:
    plain = SAMPLES[letter]
    fixed = ("link", "what", "qualification", "desk", *LINES)
    free = {name: hostile for name in plain.facts if name not in fixed}
    mail = WRITER.compose(replace(plain, facts={**plain.facts, **free}))
    head = compose(mail, AT).partition(b"\r\n\r\n")[0]
    assert b"\nBcc" not in head
    assert mail.text.count("\n") == WRITER.compose(plain).text.count("\n")
    assert "<i>&" not in mail.html and "\u202e" not in mail.text + mail.html and "\x00" not in mail.text + mail.html


def test_the_desk_of_a_letter_is_that_of_its_fact_or_of_its_qualification_or_the_society() -> None:
    assert (
        "e-shindan@jci.example.jp"
        in WRITER.compose(
            replace(SAMPLES["new-link"], facts={**SAMPLES["new-link"].facts, "qualification": "shindanshi"})
        ).text
    )
    assert (
        "e-shindan@jci.example.jp"
        in WRITER.compose(
            replace(SAMPLES["enquiry-copy"], facts={**SAMPLES["enquiry-copy"].facts, "desk": "shindan"})
        ).text
    )
    assert "openbadge@jci.example.jp" in WRITER.compose(SAMPLES["reset-password"]).text


def test_another_societys_letters_name_that_society_only() -> None:
    society = msgspec.structs.replace(
        PROGRAMME.society, name=msgspec.structs.replace(PROGRAMME.society.name, ja="構造保全協会", en="SME")
    )
    other = msgspec.structs.replace(PROGRAMME, society=society)
    writer = LetterWriter(other, "http://localhost:8602", "http://localhost:8603", b"a secret of sixteen bytes")
    for name, message in SAMPLES.items():
        mail = writer.compose(message)
        assert "コンクリート工学会" not in f"{mail}" and "Concrete Institute" not in f"{mail}", name


def test_days_and_moments_are_said_in_japan_time_and_words_stay_as_they_are() -> None:
    assert moment_in_words("2026-04-01", "ja") == "2026年4月1日"
    assert moment_in_words("2026-03-31T15:05:00Z", "ja") == "2026年4月1日 0時05分"
    assert moment_in_words("2026-03-31T15:05:00+00:00", "en") == "1 April 2026, 0:05 (Japan time)"
    assert moment_in_words("2月末日", "ja") == "2月末日"


def test_every_word_of_a_notice_has_both_languages() -> None:
    for what, words in WHAT.items():
        for name, text in (("account-notice", words.ja), ("account-notice-en", words.en)):
            message = replace(SAMPLES[name], facts={"name": "x", "what": what, "at": "x"})
            assert text in WRITER.compose(message).text


@given(st.text(), st.sampled_from(sorted(FACTS)))
def test_whatever_an_id_is_its_letter_has_a_return_path_that_mail_servers_take_and_that_names_it(
    letter_id: str, letter: str
) -> None:
    subject = request_id(letter_id)
    path = return_path(letter, subject, PROGRAMME.sender.bounce_domain)
    assert len(path.partition("@")[0]) <= 64  # RFC 5321, 4.5.3.1.1
    assert letter_of(path.lower(), PROGRAMME.sender.bounce_domain) == (subject, letter, 0)
    assert re.fullmatch(r"<[a-z-]+\.[A-Z2-7]{26}@jci\.example\.jp>", message_id(letter, subject, "x@jci.example.jp"))
