"""A real HTTP server around an app, for tests, and requests that no client library would send."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic, sleep

from starlette.types import ASGIApp

from shared.runtime.access import MOST_CONNECTIONS
from shared.runtime.web.server import web_server


@contextmanager
def serving(app: ASGIApp, port: int = 0, *, most_connections: int = MOST_CONNECTIONS) -> Iterator[str]:
    """The base URL of `app`, served in a thread of this process as a service serves it."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    server = web_server(app, host="127.0.0.1", port=port, most_connections=most_connections)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = monotonic() + 10
    while not server.started:
        if monotonic() > deadline:
            raise TimeoutError("uvicorn did not start within 10 s")
        sleep(0.01)
    try:
        yield f"http://localhost:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


def connected(url: str) -> socket.socket:
    """A connection to the server of `url`."""
    return socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 15)


def answer_to(url: str, request: bytes) -> bytes:
    """All that the server sends on a connection of its own for these bytes, until it closes it."""
    with connected(url) as line:
        line.sendall(request)
        return all_of(line)


def all_of(line: socket.socket) -> bytes:
    """What arrives until the server closes the connection, or resets it because it had more to read."""
    parts = []
    with suppress(ConnectionResetError):
        while part := line.recv(65536):
            parts.append(part)
    return b"".join(parts)
