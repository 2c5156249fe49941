from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Unreadable
from shared.events import (
    AssertionIssued,
    Award,
    BadgeReceived,
    Holder,
    LetterUpdated,
    RegistrationHeld,
    RegistrationReleased,
)
from shared.wire import EVENTS, decode, encode

NOW = datetime(2027, 4, 1, 0, 0, tzinfo=UTC)


def issued(family_name: str = "髙橋", given_name: str = "一郎") -> AssertionIssued:
    return AssertionIssued(
        assertion_id="A" * 26,
        leaf="00" * 32,
        award=Award(
            registration_id="R-1",
            cohort="2027",
            qualification="gishi",
            kind="new",
            pass_number="2026-0001",
            registration_number="20270001",
            valid_from=date(2027, 4, 1),
            valid_until=date(2031, 3, 31),
        ),
        holder=Holder(person_id="P-1", family_name=family_name, given_name=given_name, email="ichiro@example.jp"),
        issued_at=NOW,
        notify_from=NOW,
        status_list=1,
        status_index=7,
    )


@given(st.text(), st.text())
def test_a_name_is_changed_by_no_journey(family_name: str, given_name: str) -> None:
    family_name, given_name = (name.encode("utf-8", "ignore").decode("utf-8") for name in (family_name, given_name))
    event = issued(family_name, given_name)
    assert decode(encode(event, source="issuer", at=NOW)) == event


def test_the_envelope_is_a_cloud_event_with_the_cause_of_the_event() -> None:
    cause = BadgeReceived(assertion_id="A" * 26, received_at=NOW)
    event = issued()
    envelope = json.loads(encode(event, source="issuer", at=NOW, cause=cause))
    assert envelope["specversion"] == "1.0"
    assert envelope["type"] == "akashi.AssertionIssued"
    assert envelope["source"] == "akashi/issuer"
    assert envelope["subject"] == "A" * 26
    assert envelope["id"] == str(event.id)
    assert envelope["cause"] == str(cause.id)


def test_an_event_with_a_field_of_a_later_release_is_still_read() -> None:
    event = BadgeReceived(assertion_id="A" * 26, received_at=NOW)
    envelope = json.loads(encode(event, source="wallet", at=NOW))
    envelope["data"]["added_later"] = True
    assert decode(json.dumps(envelope).encode()) == event


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\xff\xfe not json",
        b"[]",
        b'{"specversion": "1.0"}',
        encode(issued(), source="issuer", at=NOW).replace(b"AssertionIssued", b"AssertionEaten"),
        encode(issued(), source="issuer", at=NOW).replace(b'"status_list":1', b'"status_list":"1"'),
        encode(issued("KATO"), source="issuer", at=NOW).replace(b"KATO", b"K\xff\xfeO"),
        encode(issued("KATO"), source="issuer", at=NOW).replace(b"akashi/issuer", b"akashi/\xff"),
    ],
)
def test_bytes_that_are_no_event_are_named_unreadable(value: bytes | None) -> None:
    with pytest.raises(Unreadable, match="expected"):
        decode(value)


def test_the_same_fact_has_the_same_id_and_another_fact_another() -> None:
    def held(revision: int) -> RegistrationHeld:
        return RegistrationHeld(
            registration_id="R-1",
            person_id="P-1",
            qualification="gishi",
            cohort="2027",
            reason="missing-address",
            revision=revision,
        )

    assert held(1).id == held(1).id
    assert held(1).id != held(2).id
    assert held(2).id != RegistrationReleased(registration_id="R-1", cohort="2027", revision=2).id


def test_a_letter_deferred_twice_is_two_facts() -> None:
    def deferred(attempt: int) -> LetterUpdated:
        return LetterUpdated(
            assertion_id="A", letter="award", message_id="<a@b>", state="deferred", attempt=attempt, at=NOW
        )

    assert deferred(1).id != deferred(2).id


def test_every_event_has_a_key_and_a_topic() -> None:
    assert {event.topic.name for event in EVENTS} >= {"registration.renewed", "assertion.issued", "letter.updated"}
    for event in EVENTS:
        assert "key" in vars(event) or event.about in event.__struct_fields__, event
