from __future__ import annotations

import pytest

from services.ops.board.scrubs import SCRUBBERS, ScrubLine, in_order, scrub_name, scrubbers_of
from services.ops.board.wording import FOUND, NOT_REPAIRED, OBJECTS, SERVICES
from shared.office_events import ScrubCount, ScrubFault
from tests.worlds.cohorts import NOON


def line(service: str = "issuer", *counts: ScrubCount, named: tuple[ScrubFault, ...] = ()) -> ScrubLine:
    return ScrubLine(
        scrub_id="D",
        service=service,
        repair=True,
        started_at=NOON,
        at=NOON,
        finished=True,
        counts=list(counts),
        named=list(named),
    )


def test_an_order_to_all_is_answered_by_each_service_that_writes_objects() -> None:
    assert scrubbers_of("all") == SCRUBBERS and set(SCRUBBERS) <= set(SERVICES)
    assert scrubbers_of("anchor") == ("anchor",)
    with pytest.raises(ValueError, match="got service 'mailer', expected one that has objects: issuer"):
        scrubbers_of("mailer")


def test_orders_that_differ_have_different_names() -> None:
    names = {scrub_name(subject, repair=repair) for subject in ("all", *SCRUBBERS) for repair in (True, False)}
    assert len(names) == 8


def test_at_fault_is_what_was_not_put_right_and_what_is_only_stored_counts_apart() -> None:
    counts = (
        ScrubCount(kind="credentials", checked=9, missing=4, different=2, repaired=5),
        ScrubCount(kind="documents", checked=3, only_stored=3, adopted=1),
    )
    assert (line("issuer", *counts).checked, line("issuer", *counts).at_fault) == (12, 1)
    assert line("issuer", *counts).only_stored == 2


def test_what_is_left_are_the_faults_that_were_not_put_right() -> None:
    outcomes = ("repaired", "adopted", "waits", None)
    named = tuple(ScrubFault(key=str(outcome), found="missing", outcome=outcome) for outcome in outcomes)
    assert [fault.key for fault in line(named=named).left] == ["waits", "None"]


def test_services_come_in_the_order_in_which_they_repair() -> None:
    lines = [line(service) for service in ("renderer", "unheard-of", "issuer", "anchor")]
    assert [each.service for each in in_order(lines)] == ["issuer", "anchor", "renderer", "unheard-of"]


def test_every_kind_of_object_and_every_outcome_has_words() -> None:
    assert set(OBJECTS) == {
        "credentials",
        "documents",
        "statements",
        "proofs",
        "batches",
        "certificates",
        "print-sheets",
    }
    assert set(FOUND) == {"missing", "different", "only-stored"}
    assert set(NOT_REPAIRED) == {"waits", "lost", "comes-out-otherwise", "failed", "unknown"}
