"""Font subsets for embedding: a small TrueType font of the glyphs that a page shows, and its map back to text.

The tables are those of a CIDFontType2 (ISO 32000-1, 9.7.4); glyph outlines are copied as bytes from the font file, so a
subset costs microseconds. The same text gives the same bytes.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from fontTools.ttLib import TTFont

from shared.errors import AkashiError
from shared.font_file import FontFile
from shared.glyphs import Chain, Coverage, load_font, name_of

_COMPOSITE_WORDS, _COMPOSITE_SCALE, _COMPOSITE_MORE, _COMPOSITE_XY, _COMPOSITE_MATRIX = 0x01, 0x08, 0x20, 0x40, 0x80
_EM = 1000  # units of a PDF's widths to the em


class MissingGlyph(AkashiError):
    """A text holds a character that the fonts can't draw. Nothing is drawn."""


@dataclass(frozen=True, eq=False)
class Typeface:
    """One font file, with the tables of it that each subset takes."""

    name: str  # PostScript name
    file: FontFile
    coverage: Coverage
    tables: Mapping[str, bytes]
    descriptor: str  # the fixed part of its PDF FontDescriptor

    def advance(self, glyph: int) -> float:
        """In thousandths of an em."""
        return self.file.advance(glyph)[0] * _EM / self.file.units


class Drawn(NamedTuple):
    """A character, or a variation sequence, with the glyph that shows it."""

    characters: str
    typeface: Typeface
    glyph: int


Spaced = tuple[Drawn, int]
"""A glyph and the space after it, in thousandths of an em. Not a named tuple: a page has hundreds."""


@dataclass(frozen=True, eq=False)
class Face:
    """Typefaces that look like one: what the first lacks is drawn by the next that has it."""

    typefaces: tuple[Typeface, ...]
    chain: Chain
    _usual: dict[str, Drawn] = field(default_factory=dict, init=False, repr=False)
    _advances: dict[str, float] = field(default_factory=dict, init=False, repr=False)
    """Single characters of the first typeface that were drawn before, and how wide they are: nearly all that come. No
    variation selector is among them, so a text of these alone has no sequences."""

    def drawn(self, text: str) -> list[Drawn]:
        """In order. MissingGlyph names what can't be drawn."""
        try:
            return [self._usual[character] for character in text]
        except KeyError:
            return self._found(text)

    def _found(self, text: str) -> list[Drawn]:
        drawn: list[Drawn] = []
        for characters, place, glyph in self.chain.glyphs(text):
            if glyph is None:
                name = self.typefaces[0].name
                raise MissingGlyph(f"{name}: got {name_of(characters)}, expected a character of this font or the next")
            drawn.append(Drawn(characters, self.typefaces[place], glyph))
            if place == 0 and len(characters) == 1:
                self._advances[characters] = self.typefaces[0].advance(glyph)
                self._usual[characters] = drawn[-1]
        return drawn

    def width(self, text: str, size: float, tracking: float = 0.0) -> float:
        """The width of a line at `size`, with `tracking` between its characters; all in points."""
        count, total = self._measured(text)
        return total * size / _EM + tracking * max(0, count - 1)

    def _measured(self, text: str) -> tuple[int, float]:
        """The number of glyphs and their width in thousandths of an em."""
        try:
            return len(text), sum(map(self._advances.__getitem__, text))
        except KeyError:
            drawn = self._found(text)
            return len(drawn), sum(typeface.advance(glyph) for _, typeface, glyph in drawn)


def load_face(paths: Sequence[Path]) -> Face:
    """OSError: no such file. ValueError: a file that isn't a TrueType font with outlines in `glyf`."""
    typefaces = tuple(load_typeface(path) for path in paths)
    return Face(typefaces, Chain(tuple(typeface.coverage for typeface in typefaces)))


@lru_cache(maxsize=32)
def load_typeface(path: Path) -> Typeface:
    """Opened once. ValueError for a file that isn't a TrueType font with outlines in `glyf`."""
    file = load_font(path)
    head = bytearray(file.table("head"))
    head[8:12] = bytes(4)  # checkSumAdjustment: valid for the whole file only
    head[50:52] = struct.pack(">h", 1)  # long offsets in loca
    kept = {tag: file.table(tag) for tag in ("hhea", "maxp", "cvt ", "fpgm", "prep") if tag in file}
    with TTFont(path, lazy=True) as font:
        name, descriptor = font["name"].getDebugName(6), _descriptor(font)
    return Typeface(
        name="".join(character for character in name or path.stem if character.isalnum() or character == "-"),
        file=file,
        coverage=Coverage(file.points, file.sequences),
        tables={**kept, "head": bytes(head)},
        descriptor=descriptor,
    )


@dataclass(frozen=True)
class FontSubset:
    """A font ready for embedding; its codes are two bytes each, code = glyph number in the subset."""

    name: str  # with its tag: ABCDEF+NotoSerifJP-Medium
    descriptor: str
    font: bytes
    widths: str  # the inside of /W
    characters: bytes  # the ToUnicode map


class SubsetBuilder:
    """Collects the glyphs of one page.

    Each (characters, glyph, space after it) has its own code. So copied text is the text that was drawn: a variation
    sequence is copied as a sequence even where its glyph is that of the plain character, and the space between letters
    that are set apart is part of their width, which no reader takes for a space between words.
    """

    def __init__(self, typeface: Typeface) -> None:
        self._typeface = typeface
        self._codes: dict[Spaced, int] = {}

    def encode(self, each: Spaced) -> int:
        """The code of a glyph of this typeface."""
        code = self._codes.get(each)
        if code is None:
            code = self._codes[each] = len(self._codes) + 1
        return code

    def codes(self) -> Mapping[Spaced, int]:
        """All of them."""
        return dict(self._codes)

    def build(self) -> FontSubset:
        return _built(self._typeface, tuple(self._codes))


@lru_cache(maxsize=16)  # both pages of a person show the name in one font, and several people are processed at once
def _built(typeface: Typeface, encoded: tuple[Spaced, ...]) -> FontSubset:
    """`encoded`: in the order of their codes, from 1."""
    file = typeface.file
    glyphs = [0, *(drawn.glyph for drawn, _ in encoded)]  # .notdef comes first in every font
    outlines = _outlines(file, glyphs)
    offsets = [0]
    for outline in outlines:
        offsets.append(offsets[-1] + len(outline))
    spaces = [0, *(space for _, space in encoded)]
    spaces += [0] * (len(glyphs) - len(spaces))  # of parts
    metrics = [
        (width + round(space * file.units / _EM), bearing)
        for (width, bearing), space in zip(map(file.advance, glyphs), spaces, strict=True)
    ]
    count = struct.pack(">H", len(glyphs))
    hhea, maxp = bytearray(typeface.tables["hhea"]), bytearray(typeface.tables["maxp"])
    hhea[34:36] = count  # numberOfHMetrics
    maxp[4:6] = count  # numGlyphs
    font = _sfnt(
        {
            **typeface.tables,
            "hhea": bytes(hhea),
            "maxp": bytes(maxp),
            "hmtx": b"".join(struct.pack(">Hh", *each) for each in metrics),
            "loca": struct.pack(f">{len(offsets)}I", *offsets),
            "glyf": b"".join(outlines),
        }
    )
    tag = "".join(chr(65 + byte % 26) for byte in hashlib.sha256(font).digest()[:6])
    widths = " ".join(f"{width * _EM / file.units:.6g}" for width, _ in metrics)
    return FontSubset(
        name=f"{tag}+{typeface.name}",
        descriptor=typeface.descriptor,
        font=font,
        widths=f"0 [{widths}]",
        characters=_to_unicode({code: drawn.characters for code, (drawn, _) in enumerate(encoded, 1)}),
    )


def _outlines(file: FontFile, glyphs: list[int]) -> list[bytes]:
    """Each glyph's outline. Parts of composite glyphs are appended to `glyphs`, and the composites point at them."""
    places = {glyph: place for place, glyph in reversed(list(enumerate(glyphs)))}
    outlines: list[bytes] = []
    while len(outlines) < len(glyphs):
        outline = bytearray(file.outline(glyphs[len(outlines)]))
        for at, part in _parts(outline):
            if part not in places:
                places[part] = len(glyphs)
                glyphs.append(part)
            struct.pack_into(">H", outline, at, places[part])
        outlines.append(bytes(outline) + bytes(-len(outline) % 4))
    return outlines


def _parts(outline: bytes | bytearray) -> list[tuple[int, int]]:
    """The components of a composite glyph: (offset of the glyph number, glyph number). OpenType, glyf, "Composite"."""
    if not outline or not outline[0] & 0x80:  # numberOfContours is not negative: a simple glyph
        return []
    parts: list[tuple[int, int]] = []
    at, flags = 10, _COMPOSITE_MORE
    while flags & _COMPOSITE_MORE:
        flags, glyph = struct.unpack_from(">HH", outline, at)
        parts.append((at + 2, glyph))
        at += 8 if flags & _COMPOSITE_WORDS else 6
        if flags & _COMPOSITE_SCALE:
            at += 2
        elif flags & _COMPOSITE_XY:
            at += 4
        elif flags & _COMPOSITE_MATRIX:
            at += 8
    return parts


def _sfnt(tables: Mapping[str, bytes]) -> bytes:
    """A TrueType file of these tables (OpenType, "Organization of an OpenType Font")."""
    tags = sorted(tables)
    power = len(tags).bit_length() - 1
    header = struct.pack(">IHHHH", 0x00010000, len(tags), 16 << power, power, 16 * (len(tags) - (1 << power)))
    start = len(header) + 16 * len(tags)
    records: list[bytes] = []
    bodies: list[bytes] = []
    for tag in tags:
        body = tables[tag] + bytes(-len(tables[tag]) % 4)
        checksum = sum(struct.unpack(f">{len(body) // 4}I", body)) & 0xFFFFFFFF
        records.append(tag.encode() + struct.pack(">III", checksum, start, len(tables[tag])))
        bodies.append(body)
        start += len(body)
    return header + b"".join(records) + b"".join(bodies)


def _to_unicode(characters: Mapping[int, str]) -> bytes:
    """The map from codes to text (ISO 32000-1, 9.10.3): UTF-16BE, at most 100 entries a block."""
    entries = [f"<{code:04X}> <{text.encode('utf-16-be').hex().upper()}>" for code, text in sorted(characters.items())]
    blocks = [entries[at : at + 100] for at in range(0, len(entries), 100)]
    lines = [
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
        "/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def",
        "/CMapName /Adobe-Identity-UCS def /CMapType 2 def",
        "1 begincodespacerange <0000> <FFFF> endcodespacerange",
        *("\n".join((f"{len(block)} beginbfchar", *block, "endbfchar")) for block in blocks),
        "endcmap CMapName currentdict /CMap defineresource pop end end",
    ]
    return "\n".join(lines).encode("ascii")


def _descriptor(font: Any) -> str:
    head, hhea, os2 = font["head"], font["hhea"], font["OS/2"]
    scale = 1000 / head.unitsPerEm
    box = " ".join(str(round(edge * scale)) for edge in (head.xMin, head.yMin, head.xMax, head.yMax))
    return (
        f"/Flags 4 /ItalicAngle 0 /StemV {50 + os2.usWeightClass // 10} /FontBBox [{box}]"
        f" /Ascent {round(hhea.ascent * scale)} /Descent {round(hhea.descent * scale)}"
        f" /CapHeight {round(getattr(os2, 'sCapHeight', 700) * scale)}"
    )
