"""The tables of sessions, known devices, and tries."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.wallet.domain.throttle import Limit
from services.wallet.store.accounts import ACCOUNT, Account
from shared.retry import SKEW
from shared.runtime.db import Transaction

DEVICE_LASTS = timedelta(days=400)
"""How long a browser is known after its last login: as long as browsers keep a cookie."""
_SEEN_EVERY = timedelta(minutes=5)
_MOST_DEVICES = 20  # of one account


@dataclass(frozen=True)
class Session:
    """`device`: its browser's name; may be empty."""

    session_id: int
    device: str
    created_at: datetime
    last_seen_at: datetime
    is_this: bool


def sha256(text: str) -> bytes:
    """As tokens and keys are kept: whoever reads the tables can't use them."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


class Sessions:
    """Sessions, devices and tries as one transaction sees them. Tokens and keys are kept as SHA-256 only."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    # ── sessions ──

    def open(self, token: str, account_id: int, lifetime: timedelta, device: str) -> None:
        now = self._tx.now()
        self._tx.cursor.execute(
            "insert into sessions (token_sha256, account_id, created_at, expires_at, device, last_seen_at)"
            " values (%s, %s, %s, %s, %s, %s)",
            (sha256(token), account_id, now, now + lifetime, device, now),
        )

    def account(self, token: str) -> Account | None:
        """Whose session it is, until it expires. One that was opened by a clock that was ahead has expired."""
        now = self._tx.now()
        return self._tx.fetch_one(
            Account,
            "with seen as (update sessions set last_seen_at = %(now)s"
            " where token_sha256 = %(token)s and last_seen_at < %(past)s)"
            f" {ACCOUNT} join sessions using (account_id)"
            " where token_sha256 = %(token)s and expires_at > %(now)s and sessions.created_at <= %(ahead)s",
            {"token": sha256(token), "now": now, "past": now - _SEEN_EVERY, "ahead": now + SKEW},
        )

    def all_of(self, account_id: int, token: str) -> list[Session]:
        """Those that have not expired, the one last seen first. `token`: of the browser that asks."""
        return self._tx.fetch_all(
            Session,
            "select session_id, device, created_at, last_seen_at, token_sha256 = %s as is_this from sessions"
            " where account_id = %s and expires_at > %s order by last_seen_at desc, session_id",
            (sha256(token), account_id, self._tx.now()),
        )

    def close(self, token: str) -> None:
        self._tx.cursor.execute("delete from sessions where token_sha256 = %s", (sha256(token),))

    def close_one(self, account_id: int, session_id: int) -> None:
        self._tx.cursor.execute(
            "delete from sessions where account_id = %s and session_id = %s", (account_id, session_id)
        )

    def close_all(self, account_id: int, but: str | None = None) -> None:
        """`but`: the token of the session that stays."""
        self._tx.cursor.execute(
            "delete from sessions where account_id = %s and token_sha256 is distinct from %s",
            (account_id, sha256(but) if but else None),
        )

    # ── devices ──

    def knows(self, device: str | None, account_id: int) -> bool:
        """Whether the owner was logged in with this browser before."""
        if not device:
            return False
        return (
            self._tx.fetch_value(
                "select true from devices where token_sha256 = %s and account_id = %s and seen_at > %s",
                (sha256(device), account_id, self._tx.now() - DEVICE_LASTS),
            )
            is True
        )

    def remember(self, device: str, account_id: int) -> None:
        """Know this browser from now on, instead of the one that was not seen for longest where there are many."""
        cursor = self._tx.cursor
        cursor.execute(
            "insert into devices (token_sha256, account_id, seen_at) values (%s, %s, %s)"
            " on conflict (token_sha256) do update set seen_at = excluded.seen_at",
            (sha256(device), account_id, self._tx.now()),
        )
        cursor.execute(
            "delete from devices where account_id = %s and token_sha256 not in"
            " (select token_sha256 from devices where account_id = %s order by seen_at desc limit %s)",
            (account_id, account_id, _MOST_DEVICES),
        )

    def forget_devices(self, account_id: int, but: str | None = None) -> None:
        self._tx.cursor.execute(
            "delete from devices where account_id = %s and token_sha256 is distinct from %s",
            (account_id, sha256(but) if but else None),
        )

    # ── tries ──

    def is_over(self, limits: Sequence[Limit]) -> bool:
        """Count a try; whether it is over one of its limits. A window begins with its first try.

        One that began in the future, by a clock that was ahead, is over.
        """
        now = self._tx.now()
        most = {sha256(limit.key): limit.most for limit in limits}
        rows = [
            {"key_sha256": sha256(limit.key), "attempts": 1, "began_at": now, "lasts": limit.lasts} for limit in limits
        ]
        goes_on = "login_attempts.began_at > excluded.began_at - excluded.lasts"
        goes_on += f" and login_attempts.began_at <= excluded.began_at + interval '{SKEW.total_seconds():.0f} seconds'"
        counted = self._tx.insert_rows(
            "login_attempts",
            rows,
            f"(key_sha256) do update set attempts = case when {goes_on} then login_attempts.attempts + 1 else 1 end,"
            f" began_at = case when {goes_on} then login_attempts.began_at else excluded.began_at end,"
            " lasts = excluded.lasts",
            returning="key_sha256, attempts",
        )
        return any(attempts > most[bytes(key)] for key, attempts in counted)

    def forgive(self, limits: Sequence[Limit]) -> None:
        """The try was good: what is its own begins again, and what is shared doesn't count it."""
        cursor = self._tx.cursor
        own, shared = ([sha256(limit.key) for limit in limits if limit.own is is_own] for is_own in (True, False))
        # In one order, as they are counted: two tries at once can't deadlock.
        cursor.execute(
            "select from login_attempts where key_sha256 = any(%b::bytea[]) order by key_sha256 for update",
            ([*own, *shared],),
        )
        cursor.execute("delete from login_attempts where key_sha256 = any(%b::bytea[])", (own,))
        if shared:
            cursor.execute(
                "update login_attempts set attempts = greatest(attempts - 1, 0) where key_sha256 = any(%b::bytea[])",
                (shared,),
            )

    # ── the past ──

    def forget_past(self, most: int) -> int:
        """Delete what has expired: sessions, tries, devices, links, challenges; at most `most` of each; how many."""
        now = self._tx.now()
        deleted = 0
        for table, key, is_past, is_future in (
            ("sessions", "token_sha256", "expires_at <= %s", "created_at"),
            ("login_attempts", "key_sha256", "began_at + lasts <= %s", "began_at"),
            ("devices", "token_sha256", f"seen_at + interval '{DEVICE_LASTS.days} days' <= %s", "seen_at"),
            ("mail_links", "link_id", "expires_at <= %s", "created_at"),
            ("challenges", "challenge", "expires_at <= %s", "expires_at - interval '1 hour'"),
        ):
            deleted += self._tx.cursor.execute(
                f"delete from {table} where {key} in (select {key} from {table}"
                f" where {is_past} or {is_future} > %s limit %s for update skip locked)",
                (now, now + SKEW, most),
            ).rowcount
        return deleted
