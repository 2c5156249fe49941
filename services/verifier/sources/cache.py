"""Copies of the issuer's documents, so that its site or storage may be away for some time. Decides nothing.

Cached: the DID document, fresh for a minute, usable for 24 hours while its source is away; a status list, fresh for
15 seconds, usable for 24 hours while its source is away and, as always, only until its own `validUntil`; pictures and
badge classes of an edition, which never change, for good. Nothing else: credentials are personal. A key removed from
the DID document is accepted for a day at most, and only while the source of the document is away.

With a copy goes what was computed from its bytes, such as the verified status list: see `read`.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Generic, TypeVar

from services.verifier.metrics import COPIES_USED
from services.verifier.sources.issuer_site import IssuerSite
from shared import object_keys
from shared.clock import Clock
from shared.errors import TryLater

MAX_COPIES = 128
_ALWAYS = timedelta(days=36_500)

T = TypeVar("T")


@dataclass(frozen=True)
class _Rule:
    pattern: re.Pattern[str]
    fresh: timedelta  # used without asking the source
    stale: timedelta  # used while the source is away


_EDITION = rf"badges/{object_keys.QUALIFICATION}/{object_keys.EDITION}"
_RULES = (
    _Rule(re.compile(re.escape(object_keys.DID_DOCUMENT)), timedelta(seconds=60), timedelta(hours=24)),
    _Rule(re.compile(r"status/[0-9]{1,6}\.json"), timedelta(seconds=15), timedelta(hours=24)),
    _Rule(re.compile(rf"{_EDITION}\.(?:png|svg|json)"), _ALWAYS, _ALWAYS),
)


@dataclass(frozen=True)
class Found(Generic[T]):
    """A document, or what was computed from it. `copied`: its age when a copy is used because its source is away."""

    value: T
    copied: timedelta | None = None


@dataclass(frozen=True)
class _Copy:
    """`results`: by function, its other arguments and what it returned for these bytes."""

    at: datetime
    content: bytes
    results: dict[Callable[..., Any], tuple[tuple[object, ...], Any]] = field(default_factory=dict)

    def age(self, now: datetime) -> timedelta | None:
        """None for a copy from the future: a clock that was set back says nothing."""
        return now - self.at if now >= self.at else None


class CachedSite:
    """A site, with copies of at most 128 documents in memory. Thread-safe."""

    def __init__(self, site: IssuerSite, now: Clock) -> None:
        self._site = site
        self._now = now
        self._copies: OrderedDict[str, _Copy] = OrderedDict()
        self._lock = Lock()

    def get(self, key: str) -> bytes:
        return self.look_up(key).value

    def look_up(self, key: str) -> Found[bytes]:
        """NotFound when there is no such document; TryLater while the site is away and no copy is young enough."""
        found = self._find(key)
        return Found(found.value.content, found.copied)

    def read(self, key: str, compute: Callable[..., T], *arguments: object) -> Found[T]:
        """`compute(bytes, *arguments)`, called once for the same bytes and equal arguments (twice if two threads race).

        `compute` must be pure. Its result belongs to the bytes: when the source gives others, it is computed for them.
        """
        found = self._find(key)
        results = found.value.results
        known = results.get(compute)
        if known is None or known[0] != arguments:
            known = results[compute] = (arguments, compute(found.value.content, *arguments))
        return Found(known[1], found.copied)

    def _find(self, key: str) -> Found[_Copy]:
        rule = next((rule for rule in _RULES if rule.pattern.fullmatch(key)), None)
        if rule is None:
            return Found(_Copy(self._now(), self._site.get(key)))
        now, copy = self._now(), self._copy(key)
        age = copy.age(now) if copy is not None else None
        if copy is not None and age is not None and age < rule.fresh:
            return Found(copy)
        try:
            content = self._site.get(key)
        except TryLater:
            if copy is not None and age is not None and age < rule.stale:
                COPIES_USED.inc()
                return Found(copy, age)
            raise
        return Found(self._keep(key, now, content))

    def _copy(self, key: str) -> _Copy | None:
        with self._lock:
            if key in self._copies:
                self._copies.move_to_end(key)
            return self._copies.get(key)

    def _keep(self, key: str, now: datetime, content: bytes) -> _Copy:
        with self._lock:
            former = self._copies.get(key)
            same = former is not None and former.content == content
            copy = self._copies[key] = _Copy(now, content, former.results if former is not None and same else {})
            self._copies.move_to_end(key)
            while len(self._copies) > MAX_COPIES:
                self._copies.popitem(last=False)
            return copy


def read(site: IssuerSite, key: str, compute: Callable[..., T], *arguments: object) -> Found[T]:
    """`compute(bytes, *arguments)` of a document of any site. NotFound, TryLater, and whatever `compute` raises."""
    if isinstance(site, CachedSite):
        return site.read(key, compute, *arguments)
    return Found(compute(site.get(key), *arguments))
