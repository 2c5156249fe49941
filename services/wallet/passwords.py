"""Passwords as argon2id hashes: slow on purpose, and only a few at a time, because each takes memory."""

from __future__ import annotations

from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.wallet.domain.account import password_form


class Passwords:
    """Thread-safe. 7 MiB and about 15 ms of one core each (OWASP password storage: argon2id, m=7168, t=5, p=1)."""

    def __init__(self, *, at_once: int = 4) -> None:
        self._hasher = PasswordHasher(memory_cost=7168, time_cost=5, parallelism=1)
        self._turns = BoundedSemaphore(at_once)
        self._unknown = self._hasher.hash("a password that nobody has")

    def hash(self, password: str) -> str:
        with self._turns:
            return self._hasher.hash(password_form(password))

    def is_right(self, stored: str | None, password: str) -> bool:
        """Takes as long for an unknown address (None) as for a wrong password, so the time tells nothing."""
        with self._turns:
            try:
                return self._hasher.verify(stored or self._unknown, password_form(password)) and stored is not None
            except (VerificationError, InvalidHashError):
                return False
