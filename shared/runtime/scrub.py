"""Comparing a service's tables with object storage, and making again what is lost. Used by issuer, anchor, renderer.

Every object that the tables say is there is read and compared; then storage is listed, for what only it has. A pass
goes page by page and reads without any lock. What looks wrong is looked at again under the lock of its row, which is
held by all who write the object: so one that is being written is no fault, and nothing newer is overwritten. What is
there again of somebody who was erased is deleted by a pass that repairs, whatever its inventory would do with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

import psycopg

from shared import object_keys
from shared.errors import AkashiError, NotFound
from shared.runtime import scrub_record as record
from shared.runtime.db import Database
from shared.runtime.erasure import erased_among
from shared.runtime.log import Log
from shared.runtime.metrics import SCRUBBED
from shared.runtime.objects import MOST_LISTED, ErasableObjects
from shared.runtime.rows import is_away
from shared.runtime.scrub_record import Found, Pass
from shared.runtime.sessions import connection_settings

_PAGE = 100  # rows
_THREADS = 8
_REST = 9  # times as long as a page took, in a pass by itself in which all was well: it uses a tenth of the time
_LONGEST_REST = 60.0  # seconds
_HANGS_AFTER = 900  # seconds without a statement of the turn, after which another replica goes on with the pass


class CannotMake(AkashiError):
    """The object can't be made from the tables now: leave it as it is, and say so. The text is one word: why."""


@dataclass(frozen=True)
class Expected:
    """An object that the tables say is there.

    `place` orders the objects of its kind. `make` gives the bytes that should be there, of those that are (None when
    there are none); it is called under the row's lock, and its changes of rows are committed once the object is put.
    `only_adds`: whether it adds to the bytes that are there and takes nothing away; what it takes away is kept.
    """

    place: str
    key: str
    content_type: str
    is_intact: Callable[[bytes], bool]
    make: Callable[[bytes | None], bytes]
    only_adds: Callable[[bytes], bool] = lambda stored: False


class Inventory(Protocol):
    """One kind of objects that a service answers for. `tx` is always the service's own transaction."""

    @property
    def kind(self) -> str: ...

    @property
    def folder(self) -> str | None:
        """What begins so in storage is looked for in the tables; None: nothing is."""
        ...

    def page(self, tx: Any, after: str, limit: int) -> Sequence[Expected]:
        """The objects of the next `limit` rows behind the place `after`, in order. Nothing is locked."""
        ...

    def prepare(self, expected: Expected) -> None:
        """Called before a repair: commit what must be known if a put takes effect after we are gone."""
        ...

    def lock(self, tx: Any, expected: Expected) -> Expected | None:
        """The same as it is now, locked until `tx` ends against all who write it; None when it need not be there."""
        ...

    def unknown(self, tx: Any, keys: Sequence[str]) -> Sequence[str]:
        """Those of `keys`, all in storage, that the tables lack."""
        ...

    def adopt(self, tx: Any, key: str, stored: bytes) -> bool:
        """Take an unknown object into the tables; False when that can't be done."""
        ...


class Scrub:
    """One service's passes. `step` does the next page; in between it keeps a connection, and no transaction open."""

    def __init__(
        self,
        database: Database[Any],
        objects: ErasableObjects,
        inventories: Sequence[Inventory],
        hours: float,
        log: Log,
    ) -> None:
        self._database = database
        self._objects = objects
        self._steps = [(inventory, is_listing) for inventory in inventories for is_listing in _phases(inventory)]
        self._hours = hours
        self._log = log
        self._turn: psycopg.Connection[Any] | None = None
        self._rests_until = 0.0
        self._is_at_fault = False  # something of the page in hand

    def step(self) -> int:
        """One page of the pass that is due; how many objects. 0 when there is none, or another replica has the turn."""
        with self._database.transaction() as tx:
            record.begin_if_due(tx, self._hours)
            it = record.next_pass(tx)
        if it is None or (not it.is_ordered and time.monotonic() < self._rests_until):
            return 0
        if not self._takes_turn():
            return 0
        with self._database.transaction() as tx:
            it = record.next_pass(tx)  # another replica may have done it before the turn was ours
        if it is None:
            return 0
        began, self._is_at_fault = time.monotonic(), False
        done = self._page(it)
        if not it.is_ordered and not self._is_at_fault:
            ended = time.monotonic()
            self._rests_until = ended + min(_REST * (ended - began), _LONGEST_REST)
        return done

    def _takes_turn(self) -> bool:
        """Whether the turn is ours: one process of a service at a time, until it dies or the pass is over."""
        if self._turn is None:
            given = connection_settings(self._database.url, idle_seconds=_HANGS_AFTER)
            self._turn = psycopg.connect(self._database.url, autocommit=True, **given)
        try:
            row = self._turn.execute("select pg_try_advisory_lock(hashtext('scrub'), hashtext(current_schema()))")
            is_ours = bool((row.fetchone() or (False,))[0])
        except psycopg.Error:
            self._give_turn_up()
            raise
        if not is_ours:
            self._give_turn_up()
        return is_ours

    def _give_turn_up(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.close()

    def _page(self, it: Pass) -> int:
        if it.step >= len(self._steps):
            self._finish(it)
            return 1
        inventory, is_listing = self._steps[it.step]
        count = self._list(it, inventory) if is_listing else self._compare(it, inventory)
        if not count:
            with self._database.transaction() as tx:
                record.next_step(tx, it)
        return count or 1

    def _finish(self, it: Pass) -> None:
        with self._database.transaction() as tx:
            report = record.finish(tx, it)
        # Dying before the commit, the pass is finished once more; after it, its report is in the outbox.
        self._give_turn_up()
        checked = sum(count.checked for count in report.counts)
        self._log.info("scrubbed", scrub_id=it.scrub_id, objects=checked, repair=it.repair)

    # ── what the tables have ────────────────────────────────────────────────────────────────────────────

    def _compare(self, it: Pass, inventory: Inventory) -> int:
        with self._database.transaction() as tx:
            page = inventory.page(tx, it.after, _PAGE)
        if not page:
            return 0
        with ThreadPoolExecutor(_THREADS) as pool:
            intact = dict(zip((each.key for each in page), pool.map(self._is_intact, page), strict=True))
        for each in page:
            if not intact[each.key]:
                self._treat(it, inventory, each)
        with self._database.transaction() as tx:
            fine = [key for key, is_fine in intact.items() if is_fine]
            record.go_on(tx, it, inventory.kind, page[-1].place, fine, len(page))
        # Dying before the commit, the page is done again: what was at fault and is intact then was repaired here.
        SCRUBBED.labels(inventory.kind).inc(len(page))
        return len(page)

    def _is_intact(self, expected: Expected) -> bool:
        stored = self._read(expected.key)
        return stored is not None and _says_intact(expected, stored)

    def _treat(self, it: Pass, inventory: Inventory, expected: Expected) -> None:
        found = self._look_again(inventory, expected)
        if found is None:
            return
        self._is_at_fault = True
        with self._database.transaction() as tx:
            record.note_fault(tx, it, inventory.kind, expected.key, found)
        # Dying from here on, the next process finds the note, and the object as it was or repaired.
        outcome = self._repair(inventory, expected) if it.repair else None
        if outcome is not None:
            with self._database.transaction() as tx:
                record.note_outcome(tx, it, expected.key, outcome)
        self._log.warning("scrubbed", object=expected.key, found=found, outcome=outcome)

    def _look_again(self, inventory: Inventory, expected: Expected) -> Found | None:
        with self._database.transaction() as tx:
            now = inventory.lock(tx, expected)
            if now is None:
                return None
            stored = self._read(now.key)
            if stored is None:
                return "missing"
            return None if _says_intact(now, stored) else "different"

    def _repair(self, inventory: Inventory, expected: Expected) -> str:
        """Make the object again; the outcome. One that can't be made, for whatever reason, stops no other."""
        try:
            inventory.prepare(expected)
            with self._database.transaction() as tx:
                now = inventory.lock(tx, expected)
                stored = None if now is None else self._read(now.key)
                if now is None or (stored is not None and _says_intact(now, stored)):
                    return record.REPAIRED  # by its own service, in the meantime
                body = now.make(stored)
                if stored is not None and not now.only_adds(stored):
                    self._keep_evidence(now.key, stored)
                self._objects.put(now.key, body, now.content_type)
            # Dying before the commit, the object is intact all the same; the next look counts it as repaired.
            return record.REPAIRED
        except CannotMake as error:
            return str(error)
        except Exception as error:
            if is_away(error):
                raise
            self._log.error("failed", object=expected.key, cause=type(error).__name__)
            return "failed"

    def _keep_evidence(self, key: str, stored: bytes) -> None:
        self._objects.put(object_keys.scrubbed(key, sha256(stored).hexdigest()), stored, "application/octet-stream")

    # ── what storage has ────────────────────────────────────────────────────────────────────────────────

    def _list(self, it: Pass, inventory: Inventory) -> int:
        keys = self._objects.list_keys(inventory.folder or "", it.after, MOST_LISTED)
        if not keys:
            return 0
        with self._database.transaction() as tx:
            unknown = inventory.unknown(tx, keys)
            erased = _about_erased(tx, inventory, keys)
        for key in dict.fromkeys((*unknown, *erased)):
            self._treat_unknown(it, inventory, key)
        with self._database.transaction() as tx:
            record.go_on(tx, it, inventory.kind, keys[-1], (), 0)
        return len(keys)

    def _treat_unknown(self, it: Pass, inventory: Inventory, key: str) -> None:
        stored = self._read(key) if it.repair else b""
        if stored is None:
            return
        with self._database.transaction() as tx:
            is_erased = bool(_about_erased(tx, inventory, [key]))
            if not is_erased and not inventory.unknown(tx, [key]):
                return  # its row came in the meantime
            outcome = None
            if it.repair:
                outcome = self._delete(key) if is_erased else self._adopt(tx, inventory, key, stored)
            record.note_fault(tx, it, inventory.kind, key, "only-stored", outcome)
        # Dying before the commit, it is looked at again; after it, the tables have it.
        self._log.warning("scrubbed", object=key, found="only-stored", outcome=outcome)

    def _delete(self, key: str) -> str:
        """Of somebody who was erased, and there again: storage was restored to before that."""
        self._objects.delete(key)
        return record.REPAIRED

    def _adopt(self, tx: Any, inventory: Inventory, key: str, stored: bytes) -> str:
        try:
            with tx.savepoint():
                return record.ADOPTED if inventory.adopt(tx, key, stored) else "unknown"
        except Exception as error:
            if is_away(error):
                raise
            self._log.error("failed", object=key, cause=type(error).__name__)
            return "failed"

    def _read(self, key: str) -> bytes | None:
        try:
            return self._objects.get(key)
        except NotFound:
            return None


def _about_erased(tx: Any, inventory: Inventory, keys: Sequence[str]) -> list[str]:
    """Those of `keys` about an assertion that was erased, in the inventory's folder; what scrubs kept is in none."""
    folder = inventory.folder or object_keys.SCRUBBED
    about = {key: id for key in keys if key.startswith(folder) and (id := object_keys.assertion_in(key)) is not None}
    erased = erased_among(tx, about.values()) if about else set()
    return [key for key, id in about.items() if id in erased]


def _says_intact(expected: Expected, stored: bytes) -> bool:
    """False also for bytes on which the comparison itself fails: they cost this object, not the pass."""
    try:
        return expected.is_intact(stored)
    except Exception as error:
        if is_away(error):
            raise
        return False


def _phases(inventory: Inventory) -> Iterable[bool]:
    return (False,) if inventory.folder is None else (False, True)
