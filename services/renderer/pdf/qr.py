"""The QR code of a verification URL as PDF path operators: sharp at any size, one fill.

Error correction level M; a quiet zone of 4 modules (ISO/IEC 18004).
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit, urlunsplit

from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode

QUIET = 4
_MASK = 4
"""Of the eight patterns, the one with the lowest penalty (ISO/IEC 18004, 7.8.3) on average over addresses of badges.

To weigh all eight for each code takes five times as long. A reader finds the mask in the code and undoes any of them.
"""


def qr_text(url: str) -> str:
    """The URL with scheme and host in capitals, which are equivalent: with a path in capitals the code is smaller."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme.upper(), parts.netloc.upper(), parts.path, parts.query, parts.fragment))


Modules = tuple[tuple[bool, ...], ...]


def qr_modules(text: str) -> Modules:
    """The dark modules, row by row from the top, without the quiet zone."""
    code = QRCode(error_correction=ERROR_CORRECT_M, border=0, mask_pattern=_MASK)
    code.add_data(text)
    code.make()
    return tuple(tuple(module is True for module in row) for row in code.modules)


def qr_operators(modules: Modules, x: float, y: float, side: float) -> str:
    """White ground and black modules in a square of `side` points with the quiet zone, lower left corner at x, y."""
    unit = side / (len(modules) + 2 * QUIET)
    left, top = x + QUIET * unit, y + side - QUIET * unit
    return (
        f"q 1 1 1 rg {x:.3f} {y:.3f} {side:.3f} {side:.3f} re f\n"
        f"0 0 0 rg {unit:.5f} 0 0 {-unit:.5f} {left:.3f} {top:.3f} cm\n{_path(modules)}\nf Q"
    )


@lru_cache(maxsize=4)  # both pages of a person have the same code
def _path(modules: Modules) -> str:
    """The dark modules as rectangles, of one unit each, y downwards."""
    size, rows = len(modules), []
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
    return "\n".join(rows)
