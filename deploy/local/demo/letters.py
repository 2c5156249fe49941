"""The letters in the local inbox, read as a mail client reads them."""

from __future__ import annotations

import email
import os
import re
from collections.abc import Iterator
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path
from typing import NamedTuple

_LINK = re.compile(r"^\s*(https?://\S+/receive/\S+)\s*$", re.MULTILINE)
_RECEIVED = ("<completion.", "<correction.")  # Message-IDs of letters whose link leads to a badge that was received
_NAME = re.compile(r"^\s*(\S.*?)\s*様\s*$", re.MULTILINE)


class Letter(NamedTuple):
    """One mail of the inbox. `link`: by which its badge is received; `name`: the person addressed."""

    message_id: str
    to: str
    subject: str
    text: str
    link: str | None
    name: str | None


class Inbox:
    """The folder in which the local mail server stores what it received. Each letter is returned once."""

    def __init__(self, folder: Path, *, skip_present: bool = False) -> None:
        """`skip_present`: leave out the letters that are in the folder already."""
        self._folder = folder
        self._seen: set[str] = {path.name for path in folder.glob("*.eml")} if skip_present else set()

    def new(self) -> Iterator[Letter]:
        """The letters that arrived since the last call, oldest first."""
        with os.scandir(self._folder) as entries:
            fresh = [entry for entry in entries if entry.name not in self._seen and entry.name.endswith(".eml")]
        for entry in sorted(fresh, key=lambda entry: entry.stat().st_mtime_ns):
            message = email.message_from_bytes(Path(entry.path).read_bytes())
            if message["Message-ID"] is None:
                continue  # still being written: read by the next call
            self._seen.add(entry.name)
            yield _letter(message)


def _letter(message: Message) -> Letter:
    text = _text_of(message)
    message_id = str(message["Message-ID"]).strip()
    link, name = None if message_id.startswith(_RECEIVED) else _LINK.search(text), _NAME.search(text)
    return Letter(
        message_id=message_id,
        to=str(message["To"]),
        subject=str(make_header(decode_header(message["Subject"] or ""))),
        text=text,
        link=link[1] if link else None,
        name=name[1] if name else None,
    )


def _text_of(message: Message) -> str:
    """The text part, read by the legacy interface of `email`, which is four times faster than the new one."""
    for part in message.walk():
        if part.get_content_type() == "text/plain":
            content = part.get_payload(decode=True)
            return content.decode(part.get_content_charset("utf-8")) if isinstance(content, bytes) else ""
    return ""
