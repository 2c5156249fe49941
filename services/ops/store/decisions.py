"""What the office orders, in the schema `ops`: the list of people, the orders on record, what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from services.ops.board.decisions import (
    BULK,
    DecisionLine,
    Facts,
    LifeLetter,
    ListedPerson,
    Parts,
    Selected,
    Version,
    outcome_of,
    told_of,
)
from services.ops.store.board import Reading
from shared.events import DecisionSettled, OfficeDecided

_OPEN_OR_DONE = "(d.outcome is null or d.outcome = 'done')"
_REVOKING = f"exists (select from decisions d where d.target = 'revoke/' || p.assertion_id and {_OPEN_OR_DONE})"
_CORRECTING = (
    "exists (select from decisions d where d.target = 'correct/' || p.registration_id || '/' || p.known_version + 1"
    f" and {_OPEN_OR_DONE})"
)
_UNDONE = (
    "exists (select from decisions d where d.target = 'revoke/' || p.assertion_id and d.part_of is not null"
    " and d.outcome = 'done')"
)
_CHOSEN = (
    "p.cohort = %s and (%s::text is null or p.qualification = %s)"
    " and (%s::timestamptz is null or p.issued_at >= %s) and (%s::timestamptz is null or p.issued_at < %s)"
)


@dataclass(frozen=True)
class Order:
    """An order given here, with what it makes."""

    event: OfficeDecided
    target: str | None


class Deciding(Reading):
    """Everything here is set-wise: an undo of 20 000 people is as many statements as one of two."""

    def lock_orders(self) -> None:
        """One order at a time, until this transaction ends: each sees what the one before it ordered."""
        self.cursor.execute("select pg_advisory_xact_lock(hashtext('ops/orders'))")

    # ── on record ───────────────────────────────────────────────────────────────────────────────────────

    def note_orders(self, orders: Sequence[Order]) -> None:
        """Keep orders before they are announced; their events are known when they come back from Kafka."""
        self._note([(order.event, order.target) for order in orders])

    def note_decided(self, events: Sequence[OfficeDecided]) -> None:
        """The audit trail, also of what was ordered elsewhere."""
        self._note([(event, None) for event in events])
        self._settle([event.decision_id for event in events])

    def _note(self, decided: Sequence[tuple[OfficeDecided, str | None]]) -> None:
        """The value is left out unless it is a number: it may be an address."""
        self._write(
            "insert into decisions (decision_id, decision, subject, decided_by, why, decided_at, part_of, target,"
            " correction, people) select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[],"
            " %s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::integer[])"
            " on conflict (decision_id) do nothing",
            [
                (
                    e.decision_id,
                    e.decision,
                    e.subject,
                    e.by,
                    e.why,
                    e.decided_at,
                    e.part_of,
                    target,
                    told.decode() if (told := told_of(e.correction)) is not None else None,
                    int(e.value) if e.decision in BULK and e.value is not None and e.value.isdecimal() else None,
                )
                for e, target in sorted(decided, key=lambda pair: pair[0].decision_id)
            ],
        )

    def note_settled(self, events: Sequence[DecisionSettled]) -> None:
        """What became of orders, whichever of order and outcome comes first."""
        self._write(
            "insert into settlements (decision_id, service, outcome, detail, settled_at)"
            " select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[])"
            " on conflict do nothing",
            [
                (e.decision_id, e.service, e.outcome, e.detail, e.settled_at)
                for e in sorted(events, key=lambda event: event.decision_id)
            ],
        )
        self._settle([event.decision_id for event in events])

    def _settle(self, decision_ids: Sequence[str]) -> None:
        self.cursor.execute(
            "update decisions set settled_by = s.service, outcome = s.outcome, detail = s.detail,"
            " settled_at = s.settled_at from settlements s"
            " where s.decision_id = any(%s) and decisions.decision_id = s.decision_id and decisions.outcome is null",
            (sorted(decision_ids),),
        )

    def standing_order(self, target: str) -> DecisionLine | None:
        """The order for `target` that is on its way or done."""
        found = self._decisions(f"d.target = %s and {_OPEN_OR_DONE}", (target,), 1)
        return found[0] if found else None

    def told_correction(self, id: str) -> bytes | None:
        """What is on record of an order's correction."""
        rows = self._read("select correction from decisions where decision_id = %s", id)
        return rows[0][0].encode() if rows and rows[0][0] is not None else None

    def refused_before(self, id: str) -> int:
        """How many orders of this id, numbered or not, are on record."""
        rows = self._read(
            "select count(*) from decisions where decision_id = %s or starts_with(decision_id, %s || '/')"
            " and part_of is null and substr(decision_id, length(%s) + 2) ~ '^[0-9]+$'",
            id,
            id,
            id,
        )
        return int(rows[0][0])

    # ── the lists ───────────────────────────────────────────────────────────────────────────────────────

    def to_undo(self, selected: Selected) -> tuple[list[ListedPerson], int]:
        """Whose badge stands and is not being revoked; and how many more have one, or a newer one, on its way."""
        rows = self._read(
            "select p.registration_id, p.name, p.qualification, p.assertion_id, p.issued_at, p.known_version"
            " from people p left join assertions a using (assertion_id)"
            f" where {_CHOSEN} and p.assertion_id is not null and a.revoked_at is null and not {_REVOKING}"
            " order by p.registration_id",
            *_values(selected),
        )
        coming = self._read(
            "select count(*) from people p where p.cohort = %s and (%s::text is null or p.qualification = %s)"
            " and ((p.assertion_id is null and p.eligible_at is not null and p.held_reason is null)"
            f" or p.known_version > p.issued_version or (p.assertion_id is not null and {_CORRECTING}))",
            selected.cohort,
            selected.qualification,
            selected.qualification,
        )
        return [_listed(row) for row in rows], int(coming[0][0])

    def to_reissue(self, selected: Selected) -> tuple[list[ListedPerson], int]:
        """Whose badge was revoked by an undo and not replaced; and how many were by an order of their own.

        With `singly` those are on the list as well.
        """
        rows = self._read(
            "select p.registration_id, p.name, p.qualification, p.assertion_id, p.issued_at, p.known_version,"
            f" a.revoked_reason, {_UNDONE} from people p join assertions a using (assertion_id)"
            f" where {_CHOSEN} and a.revoked_at is not null and a.replaced_by is null"
            f" and p.known_version = p.issued_version and not {_CORRECTING} order by p.registration_id",
            *_values(selected),
        )
        listed = [_listed(row[:7]) for row in rows if selected.singly or row[7]]
        return listed, len(rows) - len(listed)

    # ── reading them ────────────────────────────────────────────────────────────────────────────────────

    def decisions(self, about: str | None, *, limit: int) -> list[DecisionLine]:
        """The latest first; the parts of an undo only when it is asked `about`.

        `about` is a decision, a registration, one of its badges, a cohort or a dead letter.
        """
        if about is None:
            return self._decisions("d.part_of is null", (), limit)
        return self._decisions(
            "(d.decision_id = %s or d.part_of = %s or d.subject in (select %s union"
            " select assertion_id from assertions where registration_id = %s union"
            " select registration_id from assertions where assertion_id = %s))",
            (about, about, about, about, about),
            limit,
        )

    def decision(self, id: str) -> DecisionLine | None:
        found = self._decisions("d.decision_id = %s", (id,), 1)
        return found[0] if found else None

    def _decisions(self, condition: str, values: tuple[Any, ...], limit: int) -> list[DecisionLine]:
        rows = self._read(
            "select d.decision_id, d.decision, d.subject, d.decided_by, d.why, d.decided_at,"
            " coalesce(p.registration_id, a.registration_id), coalesce(p.name, q.name), d.part_of, d.correction,"
            " d.people, d.outcome, d.detail, d.settled_by, d.settled_at"
            " from decisions d left join people p on p.registration_id = d.subject"
            " left join assertions a on a.assertion_id = d.subject"
            " left join people q on q.registration_id = a.registration_id"
            f" where {condition} order by d.decided_at desc, d.part_of nulls first, d.decision_id limit %s",
            *values,
            limit,
        )
        parts = self._parts([row[0] for row in rows if row[1] in BULK])
        return [_line(row, parts.get(row[0])) for row in rows]

    def _parts(self, ids: list[str]) -> dict[str, Parts]:
        counts: dict[str, dict[str | None, int]] = {id: {} for id in ids}
        if ids:
            for id, outcome, count in self._read(
                "select part_of, outcome, count(*) from decisions where part_of = any(%s) group by 1, 2", ids
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

    def placed(self, assertion_id: str) -> str | None:
        """The registration whose badge, of whatever version, this is."""
        rows = self._read("select registration_id from assertions where assertion_id = %s", assertion_id)
        return rows[0][0] if rows else None

    def facts(self, registration_id: str) -> tuple[int, Facts] | None:
        """The newest version heard of and what it says."""
        rows = self._read(
            "select known_version, family_name, given_name, family_name_latin, given_name_latin, pass_number,"
            " registration_number, valid_from, valid_until from people where registration_id = %s",
            registration_id,
        )
        if not rows:
            return None
        return rows[0][0], Facts(**dict(zip(Facts.__struct_fields__, rows[0][1:], strict=True)))

    def versions(self, registration_id: str) -> list[Version]:
        """The newest first."""
        columns = ", ".join(Version.__struct_fields__)
        rows = self._read(
            f"select {columns} from assertions where registration_id = %s order by version desc, assertion_id",
            registration_id,
        )
        return [Version(**dict(zip(Version.__struct_fields__, row, strict=True))) for row in rows]

    def life_letters(self, registration_id: str) -> list[LifeLetter]:
        """The letters about all versions, the latest first."""
        columns = ", ".join(f"l.{name}" for name in LifeLetter.__struct_fields__)
        rows = self._read(
            f"select {columns} from letters l join assertions a using (assertion_id) where a.registration_id = %s"
            " order by l.at desc, l.assertion_id, l.letter",
            registration_id,
        )
        return [LifeLetter(**dict(zip(LifeLetter.__struct_fields__, row, strict=True))) for row in rows]

    def _write(self, query: str, rows: Sequence[tuple[Any, ...]], *before: Any) -> None:
        """`rows` as one array a column, after the values of `before`."""
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            self.cursor.execute(query, (*before, *columns))


def _values(selected: Selected) -> tuple[Any, ...]:
    return (
        selected.cohort,
        *[selected.qualification] * 2,
        *[selected.issued_after] * 2,
        *[selected.issued_before] * 2,
    )


def _listed(row: tuple[Any, ...]) -> ListedPerson:
    names = ListedPerson.__struct_fields__
    return ListedPerson(**dict(zip(names, row, strict=False)))


def _line(row: tuple[Any, ...], parts: Parts | None) -> DecisionLine:
    names = DecisionLine.__struct_fields__
    known = dict(zip(names, row, strict=False))
    if known["correction"] is not None:
        known["correction"] = msgspec.json.decode(known["correction"], type=dict[str, str | None])
    if parts is not None:
        known |= {"parts": parts, "outcome": outcome_of(parts)}
    return DecisionLine(**known)
