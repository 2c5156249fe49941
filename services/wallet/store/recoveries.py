"""The tables of holders who are said to have lost the mailbox: what waits, and what was settled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.runtime.db import Transaction


@dataclass(frozen=True)
class AccountRecovery:
    """A new address that waits until `takes_effect_at`. Who opens `stop_url` can stop it."""

    new_masked: str
    stop_url: str
    takes_effect_at: datetime


class Recoveries:
    """What waits, as one transaction sees it."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def begin(self, recovery_id: str, account_id: int, recovery: AccountRecovery) -> None:
        row = {"recovery_id": recovery_id, "account_id": account_id, **vars(recovery)}
        self._tx.insert_rows("recoveries", [row])

    def settle(self, recovery_id: str) -> bool:
        """It waits no longer. False when it was settled here before: registration may announce its facts again long
        after the inbox has forgotten them, and the account may have moved on since.
        """
        self._tx.cursor.execute("delete from recoveries where recovery_id = %s", (recovery_id,))
        return bool(self._tx.insert_rows("settled_recoveries", [{"recovery_id": recovery_id}], returning="recovery_id"))

    def of(self, account_id: int) -> list[AccountRecovery]:
        """What waits for an account, the next one first."""
        return self._tx.fetch_all(
            AccountRecovery,
            "select new_masked, stop_url, takes_effect_at from recoveries where account_id = %s"
            " order by takes_effect_at",
            (account_id,),
        )
