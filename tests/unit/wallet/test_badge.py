from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from services.wallet.domain.badge import (
    BadgeProgress,
    WalletBadge,
    expected_by,
    in_order,
    is_late,
    link_has_ended,
    pdf_key,
    state_of,
    steps_of,
)
from shared.clock import japan_midnight
from shared.events import Holder
from shared.programme import PublicPage

NOW = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)
BADGE = WalletBadge(
    assertion_id="A" * 26,
    registration_id="R-1",
    qualification="gishi",
    pass_number="G-1",
    registration_number="26-1",
    valid_from=date(2026, 4, 1),
    valid_until=date(2030, 3, 31),
    holder=Holder(person_id="P1", family_name="髙橋", given_name="一郎", email="a@example.jp"),
    issued_at=NOW,
    account_id=None,
    received_at=None,
    progress=BadgeProgress(),
)
RECEIVED = replace(BADGE, account_id=1, received_at=NOW)
DONE = BadgeProgress(anchored_at=NOW, rendered_at=NOW, certificate_key="c", details_key="d")


@pytest.mark.parametrize(
    ("badge", "state"),
    [
        (BADGE, "unreceived"),
        (replace(BADGE, progress=DONE), "unreceived"),
        (RECEIVED, "pending"),
        (replace(RECEIVED, progress=BadgeProgress(anchored_at=NOW)), "pending"),
        (replace(RECEIVED, progress=replace(DONE, anchored_at=None)), "pending"),
        (replace(RECEIVED, progress=DONE), "issued"),
        (replace(RECEIVED, progress=replace(DONE, revoked_at=NOW)), "revoked"),
        (replace(BADGE, progress=BadgeProgress(revoked_at=NOW)), "revoked"),
        (replace(RECEIVED, progress=DONE, corrected_by="B" * 26), "corrected"),
        (replace(RECEIVED, progress=replace(DONE, revoked_at=NOW, replaced_by="B" * 26)), "corrected"),
        (replace(BADGE, corrected_by="B" * 26), "corrected"),
    ],
)
def test_a_badge_is_issued_only_when_received_anchored_and_rendered(badge: WalletBadge, state: str) -> None:
    assert state_of(badge, NOW) == state


def test_a_badge_expires_when_its_last_day_has_ended_in_japan() -> None:
    badge = replace(RECEIVED, progress=DONE)
    end = japan_midnight(date(2030, 4, 1))
    assert state_of(badge, end - timedelta(seconds=1)) == "issued"
    assert state_of(badge, end) == "expired"
    assert state_of(replace(badge, progress=replace(DONE, revoked_at=NOW)), end) == "revoked"


def test_pdfs_are_given_out_from_finality_on_also_after_expiry_but_not_after_revocation() -> None:
    assert pdf_key(replace(RECEIVED, progress=DONE), "certificate", NOW) == "c"
    assert pdf_key(replace(RECEIVED, progress=DONE), "details", NOW) == "d"
    assert pdf_key(replace(RECEIVED, progress=replace(DONE, anchored_at=None)), "certificate", NOW) is None
    assert pdf_key(replace(RECEIVED, progress=replace(DONE, revoked_at=NOW)), "certificate", NOW) is None
    assert pdf_key(replace(BADGE, progress=DONE), "certificate", NOW) is None
    assert pdf_key(replace(RECEIVED, progress=DONE, corrected_by="B" * 26), "certificate", NOW) is None
    assert pdf_key(replace(RECEIVED, progress=DONE), "details", datetime(2031, 1, 1, tzinfo=UTC)) == "d"


def test_the_stages_stand_in_the_order_of_the_cycle() -> None:
    steps = steps_of(replace(RECEIVED, progress=BadgeProgress(rendered_at=NOW)))
    assert [(step.name, step.at is not None) for step in steps] == [
        ("received", True),
        ("anchored", False),
        ("rendered", True),
    ]


def test_a_badge_is_late_when_the_promised_day_is_over() -> None:
    assert expected_by(BADGE) is None
    assert not is_late(BADGE, NOW + timedelta(days=9))
    assert not is_late(RECEIVED, NOW + timedelta(days=1))
    assert is_late(RECEIVED, NOW + timedelta(days=1, seconds=1))


def test_a_badge_that_no_longer_counts_stands_last() -> None:
    revoked = replace(RECEIVED, progress=replace(DONE, revoked_at=NOW))
    listed = in_order([revoked, replace(BADGE, registration_id="R-2"), replace(RECEIVED, registration_id="R-3")], NOW)
    assert [state for _, state in listed] == ["unreceived", "pending", "revoked"]


def test_only_the_newest_version_of_a_badge_is_listed() -> None:
    versions = [replace(RECEIVED, assertion_id=letter * 26, version=n) for n, letter in ((2, "B"), (1, "A"), (3, "C"))]
    listed = in_order([*versions, replace(BADGE, registration_id="R-2")], NOW)
    assert [(badge.registration_id, badge.version) for badge, _ in listed] == [("R-1", 3), ("R-2", 1)]


@pytest.mark.parametrize("default", [True, False])
def test_the_programme_decides_about_the_numbers_until_the_holder_does(default: bool) -> None:
    page = PublicPage(shows_numbers=default)
    assert BADGE.shows_numbers(page) is default
    assert replace(BADGE, details_public=True).shows_numbers(page) is True
    assert replace(BADGE, details_public=False).shows_numbers(page) is False


def test_letter_1s_link_lasts_from_the_day_on_which_letters_leave() -> None:
    lasts = timedelta(days=90)
    early = replace(BADGE, notify_from=NOW + timedelta(days=30))
    for badge, begins in (
        (BADGE, NOW),
        (early, NOW + timedelta(days=30)),
        (replace(BADGE, notify_from=NOW - lasts), NOW),
    ):
        assert not link_has_ended(badge, 0, lasts, begins + lasts - timedelta(seconds=1))
        assert link_has_ended(badge, 0, lasts, begins + lasts)


def test_of_later_links_the_last_counts_until_its_end_and_letter_1s_beside_it() -> None:
    lasts = timedelta(days=90)
    badge = replace(BADGE, link_number=2, link_until=NOW + timedelta(hours=24))
    assert [link_has_ended(badge, number, lasts, NOW) for number in range(4)] == [False, True, False, True]
    assert link_has_ended(badge, 2, lasts, NOW + timedelta(hours=24))
    assert link_has_ended(BADGE, 1, lasts, NOW)


def test_the_links_of_who_deleted_the_account_have_ended_until_a_new_one_is_asked_for() -> None:
    lasts = timedelta(days=90)
    deleted = replace(BADGE, account_deleted_at=NOW, link_number=1, link_until=NOW)
    assert link_has_ended(deleted, 0, lasts, NOW) and link_has_ended(deleted, 1, lasts, NOW)
    assert not link_has_ended(replace(deleted, link_number=2, link_until=NOW + lasts), 2, lasts, NOW)
