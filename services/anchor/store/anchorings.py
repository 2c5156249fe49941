"""The tables `anchorings` and `anchored_roots`: which roots go to which deployment, and how far they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from services.anchor.domain.anchoring import Anchoring, Deployment, Inclusion, SignedTransaction, State
from services.anchor.domain.costs import Fee
from shared.retry import due_at, is_due_sql, next_try

if TYPE_CHECKING:
    from services.anchor.store import AnchorTransaction

_MOST_PAUSE = 20.0  # seconds between two attempts on an anchoring
_LONGEST = timedelta(hours=1)  # between two looks at one, also after finality


@dataclass(frozen=True)
class AnchoringCounts:
    """The anchorings of a deployment by state, and its roots."""

    states: Mapping[str, int]
    roots: int  # that are final there
    pending_roots: int
    oldest_pending_at: datetime | None
    last_error: str | None  # of the one that has failed most often


@dataclass(frozen=True)
class _AnchoringRow:
    id: int
    many: bool
    state: State
    attempts: int
    transaction: str | None
    block_number: int | None
    block_hash: str | None
    anchored_at: datetime | None

    @property
    def inclusion(self) -> Inclusion | None:
        if self.transaction is None or self.block_number is None or self.block_hash is None or self.anchored_at is None:
            return None
        return Inclusion(self.transaction, self.block_number, self.block_hash, self.anchored_at)


@dataclass(frozen=True)
class _TransactionRow:
    hash: str
    nonce: int
    fee_most: Decimal
    fee_tip: Decimal
    signed_at: datetime
    raw: bytes

    @property
    def signed(self) -> SignedTransaction:
        return SignedTransaction(self.hash, self.nonce, Fee(int(self.fee_most), int(self.fee_tip)), self.signed_at)


@dataclass(frozen=True)
class _RootCounts:
    final: int
    pending: int
    oldest_pending_at: datetime | None


_COLUMNS = "id, many, state, attempts, transaction, block_number, block_hash, anchored_at"


class Anchorings:
    def __init__(self, tx: AnchorTransaction) -> None:
        self._tx = tx

    # ── which roots go where ────────────────────────────────────────────────────────────────────────────

    def add_for_incomplete_batches(self, deployments: Sequence[Deployment]) -> int:
        """An anchoring in each of `deployments` for every batch that isn't complete; returns the number of new ones."""
        new = 0
        for deployment in deployments:
            rows = self._tx.cursor.execute(
                "select root from batches where decided_by is null and not exists (select from anchored_roots known"
                " where known.root = batches.root and known.chain_id = %s and known.contract = %s) order by closed_at",
                (deployment.chain_id, deployment.contract),
            ).fetchall()
            for (root,) in rows:
                self.add(deployment, [bytes(root)])
                new += 1
        return new

    def add(self, deployment: Deployment, roots: Sequence[bytes], *, many: bool = False) -> int:
        """One anchoring for these roots in a deployment, due at once. Returns its id."""
        [(id,)] = self._tx.cursor.execute(
            "insert into anchorings (network, chain_id, contract, many, next_try_at) values (%s, %s, %s, %s, %s)"
            " returning id",
            (deployment.network, deployment.chain_id, deployment.contract, many, self._tx.now()),
        )
        self._tx.cursor.execute(
            "insert into anchored_roots (root, chain_id, contract, anchoring)"
            " select root, %s, %s, %s from unnest(%b::bytea[]) as root",
            (deployment.chain_id, deployment.contract, id, list(roots)),
        )
        return int(id)

    def split_off(self, anchoring: Anchoring, deployment: Deployment, root: bytes) -> int:
        """Take one of many roots out into an anchoring of its own; returns the new one's id."""
        self._tx.cursor.execute("delete from anchored_roots where anchoring = %s and root = %b", (anchoring.id, root))
        return self.add(deployment, [root])

    def delete_if_empty(self, id: int) -> None:
        """Delete an anchoring whose roots were all split off; its transactions stay on record."""
        self._tx.cursor.execute(
            "delete from anchorings where id = %s and not exists (select from anchored_roots where anchoring = %s)",
            (id, id),
        )

    def delete_unsigned(self, deployment: Deployment) -> int:
        """Delete those without any signature in a deployment that takes no new roots; returns the number deleted."""
        return self._tx.cursor.execute(
            "delete from anchorings where chain_id = %s and contract = %s and state = 'closed' and not many"
            " and not exists (select from transactions where anchoring = anchorings.id)",
            (deployment.chain_id, deployment.contract),
        ).rowcount

    # ── what is due ─────────────────────────────────────────────────────────────────────────────────────

    def next_due(self, deployment: Deployment, states: Sequence[State]) -> Anchoring | None:
        """The anchoring in one of `states` that has been due longest, locked; None when none is due."""
        row = self._tx.fetch_one(
            _AnchoringRow,
            f"select {_COLUMNS} from anchorings where chain_id = %s and contract = %s and state = any(%s)"
            f" and state <> 'final' and {is_due_sql('next_try_at')}"
            " order by next_try_at, id limit 1 for update skip locked",
            (deployment.chain_id, deployment.contract, list(states), *due_at(self._tx.now(), _LONGEST)),
        )
        return self._anchoring(row)

    def next_final_to_check(self, deployment: Deployment, since: datetime) -> Anchoring | None:
        """One that became final after `since` and is due for a check, locked."""
        row = self._tx.fetch_one(
            _AnchoringRow,
            f"select {_COLUMNS} from anchorings where chain_id = %s and contract = %s and state = 'final'"
            f" and final_at > %s and {is_due_sql('next_try_at')} order by next_try_at limit 1 for update skip locked",
            (deployment.chain_id, deployment.contract, since, *due_at(self._tx.now(), _LONGEST)),
        )
        return self._anchoring(row)

    def _anchoring(self, row: _AnchoringRow | None) -> Anchoring | None:
        if row is None:
            return None
        transactions = self._tx.fetch_all(
            _TransactionRow,
            "select hash, nonce, fee_most, fee_tip, signed_at, raw from transactions where anchoring = %s"
            " order by number",
            (row.id,),
        )
        return Anchoring(
            id=row.id,
            roots=self._roots_of(row.id),
            many=row.many,
            state=row.state,
            attempts=row.attempts,
            signed=tuple(each.signed for each in transactions),
            raw=bytes(transactions[-1].raw) if transactions else None,
            inclusion=row.inclusion,
        )

    def _roots_of(self, id: int) -> tuple[bytes, ...]:
        rows = self._tx.cursor.execute("select root from anchored_roots where anchoring = %s order by root", (id,))
        return tuple(bytes(root) for (root,) in rows)

    # ── steps ───────────────────────────────────────────────────────────────────────────────────────────

    def set_state(self, id: int, state: State, *, after: timedelta = timedelta(0)) -> None:
        """Into `state`, due again `after` that; attempts start from zero."""
        self._tx.cursor.execute(
            "update anchorings set state = %s, attempts = 0, last_error = null, next_try_at = %s where id = %s",
            (state, self._tx.now() + after, id),
        )
        if state == "final":
            self._tx.batches.name_proofs(id)

    def set_inclusion(self, id: int, state: State, inclusion: Inclusion, *, after: timedelta) -> None:
        """The block that includes the roots. Once final, they go into their batches' manifests."""
        self._set_block(id, state, inclusion)
        self.set_state(id, state, after=after)
        if state == "final":
            self._tx.batches.request_manifests(self._roots_of(id))

    def set_final(self, id: int, inclusion: Inclusion) -> None:
        """Final, as was announced before a restore: the manifests name it already. It is checked at once."""
        self._set_block(id, "final", inclusion)
        self.set_state(id, "final")

    def _set_block(self, id: int, state: State, inclusion: Inclusion) -> None:
        self._tx.cursor.execute(
            "update anchorings set transaction = %s, block_number = %s, block_hash = %s, anchored_at = %s,"
            " final_at = case when %s = 'final' then %s::timestamptz end where id = %s",
            (
                inclusion.transaction,
                inclusion.block_number,
                inclusion.block_hash,
                inclusion.anchored_at,
                state,
                self._tx.now(),
                id,
            ),
        )

    def poll_again(self, id: int, *, after: timedelta) -> None:
        self._tx.cursor.execute(
            "update anchorings set attempts = 0, last_error = null, next_try_at = %s where id = %s",
            (self._tx.now() + after, id),
        )

    def postpone(self, anchoring: Anchoring, cause: str) -> None:
        attempts = anchoring.attempts + 1
        self._tx.cursor.execute(
            "update anchorings set attempts = %s, last_error = %s, next_try_at = %s where id = %s",
            (attempts, cause[:500], next_try(attempts, self._tx.now(), most=_MOST_PAUSE), anchoring.id),
        )

    # ── status ──────────────────────────────────────────────────────────────────────────────────────────

    def counts(self, deployment: Deployment) -> AnchoringCounts:
        here = (deployment.chain_id, deployment.contract)
        states = self._tx.cursor.execute(
            "select state, count(*) from anchorings where chain_id = %s and contract = %s group by state", here
        ).fetchall()
        roots = self._tx.fetch_one(
            _RootCounts,
            "select count(*) filter (where state = 'final') as final, count(*) filter (where state <> 'final')"
            " as pending, min(closed_at) filter (where state <> 'final') as oldest_pending_at"
            " from anchored_roots join batches using (root) join anchorings on anchorings.id = anchoring"
            " where anchorings.chain_id = %s and anchorings.contract = %s",
            here,
        ) or _RootCounts(0, 0, None)
        error = self._tx.cursor.execute(
            "select last_error from anchorings where chain_id = %s and contract = %s and state <> 'final'"
            " and last_error is not null order by attempts desc limit 1",
            here,
        ).fetchone()
        return AnchoringCounts(
            states=dict(states),
            roots=roots.final,
            pending_roots=roots.pending,
            oldest_pending_at=roots.oldest_pending_at,
            last_error=error[0] if error else None,
        )
