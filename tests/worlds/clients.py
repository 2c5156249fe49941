"""HTTP clients of tests share one list of certificate authorities: reading it takes 40 ms of CPU for each client."""

from __future__ import annotations

from functools import cache
from ssl import SSLContext
from typing import Any

import httpx


def authorities_read_once() -> None:
    """From now on, in this process: for each client that names no authorities and no certificate of its own."""
    make = httpx.HTTPTransport.__init__

    def with_shared(self: httpx.HTTPTransport, *, verify: Any = True, cert: Any = None, **options: Any) -> None:
        make(self, _authorities() if verify is True and cert is None else verify, cert, **options)

    httpx.HTTPTransport.__init__ = with_shared  # type: ignore[method-assign, assignment]


@cache
def _authorities() -> SSLContext:
    return httpx.create_ssl_context()
