"""Reads what each service says of itself at /metrics. By a tick, so that no page waits for a service that is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import httpx
from prometheus_client.parser import text_string_to_metric_families

from services.ops.board.health import SAMPLES, ServiceHealth, health_in, troubles_of, worst_of
from services.ops.board.outages import chain_away
from shared.clock import Clock, system_clock

_STALE = 30.0  # seconds after which the figures are unknown without new ones
_TIMEOUT = 3.0
_MAX_BYTES = 2_000_000

Read = Callable[[str], str]
"""The text at a URL. Raises OSError when there is none."""


class HealthMeter:
    """What every service said last. Thread-safe. `urls`: of each service its endpoints, one a replica."""

    def __init__(
        self,
        urls: Mapping[str, Sequence[str]],
        *,
        read: Read | None = None,
        seconds: Callable[[], float] = time.monotonic,
        now: Clock = system_clock,
    ) -> None:
        self._urls = urls
        self._now = now
        self._since: dict[tuple[str, str], datetime] = {}
        self._read = read or _Pages().read
        self._seconds = seconds
        self._measuring = threading.Lock()
        self._latest: tuple[float, dict[str, ServiceHealth]] | None = None

    def measure(self) -> None:
        """Ask all services at once. One that does not answer is unknown, with the reason."""
        pairs = [(service, url) for service, urls in self._urls.items() for url in urls]
        if not pairs:
            return
        with self._measuring, ThreadPoolExecutor(len(pairs), thread_name_prefix="metrics") as threads:
            answers = list(threads.map(lambda pair: (pair[0], self._health(pair[1])), pairs))
            found = {service: worst_of(health for name, health in answers if name == service) for service in self._urls}
            self._latest = (self._seconds(), found)
            self._note(found)

    def since(self, service: str, code: str) -> datetime | None:
        """Since when this trouble (`Trouble.code`, `chain_away`) is seen, at the latest: what this process knows."""
        return self._since.get((service, code))

    def _note(self, found: Mapping[str, ServiceHealth]) -> None:
        now = self._now()
        here = {
            (service, trouble.code) for service, health in found.items() for trouble in troubles_of(service, health)
        }
        here |= {
            (service, chain_away(network))
            for service, health in found.items()
            for network, figures in health.networks.items()
            if not figures.up
        }
        self._since = {key: self._since.get(key, now) for key in here}

    def latest(self) -> dict[str, ServiceHealth]:
        """By service, in the order of the setting."""
        if self._latest is None:
            return self._unknown("not read yet")
        at, found = self._latest
        age = self._seconds() - at
        return found if age < _STALE else self._unknown(f"last read {age:.0f} s ago")

    def _unknown(self, why: str) -> dict[str, ServiceHealth]:
        return {service: ServiceHealth(unknown=why) for service in self._urls}

    def _health(self, url: str) -> ServiceHealth:
        try:
            families = list(text_string_to_metric_families(self._read(url)))
        except OSError as error:
            return ServiceHealth(unknown=f"{type(error).__name__}: {error}"[:200])
        except (ValueError, KeyError, IndexError) as error:
            return ServiceHealth(unknown=f"got no metrics ({type(error).__name__})")
        return health_in((sample.name, sample.labels, sample.value) for family in families for sample in family.samples)


class _Pages:
    """Reads pages over one client: a new one for each page costs ten times as much as the answer."""

    def __init__(self) -> None:
        self._client = httpx.Client(timeout=_TIMEOUT)

    def read(self, url: str) -> str:
        try:
            # A whole page takes the service and us ten times as long to write and to parse.
            answer = self._client.get(url, params={"name[]": SAMPLES})
            answer.raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OSError(f"{type(error).__name__}: no answer of /metrics") from error
        if len(answer.content) > _MAX_BYTES:
            raise OSError(f"got {len(answer.content)} bytes, expected {_MAX_BYTES} at most")
        return answer.text
