"""A TrueType file, mapped and not read: its characters, widths and outlines. Used by registration and renderer.

The fonts of the certificates are 200 MB on disk; a process that maps them holds only the pages that it has used.
Formats: OpenType 1.9, "cmap" (12 and 14), "hmtx", "loca", "glyf", "OS/2".
"""

from __future__ import annotations

import mmap
import struct
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fontTools.ttLib import TTFont, TTLibError

_RESTRICTED = 0x0002  # OS/2, fsType: "Restricted License embedding"
_DIRECTORY = struct.Struct(">4sIII")


class FontFile:
    """One file. OSError: no such file. ValueError, naming it: not a TrueType font with a Unicode map, or one whose
    licence forbids that it is embedded."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            try:
                self._bytes: Any = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except ValueError as error:
                raise ValueError(f"font {path}: got an empty file, expected a TrueType font") from error
        try:
            self._tables = self._directory()
            self.points: Mapping[int, int]
            self.sequences: Mapping[tuple[int, int], int]
            self.points, self.sequences = self._characters(path)
            self._read_metrics()
            (embedding,) = struct.unpack_from(">H", self._bytes, self._tables["OS/2"][0] + 8)
        except (struct.error, TTLibError, KeyError, TypeError, IndexError, AssertionError) as error:
            raise ValueError(f"font {path}: expected a TrueType font with a Unicode map and outlines") from error
        if embedding & _RESTRICTED:
            raise ValueError(f"font {path}: got one that may not be embedded (OS/2, fsType), expected one that may")
        self.path = path

    def table(self, tag: str) -> bytes:
        """KeyError if there is none."""
        at, length = self._tables[tag]
        return bytes(self._bytes[at : at + length])

    def __contains__(self, tag: str) -> bool:
        return tag in self._tables

    def advance(self, glyph: int) -> tuple[int, int]:
        """Width and left side bearing in font units."""
        last = self._metrics - 1
        if glyph <= last:
            width, bearing = struct.unpack_from(">Hh", self._bytes, self._hmtx + 4 * glyph)
            return width, bearing
        (width,) = struct.unpack_from(">H", self._bytes, self._hmtx + 4 * last)
        (bearing,) = struct.unpack_from(">h", self._bytes, self._hmtx + 4 * self._metrics + 2 * (glyph - last - 1))
        return width, bearing

    def outline(self, glyph: int) -> bytes:
        """The bytes of `glyf` for a glyph; empty for a blank one."""
        if self._is_long:
            start, end = struct.unpack_from(">II", self._bytes, self._loca + 4 * glyph)
        else:
            start, end = (2 * offset for offset in struct.unpack_from(">HH", self._bytes, self._loca + 2 * glyph))
        return bytes(self._bytes[self._glyf + start : self._glyf + end])

    def _directory(self) -> dict[str, tuple[int, int]]:
        """Offset and length of each table."""
        version, count = struct.unpack_from(">4sH", self._bytes, 0)
        if version not in (b"\0\1\0\0", b"true", b"OTTO"):
            raise TypeError("not a font")
        entries = (_DIRECTORY.unpack_from(self._bytes, 12 + 16 * number) for number in range(count))
        return {tag.decode("latin-1"): (offset, length) for tag, _, offset, length in entries}

    def _read_metrics(self) -> None:
        (self._metrics,) = struct.unpack_from(">H", self._bytes, self._tables["hhea"][0] + 34)
        head = self._tables["head"][0]
        self.units: int
        (self.units,) = struct.unpack_from(">H", self._bytes, head + 18)
        (self._is_long,) = struct.unpack_from(">h", self._bytes, head + 50)
        self._hmtx, self._loca, self._glyf = (self._tables[tag][0] for tag in ("hmtx", "loca", "glyf"))

    def _characters(self, path: Path) -> tuple[Mapping[int, int], Mapping[tuple[int, int], int]]:
        cmap = self._tables["cmap"][0]
        (count,) = struct.unpack_from(">H", self._bytes, cmap + 2)
        found: dict[int, int] = {}  # offset by format
        for number in range(count):
            platform, encoding, offset = struct.unpack_from(">HHI", self._bytes, cmap + 4 + 8 * number)
            (form,) = struct.unpack_from(">H", self._bytes, cmap + offset)
            if platform == 0 or (platform, encoding) in ((3, 1), (3, 10)):
                found.setdefault(form, cmap + offset)
        points = self._groups(found[12]) if 12 in found else _small_map(path)
        return points, self._variations(found[14], points) if 14 in found else {}

    def _groups(self, at: int) -> _Ranges:
        (count,) = struct.unpack_from(">I", self._bytes, at + 12)
        numbers = struct.unpack_from(f">{3 * count}I", self._bytes, at + 16)
        return _Ranges(array("I", numbers[0::3]), array("I", numbers[1::3]), array("I", numbers[2::3]))

    def _variations(self, at: int, points: Mapping[int, int]) -> _Sequences:
        (count,) = struct.unpack_from(">I", self._bytes, at + 6)
        keys: list[tuple[int, int]] = []
        for number in range(count):
            entry = at + 10 + 11 * number
            selector = int.from_bytes(self._bytes[entry : entry + 3])
            plain, other = struct.unpack_from(">II", self._bytes, entry + 3)
            if plain:
                (ranges,) = struct.unpack_from(">I", self._bytes, at + plain)
                for place in range(at + plain + 4, at + plain + 4 + 4 * ranges, 4):
                    first, more = int.from_bytes(self._bytes[place : place + 3]), self._bytes[place + 3]
                    keys += [
                        (point << 32 | selector, points[point])
                        for point in range(first, first + more + 1)
                        if point in points
                    ]
            if other:
                (mapped,) = struct.unpack_from(">I", self._bytes, at + other)
                for place in range(at + other + 4, at + other + 4 + 5 * mapped, 5):
                    point = int.from_bytes(self._bytes[place : place + 3])
                    keys.append((point << 32 | selector, int.from_bytes(self._bytes[place + 3 : place + 5])))
        keys.sort()
        return _Sequences(array("Q", (key for key, _ in keys)), array("H", (glyph for _, glyph in keys)))


class _Ranges(Mapping[int, int]):
    """Glyph number by code point, as runs of successive ones: (first, last, glyph of the first), ascending."""

    def __init__(self, first: array[int], last: array[int], glyph: array[int]) -> None:
        self._first, self._last, self._glyph = first, last, glyph

    def __getitem__(self, point: int) -> int:
        at = bisect_right(self._first, point) - 1
        if at < 0 or point > self._last[at]:
            raise KeyError(point)
        return self._glyph[at] + point - self._first[at]

    def __iter__(self) -> Iterator[int]:
        for first, last in zip(self._first, self._last, strict=True):
            yield from range(first, last + 1)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in zip(self._first, self._last, strict=True))


class _Sequences(Mapping[tuple[int, int], int]):
    """Glyph number by (code point, variation selector)."""

    def __init__(self, keys: array[int], glyphs: array[int]) -> None:
        self._keys, self._glyphs = keys, glyphs

    def __getitem__(self, sequence: tuple[int, int]) -> int:
        key = sequence[0] << 32 | sequence[1]
        at = bisect_right(self._keys, key) - 1
        if at < 0 or self._keys[at] != key:
            raise KeyError(sequence)
        return self._glyphs[at]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return ((key >> 32, key & 0xFFFFFFFF) for key in self._keys)

    def __len__(self) -> int:
        return len(self._keys)


def _small_map(path: Path) -> Mapping[int, int]:
    """The map of a font without one for all of Unicode, such as a small one of an operator."""
    with TTFont(path, lazy=True) as font:
        numbers = font.getReverseGlyphMap()
        return {point: numbers[name] for point, name in font.getBestCmap().items()}
