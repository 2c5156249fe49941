"""Memory that a process holds and doesn't use goes back to the system. Used by every process, issuer and renderer."""

from __future__ import annotations

import ctypes
import gc
import sys

_M_ARENA_MAX = -8  # malloc.h of glibc


def keep_little() -> None:
    """After the wiring and before the first thread, or fork: what is there now stays, and isn't looked through again.

    Each thread would else get an arena of its own, which keeps what the thread once needed most.
    """
    gc.collect()
    gc.freeze()
    if (libc := _glibc()) is not None:
        libc.mallopt(_M_ARENA_MAX, 2)
    give_back()


def give_back() -> None:
    """After work that needed much memory and isn't soon repeated. Also frees reference cycles that it left."""
    gc.collect()
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """None where another library allocates (musl, macOS)."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") and hasattr(libc, "mallopt") else None
