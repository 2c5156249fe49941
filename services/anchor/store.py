"""The SQL of anchor's schema: leaves, batches and proofs here, anchorings and transactions in store_anchorings.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from services.anchor.domain.anchoring import Included
from services.anchor.domain.batching import Batch
from services.anchor.domain.proving import FinalBatch, Place
from services.anchor.store_anchorings import AnchoringRows
from shared.events import AssertionIssued, AssertionRevoked, BadgeReceived
from shared.retry import next_try
from shared.runtime.db import Database


@dataclass(frozen=True)
class Waiting:
    """The leaves that wait for a batch. `oldest_at`: since when the first of them has."""

    count: int
    oldest_at: datetime | None


@dataclass(frozen=True)
class Unproved:
    """A leaf of a final batch whose credential doesn't carry the proof yet."""

    assertion_id: str
    leaf: bytes
    attempts: int


@dataclass(frozen=True)
class BatchCounts:
    """Batches: all that were ever closed, and those that wait for the first network."""

    closed: int
    undecided: int


@dataclass(frozen=True)
class Outliving:
    """Badges on a place that are valid after some day, and until when the last of them is."""

    count: int
    until: date | None


class AnchorTransaction(AnchoringRows):
    # ── leaves ──────────────────────────────────────────────────────────────────────────────────────────

    def note_leaves(self, events: Sequence[AssertionIssued], *, ready: bool) -> None:
        """`ready`: they wait for a batch from now on, received or not. Ids in order: consumers can't deadlock."""
        ordered = sorted(events, key=lambda event: event.assertion_id)
        self.cursor.execute(
            "insert into leaves as known (assertion_id, leaf, valid_until, ready_at)"
            " select id, leaf, day, case when %(ready)s then %(now)s::timestamptz end"
            " from unnest(%(ids)s::text[], %(leaves)b::bytea[], %(days)s::date[]) as new (id, leaf, day)"
            " on conflict (assertion_id) do update set leaf = excluded.leaf, valid_until = excluded.valid_until,"
            "  ready_at ="
            "  coalesce(known.ready_at, excluded.ready_at, case when known.received_at is not null then %(now)s end)",
            {
                "ready": ready,
                "now": self.now(),
                "ids": [event.assertion_id for event in ordered],
                "leaves": [bytes.fromhex(event.leaf) for event in ordered],
                "days": [event.award.valid_until for event in ordered],
            },
        )

    def note_receipts(self, events: Sequence[BadgeReceived]) -> None:
        ordered = sorted(events, key=lambda event: event.assertion_id)
        self.cursor.execute(
            "insert into leaves as known (assertion_id, received_at)"
            " select * from unnest(%(ids)s::text[], %(times)s::timestamptz[])"
            " on conflict (assertion_id) do update set received_at = excluded.received_at,"
            "  ready_at = coalesce(known.ready_at, case when known.leaf is not null then %(now)s::timestamptz end)",
            {
                "now": self.now(),
                "ids": [event.assertion_id for event in ordered],
                "times": [event.received_at for event in ordered],
            },
        )

    def exclude_revoked(self, events: Sequence[AssertionRevoked]) -> int:
        """Keep them out of batches, if they aren't in one yet; how many that were."""
        ordered = sorted(events, key=lambda event: event.assertion_id)
        self.cursor.execute(
            "insert into leaves as known (assertion_id, excluded_as, excluded_at)"
            " select id, 'revoked', %s from unnest(%s::text[]) as id"
            " on conflict (assertion_id) do update set excluded_as = 'revoked', excluded_at = excluded.excluded_at"
            " where known.root is null",
            (self.now(), [event.assertion_id for event in ordered]),
        )
        return self.cursor.rowcount

    def waiting(self) -> Waiting:
        row = self._one(
            "select count(*), min(ready_at) from leaves"
            " where ready_at is not null and root is null and excluded_as is null"
        )
        return Waiting(row[0], row[1])

    def waiting_leaves(self, most: int) -> list[tuple[str, bytes]]:
        """The ids and leaves that have waited longest, locked against a revocation in between."""
        self.cursor.execute(
            "select assertion_id, leaf from leaves"
            " where ready_at is not null and root is null and excluded_as is null"
            " order by ready_at, assertion_id limit %s for update",
            (most,),
        )
        return [(row[0], bytes(row[1])) for row in self.cursor]

    # ── batches ─────────────────────────────────────────────────────────────────────────────────────────

    def save_batch(self, batch: Batch, assertion_ids: Sequence[str]) -> None:
        now = self.now()
        self.cursor.execute(
            "insert into batches (root, leaf_count, closed_at) values (%b, %s, %s)",
            (batch.root, len(batch.leaves), now),
        )
        self.cursor.execute(
            "update leaves set root = %b where assertion_id = any(%s::text[])", (batch.root, list(assertion_ids))
        )

    # ── proofs ──────────────────────────────────────────────────────────────────────────────────────────

    def next_to_prove(self) -> FinalBatch | None:
        """A complete, listed batch with a leaf without proof that is due, as its proofs are to name it."""
        self.cursor.execute(
            "select root, network, chain_id, contract, transaction, block_number, block_hash, anchored_at"
            " from batches join anchorings on anchorings.id = decided_by"
            " where state = 'final' and manifest_at is not null and exists (select from leaves"
            "  where leaves.root = batches.root and proved_at is null and leaves.next_try_at <= %s)"
            " order by final_at limit 1",
            (self.now(),),
        )
        row = self.cursor.fetchone()
        return FinalBatch(bytes(row[0]), Place(*row[1:4]), Included(*row[4:8])) if row else None

    def next_to_list(self) -> bytes | None:
        """The root of a complete batch whose manifest lacks a network, locked."""
        self.cursor.execute(
            "select root from batches where decided_by is not null and manifest_at is null"
            " and exists (select from anchorings where id = decided_by and state = 'final')"
            " order by closed_at limit 1 for update skip locked"
        )
        row = self.cursor.fetchone()
        return bytes(row[0]) if row else None

    def anchors_of(self, root: bytes) -> list[FinalBatch]:
        """Where the root is final, the network that its proofs name first."""
        self.cursor.execute(
            "select network, anchorings.chain_id, anchorings.contract, transaction, block_number, block_hash,"
            " anchored_at from anchored_roots join anchorings on anchorings.id = anchoring join batches using (root)"
            " where root = %b and state = 'final'"
            " order by (anchorings.id = decided_by) desc nulls last, final_at, anchorings.id",
            (root,),
        )
        return [FinalBatch(root, Place(*row[:3]), Included(*row[3:])) for row in self.cursor]

    def leaves_of(self, root: bytes) -> list[bytes]:
        self.cursor.execute("select leaf from leaves where root = %b order by leaf", (root,))
        return [bytes(row[0]) for row in self.cursor]

    def mark_manifest(self, root: bytes) -> None:
        self.cursor.execute("update batches set manifest_at = %s where root = %b", (self.now(), root))

    def unproved(self, root: bytes, most: int) -> list[Unproved]:
        """Locked; another process gets others."""
        self.cursor.execute(
            "select assertion_id, leaf, attempts from leaves where root = %b and proved_at is null"
            " and next_try_at <= %s order by next_try_at, assertion_id limit %s for update skip locked",
            (root, self.now(), most),
        )
        return [Unproved(row[0], bytes(row[1]), row[2]) for row in self.cursor]

    def mark_proved(self, assertion_ids: Sequence[str]) -> None:
        self.cursor.execute(
            "update leaves set proved_at = %s, last_error = null where assertion_id = any(%s::text[])",
            (self.now(), list(assertion_ids)),
        )

    def postpone_leaves(self, leaves: Sequence[Unproved], cause: str) -> None:
        for leaf in leaves:
            attempts = leaf.attempts + 1
            self.cursor.execute(
                "update leaves set attempts = %s, last_error = %s, next_try_at = %s where assertion_id = %s",
                (attempts, cause[:500], next_try(attempts, self.now(), most=60.0), leaf.assertion_id),
            )

    # ── figures ─────────────────────────────────────────────────────────────────────────────────────────

    def batch_counts(self) -> BatchCounts:
        return BatchCounts(*self._one("select count(*), count(*) filter (where decided_by is null) from batches"))

    def outliving(self, place: Place, last_day: date, lasting: Sequence[Place]) -> Outliving:
        """Badges that are valid after `last_day` of a place they are anchored on, and stand on none of `lasting`."""
        return Outliving(
            *self._one(
                "select count(*), max(valid_until) from leaves join anchored_roots using (root)"
                " join anchorings on anchorings.id = anchoring"
                " where anchorings.chain_id = %s and anchorings.contract = %s and valid_until > %s and not exists"
                "  (select from anchored_roots other join anchorings there on there.id = other.anchoring"
                "   join unnest(%s::bigint[], %s::text[]) as lasting (chain_id, contract)"
                "    on lasting.chain_id = other.chain_id and lasting.contract = other.contract"
                "   where other.root = leaves.root and there.state = 'final')",
                (
                    place.chain_id,
                    place.contract,
                    last_day,
                    [each.chain_id for each in lasting],
                    [each.contract for each in lasting],
                ),
            )
        )


Store = Database[AnchorTransaction]
