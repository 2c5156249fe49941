"""Where bounces come in: an LMTP or SMTP listener, and a maildir. Each report is written down before it is taken."""

from __future__ import annotations

import asyncio
import mailbox
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.lmtp import LMTP

from services.mailer.domain.bounce import letter_of
from shared.runtime.db import is_unavailable
from shared.runtime.log import logger

Protocol = Literal["lmtp", "smtp"]
Note = Callable[[bytes, Sequence[str]], None]
"""Writes down what a mail to these recipients says; when it returns, that is durable."""

_LARGEST = 2 * 1024 * 1024  # bytes of a report: a copy of the letter, and some text

log = logger("mailer")


@dataclass(frozen=True)
class Listener:
    """Where to listen. Only the relay should reach it: any other client could have a letter noted as bounced."""

    host: str
    port: int
    protocol: Protocol
    bounce_domain: str


class BounceServer:
    """Takes mail to our return paths; refuses all other."""

    def __init__(self, listener: Listener, note: Note) -> None:
        make = _LmtpController if listener.protocol == "lmtp" else Controller
        self._controller = make(
            _Handler(listener.bounce_domain, note),
            hostname=listener.host,
            port=listener.port,
            data_size_limit=_LARGEST,
            ident="Akashi bounces",
        )

    def start(self) -> None:
        """Listen, in a thread. OSError if the port is taken."""
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()


class _LmtpController(Controller):
    def factory(self) -> Any:
        return LMTP(self.handler, **self.SMTP_kwargs)


class _Handler:
    def __init__(self, bounce_domain: str, note: Note) -> None:
        self._bounce_domain = bounce_domain
        self._note = note

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        complaints = f"complaints@{self._bounce_domain}".lower()
        if letter_of(address, self._bounce_domain) is None and address.lower() != complaints:
            return "550 5.1.1 no such return path"
        if envelope.rcpt_tos:  # a mail is about one letter; and after DATA, LMTP wants an answer for each recipient
            return "452 4.5.3 one recipient at a time"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        try:
            await asyncio.get_running_loop().run_in_executor(
                None, self._note, envelope.original_content, list(envelope.rcpt_tos)
            )
        except Exception as error:  # whatever it is, the relay keeps the report and comes again
            log.warning("failed", part="bounces", cause=type(error).__name__)
            return "451 4.3.0 try again later"
        return "250 2.0.0 ok"


def read_maildir(folder: Path, note: Note) -> int:
    """Write down the mails in `new/` and move them to `cur/`; returns how many. One that fails stays in `new/`."""
    box = mailbox.Maildir(folder, create=False)
    done = 0
    for path in sorted((folder / "new").iterdir()):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue  # another replica has it
        try:
            note(content, ())
        except Exception as error:
            if is_unavailable(error):
                raise
            log.warning("failed", part="bounces", cause=type(error).__name__)
            continue
        with suppress(FileNotFoundError):  # another replica read it too: the same report again changes nothing
            path.rename(folder / "cur" / f"{path.name}:2,S")
        done += 1
    box.close()
    return done
