"""Numbered objects of a PDF as bytes, and the table of them all (ISO 32000-1, 7.5). Used by `page.py`.

Nothing depends on time or chance: the same objects give the same bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

HEAD = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
SMALLEST = 9
"""The level of zlib for what many documents share."""
_ENTRY = struct.Struct(">BIH")
"""Of the table of objects: kind; offset, or number of the object stream; place in it."""
_FREE = _ENTRY.pack(0, 0, 0xFFFF)  # object 0
_AT, _PACKED = 1, 2  # kinds


class Objects:
    """Objects written one after the other; with `packs` all but streams at the end, together, deflated."""

    def __init__(self, start: int, next_number: int, *, packs: bool = False) -> None:
        self._bodies: list[bytes] = []
        self._at = start
        self._packs = packs
        self._packed: list[tuple[int, str]] = []
        self.next_number = next_number
        self.entries: dict[int, bytes] = {}  # of the table

    def add(self, body: str, number: int | None = None) -> int:
        number = self._numbered(number)
        if self._packs:
            self._packed.append((number, body))
        else:
            self._write(number, body.encode("ascii"))
        return number

    def _numbered(self, number: int | None) -> int:
        if number is None:
            number, self.next_number = self.next_number, self.next_number + 1
        return number

    def _write(self, number: int, body: bytes) -> None:
        whole = b"%d 0 obj\n%b\nendobj\n" % (number, body)
        self.entries[number] = _ENTRY.pack(_AT, self._at, 0)
        self._at += len(whole)
        self._bodies.append(whole)

    def stream(self, head: str, content: bytes, level: int) -> int:
        """`level` of zlib; 0: as it is."""
        return self.deflated(head, zlib.compress(content, level)) if level else self.plain(head, content)

    def deflated(self, head: str, content: bytes) -> int:
        return self.plain(f"{head} /Filter /FlateDecode", content)

    def plain(self, head: str, content: bytes, number: int | None = None) -> int:
        number = self._numbered(number)
        head = f"<< {head} /Length {len(content)} >>\nstream\n"
        self._write(number, b"%b%b\nendstream" % (head.encode("ascii"), content))
        return number

    def written(self) -> bytes:
        if self._packed:
            self._write_packed()
        return b"".join(self._bodies)

    def _write_packed(self) -> None:
        """An object stream (ISO 32000-1, 7.5.7): number and offset of each object, then the objects."""
        offsets = accumulate((len(body) + 1 for _, body in self._packed), initial=0)
        index = " ".join(f"{number} {at}" for (number, _), at in zip(self._packed, offsets, strict=False))
        content = "\n".join((index, *(body for _, body in self._packed))).encode("ascii")
        head = f"/Type /ObjStm /N {len(self._packed)} /First {len(index) + 1}"
        stream = self.stream(head, content, SMALLEST)
        for place, (number, _) in enumerate(self._packed):
            self.entries[number] = _ENTRY.pack(_PACKED, stream, place)
        self._packed.clear()


def end_of(entries: Sequence[bytes], root: int, info: int, length: int, digest: Any) -> bytes:
    """What follows all objects, which are `length` bytes with the head: their table as a stream (ISO 32000-1, 7.5.8).

    `entries` are of the objects from 1 on; `root` and `info` the numbers of catalog and information. `digest` of all.
    """
    number = 1 + len(entries)
    table = b"".join((_FREE, *entries, _ENTRY.pack(_AT, length, 0)))
    identity = digest.hexdigest()[:32]
    head = (
        f"{number} 0 obj\n<< /Type /XRef /Size {number + 1} /W [1 4 2] /Root {root} 0 R /Info {info} 0 R"
        f" /ID [<{identity}> <{identity}>] /Length {len(table)} >>\nstream\n"
    )
    return b"%b%b\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % (head.encode("ascii"), table, length)
