"""The QR code of a verification URL as PDF path operators: sharp at any size, one fill.

Error correction level M; a fixed mask, because choosing the best of eight takes four times as long and scanners read
any; a quiet zone of 4 modules (ISO/IEC 18004).
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode

QUIET = 4
_MASK = 2


def qr_text(url: str) -> str:
    """The URL with scheme and host in capitals, which are equivalent: with a path in capitals the code is smaller."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme.upper(), parts.netloc.upper(), parts.path, parts.query, parts.fragment))


def qr_modules(text: str) -> tuple[tuple[bool, ...], ...]:
    """The dark modules, row by row from the top, without the quiet zone."""
    code = QRCode(error_correction=ERROR_CORRECT_M, border=0, mask_pattern=_MASK)
    code.add_data(text, optimize=0)
    code.make(fit=True)
    return tuple(tuple(bool(module) for module in row) for row in code.modules)


def qr_operators(modules: Sequence[Sequence[bool]], x: float, y: float, side: float) -> str:
    """White ground and black modules in a square of `side` points with the quiet zone, lower left corner at x, y."""
    size = len(modules)
    unit = side / (size + 2 * QUIET)
    left, top = x + QUIET * unit, y + side - QUIET * unit
    rows = [
        f"q 1 1 1 rg {x:.3f} {y:.3f} {side:.3f} {side:.3f} re f",
        f"0 0 0 rg {unit:.5f} 0 0 {-unit:.5f} {left:.3f} {top:.3f} cm",
    ]
    for row_number, row in enumerate(modules):
        start = 0
        while start < size:
            if not row[start]:
                start += 1
                continue
            end = start
            while end < size and row[end]:
                end += 1
            rows.append(f"{start} {row_number} {end - start} 1 re")
            start = end
    return "\n".join([*rows, "f Q"])
