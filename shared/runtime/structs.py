"""Struct types are compiled before there are threads. Used by every process.

msgspec compiles a type when it is first decoded. Two threads that do so at the same moment crash the process
(segmentation fault, msgspec 0.22): two requests after a start, or the threads that read objects after a restore.
"""

from __future__ import annotations

import msgspec


def compile_structs() -> int:
    """Compile all Struct types that are loaded, and what their fields consist of; how many. Call it in one thread."""
    kinds, count = [msgspec.Struct], 0
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if kind.__struct_fields__:
            msgspec.json.Decoder(kind)
            count += 1
    return count
