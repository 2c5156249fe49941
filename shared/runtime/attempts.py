"""Counting attempts in windows of time, in a table of the service: `key_sha256`, `attempts`, `began_at`, `lasts`.

Used by wallet (passwords, letters, addresses, passkeys), the address screen and the office's sign-in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import ClassVar

from shared.attempt_limit import Limit
from shared.retry import SKEW
from shared.runtime.db import Transaction


def sha256(text: str) -> bytes:
    """How tokens and keys are stored: who reads the tables can't use them."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


class Attempts:
    """Attempts as one transaction sees them. Keys are kept as SHA-256 only."""

    table: ClassVar[str]

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def is_over(self, limits: Sequence[Limit]) -> bool:
        """Count an attempt; whether it is over one of its limits. As `count`."""
        return bool(self.count(limits))

    def count(self, limits: Sequence[Limit]) -> list[Limit]:
        """Count an attempt; the limits that it is over. A window begins with its first attempt.

        One that began in the future, by a clock that was ahead, is over. Attempts at once can't deadlock: all
        count in one order of keys.
        """
        now = self._tx.now()
        by_key = {sha256(limit.key): limit for limit in limits}
        rows = [
            {"key_sha256": key, "attempts": 1, "began_at": now, "lasts": limit.lasts} for key, limit in by_key.items()
        ]
        goes_on = f"{self.table}.began_at > excluded.began_at - excluded.lasts"
        goes_on += f" and {self.table}.began_at <= excluded.began_at + interval '{SKEW.total_seconds():.0f} seconds'"
        counted = self._tx.insert_rows(
            self.table,
            rows,
            f"(key_sha256) do update set attempts = case when {goes_on} then {self.table}.attempts + 1 else 1 end,"
            f" began_at = case when {goes_on} then {self.table}.began_at else excluded.began_at end,"
            " lasts = excluded.lasts",
            returning="key_sha256, attempts",
        )
        return [by_key[bytes(key)] for key, attempts in counted if attempts > by_key[bytes(key)].most]

    def forgive(self, limits: Sequence[Limit]) -> None:
        """The attempt was good: what is its own begins again, and what is shared doesn't count it."""
        cursor = self._tx.cursor
        own, shared = ([sha256(limit.key) for limit in limits if limit.own is is_own] for is_own in (True, False))
        # In one order, as they are counted: two attempts at once can't deadlock.
        cursor.execute(
            f"select from {self.table} where key_sha256 = any(%b::bytea[]) order by key_sha256 for update",
            ([*own, *shared],),
        )
        cursor.execute(f"delete from {self.table} where key_sha256 = any(%b::bytea[])", (own,))
        if shared:
            cursor.execute(
                f"update {self.table} set attempts = greatest(attempts - 1, 0) where key_sha256 = any(%b::bytea[])",
                (shared,),
            )
