"""The SQL of the schema `issuer`. It holds names, numbers and addresses of holders.

Locks are always taken in one order, so there are no deadlocks: rows of assertions by id, rows of documents by name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

import msgspec

from services.issuer.domain.issuance import Assertion, StatusPlace, issued
from services.issuer.domain.publication import status_name
from services.issuer.domain.revocation import AssertionState, Revocation, erased_reason
from services.issuer.domain.selection import IssuedVersion
from services.issuer.domain.status import ROOM, draw_indexes
from services.issuer.store.counting import CountTransaction
from services.issuer.store.inventory import InventoryTransaction
from shared.erasure_events import AssertionsErased, PersonErased
from shared.events import AssertionIssued, AssertionRevoked, event_id
from shared.retry import due_by_name, first_due_sql
from shared.runtime.db import Database
from shared.runtime.deletions import note_deletion

_MOST_PAUSE = timedelta(minutes=5)  # between two attempts to store a credential
_AMONG = 4  # times what is taken is looked at: other processes hold the locks of what they took
_announcements = msgspec.json.Decoder(AssertionIssued)


@dataclass(frozen=True)
class SignedCredential:
    """A credential's bytes, with the hash that is anchored and, for a later version, the office's reason."""

    assertion: Assertion
    credential: bytes
    leaf: str
    correction: str | None = None


@dataclass(frozen=True)
class PendingCredential:
    """A credential that waits to be put into object storage. `attempts` counts the failed ones.

    `revocation` is set when it was revoked in the meantime; `supersedes` are earlier versions, revoked when this one is
    stored.
    """

    assertion_id: str
    credential: bytes
    announcement: AssertionIssued
    attempts: int
    correction: str | None
    revocation: Revocation | None
    supersedes: tuple[str, ...]


@dataclass(frozen=True)
class _PendingRow:
    assertion_id: str
    version: int
    credential: bytes
    announcement: bytes
    attempts: int
    correction: str | None
    revoked_at: datetime | None
    revocation_reason: str | None
    replaced_by: str | None
    decision_id: str | None

    def pending(self, supersedes: tuple[str, ...]) -> PendingCredential:
        revocation = None
        if self.revoked_at is not None:
            revocation = Revocation(
                assertion_id=self.assertion_id,
                reason=self.revocation_reason or "",
                revoked_at=self.revoked_at,
                replaced_by=self.replaced_by,
                decision_id=self.decision_id,
            )
        return PendingCredential(
            assertion_id=self.assertion_id,
            credential=self.credential,
            announcement=_announcements.decode(self.announcement),
            attempts=self.attempts,
            correction=self.correction,
            revocation=revocation,
            supersedes=supersedes,
        )


class IssuerTransaction(InventoryTransaction, CountTransaction):
    # ── issue ──────────────────────────────────────────────────────────────────────────────────────────

    def newest_versions(self, registration_ids: Iterable[str]) -> dict[str, IssuedVersion]:
        """The newest version that we issued of each registration, if any; of somebody erased without the person."""
        found = self.cursor.execute(
            "select distinct on (registration_id) registration_id, version, assertion_id,"
            " case when erased_at is null then"
            "  nullif(convert_from(announcement, 'UTF8'), '')::json #>> '{holder,person_id}' end from assertions"
            " where registration_id = any(%s) order by registration_id, version desc",
            (list(set(registration_ids)),),
        )
        return {registration_id: IssuedVersion(*version) for registration_id, *version in found}

    def reserve(self, count: int, random: Random) -> list[StatusPlace]:
        """`count` unused bits of the current status list, in random order; they are ours when this transaction commits.

        Another process that draws one of these bits at the same moment waits for our commit, then draws another.
        """
        number, used = self.cursor.execute(
            "select number, (select count(*) from status_entries where status_list = number)"
            " from (select greatest((select max(status_list) from status_entries),"
            "  (select max(first_list) from restores), 1) as number) as newest"
        ).fetchone() or (1, 0)
        if used >= ROOM:
            number += 1
        taken: list[int] = []
        while len(taken) < count:
            drawn = draw_indexes(random, count - len(taken))
            entries = [{"status_index": index, "status_list": number} for index in drawn]
            taken += [index for (index,) in self.insert_rows("status_entries", entries, returning="status_index")]
        random.shuffle(taken)
        return [StatusPlace(number, index) for index in taken]

    def give_back(self, places: Sequence[StatusPlace]) -> None:
        """Bits that this transaction reserved and does not use."""
        for place in places:
            self.cursor.execute(
                "delete from status_entries where status_list = %s and status_index = %s", (place.number, place.index)
            )

    def save(self, batch: Sequence[SignedCredential], now: datetime) -> None:
        """Save signed credentials, to be stored. UniqueViolation for a version of a registration that has one."""
        rows = [
            {
                "assertion_id": each.assertion.assertion_id,
                "registration_id": each.assertion.award.registration_id,
                "version": each.assertion.version,
                "corrects": each.assertion.corrects,
                "correction": each.correction,
                "cohort": each.assertion.award.cohort,
                "qualification": each.assertion.award.qualification,
                "status_list": each.assertion.status.number,
                "status_index": each.assertion.status.index,
                "leaf": each.leaf,
                "credential": each.credential,
                "announcement": msgspec.json.encode(issued(each.assertion, each.leaf)),
                "issued_at": now,
                "next_try_at": now,
            }
            for each in batch
        ]
        self.insert_rows("assertions", rows, on_conflict=None)
        self.apply_recalled([each.assertion.assertion_id for each in batch], now)

    # ── store ──────────────────────────────────────────────────────────────────────────────────────────

    def take_pending(self, limit: int, now: datetime) -> list[PendingCredential]:
        """Credentials that are due to be stored; no other process takes them until this transaction ends.

        A version is taken after all earlier ones are stored, and only together with locks on those that it supersedes.
        If another process holds one of these locks, the version is left for the next run: we never wait for a lock
        while we hold others.
        """
        signed = (
            "select assertion_id from assertions where state = 'signed'"
            " and (version = 1 or not exists (select from assertions as earlier"
            "  where earlier.registration_id = assertions.registration_id"
            "  and earlier.version < assertions.version and earlier.stored_at is null))"
        )
        # The first of 20 000 are found in the order of the index. Of `state` the server counted that hardly a row is
        # signed, and would look through all that are for each one: those that are named are asked for `stored_at`.
        found = self.fetch_all(
            _PendingRow,
            f"with due as materialized ({first_due_sql(signed, 'next_try_at', '%(among)s')})"
            " select assertion_id, version, credential, announcement, attempts, correction,"
            " revoked_at, revocation_reason, replaced_by, decision_id from assertions"
            " where assertion_id = any(array(select assertion_id from due)) and stored_at is null"
            " order by next_try_at limit %(limit)s for update skip locked",
            {**due_by_name(now, _MOST_PAUSE), "among": _AMONG * limit, "limit": limit},
        )
        superseded = self._lock_superseded([row.assertion_id for row in found if row.version > 1])
        taken = []
        for row in found:
            supersedes = superseded.get(row.assertion_id, ())
            if supersedes is not None:
                taken.append(row.pending(supersedes))
        return taken

    def _lock_superseded(self, ids: Sequence[str]) -> dict[str, tuple[str, ...] | None]:
        """The earlier versions of these that are not revoked, locked; None where another process holds one of them."""
        if not ids:
            return {}
        earlier = (
            "select assertions.assertion_id, later.assertion_id from assertions join assertions as later"
            " on later.registration_id = assertions.registration_id and later.version > assertions.version"
            " where later.assertion_id = any(%s) and assertions.revoked_at is null"
        )
        wanted = self.cursor.execute(earlier, (list(ids),)).fetchall()
        if not wanted:
            return {}
        locked = set(self.cursor.execute(f"{earlier} for update of assertions skip locked", (list(ids),)))
        found: dict[str, tuple[str, ...] | None] = {}
        for former, id in wanted:
            before = found.get(id, ())
            found[id] = None if before is None or (former, id) not in locked else (*before, former)
        return found

    def mark_stored(self, ids: Sequence[str], now: datetime) -> None:
        self.cursor.execute(
            "update assertions set state = 'stored', stored_at = %s, last_error = null where assertion_id = any(%s)",
            (now, list(ids)),
        )

    def mark_not_stored(self, assertion_id: str, error: str, next_try_at: datetime) -> None:
        self.cursor.execute(
            "update assertions set attempts = attempts + 1, last_error = %s, next_try_at = %s where assertion_id = %s",
            (error, next_try_at, assertion_id),
        )

    # ── revoke ─────────────────────────────────────────────────────────────────────────────────────────

    def states_of(self, ids: Iterable[str]) -> dict[str, AssertionState]:
        """The states of those of these assertions that we issued, locked until this transaction ends."""
        found = self.cursor.execute(
            "select assertion_id, state = 'stored', revoked_at is not null,"
            " case when decision_id is null and replaced_by is null then revocation_reason end from assertions"
            " where assertion_id = any(%s) order by assertion_id for update",
            (sorted(set(ids)),),
        )
        return {id: AssertionState(stored, revoked, reason) for id, stored, revoked, reason in found}

    def revoke(self, batch: Sequence[Revocation], now: datetime) -> None:
        """Revoke these assertions, locked before, for ever; their status lists are due."""
        if not batch:
            return
        rows = [
            {
                "assertion_id": each.assertion_id,
                "revoked_at": each.revoked_at,
                "revocation_reason": each.reason,
                "replaced_by": each.replaced_by,
                "decision_id": each.decision_id,
            }
            for each in batch
        ]
        self.update_rows("assertions", rows, "assertion_id", where="assertions.revoked_at is null")
        # One whose revocation was taken back after a restore: its order is known again.
        self.update_rows(
            "assertions",
            [{"assertion_id": each.assertion_id, "decision_id": each.decision_id} for each in batch],
            "assertion_id",
            where="assertions.decision_id is null and assertions.replaced_by is null",
        )
        lists = self.cursor.execute(
            "select distinct status_list from assertions where assertion_id = any(%s)",
            ([each.assertion_id for each in batch],),
        )
        self.make_due({status_name(number) for (number,) in lists}, now)

    def revoked_indexes(self, number: int) -> list[int]:
        """The bits of a status list that are set."""
        found = self.cursor.execute(
            "select status_index from assertions where status_list = %s and revoked_at is not null", (number,)
        )
        return [index for (index,) in found]

    # ── erase ──────────────────────────────────────────────────────────────────────────────────────────

    def begin_erasures(self, events: Sequence[PersonErased | AssertionsErased]) -> list[Revocation]:
        """All badges of these people are revoked: the revocations that are new. What is in storage is to be deleted.

        One that isn't stored yet never will be, and counts as issued and revoked all the same: a copy of it may exist
        if the database was restored.
        """
        if not events:
            return []
        now = self.now()
        ours = "registration_id = any(%s)"
        locked = self.cursor.execute(
            f"select registration_id, assertion_id, revoked_at is null from assertions where {ours}"
            " order by assertion_id for update",
            ([id for event in events for id in event.registration_ids],),
        ).fetchall()
        revoked: dict[str, Revocation] = {}
        for event in events:
            theirs = {id: counts for of, id, counts in locked if of in event.registration_ids}
            for id in (id for id, counts in theirs.items() if counts):
                by = Revocation(id, erased_reason(), now, decision_id=event.decision_id, erased=True)
                revoked.setdefault(id, by)
            known = event.assertion_ids if isinstance(event, AssertionsErased) else ()
            ids = tuple(sorted({*theirs, *known}))
            self.erase(event.decision_id, event.registration_ids)
            note_deletion(
                self,
                AssertionsErased(
                    decision_id=event.decision_id,
                    subject=event.subject,
                    registration_ids=event.registration_ids,
                    erased_at=now,
                    assertion_ids=ids,
                ),
            )
        self.revoke(list(revoked.values()), now)
        self.cursor.execute(
            "update assertions set erased_at = coalesce(erased_at, %s), state = 'stored',"
            f" stored_at = coalesce(stored_at, %s) where {ours}",
            (now, now, [id for event in events for id in event.registration_ids]),
        )
        return list(revoked.values())

    def take_back_erased(self, events: Sequence[AssertionsErased]) -> None:
        """After a restore. These people stay erased: also rows that were taken back just now, or are in the backup.

        Idempotent, in any order with the others.
        """
        self.claim_erasures([])  # what another process has in hand is found
        self.begin_erasures(events)

    def places_of(self, ids: Iterable[str]) -> dict[int, set[int]]:
        """Status list → the bits of those of these assertions that we issued."""
        found = self.cursor.execute(
            "select status_list, status_index from assertions where assertion_id = any(%s)", (list(ids),)
        )
        places: defaultdict[int, set[int]] = defaultdict(set)
        for number, index in found:
            places[number].add(index)
        return places

    def blank(self, ids: Sequence[str]) -> None:
        """Keep of these assertions what others are verified and counted with: leaf, bit, cohort, period's end.

        The office's reason for a former revocation may name the person: of its announcement only the id stays.
        """
        locked = self.cursor.execute(
            "select assertion_id, revocation_reason from assertions where assertion_id = any(%s)"
            " order by assertion_id for update",
            (list(ids),),
        ).fetchall()
        self.cursor.execute(
            "update announced set topic = '', key = '', value = '' where event_id = any(%s)",
            ([event_id(AssertionRevoked.__name__, id) for id, why in locked if why != erased_reason()],),
        )
        self.cursor.execute(
            "update assertions set credential = null, correction = null, last_error = null, revocation_reason = %s,"
            " announcement = convert_to(json_build_object('award', json_build_object('valid_until',"
            "  nullif(convert_from(announcement, 'UTF8'), '')::json #>> '{award,valid_until}'))::text, 'UTF8')"
            " where assertion_id = any(%s)",
            (erased_reason(), list(ids)),
        )


Store = Database[IssuerTransaction]
