"""The rows of registrations and of what was rejected or not applied."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec

from services.registration.domain.cohort import AddressUse, Judgement
from services.registration.domain.intake import NotApplied
from services.registration.domain.record import FIELDS, UpstreamRecord
from services.registration.domain.registration import Registration
from services.registration.domain.spelling import Spelling
from services.registration.store.facts import COUNTS
from services.registration.store.foreseen import Foreseen
from shared.addresses import same_address_key
from shared.events import IssuanceRefused
from shared.runtime.db import replace

_WRITERS = "registration/writers"
IS_ISSUED = "issued_version > 0 or (presumed_issued and refused_version < version)"
"""Whether some version has a badge, or the office's correction is to get one."""
_SELECT = (
    f"select {', '.join(FIELDS)}, office_email, confirmed_at, state, reason, first_registration_id, office_hold,"
    " revision, version, recalled as is_recalled, notify_from,"
    " facts_confirmed, spelling, address_revision, with_cohort, resumed_at,"
    f" {IS_ISSUED} as is_issued from registrations"
)
# A recalled registration waits for its record, and one with a recalled order for that order.
_OF_COHORT = "reason = 'not-this-cycle' and valid_from = %s and due_since is null"
_COMPLETED = "reason = 'completes-later' and completed_on <= %s and due_since is null"
_TO_JUDGE = (
    "due_since is not null and not recalled"
    " and not exists (select from recalled_orders as set_before"
    "  where set_before.registration_id = registrations.registration_id)"
)


@dataclass(frozen=True)
class DueRange:
    """The registrations that wait for a judgement: since when the first and the last, and whether any can't wait."""

    newest: datetime
    oldest: datetime
    any_at_once: bool


@dataclass(frozen=True)
class RejectedRow:
    """One invalid field of a row, as the office may see it: `got` is None if it is personal."""

    rejection_id: str
    source: str
    row: int | None
    field: str
    got: str | None
    expected: str
    registration_id: str | None
    received_at: datetime


class Registrations(Foreseen):
    """One transaction on the registrations."""

    def lock(self) -> None:
        """Wait until no other process writes registrations; none does until this transaction ends.

        So two judges can't each release one of two people who share an address, and no registration is judged while
        the rest of its delivery is being written. The database refuses to write addresses and states without it.
        """
        self.cursor.execute("select pg_advisory_xact_lock(hashtext(%s))", (_WRITERS,))

    # ── accept ─────────────────────────────────────────────────────────────────────────────────────────

    def registrations(self, ids: Iterable[str]) -> dict[str, Registration]:
        """Those of `ids` that are known."""
        found: list[dict[str, Any]] = self.fetch_all(dict, f"{_SELECT} where registration_id = any(%s)", (list(ids),))
        return {registration.id: registration for registration in map(_registration, found)}

    def insert(self, records: Sequence[UpstreamRecord], now: datetime) -> None:
        """New registrations. They are judged once the delivery has settled.

        What was announced of them before a restore, and the office's orders, they take over.
        """
        self.insert_rows(
            "registrations",
            [
                {**record_columns(record), "address_key": _key(record.email), "received_at": now, "due_since": now}
                for record in records
            ],
        )
        self.take_over([record.registration_id for record in records])

    def update(self, changed: Sequence[Registration], now: datetime, *, judge: bool) -> None:
        """Write the records of known registrations. With `judge` they are judged once the delivery has settled.

        Those are not released, or no longer: they were amended before a badge was issued. So what is released of them
        next is not issued until the issuer says so.
        """

        def due(each: Registration) -> dict[str, Any]:
            if not judge:
                return {}
            return {
                "state": each.state,
                "reason": each.reason,
                "version": each.version,
                "notify_from": None,
                "released_at": None,
                "due_since": now,
                "foreseen": False,
                "presumed_issued": False,
            }

        self.update_rows(
            "registrations",
            [
                {
                    **record_columns(each.record),
                    "office_email": each.office_email,
                    "address_key": each.address_key,
                    "recalled": each.is_recalled,
                    "facts_confirmed": each.facts_confirmed,
                    "received_at": now,
                    **due(each),
                }
                for each in changed
            ],
            "registration_id",
        )

    def add_not_applied(self, refused: Sequence[NotApplied], source: str, now: datetime) -> None:
        """Record which fields upstream changed after the issue, without their content."""
        pairs = sorted({(each.registration_id, field) for each in refused for field in each.fields})
        self.insert_rows(
            "not_applied",
            [{"registration_id": id, "field": field, "source": source, "noted_at": now} for id, field in pairs],
            replace("registration_id, field", ("source", "noted_at")),
        )

    def add_rejected(self, rows: Sequence[RejectedRow]) -> list[RejectedRow]:
        """Keep rejected rows; returns those that are new, in order."""
        by_id = {row.rejection_id: row for row in rows}
        new = self.insert_rows("rejected", [_rejected(row) for row in by_id.values()], returning="rejection_id")
        # One that was taken back after a loss lacks it: no topic holds which registration it was about.
        about = [{"rejection_id": id, "registration_id": row.registration_id} for id, row in by_id.items()]
        self.update_rows(
            "rejected",
            [row for row in about if row["registration_id"] is not None],
            "rejection_id",
            where="rejected.registration_id is null",
        )
        ids = {id for (id,) in new}
        return [row for id, row in by_id.items() if id in ids]

    def rejected(self, limit: int) -> list[RejectedRow]:
        """The rejected rows, newest first."""
        return self.fetch_all(
            RejectedRow,
            "select rejection_id, source, row_number as row, field, got, expected, registration_id, received_at"
            " from rejected order by received_at desc, rejection_id limit %s",
            (limit,),
        )

    # ── judge ──────────────────────────────────────────────────────────────────────────────────────────

    def due(self, *, foreseen: bool) -> DueRange | None:
        """What waits for a judgement; None if nothing does. Takes no lock.

        Without `foreseen` those that were judged before their cycle began are left until it begins.
        """
        return self.fetch_one(
            DueRange,
            "select max(due_since) as newest, min(due_since) as oldest, bool_or(at_once) as any_at_once"
            f" from registrations where {_TO_JUDGE} and (at_once or %s or not foreseen) having count(*) > 0",
            (foreseen,),
        )

    def to_judge(self, *, at_once_only: bool, foreseen: bool, limit: int) -> list[Registration]:
        """The next registrations to judge, those that wait longest first. `foreseen` as of `due`."""
        found: list[dict[str, Any]] = self.fetch_all(
            dict,
            f"{_SELECT} where {_TO_JUDGE} and (at_once or not %s) and (at_once or %s or not foreseen)"
            " order by due_since, registration_id limit %s",
            (at_once_only, foreseen, limit),
        )
        return [_registration(row) for row in found]

    def cohort(self, begins_on: date, after: str, limit: int) -> list[Registration]:
        """Those whose period begins then, or that are not released: the next by their ids after `after`."""
        found: list[dict[str, Any]] = self.fetch_all(
            dict,
            f"{_SELECT} where (valid_from = %s or state <> 'released') and registration_id > %s"
            " order by registration_id limit %s",
            (begins_on, after, limit),
        )
        return [_registration(row) for row in found]

    def address_uses(self, keys: Iterable[str], not_before: date) -> list[AddressUse]:
        """The registrations at these addresses that count: released ever, or with a period from `not_before` on."""
        return self.fetch_all(
            AddressUse,
            "select registration_id, person_id, address_key, released_at from registrations"
            f" where address_key = any(%s) and {COUNTS}",
            (list(keys), not_before),
        )

    def save_judgements(self, judgements: Sequence[tuple[Judgement, int, datetime | None]], now: datetime) -> None:
        """Write each judgement with the registration's new revision and `confirmed_at`. They are no longer due."""
        self.update_rows(
            "registrations",
            [
                {
                    "registration_id": each.registration_id,
                    "state": "released" if each.reason is None else "held",
                    "reason": each.reason,
                    "first_registration_id": each.first_registration_id,
                    "revision": revision,
                    "confirmed_at": confirmed_at,
                    "with_cohort": each.with_cohort,
                    "notify_from": each.notify_from,
                    "released_at": now if each.reason is None else None,
                    "due_since": None,
                    "at_once": False,
                    "foreseen": False,
                }
                for each, revision, confirmed_at in judgements
            ],
            "registration_id",
        )

    def judge_address_sharers(self, keys: Collection[str], now: datetime) -> None:
        """A registration left these addresses: judge at once those held because they share one."""
        if not keys:
            return
        self.cursor.execute(
            "update registrations set due_since = %s, at_once = true"
            " where address_key = any(%s) and reason in ('shared-address', 'address-taken')",
            (now, list(keys)),
        )

    def waits_for_a_day(self, begins_on: date, today: date) -> bool:
        """Whether `judge_cohort` or `judge_completed` finds any. Takes no lock."""
        found: bool = self.fetch_value(
            f"select exists (select from registrations where {_OF_COHORT})"
            f" or exists (select from registrations where {_COMPLETED})",
            (begins_on, today),
        )
        return found

    def judge_completed(self, today: date, now: datetime) -> int:
        """Judge those that were held until the day of their completion, which has come; returns how many."""
        return self.cursor.execute(
            f"update registrations set due_since = %s, at_once = true where {_COMPLETED}",
            (now, today),
        ).rowcount

    def judge_failed(self, begins_on: date, now: datetime) -> int:
        """Judge those again that could not be judged, or not be printed, or that were released in an earlier cycle than
        ours and are held; returns how many."""
        return self.cursor.execute(
            "update registrations set due_since = %s, at_once = true where due_since is null"
            " and (reason in ('not-judged', 'no-glyph') or (reason is not null and version > 1 and valid_from < %s))",
            (now, begins_on),
        ).rowcount

    def judge_cohort(self, begins_on: date, now: datetime) -> int:
        """This cohort's cycle is ours now: judge those that were held until then; returns how many."""
        return self.cursor.execute(
            f"update registrations set due_since = %s, at_once = true where {_OF_COHORT}",
            (now, begins_on),
        ).rowcount

    # ── what the issuer answers ────────────────────────────────────────────────────────────────────────

    def released(self, ids: Iterable[str]) -> set[str]:
        """Those of `ids` that are released."""
        found = self.cursor.execute(
            "select registration_id from registrations where registration_id = any(%s) and state = 'released'",
            (list(ids),),
        )
        return {id for (id,) in found}

    def note_issued(self, versions: Mapping[str, int]) -> None:
        """The newest version of each of these registrations that has a badge."""
        self.update_rows(
            "registrations",
            [{"registration_id": id, "issued_version": version} for id, version in versions.items()],
            "registration_id",
            where="registrations.issued_version < new.issued_version",
        )

    def note_refused(self, events: Sequence[IssuanceRefused]) -> None:
        """Step 3. The issuer refused these versions: upstream and the office may amend them, unless one has a badge."""
        self.lock()
        newest = {event.registration_id: event for event in sorted(events, key=lambda event: event.version)}
        self.update_rows(
            "registrations",
            [
                {
                    "registration_id": id,
                    "refused_version": event.version,
                    "issued_version": event.issued_version,
                }
                for id, event in newest.items()
            ],
            "registration_id",
            assign="refused_version = greatest(registrations.refused_version, new.refused_version),"
            " issued_version = greatest(registrations.issued_version, new.issued_version)",
        )

    # ── after a restore ────────────────────────────────────────────────────────────────────────────────

    def take_over(self, ids: Sequence[str], *, due_since: datetime | None = None, recalled: bool = False) -> None:
        """Give the registrations that are here what `recalled` holds for them; a released one its revision only.

        With `recalled` a hold or release that is news to them makes them wait for their record, due since `due_since`.
        """
        self.cursor.execute(
            "with past as (delete from recalled where registration_id = any(%(ids)s)"
            "  and registration_id in (select registration_id from registrations) returning *),"
            " change as (select past.*, registrations.state = 'released' as is_released,"
            "   registrations.state <> 'released' and past.revision > registrations.revision as is_news"
            "  from past join registrations using (registration_id))"
            " update registrations set"
            "  revision = greatest(registrations.revision, change.revision),"
            "  state = case when not is_news then state when change.reason is null then 'waiting' else 'held' end,"
            "  reason = case when is_news then change.reason else registrations.reason end,"
            "  first_registration_id = case when is_news then change.first_registration_id"
            "   else registrations.first_registration_id end,"
            "  due_since = case when is_news and %(recalled)s then %(due_since)s else due_since end,"
            "  spelling = coalesce(registrations.spelling, change.spelling),"
            "  at_once = at_once and not (is_news and %(recalled)s),"
            "  recalled = recalled or (is_news and %(recalled)s),"
            "  office_hold = not is_released and (registrations.office_hold or change.office_hold),"
            "  resumed_at = greatest(registrations.resumed_at, change.resumed_at),"
            "  office_email = case when is_released then registrations.office_email"
            "   else coalesce(change.office_email, registrations.office_email) end,"
            "  confirmed_at = case when is_released then registrations.confirmed_at"
            "   else coalesce(change.confirmed_at, registrations.confirmed_at) end,"
            "  address_key = case when is_released then registrations.address_key"
            "   else coalesce(change.address_key, registrations.address_key) end"
            " from change where change.registration_id = registrations.registration_id",
            {"ids": list(ids), "due_since": due_since, "recalled": recalled},
        )


def _registration(row: Mapping[str, Any]) -> Registration:
    record = UpstreamRecord(**{name: row[name] for name in FIELDS})
    others = {name: value for name, value in row.items() if name not in FIELDS}
    return Registration(record, **others | {"spelling": Spelling.of_text(row["spelling"])})


def record_columns(record: UpstreamRecord) -> dict[str, Any]:
    """The columns of `registrations` that hold the record."""
    return msgspec.structs.asdict(record)


def _rejected(row: RejectedRow) -> dict[str, Any]:
    columns = vars(row).copy()
    columns["row_number"] = columns.pop("row")
    return columns


def _key(email: str | None) -> str | None:
    return None if email is None else same_address_key(email)
