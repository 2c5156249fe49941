"""The lines of a stream that comes in chunks."""

from __future__ import annotations

from collections.abc import Iterator

LONGEST_LINE = 64 * 1024
"""Bytes of one record. A longer line costs its row, not the memory for it."""


class LineSplitter:
    """Splits a stream into lines, holding one incomplete line at most. Of a longer one the beginning is kept."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        first, *others = chunk.split(b"\n")
        self._keep(first)
        for other in others:
            yield bytes(self._rest)
            self._rest.clear()
            self._keep(other)

    def end(self) -> Iterator[bytes]:
        if self._rest:
            yield bytes(self._rest)

    def _keep(self, more: bytes) -> None:
        self._rest += more[: self._longest + 1 - len(self._rest)]
