"""A small, real SMTP server whose answers the test sets. Keeps what it accepted."""

from __future__ import annotations

import socketserver
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

from tests.worlds.socket_server import running


class Taken(NamedTuple):
    sender: str
    recipient: str
    content: bytes


class Smtpd(socketserver.ThreadingTCPServer):
    """`answers(verb, rest of the line)`: the reply to a command or to DATA's end ("."). None: 250. "": disconnect.

    With `pipelining` it says that it takes several commands at once (RFC 2920).
    """

    allow_reuse_address = daemon_threads = True
    pipelining = False
    answers: Callable[[str, str], str | None] = staticmethod(lambda verb, rest: None)

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Conversation)
        self.taken: list[Taken] = []
        self.connections = 0

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Conversation(socketserver.StreamRequestHandler):
    server: Smtpd

    def handle(self) -> None:
        self.server.connections += 1
        sender = recipient = ""
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline().decode().strip():
            verb, _, rest = line.partition(" ")
            answer = self.server.answers(verb.upper(), rest)
            if answer is None and verb.upper() == "EHLO" and self.server.pipelining:
                answer = "250-here\r\n250 PIPELINING"
            if answer is None and verb.upper() == "DATA" and not recipient:
                answer = "554 5.5.1 no valid recipients"
            if answer is None and verb.upper() == "DATA":
                self.wfile.write(b"354 go on\r\n")
                content = self._content()
                if content is None:
                    return
                answer = self.server.answers(".", recipient)
                if answer is None:
                    self.server.taken.append(Taken(sender, recipient, content))
            if answer == "":
                return
            if verb.upper() == "MAIL":
                sender, recipient = rest.partition(":")[2].split(">")[0].lstrip("<"), ""
            if verb.upper() == "RCPT" and answer is None:
                recipient = rest.partition(":")[2].split(">")[0].lstrip("<")
            self.wfile.write(f"{answer or '250 ok'}\r\n".encode())

    def _content(self) -> bytes | None:
        """None when the client hangs up before the end of its letter: reading on would never end."""
        lines: list[bytes] = []
        for line in iter(self.rfile.readline, b""):
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line)
        return None


def smtpd(port: int = 0) -> AbstractContextManager[Smtpd]:
    """A running server; port 0 takes any free one."""
    return running(Smtpd(port))
