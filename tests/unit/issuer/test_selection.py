from __future__ import annotations

from datetime import datetime

import pytest

from services.issuer.domain.publication import IMAGE, status_name
from services.issuer.domain.publication import ISSUER as ISSUER_DOCUMENTS
from services.issuer.domain.selection import (
    IssuedVersion,
    class_of,
    current_classes,
    current_year,
    documents_always,
    documents_for,
    next_edition,
    not_issued,
    registrations_in,
)
from shared.credentials.credential import DoNotSign
from tests.worlds.credentials import ISSUER, NOW, assertion, renewed


def test_registrations_are_those_of_the_events_and_those_that_they_renew() -> None:
    assert registrations_in([renewed(1), renewed(2, previous_registration_id="R-00009")]) == {
        "R-00001",
        "R-00002",
        "R-00009",
    }


def test_each_version_is_selected_once_and_not_after_a_later_one() -> None:
    events = [renewed(1), renewed(2, version=2), renewed(2), renewed(3), renewed(3), renewed(4, version=3)]
    newest = {"R-00001": IssuedVersion(1, "A"), "R-00004": IssuedVersion(2, "B")}
    needed, reasons = not_issued(events, newest)
    assert needed == [events[1], events[3], events[5]]
    assert reasons == ["issued-before", "corrected-before", "issued-before"]


def test_the_class_is_of_the_year_in_which_the_period_begins() -> None:
    assert class_of(renewed(3), ISSUER.programme) == ("gishi", "2026")
    with pytest.raises(DoNotSign, match=r"^qualification: got 'kyoshi', expected one of "):
        class_of(renewed(1, qualification="kyoshi"), ISSUER.programme)


def test_the_current_classes_are_one_of_each_qualification() -> None:
    assert current_classes(ISSUER.programme, NOW) == [(id, "2026") for id in ISSUER.programme.qualifications]


def test_a_credential_needs_its_status_list_and_its_badge_class() -> None:
    assert documents_for([assertion(3), assertion(6, edition="2026-2")]) == {
        "status/1",
        "badges/gishi/2026",
        "badges/gishi/2026-2",
    }


@pytest.mark.parametrize(
    ("moment", "edition"),
    [
        ("2026-03-31T23:59:59+09:00", "2025"),
        ("2026-04-01T00:00:00+09:00", "2026"),
        ("2026-03-31T15:00:00+00:00", "2026"),
        ("2027-01-01T00:00:00+09:00", "2026"),
    ],
)
def test_the_year_changes_on_april_1_in_japan(moment: str, edition: str) -> None:
    assert current_year(ISSUER.programme, datetime.fromisoformat(moment)) == edition


def test_issuer_picture_and_first_status_list_are_always_published() -> None:
    assert documents_always() == [ISSUER_DOCUMENTS, IMAGE, status_name(1)]


def test_the_editions_of_a_year_are_numbered() -> None:
    assert next_edition("2026", []) == "2026"
    assert next_edition("2026", ["2026"]) == "2026-2"
    assert next_edition("2026", ["2026", "2026-2"]) == "2026-3"
