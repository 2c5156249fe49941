"""The pages drawn by reportlab alone, as it is usually used: the reference for what a page looks like, and a rival.

Each document registers nothing twice and shares nothing but the fonts, which reportlab has to read once.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import groupby
from typing import Any, cast

from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from services.renderer.pdf.layer import Box, Size
from services.renderer.pdf.picture import Picture
from services.renderer.pdf.structure import Tag
from services.renderer.pdf.typeface import Spaced, Typeface


class ReportlabSheet:
    """A sheet that is a document of one page. `badge` is the PNG that is drawn wherever a picture is."""

    def __init__(self, size: Size, badge: bytes) -> None:
        self._out = io.BytesIO()
        self._badge = badge
        self._canvas = Canvas(self._out, pagesize=size, pageCompression=1)

    def ornament(self, operators: str) -> None:
        cast(Any, self._canvas)._code.append(operators)

    def figure(self, tag: Tag, operators: str) -> None:
        self.ornament(operators)

    def picture(self, tag: Tag, picture: Picture, x: float, y: float, side: float) -> None:
        with Image.open(io.BytesIO(self._badge)) as image:
            self._canvas.drawImage(ImageReader(image), x, y, side, side, mask="auto")

    def text(
        self, tag: Tag, line: Sequence[Spaced], size: float, colour: tuple[float, float, float], x: float, y: float
    ) -> None:
        text = self._canvas.beginText(x, y)
        text.setFillColorRGB(*colour)
        for (typeface, space), glyphs in groupby(line, key=lambda each: (each[0].typeface, each[1])):
            text.setFont(_font(typeface), size)
            text.setCharSpace(space * size / 1000)
            text.textOut("".join(drawn.characters for drawn, _ in glyphs))
        self._canvas.drawText(text)

    def link(self, tag: Tag, address: str, box: Box) -> None:
        self._canvas.linkURL(address, box)

    def finish(self) -> bytes:
        self._canvas.showPage()
        self._canvas.save()
        return self._out.getvalue()


def _font(typeface: Typeface) -> str:
    """Its name in reportlab, which reads the file at the first use."""
    if typeface.name not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont(typeface.name, str(typeface.file.path)))
    return typeface.name
