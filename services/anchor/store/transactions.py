"""The tables `transactions` (every one that was ever signed, with its raw bytes) and `nonces` (of our account)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from services.anchor.domain.anchoring import Deployment, SignedTransaction

if TYPE_CHECKING:
    from services.anchor.store import AnchorTransaction


class Transactions:
    def __init__(self, tx: AnchorTransaction) -> None:
        self._tx = tx

    def take_nonce(self, deployment: Deployment, address: str, next_on_chain: int) -> int:
        """The next nonce of our account, locked until the commit.

        It follows our own last one, or the chain's when the account was used elsewhere. With none of our transactions
        pending, the chain's number is taken, so a gap closes by itself.
        """
        [(nonce,)] = self._tx.cursor.execute(
            "insert into nonces as known (chain_id, address, next) values (%(chain)s, %(address)s, %(chain_says)s + 1)"
            " on conflict (chain_id, address) do update set next = 1 + case"
            "  when exists (select from anchorings where chain_id = %(chain)s and contract = %(contract)s"
            "   and state in ('signed', 'sent', 'mined'))"
            "  then greatest(known.next, %(chain_says)s) else %(chain_says)s end"
            " returning next - 1",
            {
                "chain": deployment.chain_id,
                "contract": deployment.contract,
                "address": address,
                "chain_says": next_on_chain,
            },
        )
        return int(nonce)

    def save(self, anchoring: int, signed: SignedTransaction, gas: int, raw: bytes) -> None:
        """The transaction as it will be sent; its anchoring is `signed`, due at once."""
        self._tx.cursor.execute(
            "insert into transactions (hash, anchoring, nonce, fee_most, fee_tip, gas, raw, signed_at)"
            " values (%s, %s, %s, %s, %s, %s, %b, %s)",
            (signed.hash, anchoring, signed.nonce, signed.fee.most, signed.fee.tip, gas, raw, signed.signed_at),
        )
        self._tx.anchorings.set_state(anchoring, "signed")

    def mark_sent(self, anchoring: int, transaction: str, *, poll_after: timedelta) -> None:
        self._tx.cursor.execute("update transactions set sent_at = %s where hash = %s", (self._tx.now(), transaction))
        self._tx.anchorings.set_state(anchoring, "sent", after=poll_after)

    def gas_of(self, transaction: str) -> int:
        """Its gas limit."""
        [(gas,)] = self._tx.cursor.execute("select gas from transactions where hash = %s", (transaction,))
        return int(gas)

    def detach(self, anchoring: int) -> None:
        """None of them anchored its roots: they stay on record without it, and are not asked for again."""
        self._tx.cursor.execute("update transactions set anchoring = null where anchoring = %s", (anchoring,))
