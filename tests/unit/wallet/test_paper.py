"""Orders of paper: the calendar, the steps (domain/paper.py)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.wallet.domain.badge import BadgeProgress, WalletBadge
from services.wallet.domain.paper import (
    PlacedItem,
    is_open,
    offers,
    refusal,
    registrations_with_orders,
    sent_from,
    step_refusal,
    total_of,
)
from shared.clock import japan_date
from shared.events import Holder
from shared.paper_events import PAPER_STATES, PAPER_STEPS, PaperDecision, PaperState
from shared.programme import Bilingual, Paper, PaperProduct

NOW = datetime(2026, 5, 1, 3, 0, tzinfo=UTC)
TEXT = Bilingual("本文", "text")
PAPER = Paper(
    orders_from="03-01",
    certificate=PaperProduct(name=TEXT, price=3000, sent_from="04-01"),
    card=PaperProduct(name=TEXT, price=2500, sent_from="04-15"),
    about=TEXT,
    how_to_pay=TEXT,
)
BADGE = WalletBadge(
    assertion_id="A" * 26,
    registration_id="R-1",
    qualification="gishi",
    pass_number="G-1",
    registration_number="26-1",
    valid_from=date(2026, 4, 1),
    valid_until=date(2030, 3, 31),
    holder=Holder(person_id="P1", family_name="髙橋", given_name="一郎", email="a@example.jp"),
    issued_at=datetime(2026, 4, 2, 1, 0, tzinfo=UTC),
    account_id=1,
    received_at=NOW,
    progress=BadgeProgress(anchored_at=NOW, rendered_at=NOW),
)
PLACED = PlacedItem(
    order_id="12345678",
    item="certificate",
    registration_id="R-1",
    ordered_at=NOW,
    state="printed",
    revision=2,
    at=NOW,
    assertion_id=BADGE.assertion_id,
    sheet_id="20260501-certificate-0123456789ab",
    shipper=None,
    tracking=None,
    has_address=True,
)


def japan(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}T12:00:00+09:00")


@pytest.mark.parametrize(
    ("ordered_on", "certificate", "card"),
    [
        ("2026-03-01", "2026-04-02", "2026-04-15"),  # never before the badge's own day
        ("2026-04-20", "2026-04-02", "2026-04-15"),
        ("2027-02-28", "2026-04-02", "2026-04-15"),  # still of the year of orders that began in 2026
        ("2027-03-01", "2027-04-01", "2027-04-15"),
        ("2028-03-31", "2028-04-01", "2028-04-15"),
    ],
)
def test_a_product_is_sent_from_its_day_in_the_year_of_the_order(ordered_on: str, certificate: str, card: str) -> None:
    found = {offer.item: str(offer.sent_from) for offer in offers(PAPER, BADGE, japan(ordered_on))}
    assert found == {"certificate": certificate, "card": card}


@given(st.dates(date(2026, 3, 1), date(2060, 1, 1)))
def test_what_is_ordered_is_sent_within_the_year_of_orders(day: date) -> None:
    assert PAPER.card is not None
    first = sent_from(PAPER, PAPER.card, day, replace(BADGE, issued_at=japan("2026-04-01")))
    assert (first.month, first.day) == (4, 15)
    assert -320 <= (first - day).days <= 45


@pytest.mark.parametrize(
    ("until", "day", "expected"),
    [
        (None, "2026-02-28", True),
        (None, "2026-03-01", True),
        ("05-31", "2026-05-31", True),
        ("05-31", "2026-06-01", False),
        ("05-31", "2027-02-28", False),
        ("05-31", "2027-03-01", True),
        ("01-31", "2026-12-31", True),
        ("01-31", "2027-01-31", True),
        ("01-31", "2027-02-01", False),
        ("02-28", "2028-02-29", False),
    ],
)
def test_orders_are_taken_from_the_first_day_to_the_last(until: str | None, day: str, expected: bool) -> None:
    paper = Paper(orders_from="03-01", orders_until=until, card=PAPER.card, about=TEXT, how_to_pay=TEXT)
    assert is_open(paper, date.fromisoformat(day)) is expected


def test_only_an_issued_and_valid_badge_that_lasts_until_the_parcel_can_be_ordered_for() -> None:
    assert refusal(PAPER, BADGE, NOW) is None
    for changes in (
        {"received_at": None},
        {"corrected_by": "B" * 26},
        {"progress": BadgeProgress(anchored_at=NOW)},
        {"progress": BadgeProgress(anchored_at=NOW, rendered_at=NOW, revoked_at=NOW)},
        {"valid_until": date(2026, 4, 30)},
    ):
        assert refusal(PAPER, replace(BADGE, **changes), NOW) == "not-issued", changes
    assert refusal(PAPER, BADGE, japan("2030-02-28")) is None
    assert refusal(PAPER, BADGE, japan("2030-03-01")) == "ends-first"


@pytest.mark.parametrize("decision", PAPER_STEPS)
@pytest.mark.parametrize("state", PAPER_STATES)
def test_a_step_is_taken_from_the_states_before_it_only(decision: PaperDecision, state: PaperState) -> None:
    found = step_refusal(decision, replace(PLACED, state=state), BADGE, PAPER, NOW)
    assert found == (None if state in PAPER_STEPS[decision].before else "wrong-state")


def test_paper_of_a_badge_that_no_longer_counts_is_neither_printed_nor_sent_but_money_and_returns_are_noted() -> None:
    gone = replace(BADGE, progress=replace(BADGE.progress, revoked_at=NOW))
    for decision, state in (("paper-printed", "paid"), ("paper-sent", "printed")):
        for badge in (gone, None, replace(BADGE, received_at=None)):
            assert step_refusal(decision, replace(PLACED, state=state), badge, PAPER, NOW) == "held"  # type: ignore[arg-type]
    for decision, state in (("paper-paid", "ordered"), ("paper-returned", "sent"), ("paper-cancelled", "paid")):
        assert step_refusal(decision, replace(PLACED, state=state), gone, PAPER, NOW) is None  # type: ignore[arg-type]
    assert step_refusal("paper-sent", replace(PLACED, assertion_id="B" * 26), BADGE, PAPER, NOW) == "changed"
    assert step_refusal("paper-sent", replace(PLACED, has_address=False), BADGE, PAPER, NOW) == "no-address"
    early = japan("2026-04-14")
    card = replace(PLACED, item="card", ordered_at=early)
    assert japan_date(early) < date(2026, 4, 15)
    assert step_refusal("paper-sent", card, replace(BADGE, received_at=early), PAPER, early) == "too-early"
    assert step_refusal("paper-sent", card, BADGE, PAPER, japan("2026-04-15")) is None


def test_the_total_is_that_of_the_products_and_others_have_none() -> None:
    assert total_of(PAPER, ["certificate", "card"]) == 5500
    with pytest.raises(ValueError, match="card"):
        total_of(Paper(orders_from="03-01", certificate=PAPER.certificate, about=TEXT, how_to_pay=TEXT), ["card"])


def test_an_account_sees_the_orders_of_registrations_whose_newest_version_it_has() -> None:
    former = replace(BADGE, assertion_id="B" * 26, registration_id="R-2", corrected_by="C" * 26)
    assert registrations_with_orders([BADGE, former]) == ["R-1"]
    newest = replace(former, assertion_id="C" * 26, version=2, corrected_by=None)
    assert registrations_with_orders([BADGE, former, newest]) == ["R-1", "R-2"]
