"""The SQL of anchor's schema: leaves, batches, transactions, nonces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.anchor.anchoring import Fee, Included, Signed, State
from services.anchor.batching import Batch
from shared.events import AssertionIssued, AssertionRevoked, BadgeReceived
from shared.retry import next_try
from shared.runtime.db import Database, Transaction


@dataclass(frozen=True)
class Waiting:
    """The leaves that wait for a batch. `oldest_at`: since when the first of them has."""

    count: int
    oldest_at: datetime | None


@dataclass(frozen=True)
class Pending:
    """A batch on its way, with all its transactions, the newest last. `raw`: the newest one's bytes."""

    root: bytes
    state: State
    attempts: int
    signed: tuple[Signed, ...]
    raw: bytes | None


@dataclass(frozen=True)
class Unproved:
    """A leaf of a final batch whose credential doesn't carry the proof yet."""

    assertion_id: str
    leaf: bytes
    attempts: int


@dataclass(frozen=True)
class FinalRow:
    root: bytes
    included: Included
    has_manifest: bool


class AnchorTransaction(Transaction):
    # ── leaves ──────────────────────────────────────────────────────────────────────────────────────────

    def note_leaves(self, events: Sequence[AssertionIssued], *, ready: bool) -> None:
        """`ready`: they wait for a batch from now on, received or not. Ids in order: consumers can't deadlock."""
        ordered = sorted(events, key=lambda event: event.assertion_id)
        self.cursor.execute(
            "insert into leaves as known (assertion_id, leaf, ready_at)"
            " select id, leaf, case when %(ready)s then %(now)s::timestamptz end"
            " from unnest(%(ids)s::text[], %(leaves)b::bytea[]) as new (id, leaf)"
            " on conflict (assertion_id) do update set leaf = excluded.leaf, ready_at ="
            "  coalesce(known.ready_at, excluded.ready_at, case when known.received_at is not null then %(now)s end)",
            {
                "ready": ready,
                "now": self.now(),
                "ids": [event.assertion_id for event in ordered],
                "leaves": [bytes.fromhex(event.leaf) for event in ordered],
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

    def is_only_writer(self) -> bool:
        """True for one process at a time, until its transaction ends."""
        return bool(self._one("select pg_try_advisory_xact_lock(hashtext('anchor/writer'))")[0])

    def save_batch(self, batch: Batch, assertion_ids: Sequence[str]) -> None:
        now = self.now()
        self.cursor.execute(
            "insert into batches (root, leaf_count, closed_at, next_try_at) values (%b, %s, %s, %s)",
            (batch.root, len(batch.leaves), now, now),
        )
        self.cursor.execute(
            "update leaves set root = %b where assertion_id = any(%s::text[])", (batch.root, list(assertion_ids))
        )

    def next_of(self, states: Sequence[State]) -> Pending | None:
        """The batch in one of `states` that has been due longest, locked; None when none is due."""
        self.cursor.execute(
            "select root, state, attempts from batches where state = any(%s::text[]) and next_try_at <= %s"
            " and state <> 'final' order by next_try_at, closed_at limit 1 for update skip locked",
            (list(states), self.now()),
        )
        row = self.cursor.fetchone()
        if row is None:
            return None
        root = bytes(row[0])
        self.cursor.execute(
            "select hash, nonce, fee_most, fee_tip, signed_at, raw from transactions where root = %b order by number",
            (root,),
        )
        rows = self.cursor.fetchall()
        signed = tuple(Signed(each[0], each[1], Fee(int(each[2]), int(each[3])), each[4]) for each in rows)
        return Pending(root, row[1], row[2], signed, bytes(rows[-1][5]) if rows else None)

    def take_nonce(self, chain_id: int, address: str, next_on_chain: int) -> int:
        """The next nonce of our account, locked until the commit.

        Ours count on from our own last one, or from the chain's when somebody used the account elsewhere. With nothing
        of ours on its way, the chain's word is the last, so a gap closes by itself.
        """
        row = self._one(
            "insert into nonces as known (chain_id, address, next) values (%(chain)s, %(address)s, %(chain_says)s + 1)"
            " on conflict (chain_id, address) do update set next = 1 + case"
            "  when exists (select from batches where state in ('signed', 'sent', 'mined'))"
            "  then greatest(known.next, %(chain_says)s) else %(chain_says)s end"
            " returning next - 1",
            {"chain": chain_id, "address": address, "chain_says": next_on_chain},
        )
        return int(row[0])

    def save_signed(self, root: bytes, signed: Signed, gas: int, raw: bytes) -> None:
        """The transaction as it will be sent; the batch is `signed`, due at once."""
        self.cursor.execute(
            "insert into transactions (hash, root, nonce, fee_most, fee_tip, gas, raw, signed_at)"
            " values (%s, %b, %s, %s, %s, %s, %b, %s)",
            (signed.hash, root, signed.nonce, signed.fee.most, signed.fee.tip, gas, raw, signed.signed_at),
        )
        self.move(root, "signed")

    def gas_of(self, transaction: str) -> int:
        return int(self._one("select gas from transactions where hash = %s", (transaction,))[0])

    def mark_sent(self, root: bytes, transaction: str, *, look_after: timedelta) -> None:
        self.cursor.execute("update transactions set sent_at = %s where hash = %s", (self.now(), transaction))
        self.move(root, "sent", after=look_after)

    def move(self, root: bytes, state: State, *, after: timedelta = timedelta(0)) -> None:
        """Into `state`, to be looked at again `after` that; attempts begin anew."""
        self.cursor.execute(
            "update batches set state = %s, attempts = 0, last_error = null, next_try_at = %s where root = %b",
            (state, self.now() + after, root),
        )

    def set_included(self, root: bytes, state: State, included: Included, *, after: timedelta) -> None:
        self.cursor.execute(
            "update batches set transaction = %s, block_number = %s, block_hash = %s, anchored_at = %s,"
            " final_at = case when %s = 'final' then %s::timestamptz end where root = %b",
            (
                included.transaction,
                included.block_number,
                included.block_hash,
                included.anchored_at,
                state,
                self.now(),
                root,
            ),
        )
        self.move(root, state, after=after)

    def look_again(self, root: bytes, *, after: timedelta) -> None:
        self.cursor.execute(
            "update batches set attempts = 0, last_error = null, next_try_at = %s where root = %b",
            (self.now() + after, root),
        )

    def postpone(self, batch: Pending, cause: str) -> None:
        attempts = batch.attempts + 1
        self.cursor.execute(
            "update batches set attempts = %s, last_error = %s, next_try_at = %s where root = %b",
            (attempts, cause[:500], next_try(attempts, self.now(), most=60.0), batch.root),
        )

    # ── proofs ──────────────────────────────────────────────────────────────────────────────────────────

    def next_to_prove(self) -> FinalRow | None:
        """A final batch that has a leaf without proof that is due."""
        self.cursor.execute(
            "select root, transaction, block_number, block_hash, anchored_at, manifest_at is not null"
            " from batches where state = 'final' and exists (select from leaves where leaves.root = batches.root"
            "  and proved_at is null and leaves.next_try_at <= %s) order by final_at limit 1",
            (self.now(),),
        )
        row = self.cursor.fetchone()
        return FinalRow(bytes(row[0]), Included(row[1], row[2], row[3], row[4]), row[5]) if row else None

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

    def batches_by_state(self) -> Mapping[str, int]:
        self.cursor.execute("select state, count(*) from batches group by state")
        return {row[0]: row[1] for row in self.cursor}

    def _one(self, query: str, values: Any = None) -> tuple[Any, ...]:
        row = self.cursor.execute(query, values).fetchone()
        if row is None:
            raise LookupError(f"got no row from: {query[:80]}")
        return tuple(row)


Store = Database[AnchorTransaction]
