"""What libraries load at their start and no service uses: left out, which saves a third of a start. For all services.

Each module named here is missing, or holds only what is named, while the module that asks for it is loaded; to all
others it is there. tests/unit/shared/runtime/test_left_out.py compares with the real ones.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.abc import Loader  # 0.02 s

_CURVE_ORDER = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001  # RFC 9380, section 8.8: BLS12-381

LEFT_OUT: Mapping[str, Mapping[str, Mapping[str, Any] | None]] = {
    # Keystores of validators (version 4). Ours is version 3.
    "eth_keyfile.keyfile": {
        "py_ecc.bls": {"G2ProofOfPossession": None},
        "py_ecc.bls12_381": {"curve_order": _CURVE_ORDER},
    },
    # The type of a client that a Faust app could make; it loads the certificates of all authorities, twice.
    "faust.types.web": {"aiohttp.client": {"ClientSession": object}},
    # Noting for a search of modules where each agent was made: 50 ms an agent, and nobody searches.
    "faust.utils.venusian": {"venusian": {"Scanner": object, "attach": lambda *_, **__: None}},
    "httpx": {"httpx._main": None},  # its command line
    "limits": {"limits.aio": {}},  # rate limits for coroutines
    "structlog.dev": {"rich": None, "better_exceptions": None},  # coloured tracebacks
    "structlog.tracebacks": {"rich": None},
    "fastapi.openapi.models": {"email_validator": None},  # an address in a description of an API
}
"""Importing module → imported module → the names that it gets; None: as if the module weren't installed."""


class _Loader:
    def __init__(self, loader: Loader, without: Mapping[str, Mapping[str, Any] | None]) -> None:
        self._loader = loader
        self._without = without

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._loader  # which finds the package's files
        with _without(self._without):
            self._loader.exec_module(module)


class _Finder:
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name not in LEFT_OUT:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, LEFT_OUT[name])  # type: ignore[assignment]  # by its methods
        return spec


@contextmanager
def _without(modules: Mapping[str, Mapping[str, Any] | None]) -> Iterator[None]:
    """Modules that are loaded already stay: they cost nothing any more."""
    instead: dict[str, ModuleType | None] = {}
    for name, attributes in modules.items():
        if name not in sys.modules:
            instead[name] = _holding(name, attributes)
    sys.modules.update(instead)  # type: ignore[arg-type]  # None: ModuleNotFoundError, by the import system
    try:
        yield
    finally:
        for name, placed in instead.items():
            if sys.modules.get(name) is placed:
                del sys.modules[name]


def _holding(name: str, attributes: Mapping[str, Any] | None) -> ModuleType | None:
    if attributes is None:
        return None
    module = ModuleType(name)
    vars(module).update(attributes)
    return module


def install() -> None:
    """From now on, in this process. What was loaded before stays as it is."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
