"""Who of the office may sign in: the tables office_accounts, office_sessions, office_attempts of a service's schema.

Used by ops, whose migration 0008 makes them; any service with the same tables may.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from shared.attempt_limit import Limit
from shared.plain_text import hidden_in
from shared.retry import SKEW
from shared.runtime.attempts import Attempts, sha256

Role = Literal["office", "admin"]
ROLES: tuple[Role, ...] = ("office", "admin")

LONGEST_NAME = 100  # characters
IDLE = timedelta(minutes=60)
"""A session that is not used for so long is over."""
LONGEST_SESSION = timedelta(hours=12)
"""A session is over after so long, however much it is used."""
_NOTED = timedelta(minutes=1)  # use is written down this often: not at each request


@dataclass(frozen=True)
class OfficeUser:
    """Who may sign in. Role office: for the qualifications of one `desk`; admin: for everything, and no desk."""

    name: str
    role: Role
    desk: str | None
    must_change: bool = False  # the password was given by somebody else: it opens only the page that changes it

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"


@dataclass(frozen=True)
class Secret:
    """An account with the hash of its password."""

    name: str
    role: Role
    desk: str | None
    must_change: bool
    password_hash: str

    @property
    def user(self) -> OfficeUser:
        return OfficeUser(self.name, self.role, self.desk, self.must_change)


@dataclass(frozen=True)
class AccountChange:
    """A change of an account, to be put on record. `by`: its author; the account itself for the own password.

    Of change "role" `role` and `desk` are the new ones, and `former_…` those of before.
    """

    name: str
    change: Literal["added", "password", "removed", "role"]
    role: Role
    desk: str | None
    by: str
    why: str
    former_role: Role | None = None
    former_desk: str | None = None


def name_key(name: str) -> str:
    """Equal for all spellings of one name: width, case and spaces don't matter."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def shown_name(name: str) -> str:
    """The name as the account has it."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def name_problem(name: str) -> str | None:
    """What keeps a text from being an account's name, as a text that follows "expected"; None if nothing."""
    if not name_key(name) or len(name) > LONGEST_NAME:
        return f"a name of 1 to {LONGEST_NAME} characters"
    return "a name without control characters" if hidden_in(name) else None


def limits_of(source: str, name: str) -> tuple[Limit, ...]:
    """Of a try from `source` (a client's address): nobody guesses, and no stranger keeps the office out for long."""
    quarter, day = timedelta(minutes=15), timedelta(days=1)
    key = name_key(name)
    return (
        Limit(f"both/{source}/{key}", 10, quarter, own=True),
        Limit(f"source/{source}", 50, quarter),
        Limit(f"name/{key}", 200, day, own=True),
    )


class OfficeAccounts(Attempts):
    """The accounts as one transaction sees them. Tokens and the keys of tries are kept as SHA-256 only."""

    table = "office_attempts"

    def users(self) -> list[OfficeUser]:
        return self._tx.fetch_all(
            OfficeUser, "select name, role, desk, must_change from office_accounts order by role, name_key"
        )

    def find(self, name: str) -> Secret | None:
        return self._tx.fetch_one(
            Secret,
            "select name, role, desk, must_change, password_hash from office_accounts where name_key = %s",
            (name_key(name),),
        )

    def add(self, user: OfficeUser, password_hash: str) -> bool:
        """False when the name has an account already: that stays as it is."""
        now = self._tx.now()
        row = {
            "name_key": name_key(user.name),
            "name": shown_name(user.name),
            "role": user.role,
            "desk": user.desk,
            "password_hash": password_hash,
            "must_change": user.must_change,
            "created_at": now,
            "changed_at": now,
        }
        return bool(self._tx.insert_rows("office_accounts", [row], "do nothing", returning="name_key"))

    def set_password(self, name: str, password_hash: str, *, must_change: bool) -> bool:
        """All sessions of the account end. False for an unknown name."""
        key = name_key(name)
        self._end_sessions(key)
        return bool(
            self._tx.cursor.execute(
                "update office_accounts set password_hash = %s, must_change = %s, changed_at = %s where name_key = %s",
                (password_hash, must_change, self._tx.now(), key),
            ).rowcount
        )

    def set_role(self, name: str, role: Role, desk: str | None) -> bool:
        """All sessions of the account end. False for an unknown name."""
        key = name_key(name)
        self._end_sessions(key)
        return bool(
            self._tx.cursor.execute(
                "update office_accounts set role = %s, desk = %s, changed_at = %s where name_key = %s",
                (role, desk, self._tx.now(), key),
            ).rowcount
        )

    def is_last_admin(self, name: str) -> bool:
        """Whether nobody else is an administrator. Until the transaction ends no administrator becomes anything else:
        of two who take the role from each other at once, the second sees what the first did.
        """
        admins = self._tx.cursor.execute(
            "select name_key from office_accounts where role = 'admin' order by name_key for update"
        ).fetchall()
        return admins == [(name_key(name),)]

    def remove(self, name: str) -> bool:
        """Its sessions end with it. False for an unknown name."""
        return bool(
            self._tx.cursor.execute("delete from office_accounts where name_key = %s", (name_key(name),)).rowcount
        )

    # ── sessions ──

    def _end_sessions(self, key: str) -> None:
        self._tx.cursor.execute("delete from office_sessions where name_key = %s", (key,))

    def open_session(self, token: str, name: str) -> None:
        now = self._tx.now()
        self._tx.cursor.execute(
            "insert into office_sessions (token_sha256, name_key, created_at, used_at) values (%s, %s, %s, %s)",
            (sha256(token), name_key(name), now, now),
        )

    def by_session(self, token: str) -> OfficeUser | None:
        """Whose session it is; None when it is over. One that was opened by a clock that was ahead is over, too."""
        now = self._tx.now()
        key = sha256(token)
        found = self._tx.fetch_one(
            OfficeUser,
            "select name, role, desk, must_change from office_sessions join office_accounts using (name_key)"
            " where token_sha256 = %s and used_at > %s and office_sessions.created_at between %s and %s",
            (key, now - IDLE, now - LONGEST_SESSION, now + SKEW),
        )
        if found is not None:
            self._tx.cursor.execute(
                "update office_sessions set used_at = %s where token_sha256 = %s and used_at < %s",
                (now, key, now - _NOTED),
            )
        return found

    def close_session(self, token: str) -> None:
        self._tx.cursor.execute("delete from office_sessions where token_sha256 = %s", (sha256(token),))

    # ── tries ──

    def forget_tries(self, limits: Sequence[Limit]) -> None:
        """The password was right: its own counts begin again. What one source tries at many names stays counted."""
        self.forgive([limit for limit in limits if limit.own])

    def forget_past(self) -> int:
        """Delete sessions and windows that are over; how many."""
        now = self._tx.now()
        return (
            self._tx.cursor.execute(
                "delete from office_sessions where used_at <= %s or created_at < %s or created_at > %s",
                (now - IDLE, now - LONGEST_SESSION, now + SKEW),
            ).rowcount
            + self._tx.cursor.execute(
                "delete from office_attempts where began_at < %s or began_at > %s",
                (now - timedelta(days=1), now + SKEW),
            ).rowcount
        )
