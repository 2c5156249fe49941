"""Status lists: one bit an assertion, set when it no longer counts. Written by issuer, read by verifier; pure.

Source: W3C Bitstring Status List 1.0: bit 0 is the left-most; at least 131 072 bits, so that one entry reveals nothing
about its holder; GZIP; multibase base64url.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from shared.credentials.multibase import base64url, from_base64url
from shared.errors import Unreadable

LENGTH = 131_072
"""Bits of a list of ours, and the fewest of any."""

_MOST_BYTES = 16 * 1024 * 1024  # of an unpacked list; a bomb stops here
_GZIP = 16 + zlib.MAX_WBITS


def with_bits(indexes: Iterable[int]) -> bytes:
    """The list with just these bits set. ValueError for one outside of it."""
    bits = bytearray(LENGTH // 8)
    for index in indexes:
        if not 0 <= index < LENGTH:
            raise ValueError(f"got bit {index}, expected 0 to {LENGTH - 1}")
        bits[index // 8] |= 0x80 >> index % 8
    return bytes(bits)


def is_set(bits: bytes, index: int) -> bool:
    """Whether the assertion with this bit no longer counts. Unreadable for a bit outside of the list."""
    if not 0 <= index < len(bits) * 8:
        raise Unreadable(f"statusListIndex: got {index}, expected 0 to {len(bits) * 8 - 1}")
    return bool(bits[index // 8] & 0x80 >> index % 8)


def encoded(bits: bytes) -> str:
    """The list as `encodedList`; the same bits give the same text."""
    packer = zlib.compressobj(9, zlib.DEFLATED, _GZIP)
    return base64url(packer.compress(bits) + packer.flush())


def decoded(text: object) -> bytes:
    """The bits of an `encodedList`, of ours or another's: 131 072 or more. Unreadable for anything else."""
    unpacker = zlib.decompressobj(_GZIP)
    try:
        bits = unpacker.decompress(from_base64url(text), _MOST_BYTES + 1)
    except zlib.error as error:
        raise Unreadable(f"encodedList: {error}, expected GZIP") from error
    if len(bits) > _MOST_BYTES:
        raise Unreadable(f"encodedList: got more than {_MOST_BYTES} bytes, expected fewer")
    if not unpacker.eof:
        raise Unreadable(f"encodedList: got {len(bits)} bytes and no end, expected whole GZIP")
    if unpacker.unused_data:
        raise Unreadable(f"encodedList: got {len(unpacker.unused_data)} bytes after the end of GZIP, expected none")
    if len(bits) * 8 < LENGTH:
        raise Unreadable(f"encodedList: got {len(bits) * 8} bits, expected at least {LENGTH}")
    return bits
