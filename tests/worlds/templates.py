"""Templates of letters and pages, compiled once for all tests of a process: the mailer's take 0.2 s of CPU."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import partial
from types import FunctionType, MethodType
from typing import Any

from jinja2 import Environment
from jinja2.bccache import Bucket, BytecodeCache
from jinja2.filters import FILTERS
from jinja2.tests import TESTS

from shared.runtime.web.assets import Assets

_OF_ALL = frozenset(vars(Environment()))


class _InMemory(BytecodeCache):
    def __init__(self) -> None:
        self._keys: dict[Hashable, str] = {}
        self._compiled: dict[str, bytes] = {}

    def get_bucket(self, environment: Environment, name: str, filename: str | None, source: str) -> Bucket:
        """Of the same text, compiled by an environment that makes the same of it."""
        key = (name, filename, *_made_by(environment, name))
        bucket = Bucket(environment, self._keys.setdefault(key, str(len(self._keys))), self.get_source_checksum(source))
        self.load_bytecode(bucket)
        return bucket

    def load_bytecode(self, bucket: Bucket) -> None:
        if (code := self._compiled.get(bucket.key)) is not None:
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[bucket.key] = bucket.bytecode_to_string()


def compiled_once() -> None:
    """From now on each environment of this process that is made without a cache of its own has this one."""
    make, shared = Environment.__init__, _InMemory()

    def with_cache(self: Environment, *arguments: Any, **options: Any) -> None:
        options.setdefault("bytecode_cache", shared)
        make(self, *arguments, **options)

    Environment.__init__ = with_cache  # type: ignore[method-assign]


def _made_by(environment: Environment, name: str) -> tuple[Hashable, ...]:
    """What decides how a text is compiled: options, filters (called at once where all is known), a subclass's own."""
    escapes = environment.autoescape
    options = ("trim_blocks", "lstrip_blocks", "keep_trailing_newline", "finalize", "undefined")
    return (
        _This(type(environment)),
        escapes(name) if callable(escapes) else escapes,
        tuple(sorted(environment.extensions)),
        *(_same(getattr(environment, option)) for option in options),
        _same(dict(environment.filters.items() - FILTERS.items())),
        _same(dict(environment.tests.items() - TESTS.items())),
        _same({each: value for each, value in vars(environment).items() if each not in _OF_ALL}),
    )


class _This:
    """Equal to itself only; what it holds stays, so that nothing else gets its id."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _This) and other._value is self._value

    def __hash__(self) -> int:
        return id(self._value)


def _same(value: Any) -> Hashable:
    """Equal for two values that a template can't tell apart."""
    match value:
        case Mapping():
            return tuple((name, _same(each)) for name, each in sorted(value.items()))
        case partial():
            return partial, _same(value.func), tuple(map(_same, value.args)), _same(value.keywords)
        case FunctionType():
            return (
                value.__code__,
                _same(value.__defaults__),
                tuple(_same(cell.cell_contents) for cell in value.__closure__ or ()),
            )
        case MethodType():
            return value.__func__, _same(value.__self__)
        case str() | int() | float() | bytes() | None:
            return type(value), value
        case Assets():
            return Assets, _same(value._urls)
        case Environment():
            return _This(value)
    try:
        hash(value)
    except TypeError:  # a frozen dataclass that holds a dictionary
        return _This(value)
    return value  # type: ignore[no-any-return]
