"""What comes back to the return path of a letter."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mailer.domain.bounce import letter_of, read_report
from services.mailer.domain.letters import LETTERS, Letter, message_id, return_path
from tests.worlds.bounces import FORMATS, NO_BOUNCES, WITHOUT_STATUS, complaint, inter_scan, postfix, qmail, warning

ID = "ABCDEFGHIJKLMNOPQRSTUVWX23"
DOMAIN = "bounce.jci.example.jp"
PATH = return_path("award", ID, DOMAIN)


@pytest.mark.parametrize("letter", LETTERS)
def test_a_return_path_names_its_letter_whatever_its_case(letter: Letter) -> None:
    path = return_path(letter, ID, DOMAIN)
    for address in (path, path.lower(), path.upper(), f"<{path}>"):
        assert letter_of(address, DOMAIN) == (ID, letter, 0)


def test_a_return_path_names_to_which_address_of_the_badge_the_letter_went() -> None:
    path = return_path("reminder-1", ID, DOMAIN, 12)
    assert letter_of(path.lower(), DOMAIN) == (ID, "reminder-1", 12)
    report = read_report(postfix(path), [path], DOMAIN)
    assert report is not None and (report.letter, report.address_revision) == ("reminder-1", 12)


@pytest.mark.parametrize(
    "address",
    [
        f"bounce+{ID}.award.x@{DOMAIN}",
        f"bounce+{ID}.award@other.example",
        f"bounce+{ID}.thanks@{DOMAIN}",
        f"bounce+.award@{DOMAIN}",
        f"taro@{DOMAIN}",
        "",
        "@",
    ],
)
def test_another_address_names_no_letter(address: str) -> None:
    assert letter_of(address, DOMAIN) is None


@pytest.mark.parametrize("made", FORMATS + WITHOUT_STATUS, ids=lambda made: made.__name__)
@pytest.mark.parametrize("recipients", [[PATH], []], ids=["envelope", "headers"])
def test_a_bounce_of_each_mail_server_is_permanent_for_its_letter(
    made: Callable[[str], bytes], recipients: list[str]
) -> None:
    report = read_report(made(PATH), recipients, DOMAIN)
    assert report is not None
    assert (report.subject, report.letter, report.kind) == (ID, "award", "permanent")
    assert report.answer


def test_a_delay_is_temporary_and_a_server_that_has_given_up_on_a_delay_is_permanent() -> None:
    delayed = read_report(postfix(PATH, "delayed", "4.4.1", "451 4.4.1"), [PATH], DOMAIN)
    given_up = read_report(postfix(PATH, "failed", "4.4.7", "451 4.4.7"), [PATH], DOMAIN)
    assert delayed is not None and delayed.kind == "temporary" and "4.4.1" in delayed.answer
    assert given_up is not None and given_up.kind == "permanent"


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded", "Delivered"])
def test_a_report_of_a_delivery_is_no_bounce(action: str) -> None:
    assert read_report(postfix(PATH, action, "2.0.0", "250 2.0.0").replace(b"failed", b""), [PATH], DOMAIN) is None


def test_a_complaint_names_its_letter_by_the_return_path_or_by_the_copy_that_it_encloses() -> None:
    id = message_id("award", ID, "noreply@jci.example.jp")
    for to, enclosed in ((PATH, "<x@y.example>"), (f"complaints@{DOMAIN}", id)):
        report = read_report(complaint(to, enclosed), [to], DOMAIN)
        assert report is not None and (report.subject, report.letter, report.kind) == (ID, "award", "complaint")
    assert read_report(complaint(f"complaints@{DOMAIN}", "<x@y.example>"), [f"complaints@{DOMAIN}"], DOMAIN) is None


@pytest.mark.parametrize("made", NO_BOUNCES, ids=lambda made: made.__name__)
def test_what_a_program_replies_for_a_person_says_nothing_of_the_letter(made: Callable[[str], bytes]) -> None:
    assert read_report(made(PATH), [PATH], DOMAIN) is None


@pytest.mark.parametrize("subject", ["Warning--Could not send mail", "Status Notification (Delay)", "配信の遅延"])
def test_a_mail_system_that_goes_on_trying_is_temporary(subject: str) -> None:
    report = read_report(warning(PATH, subject), [PATH], DOMAIN)
    assert report is not None and report.kind == "temporary"


def test_a_japanese_subject_is_kept_as_its_reader_sees_it() -> None:
    report = read_report(inter_scan(PATH), [PATH], DOMAIN)
    assert report is not None and report.answer == "メッセージを配信できません。"


def test_a_bounce_to_another_address_says_nothing_of_a_letter() -> None:
    assert read_report(qmail("desk@jci.example.jp"), ["desk@jci.example.jp"], DOMAIN) is None


@given(st.binary(max_size=300), st.integers(0, 1200), st.integers(0, 1200))
def test_a_mail_that_was_cut_or_garbled_is_a_report_of_its_letter_or_none(noise: bytes, start: int, end: int) -> None:
    content = postfix(PATH)
    report = read_report(content[:start] + noise + content[end:], [PATH], DOMAIN)
    assert report is None or (report.subject, report.letter) == (ID, "award")
