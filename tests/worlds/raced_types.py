"""`python -m tests.worlds.raced_types`: many threads decode each of many Struct types for the first time at one moment.

Without `compile_structs` msgspec crashes the process.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from types import GenericAlias
from typing import Any

import msgspec

from shared.runtime.structs import compile_structs

_THREADS = 8
_BODY = b'{"id":"x","inner":{"x":"1","y":[1]},"more":[{"x":"2"}]}'
_INNER: list[Any] = [("x", str), ("y", list[int], [])]


def main() -> None:
    kinds: list[Any] = []
    for number in range(400):
        inner = msgspec.defstruct(f"Inner{number}", _INNER)
        listed = GenericAlias(list, (inner,))
        fields: list[Any] = [("id", str), ("inner", inner), ("more", listed, [])]
        kinds.append(msgspec.defstruct(f"Outer{number}", fields))
    if "--as-it-comes" not in sys.argv:
        compile_structs()
    sys.setswitchinterval(1e-6)
    barrier = Barrier(_THREADS)

    def read(kind: Any) -> str:
        barrier.wait()
        return str(msgspec.json.decode(_BODY, type=kind).inner.x)

    with ThreadPoolExecutor(_THREADS) as pool:
        for kind in kinds:
            assert list(pool.map(read, [kind] * _THREADS)) == ["1"] * _THREADS
    print(len(kinds))


if __name__ == "__main__":
    main()
