"""The pages set by typst, a fast typesetter in Rust: a rival.

All texts are set by typst, each time; ornaments and the QR code come as SVG, those that all holders share as a file
that typst reads once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import typst

from services.renderer.pdf.layer import Box, Size
from services.renderer.pdf.picture import Picture
from services.renderer.pdf.structure import Tag
from services.renderer.pdf.typeface import Spaced

_SOURCE = """\
#let it = json(bytes(sys.inputs.page))
#set page(width: it.width * 1pt, height: it.height * 1pt, margin: 0pt)
#set text(lang: "ja", top-edge: "baseline", bottom-edge: "baseline")
#place(image(it.static + ".svg", width: it.width * 1pt))
#for each in json(it.static + ".json").pictures {
  place(dx: each.x * 1pt, dy: (it.height - each.y - each.side) * 1pt, image("badge.png", width: each.side * 1pt))
}
#for each in json(it.static + ".json").texts + it.texts {
  place(dx: each.x * 1pt, dy: (it.height - each.y) * 1pt, text(
    font: each.font, weight: each.weight, size: each.size * 1pt, tracking: each.tracking * 1pt,
    fill: rgb(each.colour), each.text))
}
#place(image(bytes(it.svg), format: "svg", width: it.width * 1pt))
#for each in it.links {
  place(dx: each.x * 1pt, dy: (it.height - each.y - each.height) * 1pt,
    link(each.address, box(width: each.width * 1pt, height: each.height * 1pt)))
}
"""

_WEIGHTS = {"Regular": 400, "Medium": 500, "SemiBold": 600, "Bold": 700}


class TypstSheet:
    """Notes what is drawn, in the form that typst reads."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self.texts: list[dict[str, object]] = []
        self.pictures: list[dict[str, float]] = []
        self.links: list[dict[str, object]] = []
        self._shapes: list[str] = []

    def ornament(self, operators: str) -> None:
        self._shapes.append(_shapes(operators))

    def figure(self, tag: Tag, operators: str) -> None:
        self.ornament(operators)

    def picture(self, tag: Tag, picture: Picture, x: float, y: float, side: float) -> None:
        self.pictures.append({"x": x, "y": y, "side": side})

    def text(
        self, tag: Tag, line: Sequence[Spaced], size: float, colour: tuple[float, float, float], x: float, y: float
    ) -> None:
        first, space = line[0]
        family, weight = first.typeface.name.split("-")
        self.texts.append(
            {
                "text": "".join(drawn.characters for drawn, _ in line),
                "font": re.sub(r"(?<=[a-z])(?=[A-Z])", " ", family),
                "weight": _WEIGHTS[weight],
                "size": size,
                "tracking": space * size / 1000,
                "colour": "#" + "".join(f"{round(part * 255):02x}" for part in colour),
                "x": x,
                "y": y,
            }
        )

    def link(self, tag: Tag, address: str, box: Box) -> None:
        left, bottom, right, top = box
        place = {"x": left, "y": bottom, "width": right - left, "height": top - bottom}
        self.links.append({"address": address, **place})

    def svg(self) -> str:
        width, height = self.size
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.2f} {height:.2f}" width="{width:.2f}pt"'
            f' height="{height:.2f}pt"><g transform="matrix(1 0 0 -1 0 {height:.2f})">{"".join(self._shapes)}</g></svg>'
        )


class Typst:
    """Compiles pages. `folder` takes the source and what all holders share."""

    def __init__(self, folder: Path, fonts: list[Path], badge: bytes) -> None:
        self._folder = folder
        (folder / "badge.png").write_bytes(badge)
        source = folder / "page.typ"
        source.write_text(_SOURCE, "utf-8")
        self._compiler = typst.Compiler(
            str(source), root=str(folder), font_paths=[str(path) for path in fonts], ignore_system_fonts=True
        )

    def share(self, name: str, sheet: TypstSheet) -> None:
        """What the pages of this name have in common."""
        (self._folder / f"{name}.svg").write_text(sheet.svg(), "utf-8")
        common = {"texts": sheet.texts, "pictures": sheet.pictures}
        (self._folder / f"{name}.json").write_text(json.dumps(common), "utf-8")

    def page(self, name: str, sheet: TypstSheet) -> bytes:
        """The PDF of one page."""
        width, height = sheet.size
        page = {"static": name, "width": width, "height": height, "texts": sheet.texts, "svg": sheet.svg()}
        made = self._compiler.compile(format="pdf", sys_inputs={"page": json.dumps({**page, "links": sheet.links})})
        assert isinstance(made, bytes)
        return made


def _shapes(operators: str) -> str:
    """PDF path operators as SVG, for what our ornaments use of them."""
    parts: list[str] = []
    path: list[str] = []
    numbers: list[str] = []
    fill, stroke, width, opened = "#000", "#000", "1", [0]
    for word in operators.split():
        if re.fullmatch(r"-?[\d.]+", word):
            numbers.append(word)
            continue
        match word:
            case "m" | "l" | "c":
                path.append(word.upper() + " ".join(numbers))
            case "h":
                path.append("Z")
            case "re":
                x, y, wide, high = numbers
                path.append(f"M{x} {y}h{wide}v{high}h-{wide}Z")
            case "rg":
                fill = _colour(numbers)
            case "RG":
                stroke = _colour(numbers)
            case "w":
                width = numbers[0]
            case "f" | "f*":
                rule = ' fill-rule="evenodd"' if word == "f*" else ""
                parts.append(f'<path d="{"".join(path)}" fill="{fill}"{rule}/>')
                path = []
            case "S":
                parts.append(f'<path d="{"".join(path)}" fill="none" stroke="{stroke}" stroke-width="{width}"/>')
                path = []
            case "n":
                path = []
            case "q":
                opened.append(0)
            case "cm":
                parts.append(f'<g transform="matrix({" ".join(numbers)})">')
                opened[-1] += 1
            case "Q":
                parts.append("</g>" * opened.pop())
        numbers = []
    return "".join((*parts, "</g>" * sum(opened)))


def _colour(numbers: list[str]) -> str:
    return "#" + "".join(f"{round(float(number) * 255):02x}" for number in numbers)
