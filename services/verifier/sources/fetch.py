"""Fetching an untrusted URL, so that it reaches the public network and nothing else.

A name is resolved once, and the connection goes to an address that was checked: a different answer the next time (DNS
rebinding) has no effect. Every redirect is checked in the same way. One time limit holds for everything together.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from functools import cached_property
from threading import BoundedSemaphore
from time import monotonic
from typing import Any
from urllib.parse import urljoin

import httpcore

from services.verifier.sources.public_address import Refused, check_url, is_public
from shared.errors import NotFound, TryLater

MAX_BYTES = 1024 * 1024
MAX_SECONDS = 5.0
MAX_REDIRECTS = 3

_MAX_NAMES = 32  # looked up at once: the system gives a slow name up after 30 s or so
_REDIRECTS = (301, 302, 303, 307, 308)
_TYPES = ("application/json", "application/ld+json", "application/vc", "image/png", "image/svg+xml", "application/pdf")
_PLAIN = ("application/octet-stream", "text/plain", "")  # what storages and code hosts send for any file
_HEADERS = [("accept", ", ".join(_TYPES)), ("accept-encoding", "identity"), ("user-agent", "akashi-verifier")]

Resolve = Callable[[str, int], list[str]]
"""The addresses of a host. OSError when there are none."""


Connect = Callable[[str, int, float], httpcore.NetworkStream]
"""Opens a connection to an address and port within so many seconds. httpcore's errors."""


def resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def connect(address: str, port: int, seconds: float) -> httpcore.NetworkStream:
    return httpcore.SyncBackend().connect_tcp(address, port, seconds)


class Fetcher:
    """Fetches over the public network. Thread-safe. `private` allows any address: for a stack on one machine."""

    def __init__(
        self,
        resolve: Resolve = resolve,
        connect: Connect = connect,
        *,
        private: bool = False,
        seconds: float = MAX_SECONDS,
    ) -> None:
        self._resolve = resolve
        self._connect = connect
        self._private = private
        self._seconds = seconds
        self._resolvers = ThreadPoolExecutor(_MAX_NAMES, "resolve")
        self._free = BoundedSemaphore(_MAX_NAMES)

    def __call__(self, url: str) -> bytes:
        """The body at a URL: at most 1 MB, within 5 s, over at most 3 redirects.

        Refused for a URL that we don't fetch, or an answer of another type. NotFound for 404 and 410. TryLater for any
        other failure of the other side.
        """
        ends = monotonic() + self._seconds
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._ask(url, ends)
            if isinstance(answer, bytes):
                return answer
            url = urljoin(url, answer)
        raise Refused(f"got more than {MAX_REDIRECTS} redirects, expected fewer")

    def _ask(self, url: str, ends: float) -> bytes | str:
        """The body, or the URL of a redirect."""
        scheme, host, port = check_url(url, private=self._private)
        backend = _Backend(self._addresses(host, port, ends), self._connect, ends)
        try:
            with httpcore.ConnectionPool(ssl_context=self._tls, network_backend=backend) as pool:
                left = {name: max(ends - monotonic(), 0.01) for name in ("connect", "read", "write", "pool")}
                with pool.stream("GET", url, headers=_HEADERS, extensions={"timeout": left}) as answer:
                    return _read(answer)
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError) as error:
            raise TryLater(f"{scheme}://{host}: {type(error).__name__}"[:300]) from error
        except (httpcore.UnsupportedProtocol, UnicodeError, ValueError) as error:
            raise Refused(f"got a URL that can't be read: {error}"[:300]) from error

    def _addresses(self, host: str, port: int, ends: float) -> list[str]:
        """The addresses of a host. Refused when one of them isn't public.

        A look-up can't be stopped: one that takes longer than we wait holds its thread until it ends.
        """
        if not self._free.acquire(blocking=False):
            raise TryLater("too many names are being looked up; trying again")
        looked_up = self._resolvers.submit(self._resolve, host, port)
        looked_up.add_done_callback(lambda _: self._free.release())
        try:
            found = looked_up.result(max(ends - monotonic(), 0.01))
        except (OSError, UnicodeError, FutureTimeout) as error:
            raise TryLater(f"{host[:200]}: no address ({type(error).__name__})") from error
        for address in found:
            if not self._private and not is_public(address):
                raise Refused(f"got {host[:200]} at the address {address}, expected one of the public network")
        if not found:
            raise TryLater(f"{host[:200]}: no address")
        return found

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()


def _read(answer: httpcore.Response) -> bytes | str:
    headers = {name.lower().decode("latin-1"): value.decode("latin-1") for name, value in answer.headers}
    if answer.status in _REDIRECTS and "location" in headers:
        return headers["location"]
    if answer.status in (404, 410):
        raise NotFound(f"the site answered {answer.status}")
    if answer.status != 200:
        raise TryLater(f"the site answered {answer.status}, expected 200")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _TYPES and kind not in _PLAIN and not kind.endswith("+json"):
        raise Refused(f"got {kind[:80]}, expected a credential (JSON) or its PNG, SVG or PDF")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused("got a compressed answer, expected it as it is")
    body = bytearray()
    for part in answer.iter_stream():
        body += part
        if len(body) > MAX_BYTES:
            raise Refused(f"got more than {MAX_BYTES} bytes, expected fewer")
    return bytes(body)


class _Backend(httpcore.NetworkBackend):
    """Connects to addresses that were checked, whatever the host is called; all within the time limit."""

    def __init__(self, addresses: list[str], connect: Connect, ends: float) -> None:
        self._addresses = addresses
        self._connect = connect
        self._ends = ends

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failed: Exception | None = None
        for address in self._addresses:
            try:
                return _Timed(self._connect(address, port, _left(self._ends)), self._ends)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed or httpcore.ConnectError(f"no address for {host}")


class _Timed(httpcore.NetworkStream):
    """A connection of which every read and write must end within the time that is left."""

    def __init__(self, stream: httpcore.NetworkStream, ends: float) -> None:
        self._stream = stream
        self._ends = ends

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._ends))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._ends))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, _left(self._ends)), self._ends)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(ends: float) -> float:
    left = ends - monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("no time left")
    return left
