"""The tables of accounts: addresses, sessions, login attempts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from shared.addresses import same_address_key
from shared.retry import SKEW
from shared.runtime.db import Transaction

_ACCOUNT = "select account_id, full_name, password_hash from accounts"


@dataclass(frozen=True)
class Account:
    account_id: int
    full_name: str  # as typed
    password_hash: str


class Accounts:
    """The accounts as one transaction sees them.

    Session tokens and the addresses of login attempts are kept as SHA-256 only.
    """

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def by_address(self, address: str) -> Account | None:
        """The account that has proven this address."""
        return self._tx.fetch_one(
            Account,
            f"{_ACCOUNT} join addresses using (account_id) where address_key = %s",
            (same_address_key(address),),
        )

    def has_address(self, account_id: int, address: str) -> bool:
        row = self._tx.cursor.execute(
            "select 1 from addresses where account_id = %s and address_key = %s",
            (account_id, same_address_key(address)),
        ).fetchone()
        return row is not None

    def create(self, full_name: str, password_hash: str, address: str) -> int | None:
        """The new account's id; None when the address has one already, for example from another browser window."""
        cursor, now = self._tx.cursor, self._tx.now()
        # Waits for a transaction that is creating an account with this address; then sees its row.
        cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (same_address_key(address),))
        if self.by_address(address) is not None:
            return None
        row = cursor.execute(
            "insert into accounts (full_name, password_hash, created_at) values (%s, %s, %s) returning account_id",
            (full_name, password_hash, now),
        ).fetchone()
        assert row is not None
        account_id: int = row[0]
        cursor.execute(
            "insert into addresses (address_key, account_id, address, is_primary, verified_at)"
            " values (%s, %s, %s, true, %s)",
            (same_address_key(address), account_id, address, now),
        )
        return account_id

    # ── sessions ──

    def open_session(self, token_sha256: bytes, account_id: int, lifetime: timedelta) -> None:
        now = self._tx.now()
        self._tx.cursor.execute(
            "insert into sessions (token_sha256, account_id, created_at, expires_at) values (%s, %s, %s, %s)",
            (token_sha256, account_id, now, now + lifetime),
        )

    def by_session(self, token_sha256: bytes) -> Account | None:
        """Whose session it is, until it expires. One that was opened by a clock that was ahead has expired."""
        now = self._tx.now()
        return self._tx.fetch_one(
            Account,
            f"{_ACCOUNT} join sessions using (account_id)"
            " where token_sha256 = %s and expires_at > %s and sessions.created_at <= %s",
            (token_sha256, now, now + SKEW),
        )

    def close_session(self, token_sha256: bytes) -> None:
        self._tx.cursor.execute("delete from sessions where token_sha256 = %s", (token_sha256,))

    # ── login attempts ──

    def count_attempt(self, address_sha256: bytes, window: timedelta) -> int:
        """How many attempts this address had in its window, this one included. A window begins with its first one.

        One that began in the future, by a clock that was ahead, is over.
        """
        now = self._tx.now()
        row = self._tx.cursor.execute(
            """
            insert into login_attempts as a (address_sha256, attempts, began_at) values (%(key)s, 1, %(now)s)
            on conflict (address_sha256) do update set
                attempts = case when a.began_at > %(past)s and a.began_at <= %(ahead)s then a.attempts + 1 else 1 end,
                began_at = case when a.began_at > %(past)s and a.began_at <= %(ahead)s then a.began_at else %(now)s end
            returning attempts
            """,
            {"key": address_sha256, "now": now, "past": now - window, "ahead": now + SKEW},
        ).fetchone()
        assert row is not None
        attempts: int = row[0]
        return attempts

    def forget_attempts(self, address_sha256: bytes) -> None:
        self._tx.cursor.execute("delete from login_attempts where address_sha256 = %s", (address_sha256,))

    def forget_past(self, window: timedelta, most: int) -> int:
        """Delete expired sessions and attempts whose window is over, at most `most` of each; how many."""
        now = self._tx.now()
        deleted = 0
        for table, key, expires, past, begins in (
            ("sessions", "token_sha256", "expires_at", now, "created_at"),
            ("login_attempts", "address_sha256", "began_at", now - window, "began_at"),
        ):
            deleted += self._tx.cursor.execute(
                f"delete from {table} where {key} in (select {key} from {table}"
                f" where {expires} <= %s or {begins} > %s limit %s for update skip locked)",
                (past, now + SKEW, most),
            ).rowcount
        return deleted
