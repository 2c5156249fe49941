"""Copies of what the issuer publishes, so that its site or storage may be away for a while. Decides nothing.

What is kept and how long: the DID document, fresh for a minute, standing in for 24 hours; a status list, fresh for
15 seconds, standing in for a day at most and, as always, only until its own `validUntil`; pictures and badge classes of
an edition, which never change, for good. Nothing else is kept: credentials are personal. A key taken out of the DID
document counts here for a day at most, and only while the source of its document is away.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Protocol

from shared.clock import Clock
from shared.errors import TryLater
from shared.runtime.metrics import counter

STOOD_IN = counter("verifier_copies_used", "Copies that stood in for a source that was away")

DID_DOCUMENT = "issuer/did.json"
MOST_COPIES = 128
_ALWAYS = timedelta(days=36_500)


class Site(Protocol):
    """Where the issuer publishes. `key` is an object key: `issuer/did.json`, `status/1.json`, `credentials/A….json`."""

    def get(self, key: str) -> bytes:
        """NotFound when there is no such document, TryLater while the site is away."""


@dataclass(frozen=True)
class _Rule:
    pattern: re.Pattern[str]
    fresh: timedelta  # given without asking
    stale: timedelta  # given while the source is away


_RULES = (
    _Rule(re.compile(re.escape(DID_DOCUMENT)), timedelta(seconds=60), timedelta(hours=24)),
    _Rule(re.compile(r"status/[0-9]{1,6}\.json"), timedelta(seconds=15), timedelta(hours=24)),
    _Rule(re.compile(r"badges/[a-z0-9-]{1,64}/[0-9-]{4,8}\.(?:png|svg|json)"), _ALWAYS, _ALWAYS),
)


@dataclass(frozen=True)
class Found:
    """A document's bytes. `copied`: how old they are when they stand in for a source that is away."""

    content: bytes
    copied: timedelta | None = None


class KeptSite:
    """A site, with copies of at most 128 documents in memory. Thread-safe."""

    def __init__(self, site: Site, now: Clock) -> None:
        self._site = site
        self._now = now
        self._copies: OrderedDict[str, tuple[datetime, bytes]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: str) -> bytes:
        return self.look(key).content

    def look(self, key: str) -> Found:
        """NotFound when there is no such document; TryLater while the site is away and no copy is young enough."""
        rule = next((rule for rule in _RULES if rule.pattern.fullmatch(key)), None)
        if rule is None:
            return Found(self._site.get(key))
        now, copy = self._now(), self._copy(key)
        if copy is not None and timedelta(0) <= now - copy[0] < rule.fresh:
            return Found(copy[1])
        try:
            content = self._site.get(key)
        except TryLater:
            if copy is not None and timedelta(0) <= now - copy[0] < rule.stale:
                STOOD_IN.inc()
                return Found(copy[1], now - copy[0])
            raise
        self._keep(key, now, content)
        return Found(content)

    def _copy(self, key: str) -> tuple[datetime, bytes] | None:
        with self._lock:
            if key in self._copies:
                self._copies.move_to_end(key)
            return self._copies.get(key)

    def _keep(self, key: str, now: datetime, content: bytes) -> None:
        with self._lock:
            self._copies[key] = (now, content)
            self._copies.move_to_end(key)
            while len(self._copies) > MOST_COPIES:
                self._copies.popitem(last=False)


def look(site: Site, key: str) -> Found:
    return site.look(key) if isinstance(site, KeptSite) else Found(site.get(key))
