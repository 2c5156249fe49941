"""HTTP to this machine, for the demo, the benches and the stories: one connection pool, made once."""

from __future__ import annotations

import httpx

# A pool for each client would load the list of certificate authorities each time: 50 ms of CPU for nothing.
_CONNECTIONS = httpx.HTTPTransport(limits=httpx.Limits(max_connections=50))

ask = httpx.Client(transport=_CONNECTIONS, timeout=60, trust_env=False)
"""For requests without cookies. Thread-safe."""


def new_browser() -> httpx.Client:
    """A client with cookies of its own. It needs no closing: it has nothing else of its own."""
    return httpx.Client(transport=_CONNECTIONS, follow_redirects=True, timeout=30, trust_env=False)
