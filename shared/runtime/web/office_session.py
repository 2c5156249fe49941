"""Sign in to the office's pages by name and password, sign out, change the password; accounts by the command. Used by
ops.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from shared.errors import NotFound
from shared.password_strength import PasswordProblem, known_words, password_problem, society_words
from shared.plain_text import hidden_in
from shared.programme import Programme
from shared.runtime.attempts import sha256
from shared.runtime.db import Database
from shared.runtime.metrics import counter
from shared.runtime.web.office_accounts import (
    LONGEST_NAME,
    ROLES,
    AccountChange,
    OfficeAccounts,
    OfficeUser,
    Role,
    limits_of,
    name_problem,
    shown_name,
)
from shared.runtime.web.passwords import Passwords

SIGNED_IN = counter("office_sign_ins", "Tries to sign in to the office's pages, by result", ("result",))

LAST_ADMIN = "admin: got the only administrator, expected one of several"

SignInProblem = Literal["wrong", "blocked"]


@dataclass(frozen=True)
class Token:
    """Of a new session: what the browser keeps as its cookie."""

    text: str


class AccountRefused(ValueError):
    """An account can't be made or changed so: the text says got and expected."""


class Remembered:
    """Who was signed in by which token, for ten minutes, by its digest. Thread-safe."""

    SECONDS = 600.0
    PATIENCE = 5.0  # seconds in which a database that did not answer is not asked again

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._away_until = 0.0
        self._lock = threading.Lock()
        self._users: dict[bytes, tuple[float, OfficeUser]] = {}

    def note(self, token: str, user: OfficeUser | None) -> None:
        now, key = self._seconds(), sha256(token)
        with self._lock:
            self._users.pop(key, None)
            if user is not None:
                self._users[key] = (now, user)
            for old in [each for each, (at, _) in self._users.items() if now - at > self.SECONDS]:
                del self._users[old]

    def away(self) -> None:
        """The database did not answer."""
        self._away_until = self._seconds() + self.PATIENCE

    @property
    def is_away(self) -> bool:
        return self._seconds() < self._away_until

    def find(self, token: str) -> OfficeUser | None:
        with self._lock:
            at, user = self._users.get(sha256(token), (0.0, None))
        return user if user is not None and self._seconds() - at <= self.SECONDS else None


@dataclass(frozen=True)
class OfficeSessions:
    """`new_token`: 256 bits that nobody can guess. `record` is called in the transaction that changes an account."""

    database: Database[Any]
    programme: Programme
    passwords: Passwords = field(default_factory=Passwords)
    new_token: Callable[[], str] = lambda: secrets.token_urlsafe(32)
    remembered: Remembered = field(default_factory=Remembered)
    record: Callable[[Any, AccountChange], None] = lambda tx, change: None

    def user(self, token: str | None) -> OfficeUser | None:
        """Whose session the browser's token is; None for no token, an unknown one, and a session that is over."""
        if not token:
            return None
        with self.database.transaction() as tx:
            user = OfficeAccounts(tx).by_session(token)
        self.remembered.note(token, user)
        return user

    def user_of_late(self, token: str | None) -> OfficeUser | None:
        """Who was signed in by this token a short time ago, as this process knows: for pages while the database is
        away."""
        return self.remembered.find(token) if token else None

    def sign_in(self, name: str, password: str, source: str, former: str | None) -> Token | SignInProblem:
        """The token of a new session; that of `former`, which the browser sent, ends.

        An unknown name and a wrong password get the same answer in the same time; so do tries over a limit, whatever
        they try. `source`: the client's address.
        """
        if hidden_in(name) or len(name) > LONGEST_NAME:
            SIGNED_IN.labels("wrong").inc()
            return "wrong"
        limits = limits_of(source, name)
        with self.database.transaction() as tx:
            is_over = OfficeAccounts(tx).is_over(limits)
            account = OfficeAccounts(tx).find(name)
        # The try is counted before the password is compared: who sends a hundred requests at once has used them up.
        if is_over:
            SIGNED_IN.labels("blocked").inc()
            return "blocked"
        if not self.passwords.is_right(account.password_hash if account else None, password) or account is None:
            SIGNED_IN.labels("wrong").inc()
            return "wrong"
        again = self.passwords.hash(password) if self.passwords.needs_rehash(account.password_hash) else None
        token = self.new_token()
        with self.database.transaction() as tx:
            accounts = OfficeAccounts(tx)
            accounts.forget_tries(limits)
            if again is not None:
                accounts.set_password(name, again, must_change=account.must_change)
            if former:
                accounts.close_session(former)
            accounts.open_session(token, name)
        SIGNED_IN.labels("done").inc()
        return Token(token)

    def sign_out(self, token: str | None) -> None:
        if token:
            self.remembered.note(token, None)
            with self.database.transaction() as tx:
                OfficeAccounts(tx).close_session(token)

    def change_password(
        self, user: OfficeUser, present: str, new: str, source: str
    ) -> Token | SignInProblem | PasswordProblem:
        """Set the user's own password. All sessions of the account end; the token is of a new one for this browser."""
        limits = limits_of(source, user.name)
        with self.database.transaction() as tx:
            is_over = OfficeAccounts(tx).is_over(limits)
            account = OfficeAccounts(tx).find(user.name)
        if is_over:
            return "blocked"
        if not self.passwords.is_right(account.password_hash if account else None, present):
            return "wrong"
        if (problem := self._problem(user.name, new)) is not None:
            return problem
        if new == present and user.must_change:
            return "known"  # it was given by somebody else, who knows it
        hashed, token = self.passwords.hash(new), self.new_token()
        with self.database.transaction() as tx:
            accounts = OfficeAccounts(tx)
            accounts.forget_tries(limits)
            accounts.set_password(user.name, hashed, must_change=False)
            self.record(tx, AccountChange(user.name, "password", user.role, user.desk, user.name, ""))
            accounts.open_session(token, user.name)
        return Token(token)

    # ── by the command ──

    def users(self) -> list[OfficeUser]:
        with self.database.transaction() as tx:
            return OfficeAccounts(tx).users()

    def add(
        self, name: str, role: str, desk: str | None, password: str | None, *, by: str, why: str = ""
    ) -> str | None:
        """A new account, ordered `by` somebody.

        Without a password the answer is one that was drawn, to be changed at the first sign-in.
        AccountRefused for a name that is taken, an unknown role or desk, and a password that is easily guessed.
        """
        if (problem := name_problem(name)) is not None:
            raise AccountRefused(f"name: expected {problem}")
        known_role = self._role(role, desk)
        given, hashed = self._hashed(name, password)
        user = OfficeUser(name, known_role, desk, must_change=password is None)
        with self.database.transaction() as tx:
            if not OfficeAccounts(tx).add(user, hashed):
                raise AccountRefused(f"name: got {name!r}, which has an account; expected another: akashi office list")
            self.record(tx, AccountChange(shown_name(name), "added", user.role, user.desk, by, why))
        return given if password is None else None

    def set_password(self, name: str, password: str | None, *, by: str, why: str = "") -> str | None:
        """As `add`, for an account that is there. Its sessions end. NotFound."""
        given, hashed = self._hashed(name, password)
        with self.database.transaction() as tx:
            account = OfficeAccounts(tx).find(name)
            if account is None or not OfficeAccounts(tx).set_password(name, hashed, must_change=password is None):
                raise NotFound(f"got {name!r}, expected an account's name: akashi office list")
            self.record(tx, AccountChange(account.name, "password", account.role, account.desk, by, why))
        return given if password is None else None

    def set_role(self, name: str, role: str, desk: str | None, *, by: str, why: str = "") -> None:
        """Its sessions end; the password stays. NotFound.

        AccountRefused for an unknown role or desk, for those that it has already, and for the last administrator.
        """
        known_role = self._role(role, desk)
        with self.database.transaction() as tx:
            accounts = OfficeAccounts(tx)
            is_last_admin = accounts.is_last_admin(name)
            account = accounts.find(name)
            if account is None:
                raise NotFound(f"got {name!r}, expected an account's name: akashi office list")
            if (account.role, account.desk) == (known_role, desk):
                raise AccountRefused(f"role: got {role!r}, expected another role or desk than the account has")
            if is_last_admin:
                raise AccountRefused(f"{LAST_ADMIN}: make another one first: akashi office add")
            accounts.set_role(name, known_role, desk)
            change = AccountChange(account.name, "role", known_role, desk, by, why, account.role, account.desk)
            self.record(tx, change)

    def remove(self, name: str, *, by: str, why: str = "") -> None:
        """Its sessions end with it. What it ordered stays on record. NotFound; AccountRefused for the last
        administrator.
        """
        with self.database.transaction() as tx:
            is_last_admin = OfficeAccounts(tx).is_last_admin(name)
            account = OfficeAccounts(tx).find(name)
            if account is None:
                raise NotFound(f"got {name!r}, expected an account's name: akashi office list")
            if is_last_admin:
                raise AccountRefused(f"{LAST_ADMIN}: make another one first: akashi office add")
            OfficeAccounts(tx).remove(name)
            self.record(tx, AccountChange(account.name, "removed", account.role, account.desk, by, why))

    def forget_past(self) -> int:
        """Delete sessions and counts of tries that are over; how many."""
        with self.database.transaction() as tx:
            return OfficeAccounts(tx).forget_past()

    def _role(self, role: str, desk: str | None) -> Role:
        """The role of an account. AccountRefused for an unknown one, and for a desk that doesn't go with it."""
        if role not in ROLES:
            raise AccountRefused(f"role: got {role!r}, expected one of {', '.join(ROLES)}")
        desks = self.programme.desks
        if role == "office" and desk not in desks:
            raise AccountRefused(f"desk: got {desk!r}, expected one of {', '.join(desks)}: role office has one desk")
        if role == "admin" and desk is not None:
            raise AccountRefused(f"desk: got {desk!r}, expected none: role admin is for all desks")
        return "admin" if role == "admin" else "office"

    def _hashed(self, name: str, password: str | None) -> tuple[str, str]:
        """The password, drawn if there is none, and its hash."""
        if password is None:
            drawn = secrets.token_urlsafe(15)
            return drawn, self.passwords.hash(drawn)
        if (problem := self._problem(name, password)) is not None:
            raise AccountRefused(f"password: it is {_WHY[problem]}")
        return password, self.passwords.hash(password)

    def _problem(self, name: str, password: str) -> PasswordProblem | None:
        return password_problem(password, known_words(name) | society_words(self.programme))


_WHY = {
    "short": "too short, expected 10 characters or more",
    "long": "too long, expected 200 characters or less",
    "known": "easily guessed, expected one that is not made of common words or patterns",
    "personal": "made of the account's or the society's name, expected another",
}
