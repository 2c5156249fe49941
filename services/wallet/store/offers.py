"""The table of offers: codes by which another wallet may fetch one badge. Codes and tokens are kept as SHA-256 only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.retry import SKEW
from shared.runtime.db import Transaction


@dataclass(frozen=True)
class Offer:
    """What the bearer of an access token may fetch."""

    assertion_id: str
    account_id: int


class Offers:
    """The offers as one transaction sees them."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def make(self, code_sha256: bytes, assertion_id: str, account_id: int, expires_at: datetime) -> None:
        row = {
            "code_sha256": code_sha256,
            "assertion_id": assertion_id,
            "account_id": account_id,
            "expires_at": expires_at,
        }
        self._tx.insert_rows("offers", [row])

    def redeem(self, code_sha256: bytes, token_sha256: bytes, lifetime: timedelta, token_lifetime: timedelta) -> bool:
        """The code's one use: from now on the token counts. False for a code that is unknown, used or over."""
        now = self._tx.now()
        return (
            self._tx.cursor.execute(
                "update offers set token_sha256 = %s, expires_at = %s"
                " where code_sha256 = %s and token_sha256 is null and expires_at > %s and expires_at <= %s",
                (token_sha256, now + token_lifetime, code_sha256, now, now + lifetime + SKEW),
            ).rowcount
            == 1
        )

    def by_token(self, token_sha256: bytes, lifetime: timedelta) -> Offer | None:
        """What the token opens, until it expires. One that a clock that was ahead gave out has expired."""
        now = self._tx.now()
        return self._tx.fetch_one(
            Offer,
            "select assertion_id, account_id from offers"
            " where token_sha256 = %s and expires_at > %s and expires_at <= %s",
            (token_sha256, now, now + lifetime + SKEW),
        )

    def forget_past(self, lifetime: timedelta, most: int) -> int:
        """Delete what has expired, at most `most`; how many."""
        now = self._tx.now()
        ended = "expires_at <= %s or expires_at > %s"
        return self._tx.delete_some("offers", "code_sha256", ended, (now, now + lifetime + SKEW), most)
