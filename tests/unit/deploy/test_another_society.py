"""Another society's programme, from intake to cohort, letters and certificate: nothing of a society is in code.

`tests/worlds/bridges.toml`: English, the calendar year as its cycle, other qualifications, periods and numbers.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache

import msgspec
import pytest

from services.issuer.art.badge_art import badge_svg
from services.issuer.domain.credential import credential_of
from services.issuer.domain.issuance import Issuer, StatusPlace, assertion_for
from services.mailer.domain.letters import LETTERS, LetterWriter, Message
from services.registration.domain.cohort import AddressUse, Candidate, Judgement, cycle_of, judge
from services.registration.domain.delivery import Delivery
from services.registration.domain.facts import facts_of
from services.registration.domain.numbers import NumberUse
from services.registration.domain.record import FIELDS, Rules
from services.renderer.domain.certificate import Press
from services.renderer.pdf.vector_picture import read_svg
from shared.clock import JST
from shared.events import Award, Holder, RegistrationRenewed
from shared.programme import Programme, parse_programme
from tests.worlds.press import CERTIFICATE, CREDENTIAL, FONTS, ROOT, text_of
from tests.worlds.records import read_delivery

SECRET = b"a secret of sixteen bytes"
JCI = re.compile("コンクリート|JCI|jci|技士|診断士|日本コンクリート工学会|4月1日")

ANNA = {
    "registration_id": "IBI-2027-1",
    "person_id": "M-1",
    "qualification": "Chartered Bridge Inspector",
    "kind": "new",
    "pass_number": "1234",
    "registration_number": "ab-00012",
    "previous_registration_id": "",
    "family_name": "O’Neill-Smith",
    "given_name": "Anna Maria",
    "birth_date": "1985-02-28",
    "email": "anna@example.org",
    "completed_on": "2026-11-15",
    "valid_from": "2027-01-01",
    "valid_until": "2029-12-31",
}


@cache
def bridges() -> Programme:
    return parse_programme((ROOT / "tests/worlds/bridges.toml").read_text(encoding="utf-8"))


def delivered(**changes: str) -> Delivery:
    record = ANNA | changes
    heads = list(reversed(FIELDS))
    body = "\t".join(heads) + "\n" + "\t".join(record.get(name, "") for name in heads) + "\n"
    return read_delivery(body.encode("utf-16"), "csv", Rules(bridges(), lambda text: []))


def test_its_records_are_read_by_its_own_forms() -> None:
    ((row, record),) = delivered().records
    assert (row, record.qualification) == (2, "inspector")
    assert (record.pass_number, record.registration_number) == ("001234", "AB-00012")
    assert delivered(registration_number="c-0042/26").records[0][1].registration_number == "C-0042/26"
    ((_, diver),) = delivered(qualification="diver", pass_number="any", valid_until="2027-12-31").records
    assert (diver.qualification, diver.pass_number, diver.registration_number) == ("diver", "any", "ab-00012")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"qualification": "gishi"}, "qualification"),
        ({"qualification": "コンクリート技士"}, "qualification"),
        ({"registration_number": "26G00001"}, "registration_number"),
        ({"pass_number": "21-0001"}, "pass_number"),
        ({"pass_number": "AB-00012", "registration_number": "001234"}, "pass_number registration_number"),  # swapped
        ({"valid_until": "2030-12-31"}, "valid_until"),  # four years
        ({"qualification": "diver"}, "valid_until"),  # three years
        ({"birth_date": "2010-01-02"}, "birth_date"),
        ({"completed_on": "1985-03-01"}, "completed_on"),
    ],
)
def test_its_own_rules_reject(changes: dict[str, str], field: str) -> None:
    assert {each.problem.field for each in delivered(**changes).rejected} == set(field.split())


CYCLE = cycle_of(bridges(), "2027")
NEW_YEAR = datetime(2027, 1, 1, tzinfo=JST)
A = Candidate("A", "a", date(2027, 1, 1), date(2026, 11, 1), "a@example.org", None, False)


def judged(candidate: Candidate) -> Judgement:
    return judge(
        [candidate], [AddressUse(candidate.registration_id, candidate.person_id, "a@example.org", None)], CYCLE
    )[0]


def test_its_cycle_begins_in_january_after_a_deadline_of_the_year_before() -> None:
    assert (CYCLE.begins_at, CYCLE.confirm_until) == (NEW_YEAR, date(2026, 11, 15))
    assert judged(A).notify_from == NEW_YEAR
    assert judged(replace(A, valid_from=date(2027, 4, 1))).reason == "not-this-cycle"


@pytest.mark.parametrize(
    ("confirmed", "told"),
    [
        (datetime(2026, 11, 15, 23, 59, 59, tzinfo=JST), NEW_YEAR),
        (datetime(2026, 11, 16, tzinfo=JST), NEW_YEAR + timedelta(days=7)),
        (datetime(2027, 1, 1, 8, 59, tzinfo=JST), NEW_YEAR + timedelta(days=7)),
        (datetime(2027, 1, 7, 23, 59, 59, tzinfo=JST), NEW_YEAR + timedelta(days=7)),
        (datetime(2027, 1, 8, tzinfo=JST), NEW_YEAR + timedelta(days=14)),
    ],
)
def test_its_delayed_runs_are_weekly(confirmed: datetime, told: datetime) -> None:
    assert judged(replace(A, confirmed_at=confirmed)).notify_from == told


def test_a_contradiction_that_it_overlooks_holds_nobody_and_another_one_does() -> None:
    def reason(programme: Programme, **same: str) -> str | None:
        own = NumberUse("A", "a", "inspector", "ab-1", "1", date(2027, 1, 1), None)
        other = replace(own, registration_id="B", person_id="b", registration_number_key="ab-2", pass_number_key="2")
        facts = facts_of([], {}, date(2027, 1, 1), [own, replace(other, **same)])  # type: ignore[arg-type]  # texts
        return judge([A], [], cycle_of(programme, "2027"), facts)[0].reason

    strict = parse_programme(re.sub("overlooks = .*", "", (ROOT / "tests/worlds/bridges.toml").read_text("utf-8")))
    assert reason(strict, pass_number_key="1") == "duplicate-pass-number"
    assert reason(bridges(), pass_number_key="1") is None
    assert reason(bridges(), pass_number_key="1", registration_number_key="ab-1") == "duplicate-registration-number"


@pytest.mark.parametrize("letter", LETTERS)
def test_its_letters_hold_its_own_words(letter: str) -> None:
    writer = LetterWriter(bridges(), "https://wallet.example.org", "https://badges.example.org", SECRET)
    mail = writer.compose(
        Message(
            letter=letter,  # type: ignore[arg-type]  # one of LETTERS
            assertion_id="ABCDEFGHIJKLMNOPQRSTUVWX23",
            email="anna@example.org",
            family_name="O’Neill-Smith",
            given_name="Anna Maria",
            qualification="inspector",
            kind="new",
            valid_from=date(2027, 1, 1),
            valid_until=date(2029, 12, 31),
            reason="withdrawn",
        )
    )
    for text in (mail.subject, mail.text, mail.html):
        assert JCI.search(text) is None
    assert "Chartered Bridge Inspector" in mail.text and "Institution of Bridge Inspectors" in mail.text
    assert "inspection@bridges.example.org" in mail.text


def test_its_credential_holds_its_own_words() -> None:
    issuer = Issuer(bridges(), "https://badges.example.org")
    ((_, record),) = delivered().records
    values = msgspec.structs.asdict(record) | {"cohort": "2027"}
    renewed = RegistrationRenewed(
        award=msgspec.convert(values, Award), holder=msgspec.convert(values, Holder), notify_from=NEW_YEAR
    )
    place = StatusPlace(1, 1)
    assertion = assertion_for(renewed, secret=SECRET, now=NEW_YEAR, status=place, edition="2027", replaces=None)
    text = msgspec.json.encode(credential_of(assertion, issuer, secret=SECRET)).decode()
    assert JCI.search(text) is None
    for own in ("Institution of Bridge Inspectors", "Chartered Bridge Inspector", "001234", "AB-00012", "2029-12-31"):
        assert own in text


def test_its_certificate_holds_its_own_words() -> None:
    facts = replace(
        CERTIFICATE,
        holder="O’Neill-Smith Anna Maria",
        latin_name=None,
        qualification="inspector",
        qualification_name="Chartered Bridge Inspector",
        edition="2027",
        pass_number="001234",
        registration_number="AB-00012",
        issued_on=date(2027, 1, 1),
        valid_from=date(2027, 1, 1),
        valid_until=date(2029, 12, 31),
    )
    badge = read_svg(badge_svg("inspector", "2027", bridges(), FONTS))
    printed = Press(bridges(), FONTS).print(facts, badge, CREDENTIAL)
    certificate, details = text_of(printed.certificate), text_of(printed.details)
    for text in (certificate, details):
        assert JCI.search(text) is None
        assert "Institution of Bridge Inspectors" in text
    assert "has passed the examination of this Institution" in certificate
    assert "AB-00012" in details and "Particulars" in details


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ('overlooks = ["shared-address"]', "overlooks"),
        ('overlooks = ["no such reason"]', "overlooks"),
        ("valid_years = 6", "valid_years"),
        ("valid_years = 0", "valid_years"),
        ('pass_number_forms = [""]', "pass_number_forms"),
        ('pass_number_forms = ["ABC"]', "pass_number_forms"),
        ('registration_number_forms = ["第00号"]', "registration_number_forms"),
    ],
)
def test_an_impossible_rule_of_a_programme_is_named(line: str, place: str) -> None:
    text = (ROOT / "tests/worlds/bridges.toml").read_text(encoding="utf-8")
    key = line.partition(" =")[0]
    with pytest.raises(ValueError, match=place):
        parse_programme(re.sub(rf"(?m)^{key} = .*$", line, text, count=1))
