"""Decisions of the office in the schema `ops`: the orders on record with their outcomes, the lists of an undo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from services.ops.board.accounts import decision_of, facts_of
from services.ops.board.decisions import (
    BULK,
    FACTS,
    REBUILD,
    SCRUB,
    DecisionLine,
    LetterLine,
    ListedPerson,
    Parts,
    Selected,
    TargetHolder,
    VersionLine,
    decision_line,
    numbered,
    outcome_of,
    present_holders,
    recorded,
    target_of,
)
from services.ops.board.erasures import ERASE, ERASERS
from services.ops.store.awaited import AwaitedOrders
from shared.office_events import AccountChanged, OfficeDecided
from shared.retry import SKEW

_OPEN_OR_DONE = "(d.outcome is null or d.outcome = 'done')"
# Of this name, numbered or not; a name may end in a number itself.
_NAMED = (
    "(d.decision_id = %s or starts_with(d.decision_id, %s || '/')"
    " and substr(d.decision_id, length(%s) + 2) ~ '^[0-9]+$')"
)
_REVOKING = f"exists (select from decisions d where d.target = 'revoke/' || p.assertion_id and {_OPEN_OR_DONE})"
_CORRECTING = (
    "exists (select from decisions d where d.target = 'correct/' || p.registration_id || '/' || p.known_version + 1"
    f" and {_OPEN_OR_DONE})"
)
_UNDONE = (
    "exists (select from decisions d where d.target = 'revoke/' || p.assertion_id and d.part_of is not null"
    " and d.outcome = 'done')"
)
_ORDERED = (
    "exists (select from decisions d where d.subject = p.registration_id and d.decision = '{}' and d.outcome is null)"
)
_SELECTED = (
    "p.cohort = %s and (%s::text is null or p.qualification = %s)"
    " and (%s::timestamptz is null or p.issued_at >= %s) and (%s::timestamptz is null or p.issued_at < %s)"
)
_LISTED = "p.registration_id, p.name, p.qualification, p.assertion_id, p.issued_at, p.known_version as version"


@dataclass(frozen=True)
class Order:
    """An order given here, and what it brings about (`revoke_target`, `correct_target`)."""

    event: OfficeDecided
    target: str | None


class DecisionRows(AwaitedOrders):
    """Every write takes any number of rows by one statement: an undo of 20 000 people is as many as one of two."""

    # ── orders and outcomes ─────────────────────────────────────────────────────────────────────────────

    def note_orders(self, orders: Sequence[Order]) -> None:
        """Keep orders before they are announced; their events are known when they come back from Kafka."""
        self._insert([(order.event, order.target) for order in orders])

    def note_accounts(self, events: Sequence[AccountChanged]) -> None:
        """Keep changes of the office's accounts, beside the orders."""
        self._tx.insert_rows(
            "decisions",
            [
                {
                    "decision_id": event.change_id,
                    "decision": decision_of(event),
                    "subject": event.account,
                    "decided_by": event.by,
                    "why": event.why,
                    "decided_at": event.changed_at,
                    "correction": msgspec.json.encode(facts_of(event)).decode(),
                }
                for event in events
            ],
            "(decision_id) do nothing",
        )

    def take_back_decided(self, events: Sequence[OfficeDecided]) -> None:
        """Keep orders that were given here before a restore, each again with its target."""
        self.note_decided(events)
        targets = {event.decision_id: target for event in events if (target := target_of(event)) is not None}
        held = self._tx.fetch_all(
            TargetHolder,
            "select decision_id, target, decided_at, outcome from decisions where target = any(%s)",
            (sorted(set(targets.values())),),
        )
        given = self._tx.fetch_all(
            partial(_with_target, targets),
            "select decision_id, decided_at, outcome from decisions where decision_id = any(%s)",
            (sorted(targets),),
        )
        present = present_holders([*held, *given])
        # The index allows one at a time: those that failed give their target up first.
        self._tx.cursor.execute(
            "update decisions set target = null where target = any(%s) and decision_id <> all(%s)"
            " and (outcome is null or outcome = 'done')",
            (list(present), list(present.values())),
        )
        self._tx.update_rows(
            "decisions",
            [{"decision_id": id, "target": target} for target, id in sorted(present.items())],
            "decision_id",
        )

    def note_decided(self, events: Sequence[OfficeDecided]) -> None:
        """Keep decisions, including those announced by other services."""
        self._insert([(event, None) for event in events])
        self.take_outcomes([event.decision_id for event in events])
        self.end_orders([event.subject for event in events])

    def _insert(self, decided: Sequence[tuple[OfficeDecided, str | None]]) -> None:
        """`value` is left out unless it is a number: it may be an address."""
        rows = []
        for event, target in decided:
            correction = recorded(event)
            counts = event.decision in BULK and event.value is not None and event.value.isdecimal()
            rows.append(
                {
                    "decision_id": event.decision_id,
                    "decision": event.decision,
                    "subject": event.subject,
                    "decided_by": event.by,
                    "why": event.why,
                    "decided_at": event.decided_at,
                    "part_of": event.part_of,
                    "target": target,
                    "correction": None if correction is None else msgspec.json.encode(correction).decode(),
                    "people": int(event.value) if counts and event.value is not None else None,
                    "producers": ",".join(ERASERS) if event.decision == ERASE else None,
                    "lasting": event.lasting,
                    "qualification": event.qualification,
                }
            )
        self._tx.insert_rows("decisions", rows, "(decision_id) do nothing")

    def pending_named(self, name: str, since: datetime) -> DecisionLine | None:
        """An order of this name (`rebuild_name`), numbered or not, given after `since` and without an outcome.

        None that was given in the future, by a clock that was ahead.
        """
        return self._first(
            f"d.producers is not null and d.outcome is null and d.decided_at between %s and %s and {_NAMED}",
            since,
            self._tx.now() + SKEW,
            *[name] * 3,
        )

    def active_order(self, target: str) -> DecisionLine | None:
        """The order for `target` that is pending or done."""
        return self._first(f"d.target = %s and {_OPEN_OR_DONE}", target)

    def next_id(self, name: str) -> str:
        """The id of the next order of this name: numbered after those on record that failed."""
        before = self._tx.fetch_value(
            "select count(*) from decisions where decision_id = %s or starts_with(decision_id, %s || '/')"
            " and part_of is null and substr(decision_id, length(%s) + 2) ~ '^[0-9]+$'",
            (name, name, name),
        )
        return numbered(name, int(before))

    # ── the lists ───────────────────────────────────────────────────────────────────────────────────────

    def to_undo(self, selected: Selected) -> tuple[list[ListedPerson], int]:
        """People whose badge is not revoked, nor ordered to be; and how many more have a badge not issued yet."""
        listed = self._tx.fetch_all(
            ListedPerson,
            f"select {_LISTED} from people p left join assertions a using (assertion_id)"
            f" where {_SELECTED} and p.assertion_id is not null and a.revoked_at is null and not {_REVOKING}"
            " order by p.registration_id",
            _values(selected),
        )
        coming = self._tx.fetch_value(
            "select count(*) from people p where p.cohort = %s and (%s::text is null or p.qualification = %s)"
            " and ((p.assertion_id is null and p.eligible_at is not null and p.held_reason is null)"
            f" or p.known_version > p.issued_version or (p.assertion_id is not null and {_CORRECTING}))",
            (selected.cohort, selected.qualification, selected.qualification),
        )
        return listed, int(coming)

    def to_reissue(self, selected: Selected) -> tuple[list[ListedPerson], int]:
        """People whose badge was revoked by an undo and not replaced; and how many by an order of their own.

        With `singly` those are on the list as well.
        """
        revoked = (
            f"from people p join assertions a using (assertion_id) where {_SELECTED} and a.revoked_at is not null"
            f" and a.replaced_by is null and p.known_version = p.issued_version and not {_CORRECTING}"
        )
        listed = self._tx.fetch_all(
            ListedPerson,
            f"select {_LISTED}, a.revoked_reason as reason {revoked} and (%s or {_UNDONE}) order by p.registration_id",
            (*_values(selected), selected.singly),
        )
        count = int(self._tx.fetch_value(f"select count(*) {revoked}", _values(selected)))
        return listed, count - len(listed)

    def to_hold(self, selected: Selected) -> tuple[list[ListedPerson], int]:
        """People without a badge, not held by the office nor by a pending order; and how many have a badge."""
        return self._without_badge(
            selected, f"p.held_reason is distinct from 'office-hold' and not {_ORDERED.format('hold')}", "is not null"
        )

    def to_resume(self, selected: Selected) -> tuple[list[ListedPerson], int]:
        """People held by the office, without a pending order to resume; and how many are held for another reason."""
        return self._without_badge(
            selected,
            f"p.held_reason = 'office-hold' and not {_ORDERED.format('resume')}",
            "is null and p.held_reason <> 'office-hold'",
        )

    def _without_badge(self, selected: Selected, which: str, left_out: str) -> tuple[list[ListedPerson], int]:
        of = "from people p where p.cohort = %s and (%s::text is null or p.qualification = %s)"
        values = (selected.cohort, selected.qualification, selected.qualification)
        listed = self._tx.fetch_all(
            ListedPerson,
            "select p.registration_id, p.name, p.qualification, '' as assertion_id, p.issued_at,"
            f" p.known_version as version, p.held_reason as reason {of} and p.assertion_id is null and {which}"
            " order by p.registration_id",
            values,
        )
        return listed, int(self._tx.fetch_value(f"select count(*) {of} and p.assertion_id {left_out}", values))

    # ── the record ──────────────────────────────────────────────────────────────────────────────────────

    def decisions(self, about: str | None, *, limit: int, seen: Sequence[str] | None = None) -> list[DecisionLine]:
        """The latest first; the parts of an undo only when it is asked `about`.

        `about` is a decision, a registration, one of its badges, a cohort, a dead letter, or the number of an order of
        paper. With `seen`: about people of these qualifications only.
        """
        of = None if seen is None else list(seen)
        scope = "(%s::text[] is null or coalesce(p.qualification, q.qualification) = any(%s))"
        if about is None:
            return self._select(f"{'d.part_of is null' if seen is None else 'true'} and {scope}", (of, of), limit)
        return self._select(
            f"{scope} and d.decision_id in (select decision_id from decisions where decision_id = %s union"
            " select decision_id from decisions where part_of = %s union"
            " select decision_id from decisions where subject in (select %s union"
            "  select assertion_id from assertions where registration_id = %s union"
            "  select registration_id from assertions where assertion_id = %s union"
            "  select o.subject from erased e join erased o using (decision_id) where e.subject = %s) union"
            " select decision_id from decisions where subject = 'paper' and strpos(correction, %s) > 0)",
            (of, of, *[about] * 6, f"{about}/"),
            limit,
        )

    def decision(self, id: str) -> DecisionLine | None:
        return self._first("d.decision_id = %s", id)

    def pending_order(self, name: str) -> DecisionLine | None:
        """The order of this name, numbered or not, that has no outcome yet."""
        return self._first(f"d.outcome is null and {_NAMED}", *[name] * 3)

    def pending_about(self, decision: str, subjects: Sequence[str]) -> DecisionLine | None:
        """The order of this kind about one of these that has no outcome yet."""
        return self._first("d.outcome is null and d.decision = %s and d.subject = any(%s)", decision, list(subjects))

    def open_feeds(self, until: datetime) -> list[DecisionLine]:
        """Files handed in before this moment, of which no outcome is known; a hundred at most."""
        return self._select("d.decision = 'feed' and d.outcome is null and d.decided_at < %s", (until,), 100)

    def pending_of_cohort(self, act: str, selected: Selected) -> DecisionLine | None:
        """The order about this cohort, or this qualification of it, that registration has not carried out yet."""
        return self._first(
            "d.lasting and d.part_of is null and d.outcome is null and d.decision = %s and d.subject = %s"
            " and d.qualification is not distinct from %s",
            act,
            selected.cohort,
            selected.qualification,
        )

    def _first(self, condition: str, *values: Any) -> DecisionLine | None:
        found = self._select(condition, values, 1)
        return found[0] if found else None

    def _select(self, condition: str, values: tuple[Any, ...], limit: int) -> list[DecisionLine]:
        lines = self._tx.fetch_all(
            decision_line,
            'select d.decision_id as id, d.decision, d.subject, d.decided_by as "by", d.why, d.decided_at as at,'
            " coalesce(p.registration_id, a.registration_id, case d.decision when 'erase' then d.subject end)"
            "  as registration_id, coalesce(p.name, q.name) as name,"
            " d.part_of, d.correction::json as correction, d.people, d.outcome, d.detail, d.paper, d.settled_by,"
            " d.settled_at, d.lasting, d.qualification"
            " from decisions d left join people p on p.registration_id = d.subject"
            " left join assertions a on a.assertion_id = d.subject"
            " left join people q on q.registration_id = a.registration_id"
            f" where {condition} order by d.decided_at desc, d.part_of nulls first, d.decision_id limit %s",
            (*values, limit),
        )
        parts = self._parts([line.id for line in lines if line.decision in BULK])
        producers = self.producers([line.id for line in lines if line.decision in (REBUILD, SCRUB, ERASE)])
        return [
            _with_parts(line, parts[line.id])
            if line.id in parts
            else msgspec.structs.replace(line, producers=producers.get(line.id))
            for line in lines
        ]

    def _parts(self, ids: list[str]) -> dict[str, Parts]:
        counts: dict[str, dict[str | None, int]] = {id: {} for id in ids}
        if ids:
            for id, outcome, count in self._tx.cursor.execute(
                "select part_of, outcome, count(*) from decisions where part_of = any(%s) group by 1, 2", (ids,)
            ):
                counts[id][outcome] = count
        return {
            id: Parts(
                total=sum(each.values()),
                settled=sum(count for outcome, count in each.items() if outcome is not None),
                outcomes={outcome: count for outcome, count in sorted(each.items(), key=str) if outcome is not None},
            )
            for id, each in counts.items()
        }

    # ── one registration ────────────────────────────────────────────────────────────────────────────────

    def registration_of(self, assertion_id: str) -> str | None:
        """The registration of a badge of any version."""
        found: str | None = self._tx.fetch_value(
            "select registration_id from assertions where assertion_id = %s", (assertion_id,)
        )
        return found

    def facts(self, registration_id: str) -> tuple[int, dict[str, str | None]] | None:
        """The newest version known and what it says, by the names in FACTS."""
        row = self._tx.cursor.execute(
            f"select known_version, {', '.join(FACTS)} from people where registration_id = %s", (registration_id,)
        ).fetchone()
        if row is None:
            return None
        version, *values = row
        return version, {name: None if value is None else str(value) for name, value in zip(FACTS, values, strict=True)}

    def versions(self, registration_id: str) -> list[VersionLine]:
        """The newest first."""
        columns = ", ".join(VersionLine.__struct_fields__)
        return self._tx.fetch_all(
            VersionLine,
            f"select {columns} from assertions where registration_id = %s order by version desc, assertion_id",
            (registration_id,),
        )

    def letters(self, registration_id: str) -> list[LetterLine]:
        """The letters about all versions, the latest first."""
        columns = ", ".join(f"l.{name}" for name in LetterLine.__struct_fields__)
        return self._tx.fetch_all(
            LetterLine,
            f"select {columns} from letters l join assertions a using (assertion_id) where a.registration_id = %s"
            " order by l.at desc, l.assertion_id, l.letter",
            (registration_id,),
        )


def _values(selected: Selected) -> tuple[Any, ...]:
    return (
        selected.cohort,
        *[selected.qualification] * 2,
        *[selected.issued_after] * 2,
        *[selected.issued_before] * 2,
    )


def _with_target(targets: Mapping[str, str], decision_id: str, **columns: Any) -> TargetHolder:
    return TargetHolder(decision_id=decision_id, target=targets[decision_id], **columns)


def _with_parts(line: DecisionLine, parts: Parts) -> DecisionLine:
    outcome = outcome_of(parts, line.outcome) if line.lasting else outcome_of(parts)
    return msgspec.structs.replace(line, parts=parts, outcome=outcome)
