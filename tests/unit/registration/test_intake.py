"""What a delivery changes in what is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.registration.domain.intake import Intake, intake_of
from services.registration.domain.record import UpstreamRecord
from services.registration.domain.registration import Registration
from tests.worlds.records import record

WAITING = Registration(record(), None, None, "waiting", None, None, False, 0)
RELEASED = replace(WAITING, state="released")
ISSUED = replace(RELEASED, is_issued=True)


def intake_after(*records: UpstreamRecord, known: Registration | None = None) -> Intake:
    return intake_of(enumerate(records, 2), {} if known is None else {known.id: known})


def test_the_same_record_twice_is_one_registration() -> None:
    intake = intake_after(record(), record())
    assert (intake.new, intake.accepted, intake.unchanged) == ((record(),), 1, 1)


def test_a_known_record_changes_nothing() -> None:
    intake = intake_after(record(), known=WAITING)
    assert (intake.new, intake.changed, intake.accepted, intake.unchanged) == ((), (), 0, 1)


def test_of_two_versions_in_one_file_the_later_counts() -> None:
    assert intake_after(record(), record(given_name="次郎")).new == (record(given_name="次郎"),)


def test_a_change_that_is_reverted_in_the_same_delivery_changes_nothing() -> None:
    intake = intake_after(record(given_name="次郎"), record(), known=WAITING)
    assert (intake.changed, intake.accepted) == ((), 2)


def test_a_changed_address_frees_the_former_one() -> None:
    intake = intake_after(record(email="jiro@example.jp"), known=WAITING)
    assert intake.left_addresses == {"taro@example.jp"}
    assert intake.changed[0].address_key == "jiro@example.jp"


def test_a_changed_name_frees_no_address() -> None:
    assert intake_after(record(given_name="次郎"), known=WAITING).left_addresses == frozenset()


def test_after_the_issue_only_private_fields_change() -> None:
    intake = intake_after(record(email="jiro@example.jp", given_name="次郎", phone="090-0000-0009"), known=ISSUED)
    assert intake.changed == ()
    assert intake.not_applied[0].fields == ("email", "given_name")
    assert intake.not_applied[0].row == 2
    assert [registration.record for registration in intake.private] == [record(phone="090-0000-0009")]
    assert intake.left_addresses == frozenset()


def test_after_the_issue_a_new_phone_number_is_accepted() -> None:
    intake = intake_after(record(phone="090-0000-0009"), known=ISSUED)
    assert (intake.accepted, intake.not_applied) == (1, ())


def test_deliveries_do_not_replace_the_offices_address() -> None:
    corrected = replace(WAITING, office_email="right@example.jp")
    intake = intake_after(record(email="wrong@example.jp"), known=corrected)
    assert intake.changed[0].email == "right@example.jp"
    assert intake.left_addresses == frozenset()


def test_until_the_issue_a_change_is_an_amendment_that_is_judged_as_the_next_version() -> None:
    intake = intake_after(record(email="jiro@example.jp", pass_number="21-0002"), known=RELEASED)
    (amended,) = intake.changed
    assert (amended.state, amended.version, amended.record.pass_number) == ("waiting", 2, "21-0002")
    assert (intake.accepted, intake.not_applied) == (1, ())
    assert intake.left_addresses == {"taro@example.jp"}


def test_until_the_issue_the_same_record_and_new_private_fields_change_no_version() -> None:
    assert intake_after(record(), known=RELEASED).unchanged == 1
    intake = intake_after(record(phone="090-0000-0009"), known=RELEASED)
    assert (intake.changed, [each.version for each in intake.private]) == ((), [1])


# ── one registration is one person's ───────────────────────────────────────────────────────────────────

OTHER_PEOPLE = [
    record(person_id="P9"),
    record(person_id="P9", family_name="打設", given_name="花子", birth_date="1990-01-01", email="hanako@example.jp"),
    record(person_id="p1"),
]


@pytest.mark.parametrize("other", OTHER_PEOPLE)
def test_of_two_people_under_one_id_in_one_delivery_the_first_stays_and_the_second_is_named(
    other: UpstreamRecord,
) -> None:
    for known in (None, WAITING, RELEASED, ISSUED):
        intake = intake_after(record(), other, record(registration_id="R9"), other, known=known)
        assert [(each.row, each.registration_id, each.problem.field) for each in intake.rejected] == [
            (3, "R1", "person_id"),
            (5, "R1", "person_id"),
        ]
        assert intake.rejected[0].problem.got == other.person_id
        assert "registration R1" in intake.rejected[0].problem.expected
        assert [new.person_id for new in intake.new if new.registration_id == "R1"] == ["P1"] * (known is None)
        assert (intake.changed, intake.private, intake.not_applied) == ((), (), ())


@pytest.mark.parametrize("changes", [{"given_name": "花子"}, {"birth_date": "1980-02-28"}])
def test_a_later_record_of_another_person_is_rejected_and_one_with_the_right_id_of_the_same_amends(
    changes: dict[str, str],
) -> None:
    for known in (WAITING, RELEASED, ISSUED):
        assert len(intake_after(record(person_id="P9", **changes), known=known).rejected) == 1
        intake = intake_after(record(person_id="P9", **changes), record(), known=known)
        assert ([each.row for each in intake.rejected], intake.unchanged) == ([2], 1)
    (amended,) = intake_after(record(person_id="P9"), known=WAITING).changed
    assert amended.record.person_id == "P9"
