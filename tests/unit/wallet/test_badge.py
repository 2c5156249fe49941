from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.wallet.domain.badge import (
    BadgeProgress,
    WalletBadge,
    card_state,
    cards,
    expected_by,
    is_finished,
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
DAY = timedelta(days=1)
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


@pytest.mark.parametrize(
    "badge",
    [
        BADGE,
        RECEIVED,
        replace(BADGE, progress=DONE),
        replace(RECEIVED, progress=replace(DONE, rendered_at=None)),
        replace(RECEIVED, progress=replace(DONE, anchored_at=None)),
    ],
)
def test_what_was_not_finished_within_its_period_is_not_shown_to_others_after_it(badge: WalletBadge) -> None:
    after = datetime(2031, 1, 1, tzinfo=UTC)
    assert state_of(badge, after) == "expired" and not is_finished(badge, after)
    assert is_finished(replace(RECEIVED, progress=DONE), after)


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


def test_what_waits_for_its_holder_stands_first_and_what_no_longer_counts_last() -> None:
    revoked = replace(RECEIVED, progress=replace(DONE, revoked_at=NOW))
    waiting = replace(BADGE, registration_id="R-2")
    listed = cards([revoked, replace(RECEIVED, registration_id="R-3"), waiting], NOW)
    assert [card.state for card in listed] == ["unreceived", "pending", "revoked"]


def test_only_the_newest_version_of_a_badge_is_listed() -> None:
    versions = [replace(RECEIVED, assertion_id=letter * 26, version=n) for n, letter in ((2, "B"), (1, "A"), (3, "C"))]
    listed = cards([*versions, replace(BADGE, registration_id="R-2")], NOW)
    assert [(card.badge.registration_id, card.badge.version) for card in listed] == [("R-2", 1), ("R-1", 3)]


VALID = replace(RECEIVED, progress=DONE)
LATER = replace(
    VALID,
    assertion_id="B" * 26,
    registration_id="R-9",
    replaces="A" * 26,
    valid_from=date(2030, 4, 1),
    valid_until=date(2034, 3, 31),
)
INSIDE = datetime(2030, 2, 1, tzinfo=UTC)  # the renewal is issued before the old period has ended


@pytest.mark.parametrize(
    ("later", "state"),
    [
        (LATER, "renewed"),
        (replace(LATER, received_at=None, account_id=None), "renewed"),
        (replace(LATER, progress=BadgeProgress()), "renewed"),
        (replace(LATER, progress=replace(DONE, revoked_at=NOW)), "expiring"),
        (replace(LATER, progress=replace(DONE, revoked_at=NOW, replaced_by="C" * 26)), "expiring"),
        (None, "expiring"),
    ],
)
def test_a_renewal_inside_its_period_marks_the_old_card_as_renewed(later: WalletBadge | None, state: str) -> None:
    assert card_state(VALID, later, INSIDE) == state


@pytest.mark.parametrize("ended", [replace(DONE, revoked_at=NOW), replace(DONE, revoked_at=NOW, replaced_by="D" * 26)])
def test_what_was_revoked_or_corrected_is_never_called_renewed(ended: BadgeProgress) -> None:
    assert card_state(replace(VALID, progress=ended), LATER, INSIDE) in ("revoked", "corrected")


def test_a_badge_expires_soon_from_ninety_days_before_the_day_after_its_last() -> None:
    first = japan_midnight(date(2030, 1, 1))
    assert card_state(VALID, None, first - timedelta(seconds=1)) == "issued"
    assert card_state(VALID, None, first) == "expiring"
    assert card_state(VALID, None, japan_midnight(date(2030, 4, 1))) == "expired"


def test_what_was_renewed_stands_below_its_renewal_the_newest_first() -> None:
    third = replace(
        LATER, assertion_id="C" * 26, registration_id="R-10", replaces="B" * 26, valid_from=date(2034, 4, 1),
        valid_until=date(2038, 3, 31),
    )  # fmt: skip
    listed = cards([VALID, third, LATER], INSIDE)
    assert [card.badge for card in listed] == [third]
    assert [(card.badge, card.state, card.former) for card in listed[0].former] == [
        (LATER, "renewed", ()),
        (VALID, "renewed", ()),
    ]


@pytest.mark.parametrize(
    "later",
    [
        replace(LATER, progress=replace(DONE, revoked_at=NOW)),
        replace(LATER, valid_from=VALID.valid_from),
        replace(LATER, replaces="Z" * 26),
    ],
)
def test_a_renewal_that_is_void_or_of_no_later_period_stands_by_itself(later: WalletBadge) -> None:
    assert {card.badge.assertion_id for card in cards([VALID, later], INSIDE)} == {"A" * 26, "B" * 26}


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.sampled_from(["", "A", "B", "C", "D", "E"]), st.integers(2020, 2024)),
        max_size=6,
    )
)
def test_every_registration_is_listed_exactly_once_whatever_renews_what(rows: list[tuple[int, str, int]]) -> None:
    badges = [
        replace(
            VALID,
            assertion_id="ABCDEF"[at] * 26,
            registration_id=f"R-{registration}",
            version=at + 1,
            replaces=replaces * 26 or None,
            valid_from=date(year, 4, 1),
        )
        for at, (registration, replaces, year) in enumerate(rows)
    ]
    listed = [card for top in cards(badges, NOW) for card in (top, *top.former)]
    assert sorted(card.badge.registration_id for card in listed) == sorted({b.registration_id for b in badges})


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
        assert not link_has_ended(badge, 0, lasts, DAY, begins + lasts - timedelta(seconds=1))
        assert link_has_ended(badge, 0, lasts, DAY, begins + lasts)


def test_of_later_links_the_last_counts_until_its_end_and_letter_1s_beside_it() -> None:
    lasts = timedelta(days=90)
    badge = replace(BADGE, link_number=2, link_until=NOW + DAY)
    assert [link_has_ended(badge, number, lasts, DAY, NOW) for number in range(4)] == [False, True, False, True]
    assert link_has_ended(badge, 2, lasts, DAY, NOW + DAY)
    assert link_has_ended(BADGE, 1, lasts, DAY, NOW)
    assert not link_has_ended(badge, 2, lasts, DAY, NOW - timedelta(minutes=5)), "of two machines"
    assert link_has_ended(badge, 2, lasts, DAY, NOW - timedelta(minutes=6)), "of a clock that was ahead"


def test_the_links_of_who_deleted_the_account_have_ended_until_a_new_one_is_asked_for() -> None:
    lasts = timedelta(days=90)
    deleted = replace(BADGE, account_deleted_at=NOW, link_number=1, link_until=NOW)
    assert link_has_ended(deleted, 0, lasts, DAY, NOW) and link_has_ended(deleted, 1, lasts, DAY, NOW)
    assert not link_has_ended(replace(deleted, link_number=2, link_until=NOW + DAY), 2, lasts, DAY, NOW)
