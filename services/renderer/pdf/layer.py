"""The content of a page: operators, text in subset fonts, pictures, each marked for the structure or as an ornament."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from services.renderer.pdf.picture import Picture
from services.renderer.pdf.structure import Marked, Tag
from services.renderer.pdf.typeface import FontSubset, Spaced, SubsetBuilder, Typeface

Size = tuple[float, float]
"""Of a page in points: width, height."""

Box = tuple[float, float, float, float]
"""Left, bottom, right, top in points."""


SharedFonts = Mapping[Path, tuple[str, Mapping[Spaced, int]]]
"""By font file: its name in the page's resources, and its codes."""


_NO_FONT: tuple[str, Mapping[Spaced, int]] = ("", {})


class Sheet(Protocol):
    """What the pages are drawn on."""

    def ornament(self, operators: str) -> None:
        """Append PDF path operators that mean nothing to a reader."""

    def figure(self, tag: Tag, operators: str) -> None:
        """Append PDF path operators that are a picture."""

    def picture(self, tag: Tag, picture: Picture, x: float, y: float, side: float) -> None:
        """Draw a picture into a square of `side` points, its lower left corner at x, y."""

    def text(
        self, tag: Tag, line: Sequence[Spaced], size: float, colour: tuple[float, float, float], x: float, y: float
    ) -> None:
        """Set glyphs one after the other, from x on the base line y."""

    def link(self, tag: Tag, address: str, box: Box) -> None:
        """Lead to an address from a part of the page."""


class Layer:
    """A sheet that becomes one content stream of a page. A page has one or two, with different prefixes."""

    def __init__(self, prefix: str, first_mark: int = 0, shared: SharedFonts | None = None) -> None:
        """`prefix` begins the names of its fonts and pictures; marks are numbered from `first_mark` on; `shared` are
        fonts that the page has anyway."""
        self._prefix = prefix
        self._shared = shared or {}
        self._first_mark = first_mark
        self._parts: list[str] = []
        self._fonts: dict[Path, tuple[str, SubsetBuilder]] = {}  # by font file
        self.marked: list[Marked] = []
        self.pictures: dict[str, Picture] = {}  # by their names in the content
        self.links: list[tuple[Tag, str, Box]] = []

    def content(self) -> bytes:
        return "\n".join(("q", *self._parts, "Q\n")).encode("ascii")

    def fonts(self) -> Mapping[str, FontSubset]:
        """The subsets by their names in the content."""
        return {name: builder.build() for name, builder in self._fonts.values()}

    def ornament(self, operators: str) -> None:
        self._parts.append(f"/Artifact BMC\n{operators}\nEMC")

    def figure(self, tag: Tag, operators: str) -> None:
        self._mark(tag, operators)

    def picture(self, tag: Tag, picture: Picture, x: float, y: float, side: float) -> None:
        name = f"{self._prefix}P{len(self.pictures)}"
        self.pictures[name] = picture
        self._mark(tag, f"q {side:.2f} 0 0 {side:.2f} {x:.2f} {y:.2f} cm /{name} Do Q")

    def text(
        self, tag: Tag, line: Sequence[Spaced], size: float, colour: tuple[float, float, float], x: float, y: float
    ) -> None:
        red, green, blue = colour
        parts = [f"BT {red:.3f} {green:.3f} {blue:.3f} rg {x:.2f} {y:.2f} Td"]
        for name, codes in self._runs(line):
            shown = struct.pack(f">{len(codes)}H", *codes).hex().upper()
            parts.append(f"/{name} {size:.3f} Tf <{shown}> Tj")
        self._mark(tag, " ".join((*parts, "ET")))

    def link(self, tag: Tag, address: str, box: Box) -> None:
        self.links.append((tag, address, box))

    def _mark(self, tag: Tag, operators: str) -> None:
        number = self._first_mark + len(self.marked)
        self.marked.append(Marked(tag, number))
        self._parts.append(f"/{tag.kind} << /MCID {number} >> BDC\n{operators}\nEMC")

    def reserve(self, line: Sequence[Spaced]) -> None:
        """Put glyphs into the fonts that are not drawn here, for other layers of the page."""
        for _ in self._runs(line):
            pass

    def shared_fonts(self) -> SharedFonts:
        return {path: (name, builder.codes()) for path, (name, builder) in self._fonts.items()}

    def _runs(self, line: Sequence[Spaced]) -> Iterator[tuple[str, Sequence[int]]]:
        """Pieces of a line in one font each: its name and the codes in it."""
        if not line:
            return
        typeface = line[0][0].typeface
        shared_name, shared = self._shared.get(typeface.file.path, _NO_FONT)
        if shared.keys() >= set(line):  # nearly all lines but the holder's name
            yield shared_name, [shared[each] for each in line]
            return
        run = ""
        codes: list[int] = []
        for each in line:
            if each[0].typeface is not typeface:
                typeface = each[0].typeface
                shared_name, shared = self._shared.get(typeface.file.path, _NO_FONT)
            code = shared.get(each)
            name = shared_name
            if code is None:
                name, builder = self._font(typeface)
                code = builder.encode(each)
            if name != run:
                if codes:
                    yield run, codes
                run, codes = name, []
            codes.append(code)
        if codes:
            yield run, codes

    def _font(self, typeface: Typeface) -> tuple[str, SubsetBuilder]:
        path = typeface.file.path
        found = self._fonts.get(path)
        if found is None:
            found = self._fonts[path] = (f"{self._prefix}F{len(self._fonts)}", SubsetBuilder(typeface))
        return found
