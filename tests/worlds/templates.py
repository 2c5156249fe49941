"""Templates of letters and pages, compiled once for all tests of a process: the mailer's take 0.2 s of CPU."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment
from jinja2.bccache import Bucket, BytecodeCache


class _InMemory(BytecodeCache):
    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def get_bucket(self, environment: Environment, name: str, filename: str | None, source: str) -> Bucket:
        """Of the same text, compiled by an environment of the same options: the code depends on these."""
        escapes = environment.autoescape
        options = (
            name,
            filename,
            escapes(name) if callable(escapes) else escapes,
            environment.finalize,
            environment.trim_blocks,
            environment.lstrip_blocks,
            environment.keep_trailing_newline,
            environment.undefined,
            sorted(environment.extensions),
        )
        bucket = Bucket(environment, repr(options), self.get_source_checksum(source))
        self.load_bytecode(bucket)
        return bucket

    def load_bytecode(self, bucket: Bucket) -> None:
        if (code := self._compiled.get(bucket.key)) is not None:
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[bucket.key] = bucket.bytecode_to_string()


def compiled_once() -> None:
    """From now on each environment of this process that is made without a cache of its own has this one.

    Not those of a subclass, which may compile the same text to something else.
    """
    make, shared = Environment.__init__, _InMemory()

    def with_cache(self: Environment, *arguments: Any, **options: Any) -> None:
        if type(self) is Environment:
            options.setdefault("bytecode_cache", shared)
        make(self, *arguments, **options)

    Environment.__init__ = with_cache  # type: ignore[method-assign]
