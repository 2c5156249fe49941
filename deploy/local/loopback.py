"""HTTP clients for this machine, sharing one connection pool. Used by stack, demo, benches and tests."""

from __future__ import annotations

import httpx

# A pool for each client would load the list of certificate authorities each time: 50 ms of CPU.
_CONNECTIONS = httpx.HTTPTransport(limits=httpx.Limits(max_connections=50))

ask = httpx.Client(transport=_CONNECTIONS, timeout=60, trust_env=False)
"""For requests without cookies. Thread-safe."""


def new_browser() -> httpx.Client:
    """A client with its own cookies. It needs no closing, since the pool is shared."""
    return httpx.Client(transport=_CONNECTIONS, follow_redirects=True, timeout=30, trust_env=False)
