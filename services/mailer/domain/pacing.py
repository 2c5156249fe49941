"""How many letters go to which mail domain at once and a second, and when a server that is away is tried; pure.

Japanese carriers answer 4xx, and later refuse for hours, when many letters come at once from one sender.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from shared.retry import has_passed, is_due

_FAILURES = 3
"""Failures in a row after which the server counts as away."""

_LONGEST = timedelta(minutes=1)
"""Most time between two tries while it is away: a restarted relay is found again within it."""


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Letters on their way at once, and letters a second. None: no limit of its own."""

    connections: int | None = None
    per_second: float | None = None

    def __post_init__(self) -> None:
        if self.connections is not None and self.connections < 1:
            raise ValueError(f"got connections = {self.connections}, expected 1 or more")
        if self.per_second is not None and not 0.001 <= self.per_second <= 1e6:
            raise ValueError(f"got per_second = {self.per_second}, expected 0.001 or more")


class DomainLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`domains` hold for themselves and for their subdomains, each domain counted by itself; `default` for others."""

    default: Limit = Limit()
    domains: dict[str, Limit] = msgspec.field(default_factory=dict)

    def of(self, domain: str) -> Limit:
        """That of the domain, or of the nearest one above it."""
        labels = domain.split(".")
        names = (".".join(labels[start:]) for start in range(len(labels)))
        return next((self.domains[name] for name in names if name in self.domains), self.default)


def parse_limits(text: str) -> DomainLimits:
    """The limits in a TOML text. ValueError says which field, got and expected."""
    try:
        found = msgspec.convert(tomllib.loads(text), DomainLimits)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ValueError(str(error)) from error
    for name in found.domains:
        if name != name.lower() or "." not in name or "@" in name:
            raise ValueError(f"domains: got {name!r}, expected a domain in lower case, as in docomo.ne.jp")
    return found


@dataclass
class Pace:
    """Who may be written to now. One letter is admitted, then it is on its way until it is `done`."""

    limits: DomainLimits = field(default_factory=DomainLimits)
    _flying: dict[str, int] = field(default_factory=dict)
    _tokens: dict[str, tuple[float, datetime]] = field(default_factory=dict)  # left, and when that was so

    def admit(self, domain: str, now: datetime) -> bool:
        """Whether a letter may go to this domain now; it then counts as on its way."""
        if self._is_busy(domain, now):
            return False
        limit = self.limits.of(domain)
        self._flying[domain] = self._flying.get(domain, 0) + 1
        if limit.per_second is not None:
            self._tokens[domain] = (self._left(domain, limit.per_second, now) - 1, now)
        return True

    def done(self, domain: str) -> None:
        """A letter to this domain is not on its way any more."""
        left = self._flying.get(domain, 0) - 1
        if left > 0:
            self._flying[domain] = left
        else:
            self._flying.pop(domain, None)

    def busy(self, now: datetime) -> list[str]:
        """The domains to which no letter may go now."""
        full = [domain for domain in self._tokens if self._is_full(domain, now)]
        for domain in full:
            del self._tokens[domain]  # as one that was never written to
        return [domain for domain in {*self._flying, *self._tokens} if self._is_busy(domain, now)]

    def written_to(self, now: datetime) -> set[str]:
        """Domains with a letter on its way, or whose allowance of letters a second is not full again."""
        return {*self._flying, *(domain for domain in self._tokens if not self._is_full(domain, now))}

    def _is_busy(self, domain: str, now: datetime) -> bool:
        limit = self.limits.of(domain)
        if limit.connections is not None and self._flying.get(domain, 0) >= limit.connections:
            return True
        return limit.per_second is not None and self._left(domain, limit.per_second, now) < 1

    def _is_full(self, domain: str, now: datetime) -> bool:
        rate = self.limits.of(domain).per_second
        return rate is None or self._left(domain, rate, now) >= max(1.0, rate)

    def _left(self, domain: str, rate: float, now: datetime) -> float:
        """Letters that may go now: those of one second at most, so that a pause is not made up for by a burst."""
        left, since = self._tokens.get(domain, (max(1.0, rate), now))
        return min(max(1.0, rate), left + rate * abs((now - since).total_seconds()))


def seconds_for(letters: int, limit: Limit, connections: int, each: float) -> float:
    """The least time in which `Pace` lets `letters` to one domain go, until the last was handed over.

    `each`: seconds that the server takes for one letter; `connections`: of ours, which bound those of the limit.
    """
    if letters == 0:
        return 0.0
    at_once = min(connections, limit.connections or connections)
    by_turns = ((letters - 1) // at_once) * each
    by_rate = 0.0
    if limit.per_second is not None:
        by_rate = max(0.0, (letters - max(1.0, limit.per_second)) / limit.per_second)
    return max(by_turns, by_rate) + each


@dataclass
class Breaker:
    """Whether the mail server is tried. After failures in a row it is left alone for a while, then tried with one."""

    cause: str | None = None  # of the last failure, until the server answers
    _failures: int = 0
    _until: datetime | None = None

    def room(self, connections: int, flying: int, now: datetime) -> int:
        """How many more letters may be handed over now."""
        if self._until is None:
            return max(0, connections - flying)
        return int(flying == 0 and is_due(self._until, now, _LONGEST))

    def failed(self, cause: str, now: datetime) -> None:
        """No answer to a letter. Those that were on their way when it went away count once."""
        self.cause = cause
        if self._until is not None and not is_due(self._until, now, _LONGEST):
            return
        self._failures += 1
        if self._failures >= _FAILURES:
            self._until = now + min(_LONGEST, timedelta(seconds=2 ** min(self._failures - _FAILURES, 10)))

    def is_away(self, now: datetime) -> bool:
        """Whether the last tries failed. After two minutes without a try that is unknown: False."""
        return self._until is not None and not has_passed(2 * _LONGEST, self._until, now)

    def answered(self) -> None:
        """The server answers: whatever it says of a letter, it is there."""
        self.cause = self._until = None
        self._failures = 0
