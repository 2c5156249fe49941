"""The table `leaves`: one row for each signed document, badge or statement of the count, from its issue to its proof.

A statement's row has its `statement_id` where a badge's has its assertion id. It waits for no receipt and is never
revoked; alone it closes a batch only after a day, so that it goes into the next batch of badges if there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from services.anchor.domain.anchoring import Deployment
from shared import object_keys
from shared.count_events import StatementPublished
from shared.events import AssertionIssued, AssertionRevoked, BadgeReceived
from shared.retry import due_at, is_due_sql, next_try
from shared.runtime.db import Transaction

MOST_PAUSE = timedelta(seconds=60)
"""Between two attempts on a credential."""

_AT_FAULT = 3  # failed tries after which somebody has to look at a credential
_IS_WAITING = "ready_at is not null and root is null and excluded_as is null"


@dataclass(frozen=True)
class WaitingLeaves:
    """The leaves that wait for a batch. `oldest_at`: since when the first of them has.

    `oldest_statement_at`: the same of statements, which count among those that fill a batch, and not for its age.
    """

    count: int
    oldest_at: datetime | None
    oldest_statement_at: datetime | None = None


@dataclass(frozen=True)
class WaitingLeaf:
    assertion_id: str
    leaf: bytes


@dataclass(frozen=True)
class UnprovedLeaf:
    """A leaf of a final batch whose credential doesn't carry the proof yet."""

    assertion_id: str
    leaf: bytes
    attempts: int


@dataclass(frozen=True)
class ProvedLeaf:
    """A leaf whose credential carries the proof."""

    assertion_id: str
    leaf: bytes
    root: bytes


@dataclass(frozen=True)
class UncoveredBadges:
    """Badges that are valid after the last day of their networks, and until when the last of them is."""

    count: int
    until: date | None


class Leaves:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    # ── events ──────────────────────────────────────────────────────────────────────────────────────────

    def note_issued(self, events: Sequence[AssertionIssued], *, ready: bool) -> None:
        """`ready`: they wait for a batch from now on, received or not; else as soon as their receipt is known."""
        now = self._tx.now()
        self._tx.insert_rows(
            "leaves",
            [
                {
                    "assertion_id": event.assertion_id,
                    "leaf": bytes.fromhex(event.leaf),
                    "valid_until": event.award.valid_until,
                    "ready_at": now if ready else None,
                }
                for event in events
            ],
            "(assertion_id) do update set leaf = coalesce(leaves.leaf, excluded.leaf),"
            " valid_until = excluded.valid_until",
        )
        self._mark_ready([event.assertion_id for event in events], now, ready=ready)

    def note_statements(self, events: Sequence[StatementPublished]) -> None:
        now = self._tx.now()
        rows = [
            {
                "assertion_id": object_keys.statement_id(event.cohort, event.number),
                "leaf": bytes.fromhex(event.leaf),
                "is_statement": True,
                "ready_at": now,
            }
            for event in events
        ]
        self._tx.insert_rows("leaves", rows)

    def note_received(self, events: Sequence[BadgeReceived]) -> None:
        self._tx.upsert_rows(
            "leaves",
            [{"assertion_id": event.assertion_id, "received_at": event.received_at} for event in events],
            "assertion_id",
        )
        self._mark_ready([event.assertion_id for event in events], self._tx.now())

    def exclude_revoked(self, events: Sequence[AssertionRevoked]) -> int:
        """Keep them out of batches unless they are in one already; returns the number kept out."""
        now = self._tx.now()
        rows = self._tx.insert_rows(
            "leaves",
            [{"assertion_id": event.assertion_id, "excluded_as": "revoked", "excluded_at": now} for event in events],
            "(assertion_id) do update set excluded_as = excluded.excluded_as, excluded_at = excluded.excluded_at"
            " where leaves.root is null",
            returning="assertion_id",
        )
        return len(rows)

    def end_proofs(self, assertion_ids: Sequence[str], excluded_as: str) -> None:
        """Their credentials are about to go, or gone: no proof is due, and none is missing. What is in no batch stays
        so. Waits for proofs that are being put.
        """
        now = self._tx.now()
        self._tx.cursor.execute(
            "select from leaves where assertion_id = any(%s) order by assertion_id for update",
            (ids := list(assertion_ids),),
        )
        self._tx.cursor.execute(
            "update leaves set erased_at = coalesce(erased_at, %(now)s), proved_at = coalesce(proved_at, %(now)s),"
            " last_error = null,"
            " excluded_as = case when root is null then coalesce(excluded_as, %(word)s) end,"
            " excluded_at = case when root is null then coalesce(excluded_at, %(now)s) end"
            " where assertion_id = any(%(ids)s)",
            {"now": now, "word": excluded_as, "ids": ids},
        )

    def _mark_ready(self, assertion_ids: Sequence[str], now: datetime, *, ready: bool = False) -> None:
        """Those that have all that ANCHOR_ON asks for, from now on."""
        self._tx.cursor.execute(
            "update leaves set ready_at = %s where assertion_id = any(%s) and ready_at is null"
            " and leaf is not null and (received_at is not null or %s)",
            (now, list(assertion_ids), ready),
        )

    # ── batches ─────────────────────────────────────────────────────────────────────────────────────────

    def waiting(self) -> WaitingLeaves:
        found = self._tx.fetch_one(
            WaitingLeaves,
            "select count(*), min(ready_at) filter (where not is_statement) as oldest_at,"
            f" min(ready_at) filter (where is_statement) as oldest_statement_at from leaves where {_IS_WAITING}",
        )
        return found or WaitingLeaves(0, None)

    def waiting_longest(self, limit: int) -> list[WaitingLeaf]:
        """The leaves that have waited longest, locked, so that none is revoked in between."""
        return self._tx.fetch_all(
            WaitingLeaf,
            f"select assertion_id, leaf from leaves where {_IS_WAITING}"
            " order by ready_at, assertion_id limit %s for update",
            (limit,),
        )

    def put_into_batch(self, root: bytes, assertion_ids: Sequence[str]) -> None:
        self._tx.cursor.execute("update leaves set root = %b where assertion_id = any(%s)", (root, list(assertion_ids)))

    def of_batch(self, root: bytes) -> list[bytes]:
        """All of them, also those whose badges were read before a restore and not since."""
        rows = self._tx.cursor.execute(
            "select leaf from leaves where root = %b union select leaf from recalled_leaves where root = %b"
            " order by leaf",
            (root, root),
        )
        return [bytes(leaf) for (leaf,) in rows]

    # ── proofs ──────────────────────────────────────────────────────────────────────────────────────────

    def unproved(self, root: bytes, limit: int) -> list[UnprovedLeaf]:
        """Those that are due, locked; another process gets others."""
        return self._tx.fetch_all(
            UnprovedLeaf,
            "select assertion_id, leaf, attempts from leaves where root = %b and proved_at is null"
            f" and {is_due_sql('next_try_at')} order by next_try_at, assertion_id limit %s for update skip locked",
            (root, *due_at(self._tx.now(), MOST_PAUSE), limit),
        )

    def proved(self, root: bytes, leaf: bytes, limit: int) -> list[ProvedLeaf]:
        """Those that carry their proofs and follow this root and leaf, in order."""
        return self._tx.fetch_all(
            ProvedLeaf,
            "select assertion_id, leaf, root from leaves where (root, leaf) > (%b, %b) and proved_at is not null"
            " and erased_at is null"
            " order by root, leaf limit %s",
            (root, leaf, limit),
        )

    def lock_proved(self, assertion_id: str) -> ProvedLeaf | None:
        """The leaf, if it carries its proof, locked: `unproved` takes the same lock before a proof is put."""
        return self._tx.fetch_one(
            ProvedLeaf,
            "select assertion_id, leaf, root from leaves where assertion_id = %s and proved_at is not null"
            " and root is not null and erased_at is null for update",
            (assertion_id,),
        )

    def mark_proved(self, assertion_ids: Sequence[str]) -> None:
        self._tx.cursor.execute(
            "update leaves set proved_at = %s, last_error = null where assertion_id = any(%s)",
            (self._tx.now(), list(assertion_ids)),
        )

    def postpone(self, leaves: Sequence[UnprovedLeaf], cause: str) -> None:
        now = self._tx.now()
        self._tx.update_rows(
            "leaves",
            [
                {
                    "assertion_id": leaf.assertion_id,
                    "attempts": leaf.attempts + 1,
                    "last_error": cause[:500],
                    "next_try_at": next_try(leaf.attempts + 1, now, most=MOST_PAUSE.total_seconds()),
                }
                for leaf in leaves
            ],
            "assertion_id",
        )

    def at_fault(self) -> int:
        """Number of those whose credential could not take its proof several times."""
        return int(
            self._tx.fetch_value(
                "select count(*) from leaves where proved_at is null and root is not null and last_error is not null"
                " and attempts >= %s",
                (_AT_FAULT,),
            )
        )

    # ── status ──────────────────────────────────────────────────────────────────────────────────────────

    def uncovered(self, deployment: Deployment, last_day: date, lasting: Sequence[Deployment]) -> UncoveredBadges:
        """Badges anchored in `deployment` that are valid after `last_day` and final in none of `lasting`."""
        found = self._tx.fetch_one(
            UncoveredBadges,
            "select count(*), max(valid_until) as until from leaves join anchored_roots using (root)"
            " join anchorings on anchorings.id = anchoring"
            " where anchorings.chain_id = %s and anchorings.contract = %s and valid_until > %s and not exists"
            "  (select from anchored_roots other join anchorings there on there.id = other.anchoring"
            "   join unnest(%s::bigint[], %s::text[]) as lasting (chain_id, contract)"
            "    on lasting.chain_id = other.chain_id and lasting.contract = other.contract"
            "   where other.root = leaves.root and there.state = 'final')",
            (
                deployment.chain_id,
                deployment.contract,
                last_day,
                [each.chain_id for each in lasting],
                [each.contract for each in lasting],
            ),
        )
        return found or UncoveredBadges(0, None)
