"""Which person each registration of a delivery is of, in a temporary database of SQLite: a delivery has any length."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, MutableMapping

_CACHE_KIB = 1024  # in memory; the rest lies in a temporary file, which SQLite removes


class Persons(MutableMapping[str, str]):
    """Registration → person. Used by one thread at a time."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for setting in ("journal_mode = off", "synchronous = off", f"cache_size = -{_CACHE_KIB}"):
            self._database.execute(f"pragma {setting}")
        self._database.execute("create table persons (registration blob primary key, person blob) without rowid")

    def close(self) -> None:
        self._database.close()

    def __getitem__(self, registration: str) -> str:
        found = self._database.execute("select person from persons where registration = ?", (_bytes(registration),))
        row = found.fetchone()
        if row is None:
            raise KeyError(registration)
        return _text(row[0])

    def __setitem__(self, registration: str, person: str) -> None:
        row = _bytes(registration), _bytes(person)
        self._database.execute("insert or replace into persons values (?, ?)", row)

    def __delitem__(self, registration: str) -> None:
        if not self._database.execute("delete from persons where registration = ?", (_bytes(registration),)).rowcount:
            raise KeyError(registration)

    def __iter__(self) -> Iterator[str]:
        return (_text(row[0]) for row in self._database.execute("select registration from persons"))

    def __len__(self) -> int:
        [[count]] = self._database.execute("select count(*) from persons")
        return int(count)


def _bytes(text: str) -> bytes:
    """SQLite's text ends at a NUL, and can't hold lone surrogates."""
    return text.encode("utf-8", "surrogatepass")


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogatepass")
