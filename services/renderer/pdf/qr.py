"""The QR code of a verification URL as PDF path operators: sharp at any size, one fill.

Error correction level M; a quiet zone of 4 modules (ISO/IEC 18004).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, reduce
from operator import xor
from re import Match
from urllib.parse import urlsplit, urlunsplit

from qrcode.base import rs_blocks
from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode
from qrcode.util import PAD0, PAD1, BitBuffer, QRData, create_bytes, length_in_bits, optimal_data_chunks

QUIET = 4
_MASK = 4
"""Of the eight patterns, the one with the lowest penalty (ISO/IEC 18004, 7.8.3) on average over addresses of badges.

To weigh all eight for each code takes five times as long. A reader finds the mask in the code and undoes any of them.
"""


def qr_text(url: str) -> str:
    """The URL with scheme and host in capitals, which are equivalent: with a path in capitals the code is smaller."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme.upper(), parts.netloc.upper(), parts.path, parts.query, parts.fragment))


Modules = tuple[bytes, ...]
"""Row by row from the top, without the quiet zone: 1 is a dark module, 0 a light one."""


def qr_modules(text: str) -> Modules:
    """The modules that qrcode makes.

    qrcode takes a millisecond. For small codes its modules are added up, in a twentieth of that: error correction is
    linear, places and mask are fixed, so each digit of the data stands for the modules that it changes.
    """
    segments = [(segment, _bits(segment)) for segment in optimal_data_chunks(text, minimum=20)]
    for version in range(1, _LARGEST + 1):
        data = _data(segments, version)
        if data is not None:
            return _added_up(data, version)
    code = QRCode(error_correction=ERROR_CORRECT_M, border=0, mask_pattern=_MASK)
    code.add_data(text)
    code.make()
    return tuple(bytes(module is True for module in row) for row in code.modules)


_LARGEST = 4
"""Of the versions whose sums are made."""


class _Bits:
    """What `QRData.write` writes to: the bits as one number."""

    def __init__(self) -> None:
        self.value = 0
        self.length = 0

    def put(self, number: int, length: int) -> None:
        self.value = self.value << length | number
        self.length += length


def _bits(segment: QRData) -> _Bits:
    """The text of a segment, without mode and length."""
    bits = _Bits()
    segment.write(bits)  # type: ignore[arg-type] # a BitBuffer puts bit after bit into a list
    return bits


def _data(segments: Sequence[tuple[QRData, _Bits]], version: int) -> int | None:
    """The data codewords of a code of this version (ISO/IEC 18004, 7.4); None if it has too few."""
    bits, most = _Bits(), 8 * _codewords(version)
    for segment, content in segments:
        bits.put(segment.mode, 4)
        bits.put(len(segment), length_in_bits(segment.mode, version))
        bits.put(content.value, content.length)
    if bits.length > most:
        return None
    bits.put(0, min(most - bits.length, 4))
    bits.put(0, -bits.length % 8)
    for number in range((most - bits.length) // 8):
        bits.put(PAD1 if number % 2 else PAD0, 8)
    return bits.value


def _added_up(data: int, version: int) -> Modules:
    found, changes = _sums(version)
    for changed_by, digit in zip(changes, f"{data:0{len(changes)}x}", strict=True):
        found ^= changed_by[digit]
    size = 17 + 4 * version
    modules = f"{found:0{size * size}b}".encode().translate(_AS_MODULES)
    return tuple(modules[at : at + size] for at in range(0, size * size, size))


_AS_MODULES = bytes.maketrans(b"01", b"\x00\x01")


@lru_cache(maxsize=_LARGEST)
def _sums(version: int) -> tuple[int, tuple[Mapping[str, int], ...]]:
    """The modules of a code all of whose data is 1, as a number; and for each hexadecimal digit of the data, the first
    one first, the modules that it changes.

    Of 1 and not of 0, on whose polynomial qrcode fails.
    """
    count, blocks = _codewords(version), rs_blocks(version, ERROR_CORRECT_M)

    def written(data: int) -> int:
        buffer = BitBuffer()
        for byte in data.to_bytes(count, "big"):
            buffer.put(byte, 8)
        return int.from_bytes(bytes(create_bytes(buffer, blocks)), "big")

    whole = (1 << 8 * count) - 1
    codewords = written(whole)
    places = _places(version, sum(block.total_count for block in blocks))
    zeros = [  # what each bit changes that is 0
        reduce(xor, (places[place] for place in _digits(codewords ^ written(whole ^ 1 << bit))))
        for bit in range(8 * count)
    ]
    ones = reduce(xor, (places[place] for place in _digits(codewords)), _drawn(version, bytes(len(places) // 8)))
    return ones, tuple(_by_digit(zeros[bit : bit + 4]) for bit in range(8 * count - 4, -4, -4))


def _places(version: int, count: int) -> Sequence[int]:
    """The module of each bit of a code's `count` codewords, the last bit first.

    Found by codes in which each bit tells a digit of its own place: a dozen are drawn instead of one for each bit.
    """
    nothing, bits = _drawn(version, bytes(count)), range(8 * count)

    def turned(places: Iterable[int]) -> int:
        return nothing ^ _drawn(version, sum(1 << place for place in places).to_bytes(count, "big"))

    digits = [turned(bit for bit in bits if bit >> digit & 1) for digit in range((8 * count).bit_length())]
    places = [0] * (8 * count)
    for module in _digits(turned(bits)):
        places[sum((turn >> module & 1) << digit for digit, turn in enumerate(digits))] = 1 << module
    return places


def _digits(number: int) -> Iterator[int]:
    """The places of the binary digits that are 1."""
    return (place for place, digit in enumerate(reversed(f"{number:b}")) if digit == "1")


def _drawn(version: int, codewords: bytes) -> int:
    """The modules of these codewords, with everything else of a code, as a number."""
    code = QRCode(version, ERROR_CORRECT_M, border=0, mask_pattern=_MASK)
    code.data_cache = list(codewords)
    code.makeImpl(False, _MASK)
    return int("".join("1" if module else "0" for row in code.modules for module in row), 2)


def _by_digit(zeros: Sequence[int]) -> Mapping[str, int]:
    """What each hexadecimal digit changes, from what its four bits change, the last bit first."""
    return {
        f"{digit:x}": reduce(xor, (change for bit, change in enumerate(zeros) if not digit >> bit & 1), 0)
        for digit in range(16)
    }


@lru_cache(maxsize=_LARGEST)
def _codewords(version: int) -> int:
    """How many bytes of data a code of this version has."""
    return sum(block.data_count for block in rs_blocks(version, ERROR_CORRECT_M))


def qr_operators(modules: Modules, x: float, y: float, side: float) -> str:
    """White ground and black modules in a square of `side` points with the quiet zone, lower left corner at x, y."""
    unit = side / (len(modules) + 2 * QUIET)
    left, top = x + QUIET * unit, y + side - QUIET * unit
    return (
        f"q 1 1 1 rg {x:.3f} {y:.3f} {side:.3f} {side:.3f} re f\n"
        f"0 0 0 rg {unit:.5f} 0 0 {-unit:.5f} {left:.3f} {top:.3f} cm\n{_path(modules)}\nf Q"
    )


@lru_cache(maxsize=16)  # both pages of a person have the same code, and several people are processed at once
def _path(modules: Modules) -> str:
    """The dark modules as rectangles, of one unit each, y downwards."""
    return "\n".join(
        [
            f"{start} {number} {end - start} 1 re"
            for number, row in enumerate(modules)
            for start, end in map(Match.span, _DARK.finditer(row))
        ]
    )


_DARK = re.compile(b"\x01+")
