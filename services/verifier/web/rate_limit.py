"""Rate limits per client, counted in memory: each replica counts its own requests."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from time import time

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.requests import Request

from services.verifier.metrics import LIMITED
from shared.runtime.access import Proxies, client_network


class TooManyRequests(Exception):
    """This client has reached the limit: it may try again after `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many requests; again in {seconds} s")
        self.seconds = seconds


class Limit:
    """At most so many requests of one client in a sliding window."""

    def __init__(self, name: str, rate: str, trusted_proxies: Sequence[str]) -> None:
        self._name = name
        self._rate: RateLimitItem = parse(rate)
        self._proxies = Proxies(trusted_proxies)
        self._window = MovingWindowRateLimiter(MemoryStorage())

    def count(self, request: Request) -> None:
        """Count a request. TooManyRequests when it is over the limit."""
        client = self.client(request)
        if not self._window.hit(self._rate, self._name, client):
            LIMITED.labels(self._name).inc()
            resets = self._window.get_window_stats(self._rate, self._name, client).reset_time
            raise TooManyRequests(max(ceil(resets - time()), 1))

    def client(self, request: Request) -> str:
        """As `client_network` says."""
        return client_network(self._proxies.client(request.scope))
