"""The SQL of anchorings, transactions and nonces: the part of anchor's store that is about chains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.anchor.domain.anchoring import Fee, Included, Signed, State
from services.anchor.domain.proving import Place
from shared.retry import next_try
from shared.runtime.db import Transaction


@dataclass(frozen=True)
class Pending:
    """Roots on their way on one network, with all their transactions, the newest last. `raw`: the newest one's bytes.

    `included`: in which block they stand, as far as is known. Without any transaction they were adopted.
    """

    id: int
    roots: tuple[bytes, ...]
    many: bool
    state: State
    attempts: int
    signed: tuple[Signed, ...]
    raw: bytes | None
    included: Included | None

    @property
    def name(self) -> str:
        """For logs: the root, or the first of many."""
        return self.roots[0].hex()


@dataclass(frozen=True)
class PlaceStatus:
    """How the anchorings of a place are getting on."""

    states: Mapping[str, int]
    roots: int  # that are final there
    pending_roots: int
    oldest_pending_at: datetime | None
    last_error: str | None  # of the one that has failed most often


_COLUMNS = "id, many, state, attempts, transaction, block_number, block_hash, anchored_at"


class AnchoringRows(Transaction):
    def is_only_writer(self, chain_id: int = 0) -> bool:
        """True for one process at a time, until its transaction ends: the one that closes (0), or signs on a chain."""
        return bool(self._one("select pg_try_advisory_xact_lock(hashtext('anchor/writer'), %s)", (_key(chain_id),))[0])

    def become_writer(self, chain_id: int = 0) -> None:
        """Wait until this process is the only writer; it is until its transaction ends."""
        self.cursor.execute("select pg_advisory_xact_lock(hashtext('anchor/writer'), %s)", (_key(chain_id),))

    # ── which roots go where ────────────────────────────────────────────────────────────────────────────

    def assign(self, places: Sequence[Place]) -> int:
        """An anchoring on each of `places` for every batch that no network has decided; how many are new."""
        new = 0
        for place in places:
            self.cursor.execute(
                "select root from batches where decided_by is null and not exists (select from anchored_roots known"
                " where known.root = batches.root and known.chain_id = %s and known.contract = %s) order by closed_at",
                (place.chain_id, place.contract),
            )
            for (root,) in self.cursor.fetchall():
                self.add_anchoring(place, [bytes(root)])
                new += 1
        return new

    def add_anchoring(self, place: Place, roots: Sequence[bytes], *, many: bool = False) -> int:
        """Roots that are to stand on a place, together; due at once. Returns the anchoring's id."""
        id = self._one(
            "insert into anchorings (network, chain_id, contract, many, next_try_at) values (%s, %s, %s, %s, %s)"
            " returning id",
            (place.network, place.chain_id, place.contract, many, self.now()),
        )[0]
        self.cursor.execute(
            "insert into anchored_roots (root, chain_id, contract, anchoring)"
            " select root, %s, %s, %s from unnest(%b::bytea[]) as root",
            (place.chain_id, place.contract, id, list(roots)),
        )
        return int(id)

    def part(self, pending: Pending, place: Place, root: bytes) -> int:
        """One of many roots goes its own way; the id of its new anchoring."""
        self.cursor.execute("delete from anchored_roots where anchoring = %s and root = %b", (pending.id, root))
        return self.add_anchoring(place, [root])

    def remove_empty(self, id: int) -> None:
        """Forget an anchoring whose roots have all gone their own ways; its transactions stay on record."""
        self.cursor.execute(
            "delete from anchorings where id = %s and not exists (select from anchored_roots where anchoring = %s)",
            (id, id),
        )

    def forget_transactions(self, id: int) -> None:
        """None of them brought the roots to where they stand: kept on record, but not asked for again."""
        self.cursor.execute("update transactions set anchoring = null where anchoring = %s", (id,))

    def withdraw(self, place: Place) -> int:
        """Forget what nothing was signed for on a place that takes no new roots; how many anchorings."""
        self.cursor.execute(
            "delete from anchorings where chain_id = %s and contract = %s and state = 'closed' and not many"
            " and not exists (select from transactions where anchoring = anchorings.id)",
            (place.chain_id, place.contract),
        )
        return self.cursor.rowcount

    def decide(self, first: Place) -> int:
        """Batches that are final on the first network are complete from now on; how many that are new.

        A proof that names a transaction which isn't the one any more is made anew.
        """
        self.cursor.execute(
            "update batches set decided_by = anchorings.id from anchored_roots known"
            " join anchorings on anchorings.id = known.anchoring where known.root = batches.root"
            " and batches.decided_by is null and anchorings.state = 'final'"
            " and known.chain_id = %s and known.contract = %s",
            (first.chain_id, first.contract),
        )
        decided = self.cursor.rowcount
        self.cursor.execute(
            "select root, proof_names, there.transaction from batches join anchorings there on there.id = decided_by"
            " where state = 'final' and proof_names is distinct from there.transaction"
        )
        for root, named, transaction in self.cursor.fetchall():
            self.cursor.execute("update batches set proof_names = %s where root = %b", (transaction, root))
            if named is not None:
                self.cursor.execute("update leaves set proved_at = null where root = %b", (root,))
        return decided

    def roots_lacking(self, place: Place) -> list[bytes]:
        """The roots that are complete and not on their way to a place yet, the oldest first."""
        self.cursor.execute(
            "select root from batches where decided_by is not null and not exists (select from anchored_roots known"
            " where known.root = batches.root and known.chain_id = %s and known.contract = %s)"
            " order by closed_at, root",
            (place.chain_id, place.contract),
        )
        return [bytes(row[0]) for row in self.cursor]

    # ── on their way ────────────────────────────────────────────────────────────────────────────────────

    def next_of(self, place: Place, states: Sequence[State]) -> Pending | None:
        """The anchoring on a place in one of `states` that has been due longest, locked; None when none is due."""
        self.cursor.execute(
            f"select {_COLUMNS} from anchorings where chain_id = %s and contract = %s and state = any(%s::text[])"
            " and state <> 'final' and next_try_at <= %s order by next_try_at, id limit 1 for update skip locked",
            (place.chain_id, place.contract, list(states), self.now()),
        )
        return self._pending()

    def next_to_watch(self, place: Place, since: datetime) -> Pending | None:
        """One that became final after `since` and is due for another look, locked."""
        self.cursor.execute(
            f"select {_COLUMNS} from anchorings where chain_id = %s and contract = %s and state = 'final'"
            " and final_at > %s and next_try_at <= %s order by next_try_at limit 1 for update skip locked",
            (place.chain_id, place.contract, since, self.now()),
        )
        return self._pending()

    def _pending(self) -> Pending | None:
        row = self.cursor.fetchone()
        if row is None:
            return None
        id, many, state, attempts, transaction, block_number, block_hash, anchored_at = row
        self.cursor.execute("select root from anchored_roots where anchoring = %s order by root", (id,))
        roots = tuple(bytes(each[0]) for each in self.cursor)
        self.cursor.execute(
            "select hash, nonce, fee_most, fee_tip, signed_at, raw from transactions where anchoring = %s"
            " order by number",
            (id,),
        )
        rows = self.cursor.fetchall()
        signed = tuple(Signed(each[0], each[1], Fee(int(each[2]), int(each[3])), each[4]) for each in rows)
        included = Included(transaction, block_number, block_hash, anchored_at) if transaction else None
        return Pending(id, roots, many, state, attempts, signed, bytes(rows[-1][5]) if rows else None, included)

    def take_nonce(self, place: Place, address: str, next_on_chain: int) -> int:
        """The next nonce of our account, locked until the commit.

        Ours count on from our own last one, or from the chain's when somebody used the account elsewhere. With nothing
        of ours on its way, the chain's word is the last, so a gap closes by itself.
        """
        row = self._one(
            "insert into nonces as known (chain_id, address, next) values (%(chain)s, %(address)s, %(chain_says)s + 1)"
            " on conflict (chain_id, address) do update set next = 1 + case"
            "  when exists (select from anchorings where chain_id = %(chain)s and contract = %(contract)s"
            "   and state in ('signed', 'sent', 'mined'))"
            "  then greatest(known.next, %(chain_says)s) else %(chain_says)s end"
            " returning next - 1",
            {"chain": place.chain_id, "contract": place.contract, "address": address, "chain_says": next_on_chain},
        )
        return int(row[0])

    def save_signed(self, id: int, signed: Signed, gas: int, raw: bytes) -> None:
        """The transaction as it will be sent; the anchoring is `signed`, due at once."""
        self.cursor.execute(
            "insert into transactions (hash, anchoring, nonce, fee_most, fee_tip, gas, raw, signed_at)"
            " values (%s, %s, %s, %s, %s, %s, %b, %s)",
            (signed.hash, id, signed.nonce, signed.fee.most, signed.fee.tip, gas, raw, signed.signed_at),
        )
        self.move(id, "signed")

    def gas_of(self, transaction: str) -> int:
        return int(self._one("select gas from transactions where hash = %s", (transaction,))[0])

    def mark_sent(self, id: int, transaction: str, *, look_after: timedelta) -> None:
        self.cursor.execute("update transactions set sent_at = %s where hash = %s", (self.now(), transaction))
        self.move(id, "sent", after=look_after)

    def move(self, id: int, state: State, *, after: timedelta = timedelta(0)) -> None:
        """Into `state`, to be looked at again `after` that; attempts begin anew."""
        self.cursor.execute(
            "update anchorings set state = %s, attempts = 0, last_error = null, next_try_at = %s where id = %s",
            (state, self.now() + after, id),
        )

    def set_included(self, id: int, state: State, included: Included, *, after: timedelta) -> None:
        """In which block the roots stand. Final, they go into their batches' manifests."""
        self.cursor.execute(
            "update anchorings set transaction = %s, block_number = %s, block_hash = %s, anchored_at = %s,"
            " final_at = case when %s = 'final' then %s::timestamptz end where id = %s",
            (
                included.transaction,
                included.block_number,
                included.block_hash,
                included.anchored_at,
                state,
                self.now(),
                id,
            ),
        )
        self.move(id, state, after=after)
        if state == "final":
            self.cursor.execute(
                "update batches set manifest_at = null where root in"
                " (select root from anchored_roots where anchoring = %s)",
                (id,),
            )

    def look_again(self, id: int, *, after: timedelta) -> None:
        self.cursor.execute(
            "update anchorings set attempts = 0, last_error = null, next_try_at = %s where id = %s",
            (self.now() + after, id),
        )

    def postpone(self, pending: Pending, cause: str) -> None:
        attempts = pending.attempts + 1
        self.cursor.execute(
            "update anchorings set attempts = %s, last_error = %s, next_try_at = %s where id = %s",
            (attempts, cause[:500], next_try(attempts, self.now(), most=20.0), pending.id),
        )

    # ── figures ─────────────────────────────────────────────────────────────────────────────────────────

    def status_of(self, place: Place) -> PlaceStatus:
        here = (place.chain_id, place.contract)
        self.cursor.execute(
            "select state, count(*) from anchorings where chain_id = %s and contract = %s group by state", here
        )
        states = {row[0]: row[1] for row in self.cursor}
        roots, pending = self._one(
            "select count(*) filter (where state = 'final'), count(*) filter (where state <> 'final')"
            " from anchored_roots join anchorings on anchorings.id = anchoring"
            " where anchorings.chain_id = %s and anchorings.contract = %s",
            here,
        )
        oldest = self._one(
            "select min(closed_at) from batches join anchored_roots using (root)"
            " join anchorings on anchorings.id = anchoring"
            " where anchorings.chain_id = %s and anchorings.contract = %s and state <> 'final'",
            here,
        )[0]
        self.cursor.execute(
            "select last_error from anchorings where chain_id = %s and contract = %s and state <> 'final'"
            " and last_error is not null order by attempts desc limit 1",
            here,
        )
        error = self.cursor.fetchone()
        return PlaceStatus(states, roots, pending, oldest, error[0] if error else None)

    def _one(self, query: str, values: Any = None) -> tuple[Any, ...]:
        row = self.cursor.execute(query, values).fetchone()
        if row is None:
            raise LookupError(f"got no row from: {query[:80]}")
        return tuple(row)


def _key(chain_id: int) -> int:
    """An advisory lock's second half has 32 bits, signed; two chains that share one only take turns."""
    return chain_id % 2**31
