"""The tables of sessions, known devices, and tries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.wallet.store.accounts import ACCOUNT, Account
from shared.retry import SKEW
from shared.runtime.attempts import Attempts, sha256

DEVICE_LASTS = timedelta(days=400)
"""How long a browser is known after its last login: as long as browsers keep a cookie."""
IDLE = timedelta(hours=2)
"""A session in which nothing was asked for so long has ended. NIST SP 800-63B-4, 2.2.3, recommends an hour."""
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


class Sessions(Attempts):
    """Sessions, devices and tries as one transaction sees them. Tokens and keys are kept as SHA-256 only."""

    table = "login_attempts"

    # ── sessions ──

    def open(self, token: str, account_id: int, lifetime: timedelta, device: str, name: str) -> None:
        """A session of the browser with the token `device`, which people know by `name`.

        The browser is known from now on, instead of the one that was not seen for longest where there are many.
        """
        # The deletion sees the table as it was before the insertion.
        self._tx.cursor.execute(
            "with opened as (insert into sessions (token_sha256, account_id, created_at, expires_at, device,"
            "   last_seen_at) values (%(session)s, %(account)s, %(now)s, %(end)s, %(name)s, %(now)s)),"
            " remembered as (insert into devices (token_sha256, account_id, seen_at)"
            "  values (%(device)s, %(account)s, %(now)s)"
            "  on conflict (token_sha256) do update set seen_at = excluded.seen_at)"
            " delete from devices where account_id = %(account)s and token_sha256 <> %(device)s and token_sha256 not in"
            "  (select token_sha256 from devices where account_id = %(account)s and token_sha256 <> %(device)s"
            "   order by seen_at desc limit %(others)s)",
            {
                "session": sha256(token),
                "account": account_id,
                "now": (now := self._tx.now()),
                "end": now + lifetime,
                "device": sha256(device),
                "name": name,
                "others": _MOST_DEVICES - 1,
            },
        )

    def account(self, token: str) -> Account | None:
        """Whose session it is, until it expires or is unused for `IDLE`. One of a clock that was ahead has expired."""
        now = self._tx.now()
        return self._tx.fetch_one(
            Account,
            "with seen as (update sessions set last_seen_at = %(now)s"
            " where token_sha256 = %(token)s and last_seen_at < %(past)s and last_seen_at > %(idle)s)"
            f" {ACCOUNT} join sessions using (account_id)"
            " where token_sha256 = %(token)s and expires_at > %(now)s and sessions.created_at <= %(ahead)s"
            " and sessions.last_seen_at > %(idle)s",
            {
                "token": sha256(token),
                "now": now,
                "past": now - _SEEN_EVERY,
                "ahead": now + SKEW,
                "idle": now - IDLE,
            },
        )

    def all_of(self, account_id: int, token: str) -> list[Session]:
        """Those that have not expired, the one last seen first. `token`: of the browser that asks."""
        now = self._tx.now()
        return self._tx.fetch_all(
            Session,
            "select session_id, device, created_at, last_seen_at, token_sha256 = %s as is_this from sessions"
            " where account_id = %s and expires_at > %s and last_seen_at > %s order by last_seen_at desc, session_id",
            (sha256(token), account_id, now, now - IDLE),
        )

    def close(self, token: str) -> None:
        self._tx.cursor.execute("delete from sessions where token_sha256 = %s", (sha256(token),))

    def close_one(self, account_id: int, session_id: int) -> None:
        self._tx.cursor.execute(
            "delete from sessions where account_id = %s and session_id = %s", (account_id, session_id)
        )

    def close_all(self, account_id: int, but: str | None = None) -> int:
        """How many ended. `but`: the token of the session that stays."""
        return self._close(
            "account_id = %s and token_sha256 is distinct from %s", account_id, sha256(but) if but else None
        )

    def close_everybodys(self) -> int:
        """All sessions of all accounts; how many."""
        return self._close("true")

    def _close(self, condition: str, *values: Any) -> int:
        # In one order: two transactions that end the same sessions can't deadlock.
        self._tx.cursor.execute(
            f"select from sessions where {condition} order by account_id, session_id for update", values
        )
        return self._tx.cursor.execute(f"delete from sessions where {condition}", values).rowcount

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

    def forget_devices(self, account_id: int, but: str | None = None) -> None:
        self._tx.cursor.execute(
            "delete from devices where account_id = %s and token_sha256 is distinct from %s",
            (account_id, sha256(but) if but else None),
        )

    # ── the past ──

    def forget_past(self, most: int) -> int:
        """Delete what has expired: sessions, tries, devices, links, challenges; at most `most` of each; how many."""
        now = self._tx.now()
        deleted = 0
        for table, key, is_past, is_future in (
            (
                "sessions",
                "token_sha256",
                f"least(expires_at, last_seen_at + interval '{IDLE.total_seconds():.0f} seconds') <= %s",
                "created_at",
            ),
            ("login_attempts", "key_sha256", "began_at + lasts <= %s", "began_at"),
            ("devices", "token_sha256", f"seen_at <= %s::timestamptz - interval '{DEVICE_LASTS.days} days'", "seen_at"),
            ("mail_links", "link_id", "expires_at <= %s", "created_at"),
            (
                "recoveries",
                "recovery_id",
                "takes_effect_at + interval '30 days' <= %s",
                "takes_effect_at - interval '61 days'",
            ),
            ("challenges", "challenge", "expires_at <= %s", "expires_at - interval '1 hour'"),
        ):
            deleted += self._tx.delete_some(table, key, f"{is_past} or {is_future} > %s", (now, now + SKEW), most)
        return deleted
