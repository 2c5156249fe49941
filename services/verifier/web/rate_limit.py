"""How often one client may have files checked and URLs fetched. Counted in memory: each replica counts its own."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from time import time

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.requests import Request

from shared.runtime.metrics import counter

LIMITED = counter("verifier_limited", "Requests refused because their client sent too many, by limit", ("limit",))


class TooMany(Exception):
    """This client asked too often: again after so many seconds."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many requests; again in {seconds} s")
        self.seconds = seconds


class Limit:
    """At most so many in a sliding window, for each client."""

    def __init__(self, name: str, rate: str, trusted_proxies: Sequence[str]) -> None:
        self._name = name
        self._rate: RateLimitItem = parse(rate)
        self._trusted = [ip_network(each) for each in trusted_proxies]
        self._window = MovingWindowRateLimiter(MemoryStorage())

    def count(self, request: Request) -> None:
        """TooMany for the one too many."""
        client = self.client(request)
        if not self._window.hit(self._rate, self._name, client):
            LIMITED.labels(self._name).inc()
            resets = self._window.get_window_stats(self._rate, self._name, client).reset_time
            raise TooMany(max(ceil(resets - time()), 1))

    def client(self, request: Request) -> str:
        """The address that counts: of the peer, or what our own proxies say in X-Forwarded-For, read from the right.

        A whole /64 is one client: that is what one line is given of IPv6.
        """
        peer = request.client.host if request.client else ""
        told = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",")]
        address = peer
        while self._is_trusted(address) and told:
            address = told.pop() or peer
        return _one_line(address)

    def _is_trusted(self, text: str) -> bool:
        try:
            address = ip_address(text)
        except ValueError:
            return False
        return any(address in network for network in self._trusted)


def _one_line(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or ip_network((int(address) >> 64 << 64, 64)))
    return str(address)
