"""The schema `registration`: its SQL, and nobody else's. Birth dates and phones never leave it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.registration.domain.cohort import AddressUse, Judgement
from services.registration.domain.intake import NotApplied, Standing
from services.registration.domain.registration import DATES, FIELDS, UpstreamRecord
from shared.addresses import same_address_key
from shared.runtime.db import Database, Transaction

_WRITERS = "registration/writers"
_FIELDS = ", ".join(FIELDS)
_NEW_FIELDS = ", ".join(f"new.{field}" for field in FIELDS)
_ARRAYS = ", ".join("%s::date[]" if field in DATES else "%s::text[]" for field in FIELDS)
_SELECT = (
    f"select {_FIELDS}, office_email, confirmed_at, state, reason, first_registration_id, office_hold, revision,"
    " version"
    " from registrations"
)


@dataclass(frozen=True)
class Due:
    """What waits to be judged."""

    newest: datetime
    oldest: datetime
    any_at_once: bool


@dataclass(frozen=True)
class RejectedRow:
    """A row that couldn't be read, as the office may see it: `got` only where it isn't personal."""

    rejection_id: str
    source: str
    row: int | None
    field: str
    got: str | None
    expected: str
    registration_id: str | None
    received_at: datetime


class RegistrationTransaction(Transaction):
    """One transaction on the registrations."""

    def alone(self) -> None:
        """Wait until no other process writes registrations; nobody else does until this transaction ends.

        So two judges can't each release one of two people who share an address, and nobody is judged while the rest
        of the delivery is being written.
        """
        self.cursor.execute("select pg_advisory_xact_lock(hashtext(%s))", (_WRITERS,))

    # ── accept ─────────────────────────────────────────────────────────────────────────────────────────

    def standings(self, ids: Iterable[str]) -> dict[str, Standing]:
        """Those of the registrations that are known."""
        found = self.cursor.execute(f"{_SELECT} where registration_id = any(%s)", (list(ids),))
        return {standing.record.registration_id: standing for standing in map(_standing, found)}

    def insert(self, records: Sequence[UpstreamRecord], now: datetime) -> None:
        """New registrations; they are judged when the delivery has settled."""
        if not records:
            return
        self.cursor.execute(
            f"insert into registrations ({_FIELDS}, address_key, received_at, due_since)"
            f" select *, %s, %s from unnest({_ARRAYS}, %s::text[])",
            (now, now, *_columns(records), [_key(record.email) for record in records]),
        )

    def update(self, changed: Sequence[Standing], now: datetime, *, judge: bool) -> None:
        """Write the records of known registrations; with `judge` they are judged when the delivery has settled."""
        if not changed:
            return
        self.cursor.execute(
            f"update registrations set ({_FIELDS}) = ({_NEW_FIELDS}), address_key = new.key, received_at = %s,"
            " due_since = case when %s then %s else due_since end"
            f" from unnest({_ARRAYS}, %s::text[]) as new ({_FIELDS}, key)"
            " where registrations.registration_id = new.registration_id",
            (
                now,
                judge,
                now,
                *_columns([standing.record for standing in changed]),
                [standing.address_key for standing in changed],
            ),
        )

    def note(self, refused: Sequence[NotApplied], source: str, now: datetime) -> None:
        """Remember which fields upstream wanted to change after the issue; not their content."""
        if not refused:
            return
        pairs = sorted({(each.registration_id, field) for each in refused for field in each.fields})
        self.cursor.execute(
            "insert into not_applied (registration_id, field, source, noted_at)"
            " select id, field, %s, %s from unnest(%s::text[], %s::text[]) as new (id, field)"
            " on conflict (registration_id, field)"
            " do update set source = excluded.source, noted_at = excluded.noted_at",
            (source, now, [id for id, _ in pairs], [field for _, field in pairs]),
        )

    def reject(self, rows: Sequence[RejectedRow]) -> list[RejectedRow]:
        """Keep rows that couldn't be read; those that weren't kept before, in order."""
        if not rows:
            return []
        unlike = {row.rejection_id: row for row in rows}
        new = {
            id
            for (id,) in self.cursor.execute(
                "insert into rejected"
                " (rejection_id, source, row_number, field, got, expected, registration_id, received_at)"
                " select * from unnest(%s::text[], %s::text[], %s::int[], %s::text[], %s::text[], %s::text[],"
                " %s::text[], %s::timestamptz[]) on conflict do nothing returning rejection_id",
                (
                    [row.rejection_id for row in unlike.values()],
                    [row.source for row in unlike.values()],
                    [row.row for row in unlike.values()],
                    [row.field for row in unlike.values()],
                    [row.got for row in unlike.values()],
                    [row.expected for row in unlike.values()],
                    [row.registration_id for row in unlike.values()],
                    [row.received_at for row in unlike.values()],
                ),
            )
        }
        return [row for id, row in unlike.items() if id in new]

    def rejected(self, limit: int) -> list[RejectedRow]:
        """The rows that couldn't be read, newest first."""
        found = self.cursor.execute(
            "select rejection_id, source, row_number, field, got, expected, registration_id, received_at"
            " from rejected order by received_at desc, rejection_id limit %s",
            (limit,),
        )
        return [RejectedRow(*row) for row in found]

    # ── judge ──────────────────────────────────────────────────────────────────────────────────────────

    def due(self) -> Due | None:
        """What waits to be judged; None if nothing does. Takes no lock."""
        newest, oldest, at_once = self._one(
            "select max(due_since), min(due_since), bool_or(at_once) from registrations where due_since is not null"
        )
        return None if newest is None else Due(newest, oldest, at_once)

    def to_judge(self, *, at_once_only: bool, limit: int) -> list[Standing]:
        """The next registrations to be judged, longest waiting first."""
        found = self.cursor.execute(
            f"{_SELECT} where due_since is not null and (at_once or not %s)"
            " order by due_since, registration_id limit %s",
            (at_once_only, limit),
        )
        return [_standing(row) for row in found]

    def address_uses(self, keys: Iterable[str], not_before: date) -> list[AddressUse]:
        """All registrations at these addresses: badges once issued, and periods that begin on `not_before` or later."""
        found = self.cursor.execute(
            "select registration_id, person_id, address_key, released_at from registrations"
            " where address_key = any(%s) and (state = 'released' or valid_from >= %s)",
            (list(keys), not_before),
        )
        return [AddressUse(*row) for row in found]

    def judged(self, judgements: Sequence[tuple[Judgement, int]], now: datetime) -> None:
        """Write what became of each, with its new revision. It is due no more."""
        self.cursor.execute(
            "update registrations set state = case when new.reason is null then 'released' else 'held' end,"
            " reason = new.reason, first_registration_id = new.first, revision = new.revision,"
            " notify_from = new.notify_from, released_at = case when new.reason is null then %s end,"
            " due_since = null, at_once = false"
            " from unnest(%s::text[], %s::text[], %s::text[], %s::int[], %s::timestamptz[])"
            " as new (registration_id, reason, first, revision, notify_from)"
            " where registrations.registration_id = new.registration_id",
            (
                now,
                [each.registration_id for each, _ in judgements],
                [each.reason for each, _ in judgements],
                [each.first_registration_id for each, _ in judgements],
                [revision for _, revision in judgements],
                [each.notify_from for each, _ in judgements],
            ),
        )

    def judge_sharers_again(self, keys: Collection[str], now: datetime) -> None:
        """Somebody left these addresses: who was held for sharing one, or as the later one, may be alone there now."""
        if not keys:
            return
        self.cursor.execute(
            "update registrations set due_since = %s, at_once = true"
            " where address_key = any(%s) and reason in ('shared-address', 'address-taken')",
            (now, list(keys)),
        )

    def judge_later_cycle(self, begins_on: date, now: datetime) -> int:
        """The cycle that some were held for has come: judge them; how many."""
        return self.cursor.execute(
            "update registrations set due_since = %s, at_once = true"
            " where reason = 'not-this-cycle' and valid_from = %s and due_since is null",
            (now, begins_on),
        ).rowcount

    # ── decide ─────────────────────────────────────────────────────────────────────────────────────────

    def set_office_address(self, standing: Standing, address: str, confirmed_at: datetime, now: datetime) -> None:
        """The office's address counts from now on; the registration is judged at once."""
        self.cursor.execute(
            "update registrations set office_email = %s, confirmed_at = %s, address_key = %s, due_since = %s,"
            " at_once = true where registration_id = %s",
            (address, confirmed_at, same_address_key(address), now, standing.record.registration_id),
        )

    def set_office_hold(self, standing: Standing, held: bool, now: datetime) -> None:
        """Hold, or stop holding, by the office's order; the registration is judged at once."""
        self.cursor.execute(
            "update registrations set office_hold = %s, due_since = %s, at_once = true where registration_id = %s",
            (held, now, standing.record.registration_id),
        )

    def correct(self, corrected: Sequence[Standing], now: datetime) -> None:
        """Write issued registrations as the office corrected them, each at its new version, to be told from now on."""
        if not corrected:
            return
        self.update(corrected, now, judge=False)
        self.cursor.execute(
            "update registrations set office_email = new.email, confirmed_at = new.confirmed_at,"
            " version = new.version, notify_from = %s"
            " from unnest(%s::text[], %s::text[], %s::timestamptz[], %s::int[])"
            " as new (registration_id, email, confirmed_at, version)"
            " where registrations.registration_id = new.registration_id",
            (
                now,
                [standing.id for standing in corrected],
                [standing.office_email for standing in corrected],
                [standing.confirmed_at for standing in corrected],
                [standing.version for standing in corrected],
            ),
        )

    def _one(self, query: str) -> tuple[Any, ...]:
        row = self.cursor.execute(query).fetchone()
        if row is None:
            raise LookupError(f"no row from an aggregate: {query}")
        return tuple(row)


Store = Database[RegistrationTransaction]


def _standing(row: Sequence[Any]) -> Standing:
    record = UpstreamRecord(**dict(zip(FIELDS, row[: len(FIELDS)], strict=True)))
    return Standing(record, *row[len(FIELDS) :])


def _columns(records: Sequence[UpstreamRecord]) -> list[list[Any]]:
    return [[getattr(record, field) for record in records] for field in FIELDS]


def _key(email: str | None) -> str | None:
    return None if email is None else same_address_key(email)
