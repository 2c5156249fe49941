"""Passwords as argon2id hashes: slow on purpose, and only a few at a time, because each takes memory.

For the wallet's accounts and the office's. Which passwords are refused: `shared/password_strength.py`.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from shared.password_strength import PASSWORD_LONGEST, password_form

MEMORY_KIB, ITERATIONS, LANES = 7168, 5, 1
"""OWASP Password Storage Cheat Sheet: one of the minimum configurations for argon2id (m=7168, t=5, p=1)."""

_HASHER = PasswordHasher(memory_cost=MEMORY_KIB, time_cost=ITERATIONS, parallelism=LANES)


@cache
def _nobodys() -> str:
    """The hash that the password of an unknown name is compared with."""
    return _HASHER.hash("a password that nobody has")


class Passwords:
    """Thread-safe. 7 MiB and about 20 ms of one core each.

    In threads of their own, as many as there are cores, at most `at_once`: more would only evict each other's memory
    from the caches.
    """

    def __init__(self, *, at_once: int = 4) -> None:
        self._threads = ThreadPoolExecutor(min(at_once, os.cpu_count() or 1), "password")
        self._unknown = _nobodys()

    def hash(self, password: str) -> str:
        return self._threads.submit(_HASHER.hash, password_form(password)).result()

    def is_right(self, stored: str | None, password: str) -> bool:
        """Takes as long for a wrong one as for an unknown name (None), for none set (""), and for one too long."""
        typed = password if (fits := len(password) <= PASSWORD_LONGEST) else ""
        try:
            right = self._threads.submit(_HASHER.verify, stored or self._unknown, password_form(typed)).result()
        except (VerificationError, InvalidHashError):
            return False
        return right and fits and bool(stored)

    def needs_rehash(self, stored: str) -> bool:
        """Whether it was made with other parameters than today's: hash the password again when it is typed next."""
        try:
            return _HASHER.check_needs_rehash(stored)
        except InvalidHashError:
            return False
