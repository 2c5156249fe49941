"""HTTP clients for this machine, sharing one connection pool. Used by stack, demo, benches and tests."""

from __future__ import annotations

from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

# A pool for each client would load the list of certificate authorities each time: 50 ms of CPU.
_CONNECTIONS = httpx.HTTPTransport(limits=httpx.Limits(max_connections=50))

_NO_COOKIES = CookieJar(DefaultCookiePolicy(allowed_domains=[]))

ask = httpx.Client(transport=_CONNECTIONS, timeout=60, trust_env=False, cookies=_NO_COOKIES)
"""For requests of a stranger: it keeps no cookies. Thread-safe; never closed."""


def new_browser() -> httpx.Client:
    """A client with its own cookies. It needs no closing, since the pool is shared."""
    return httpx.Client(transport=_CONNECTIONS, follow_redirects=True, timeout=30, trust_env=False)
