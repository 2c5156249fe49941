"""The formats in which a credential is handed in: JSON, or inside of a PNG, SVG or PDF."""

from __future__ import annotations

import codecs
import json
from dataclasses import dataclass
from typing import Any

import msgspec

from services.verifier.files.pdf import without_pdf
from shared.credentials.baking import PNG_SIGNATURE, Unbaked, unbake_png, unbake_svg
from shared.credentials.content import Document
from shared.errors import HoldsNothing, Unreadable

MAX_BYTES = 128 * 1024
"""Of a JSON document. A credential of ours has about 3 KB, with both proofs and a long path under 8."""

MAX_COUNT_BYTES = 1024 * 1024
"""Of a statement of the count: a batch of a cohort takes about 150 bytes, and there may be one each day for years."""


@dataclass(frozen=True)
class FileContent:
    """What a file holds: a credential; a picture may also hold its Open Badges 2.0 half."""

    document: Document
    unbaked: Unbaked | None = None


def read_file(content: bytes) -> FileContent:
    """The credential in a file of any of these formats. Unreadable for everything else; TryLater as `without_pdf`."""
    content = without_pdf(content)
    if content.startswith(PNG_SIGNATURE):
        return _baked(unbake_png(content))
    if as_utf8(content[:64]).lstrip().startswith(b"<"):
        return _baked(unbake_svg(as_utf8(content)))
    return FileContent(read_json(content))


def read_document(content: bytes) -> Document:
    """The credential in a file, as `read_file`."""
    return read_file(content).document


def read_json(content: bytes, most: int = MAX_BYTES) -> Document:
    """A JSON object, perhaps behind a byte order mark. Unreadable, with got and expected, for everything else.

    HoldsNothing for what doesn't begin as one. Unreadable also for an object that has a member twice: other readers
    take the first, others the last (RFC 8259, section 4).
    """
    begins = as_utf8(content[:64]).lstrip().replace(b"\0", b"")
    refused = Unreadable if begins.startswith((b"{", b"[")) else HoldsNothing
    if len(content) > most:
        raise refused(f"got {len(content)} bytes, expected at most {most}")
    try:
        content = as_utf8(content)
        document = msgspec.json.decode(content, type=dict[str, Any])
        _DOUBLES.decode(content.decode())
        return document
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise refused(f"got {len(content)} bytes that are no JSON object: {error}") from error


def as_utf8(content: bytes) -> bytes:
    """A text without its byte order mark, in UTF-8: editors and shells save with one, some in UTF-16.

    Content without a mark is returned as it is, and so is UTF-16 that is broken.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            try:
                return content[len(mark) :].decode(encoding).encode()
            except UnicodeError:
                return content
    return content.removeprefix(codecs.BOM_UTF8)


_MARKS = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def _once(members: list[tuple[str, object]]) -> None:
    seen: set[str] = set()
    for name, _ in members:
        if name in seen:
            raise ValueError(f"got the member {name[:60]!r} twice in one object, expected each once")
        seen.add(name)


_DOUBLES = json.JSONDecoder(object_pairs_hook=_once, parse_int=len, parse_float=len)
"""Looks at names only. What isn't JSON was refused before."""


def _baked(unbaked: Unbaked) -> FileContent:
    return FileContent(read_json(_credential_in(unbaked)), unbaked)


def _credential_in(unbaked: Unbaked) -> bytes:
    if unbaked.credential is None and unbaked.assertion is None:
        raise HoldsNothing("got a picture with no badge, expected an Open Badges 3.0 credential in it")
    if unbaked.credential is None:
        raise Unreadable(
            "got a picture with an Open Badges 2.0 assertion only, expected an Open Badges 3.0 credential in it"
        )
    return unbaked.credential
