"""The office's orders on a real PostgreSQL: each is announced once, and its outcome is on record."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest
from msgspec.structs import replace

from services.ops import queries
from services.ops.acts import orders, person_orders
from services.ops.acts.orders import Attribution, ListChangedError
from services.ops.board.decisions import AlreadyDecidedError, Selected
from services.ops.board.wording import HELD_REASONS
from services.ops.ports import Ports
from shared.errors import NotFound
from shared.events import IssuanceRefused
from shared.office_events import Correction, DecisionSettled, OfficeDecided
from shared.wire import decode
from tests.worlds.cohorts import NOON, again, assertion_id, at, cycle, held, issued, renewed, revoked, version_id
from tests.worlds.ops import counts, tell, tell_all
from tests.worlds.story import until

pytest_plugins = ("tests.worlds.ops_fixtures",)

OFFICE = Attribution("事務局", "本人の申し出")
COHORT = Selected(cohort="2026")


def announced(ports: Ports) -> list[OfficeDecided]:
    with ports.store.transaction() as tx:
        rows = tx.cursor.execute("select value from outbox where topic = 'office.decisions' order by id").fetchall()
    events = [decode(bytes(row[0])) for row in rows]
    assert all(isinstance(event, OfficeDecided) for event in events)
    return events  # type: ignore[return-value]  # as asserted


def settle(ports: Ports, *decision_ids: str, outcome: str = "done", detail: str | None = None) -> None:
    events = [
        DecisionSettled(
            decision_id=id,
            subject=queries.decision(ports, id).subject,
            service="issuer",
            outcome=outcome,
            settled_at=at(30),
            detail=detail,
        )
        for id in decision_ids
    ]
    tell_all(ports, events)


def crowd(ports: Ports, size: int) -> None:
    tell_all(ports, [event for number in range(size) for event in cycle(number)])


# ── revoke ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_revocation_ordered_twice_is_one_order(ports: Ports) -> None:
    crowd(ports, 2)
    first = orders.revoke(ports, assertion_id(1), OFFICE)
    second = orders.revoke(ports, "R00001", Attribution("another", "again"))
    (event,) = announced(ports)
    assert first.id == second.id == event.decision_id
    assert (event.decision, event.subject, event.by, event.why) == ("revoke", assertion_id(1), "事務局", "本人の申し出")


def test_a_double_click_in_two_threads_is_one_order(ports: Ports) -> None:
    crowd(ports, 1)
    lines: list[Any] = []
    clicks = [
        threading.Thread(target=lambda: lines.append(orders.revoke(ports, "R00000", OFFICE).id)) for _ in range(4)
    ]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    assert len(announced(ports)) == 1 and len(set(lines)) == 1 and len(lines) == 4


def test_an_order_for_a_revoked_badge_is_refused_with_when_or_by_whom(ports: Ports) -> None:
    crowd(ports, 2)
    tell(ports, revoked(0))
    with pytest.raises(AlreadyDecidedError, match="was revoked at"):
        orders.revoke(ports, "R00000", OFFICE)
    settle(ports, orders.revoke(ports, "R00001", OFFICE).id)  # done, and the revocation is not known yet
    with pytest.raises(AlreadyDecidedError, match="was revoked by 事務局"):
        orders.revoke(ports, "R00001", OFFICE)
    assert len(announced(ports)) == 1


def test_an_order_that_came_to_nothing_can_be_given_again(ports: Ports) -> None:
    crowd(ports, 1)
    first = orders.revoke(ports, "R00000", OFFICE)
    settle(ports, first.id, outcome="no-such-assertion", detail="got it too early")
    assert queries.decision(ports, first.id).detail == "got it too early"
    second = orders.revoke(ports, "R00000", OFFICE)
    assert (len(announced(ports)), second.id) == (2, f"{first.id}/2")


def test_an_order_for_an_unknown_person_or_one_without_badge_is_refused(ports: Ports) -> None:
    tell(ports, renewed(1))
    with pytest.raises(NotFound):
        orders.revoke(ports, "R404", OFFICE)
    with pytest.raises(AlreadyDecidedError, match="no badge yet"):
        orders.revoke(ports, "R00001", OFFICE)
    assert announced(ports) == []


# ── correct ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_correction_is_announced_once_with_what_is_to_change(ports: Ports) -> None:
    crowd(ports, 1)
    correction = Correction(family_name="髙橋")
    first = orders.correct(ports, "R00000", 1, correction, OFFICE)
    second = orders.correct(ports, "R00000", 1, correction, OFFICE)
    (event,) = announced(ports)
    assert (event.decision_id, event.subject, event.correction) == (first.id, "R00000", correction)
    assert second.id == first.id and first.correction == {"family_name": "髙橋"}


def test_a_page_opened_before_a_correction_gets_the_same_order_and_a_new_correction_is_refused(ports: Ports) -> None:
    crowd(ports, 1)
    again_as_it_is = Correction()
    first = orders.correct(ports, "R00000", 1, again_as_it_is, OFFICE)
    settle(ports, first.id)  # done, and the new version is not known yet
    assert orders.correct(ports, "R00000", 1, again_as_it_is, OFFICE).id == first.id
    tell(ports, again(renewed(0), 2))
    assert orders.correct(ports, "R00000", 1, again_as_it_is, OFFICE).id == first.id
    with pytest.raises(AlreadyDecidedError):
        orders.correct(ports, "R00000", 1, Correction(given_name="一郎"), OFFICE)
    assert len(announced(ports)) == 1


def refused(number: int, version: int, field: str = "valid_until") -> IssuanceRefused:
    return IssuanceRefused(
        registration_id=f"R{number:05}",
        cohort="2026",
        version=version,
        field=field,
        expected="a day not after 2036-04-01",
        got="9999-12-31",
        refused_at=at(50),
    )


def outcomes(ports: Ports, about: str) -> list[tuple[str | None, str | None]]:
    return [(line.outcome, line.settled_by) for line in queries.decisions(ports, about, limit=10)]


def test_a_correction_is_done_when_the_issuer_has_issued_it(ports: Ports) -> None:
    crowd(ports, 2)
    order = orders.correct(ports, "R00000", 1, Correction(family_name="髙橋"), OFFICE)
    settle(ports, order.id)
    assert outcomes(ports, "R00000") == [(None, None)]
    tell(ports, again(renewed(0), 2), again(issued(1, 40), 2))
    assert outcomes(ports, "R00000") == [(None, None)]
    tell(ports, again(issued(0, 40), 2))
    assert outcomes(ports, "R00000") == [("done", "issuer")]
    tell(ports, refused(0, 3))  # of a later one
    assert outcomes(ports, "R00000") == [("done", "issuer")]


def test_a_correction_that_the_issuer_refuses_is_not_done_and_may_be_given_again(ports: Ports) -> None:
    crowd(ports, 1)
    order = orders.correct(ports, "R00000", 1, Correction(family_name="髙橋"), OFFICE)
    settle(ports, order.id)
    tell(ports, again(renewed(0), 2), refused(0, 2))
    line = queries.decision(ports, order.id)
    assert (line.outcome, line.detail) == ("issuance-refused", "valid_until: expected a day not after 2036-04-01")
    second = orders.correct(ports, "R00000", 2, Correction(family_name="見元"), OFFICE)
    settle(ports, second.id)
    tell(ports, again(issued(0, 60), 3))
    assert sorted(outcomes(ports, "R00000"), key=str) == [("done", "issuer"), ("issuance-refused", "issuer")]


def test_of_two_answers_that_come_at_once_the_later_one_decides(ports: Ports) -> None:
    crowd(ports, 1)
    order = orders.correct(ports, "R00000", 1, Correction(family_name="髙橋"), OFFICE)
    answer = DecisionSettled(
        decision_id=order.id, subject="R00000", service="registration", outcome="done", settled_at=at(30)
    )
    issuing = threading.Thread(target=tell, args=(ports, again(issued(0, 40), 2)))
    with ports.store.transaction() as tx:
        tx.note_settled([answer])
        issuing.start()
        with ports.store.transaction() as other:
            query = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
            until(lambda: other.fetch_value(query), seconds=30, what="the issuer's answer waits for the commit")
    issuing.join()
    assert outcomes(ports, "R00000") == [("done", "issuer")]


def test_answers_that_come_before_the_order_decide_it(ports: Ports) -> None:
    crowd(ports, 2)
    tell(ports, again(issued(0, 40), 2), refused(1, 2))
    for number in range(2):
        event = OfficeDecided(
            decision_id=f"correct/R0000{number}/2",
            decision="correct",
            subject=f"R0000{number}",
            by="office",
            why="before a restore",
            decided_at=NOON,
            correction=Correction(),
            version=2,
        )
        with ports.store.transaction() as tx:
            tx.take_back_decided([event])
        settle(ports, event.decision_id)
    assert outcomes(ports, "R00000") == [("done", "issuer")]
    assert outcomes(ports, "R00001") == [("issuance-refused", "issuer")]


# ── resume ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "reason", [reason for reason, words in HELD_REASONS.items() if "akashi resume" in words.next.ja]
)
def test_a_hold_that_the_office_may_end_is_ended_by_one_order(reason: Any, ports: Ports) -> None:
    tell(ports, held(1, reason))
    first = orders.resume(ports, "R00001", OFFICE)
    assert orders.resume(ports, "R00001", OFFICE).id == first.id
    (event,) = announced(ports)
    assert (event.decision, event.subject) == ("resume", "R00001")
    settle(ports, first.id)
    assert queries.decision(ports, first.id).outcome == "done"


@pytest.mark.parametrize("id", ["R00001", "20260001", "2026/1", "1"])
def test_a_pending_order_about_one_person_is_one_whatever_the_registration_is_called(id: str, ports: Ports) -> None:
    event = renewed(1)
    tell(ports, replace(event, award=replace(event.award, registration_id=id)))
    for given in (1, 2):
        order = person_orders.hold(ports, id, OFFICE)
        assert person_orders.hold(ports, id, OFFICE).id == order.id
        assert len(announced(ports)) == given
        settle(ports, order.id, outcome="not-possible")


def test_who_is_not_held_or_for_another_reason_is_not_resumed(ports: Ports) -> None:
    crowd(ports, 1)
    tell(ports, held(1, "missing-address"))
    for id in ("R00000", "R00001"):
        with pytest.raises(AlreadyDecidedError, match="expected one held as birth-date-differs"):
            orders.resume(ports, id, OFFICE)
    with pytest.raises(NotFound):
        orders.resume(ports, "R404", OFFICE)
    assert announced(ports) == []


def test_of_two_different_corrections_of_one_version_the_second_is_refused(ports: Ports) -> None:
    crowd(ports, 1)
    orders.correct(ports, "R00000", 1, Correction(family_name="髙橋"), OFFICE)
    with pytest.raises(AlreadyDecidedError, match="look at it again"):
        orders.correct(ports, "R00000", 1, Correction(family_name="高橋"), OFFICE)


def test_a_correction_of_an_outdated_version_is_refused(ports: Ports) -> None:
    crowd(ports, 1)
    tell(ports, again(renewed(0), 2), again(issued(0, 20), 2))
    with pytest.raises(AlreadyDecidedError, match="got version 1, expected 2"):
        orders.correct(ports, "R00000", 1, Correction(family_name="髙橋"), OFFICE)
    orders.correct(ports, "R00000", 2, Correction(family_name="髙橋"), OFFICE)


def test_a_correction_that_came_to_nothing_can_be_ordered_again_changed(ports: Ports) -> None:
    crowd(ports, 1)
    first = orders.correct(ports, "R00000", 1, Correction(family_name="😀"), OFFICE)
    settle(ports, first.id, outcome="not-valid", detail="family_name: expected …")
    second = orders.correct(ports, "R00000", 1, Correction(family_name="髙橋"), OFFICE)
    assert (second.outcome, queries.decision(ports, first.id).outcome) == (None, "not-valid")


def test_a_correction_that_changes_nothing_or_nobody_is_refused(ports: Ports) -> None:
    crowd(ports, 1)
    tell(ports, held(1))
    with pytest.raises(AlreadyDecidedError, match="nothing"):
        orders.correct(ports, "R00000", 1, Correction(family_name="見本"), OFFICE)
    with pytest.raises(AlreadyDecidedError, match="not released yet"):
        orders.correct(ports, "R00001", 1, Correction(family_name="髙橋"), OFFICE)
    with pytest.raises(NotFound):
        orders.correct(ports, "R404", 1, Correction(family_name="髙橋"), OFFICE)


def test_the_record_names_a_corrected_address_as_changed_without_telling_it(ports: Ports) -> None:
    crowd(ports, 1)
    line = orders.correct(ports, "R00000", 1, Correction(email="secret@example.jp", given_name="一郎"), OFFICE)
    assert line.correction == {"email": None, "given_name": "一郎"}
    assert announced(ports)[0].correction == Correction(email="secret@example.jp", given_name="一郎")
    with ports.store.transaction() as tx:
        (text,) = tx.cursor.execute("select decisions::text from decisions").fetchone() or ("",)
    assert "secret" not in text


# ── undo and reissue ────────────────────────────────────────────────────────────────────────────────────


def test_a_dry_run_lists_the_people_and_changes_nothing(ports: Ports) -> None:
    crowd(ports, 3)
    tell(ports, renewed(7), revoked(2))
    run = orders.dry_run(ports, "undo", COHORT)
    assert [(p.registration_id, p.assertion_id, p.name) for p in run.people] == [
        ("R00000", assertion_id(0), "見本 第0"),
        ("R00001", assertion_id(1), "見本 第1"),
    ]
    assert (run.count, run.left_out, announced(ports)) == (2, 1, [])
    assert run.digest == orders.dry_run(ports, "undo", COHORT).digest


def test_an_undo_orders_one_revocation_for_each_of_300_in_one_go(ports: Ports) -> None:
    crowd(ports, 300)
    before = counts(ports)
    run = orders.dry_run(ports, "undo", COHORT)
    line = orders.apply(ports, "undo", COHORT, run.digest, OFFICE)
    whole, *parts = announced(ports)
    assert (whole.decision, whole.subject, whole.value, whole.decision_id) == ("undo", "2026", "300", line.id)
    assert {part.subject for part in parts} == {assertion_id(n) for n in range(300)}
    assert all((p.decision, p.part_of, p.decision_id) == ("revoke", line.id, f"{line.id}/{p.subject}") for p in parts)
    assert counts(ports) == before
    assert line.parts is not None and (line.parts.total, line.parts.settled, line.outcome) == (300, 0, None)
    tell_all(ports, list(announced(ports)))  # they come back from Kafka
    assert len(queries.decisions(ports, line.id, limit=1000)) == 301
    settle(ports, *(part.decision_id for part in parts[:299]))
    assert queries.decision(ports, line.id).outcome is None
    settle(ports, parts[299].decision_id, outcome="revoked-before")
    settled = queries.decision(ports, line.id)
    assert settled.parts is not None and settled.parts.outcomes == {"done": 299, "revoked-before": 1}
    assert settled.outcome == "partly"
    tell_all(ports, [revoked(number) for number in range(300)])
    found = queries.status(ports, None)
    assert (counts(ports), found.cohort.revoked, found.matches) == ([0] * 7, 300, True)
    assert len(queries.people(ports, None, "revoked").people) == 300


def test_an_undo_of_a_list_that_has_changed_is_refused(ports: Ports) -> None:
    crowd(ports, 3)
    run = orders.dry_run(ports, "undo", COHORT)
    tell_all(ports, [*cycle(3)])
    with pytest.raises(ListChangedError, match="4 people now"):
        orders.apply(ports, "undo", COHORT, run.digest, OFFICE)
    assert announced(ports) == []


def test_an_undo_applied_twice_at_once_is_done_once(ports: Ports) -> None:
    crowd(ports, 50)
    digest = orders.dry_run(ports, "undo", COHORT).digest
    outcomes: Counter[str] = Counter()

    def click() -> None:
        try:
            orders.apply(ports, "undo", COHORT, digest, OFFICE)
            outcomes["done"] += 1
        except ListChangedError:
            outcomes["changed"] += 1

    clicks = [threading.Thread(target=click) for _ in range(3)]
    for each in clicks:
        each.start()
    for each in clicks:
        each.join()
    assert outcomes == {"done": 1, "changed": 2} and len(announced(ports)) == 51


def test_an_undo_of_nobody_is_refused(ports: Ports) -> None:
    digest = orders.dry_run(ports, "undo", COHORT).digest
    with pytest.raises(ListChangedError, match="nobody"):
        orders.apply(ports, "undo", COHORT, digest, OFFICE)


def test_an_undo_lists_only_the_selected_people(ports: Ports) -> None:
    tell(ports, renewed(1), issued(1, 1), renewed(2), issued(2, 10), renewed(3, "2025"))
    tell(ports, renewed(4, qualification="shindanshi"))
    found = orders.dry_run(ports, "undo", Selected(cohort="2026", issued_after=at(1), issued_before=at(10)))
    assert [person.registration_id for person in found.people] == ["R00001"]
    assert orders.dry_run(ports, "undo", Selected(cohort="2026", qualification="shindanshi")).count == 0
    assert orders.dry_run(ports, "undo", Selected(cohort="2025")).count == 0


def test_a_corrected_badge_on_its_way_is_left_out_and_counted(ports: Ports) -> None:
    crowd(ports, 2)
    tell(ports, again(renewed(0), 2))
    run = orders.dry_run(ports, "undo", COHORT)
    assert (run.count, run.left_out) == (2, 1)


def test_a_reissue_lists_badges_revoked_by_an_undo_each_once(ports: Ports) -> None:
    crowd(ports, 4)
    settle(ports, orders.revoke(ports, "R00003", OFFICE).id)
    tell(ports, revoked(3))
    undo = orders.apply(ports, "undo", COHORT, orders.dry_run(ports, "undo", COHORT).digest, OFFICE)
    settle(ports, *(f"{undo.id}/{assertion_id(n)}" for n in range(3)))
    tell(ports, *(revoked(n) for n in range(3)))
    run = orders.dry_run(ports, "reissue", COHORT)
    assert [person.registration_id for person in run.people] == ["R00000", "R00001", "R00002"]
    assert run.left_out == 1
    assert orders.dry_run(ports, "reissue", Selected(cohort="2026", singly=True)).count == 4
    line = orders.apply(ports, "reissue", COHORT, run.digest, OFFICE)
    parts = [event for event in announced(ports) if event.part_of == line.id]
    assert [(p.decision, p.subject, p.correction) for p in parts] == [
        ("correct", f"R0000{n}", Correction()) for n in range(3)
    ]
    assert orders.dry_run(ports, "reissue", COHORT).count == 0
    settle(ports, *(part.decision_id for part in parts))
    assert orders.dry_run(ports, "reissue", COHORT).count == 0, "the new versions are not known yet"
    tell(ports, *(again(renewed(n), 2) for n in range(3)))
    assert orders.dry_run(ports, "reissue", COHORT).count == 0
    tell(ports, *(again(issued(n, 40), 2) for n in range(3)))
    assert orders.dry_run(ports, "reissue", COHORT).count == 0
    found = orders.dry_run(ports, "undo", COHORT)
    assert [person.assertion_id for person in found.people] == [version_id(n, 2) for n in range(3)]


# ── the record ──────────────────────────────────────────────────────────────────────────────────────────


def test_an_outcome_that_comes_before_its_order_is_on_record_with_it(ports: Ports) -> None:
    decided = OfficeDecided(
        decision_id="elsewhere", decision="hold", subject="R1", by="office", why="a question", decided_at=NOON
    )
    tell(
        ports,
        DecisionSettled(
            decision_id="elsewhere", subject="R1", service="registration", outcome="done", settled_at=at(1)
        ),
        decided,
    )
    (line,) = queries.decisions(ports, None, limit=10)
    assert (line.id, line.outcome, line.settled_by) == ("elsewhere", "done", "registration")


def test_the_record_is_found_by_registration_badge_and_order(ports: Ports) -> None:
    crowd(ports, 2)
    revocation = orders.revoke(ports, assertion_id(0), OFFICE)
    correction = orders.correct(ports, "R00000", 1, Correction(given_name="一郎"), OFFICE)
    both = {revocation.id, correction.id}
    assert {line.id for line in queries.decisions(ports, "R00000", limit=10)} == both
    assert {line.id for line in queries.decisions(ports, assertion_id(0), limit=10)} == both
    assert [line.id for line in queries.decisions(ports, revocation.id, limit=10)] == [revocation.id]
    assert queries.decisions(ports, "R00001", limit=10) == []
    assert {line.name for line in queries.decisions(ports, None, limit=10)} == {"見本 第0"}
    with pytest.raises(NotFound):
        queries.decision(ports, "none")
