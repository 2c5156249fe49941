"""Reading the letters that came to the local inbox, as their receivers would."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import NamedTuple

_LINK = re.compile(r"^\s*(https?://\S+/receive/\S+)\s*$", re.MULTILINE)
_NAME = re.compile(r"^\s*(\S.*?)\s*様\s*$", re.MULTILINE)


class Letter(NamedTuple):
    """One mail of the inbox. `link` is that of letter 1; `name` is the person addressed."""

    message_id: str
    to: str
    subject: str
    text: str
    link: str | None
    name: str | None


class Inbox:
    """The folder in which the local mail server keeps what it received; every letter is handed out once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: set[str] = set()

    def new(self) -> Iterator[Letter]:
        """The letters that came since the last call, the oldest first."""
        fresh = [path for path in self._folder.glob("*.eml") if path.name not in self._seen]
        for path in sorted(fresh, key=lambda path: path.stat().st_mtime_ns):
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if message["Message-ID"] is None:
                continue  # still being written: the next call reads it whole
            self._seen.add(path.name)
            assert isinstance(message, EmailMessage)
            yield _letter(message)


def _letter(message: EmailMessage) -> Letter:
    part = message.get_body(("plain",))
    text = str(part.get_content()) if part is not None else ""
    link, name = _LINK.search(text), _NAME.search(text)
    return Letter(
        message_id=str(message["Message-ID"]).strip(),
        to=str(message["To"]),
        subject=str(message["Subject"]),
        text=text,
        link=link[1] if link else None,
        name=name[1] if name else None,
    )
