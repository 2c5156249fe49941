"""`python -m deploy.bench.lean_sink`: takes letters by SMTP and forgets them, at a tenth of a millisecond each.

Prints its port; ends with its standard input. It knows as much of SMTP as a well-behaved client asks for: RFC 5321,
with pipelining (RFC 2920). For benches without Postfix's smtp-sink.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import cast

import uvloop

_END = b"\r\n.\r\n"
_EXTENSIONS = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
_ANSWERS: Mapping[bytes, bytes] = {
    b"EHLO": _EXTENSIONS,
    b"HELO": b"250 sink\r\n",
    b"MAIL": b"250 2.1.0 ok\r\n",
    b"RCPT": b"250 2.1.5 ok\r\n",
    b"RSET": b"250 2.0.0 ok\r\n",
    b"NOOP": b"250 2.0.0 ok\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 2.0.0 bye\r\n",
}
_TAKEN = b"250 2.0.0 taken\r\n"
_UNKNOWN = b"500 5.5.2 unknown command\r\n"


class Conversation:
    """What a client says, in pieces of any length, and the answers to it."""

    def __init__(self) -> None:
        self._rest = b""  # of a line, or the last bytes of a letter
        self._in_letter = False
        self.is_over = False

    def hear(self, piece: bytes) -> bytes:
        """The answers to what is complete by now."""
        said, answers = self._rest + piece, []
        while not self.is_over:
            if self._in_letter:
                end = said.find(_END)
                if end < 0:
                    said = said[-len(_END) + 1 :]
                    break
                said, self._in_letter = said[end + len(_END) :], False
                answers.append(_TAKEN)
            line, ended, after = said.partition(b"\r\n")
            if not ended:
                break
            command = line[:4].upper()
            answers.append(_ANSWERS.get(command, _UNKNOWN))
            self._in_letter = command == b"DATA"
            self.is_over = command == b"QUIT"
            said = b"\r\n" + after if self._in_letter else after  # an empty letter is a dot alone
        self._rest = said
        return b"".join(answers)


class _Connection(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes
        self._transport, self._conversation = cast(asyncio.Transport, transport), Conversation()
        self._transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._transport.write(self._conversation.hear(data))
        if self._conversation.is_over:
            self._transport.close()


async def _main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(_main())
