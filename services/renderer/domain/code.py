"""The QR code of a badge's page with its address below: readable by machine, by eye, and by a click. Pure."""

from __future__ import annotations

from typing import Literal

from services.renderer.domain.typesetting import Line, set_line, wrapped_address
from services.renderer.pdf.layer import Sheet
from services.renderer.pdf.qr import Modules, qr_operators
from services.renderer.pdf.structure import Tag, figure

LEAST = 8.0
"""Points: the size of the address, which somebody without a scanner types."""


def draw_code(
    sheet: Sheet,
    tag: Tag,
    modules: Modules,
    place: tuple[float, float, float],
    address: Line,
    *,
    room: float,
    below: float,
    align: Literal["left", "centre"] = "left",
) -> None:
    """Draw the code in the square `place` (x, y, side), and the address on as many lines as it needs below it.

    The first line stands `below` points under the square; no line is wider than `room`. All is one link.
    """
    x, y, side = place
    square = (x, y, x + side, y + side)
    sheet.figure(figure((*tag.place, 1), f"QRコード {address.text}", square), qr_operators(modules, *place))
    middle = x + side / 2
    left, right, foot = x, x + side, y - below
    for number, line in enumerate(wrapped_address(address, room)):
        foot = y - below - number * address.size * 1.2
        set_line(sheet, tag, line, x if align == "left" else middle, foot, align)
        beyond = line.width if align == "left" else line.width / 2
        start = x if align == "left" else middle
        left, right = min(left, start if align == "left" else start - beyond), max(right, start + beyond)
    sheet.link(tag, address.text, (left, foot - address.size * 0.25, right, y + side))
