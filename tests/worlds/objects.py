"""Object storage in memory, for tests: behaves as `shared/runtime/objects.py`, and can be away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.errors import NotFound, TryLater


@dataclass
class MemoryObjects:
    """`kept` is what is there, by key. `puts_left`: the storage is away for further puts (default: never)."""

    kept: dict[str, bytes] = field(default_factory=dict)
    away: bool = False
    puts_left: int | None = None
    puts: list[str] = field(default_factory=list)  # keys, in order
    content_types: set[str] = field(default_factory=set)

    def get(self, key: str) -> bytes:
        if self.away:
            raise TryLater(f"object {key}: storage away")
        if key not in self.kept:
            raise NotFound(f"object {key}: not there")
        return self.kept[key]

    def list_keys(self, prefix: str, after: str, limit: int) -> Sequence[str]:
        if self.away:
            raise TryLater(f"object {prefix}*: storage away")
        return sorted(key for key in self.kept if key.startswith(prefix) and key > after)[:limit]

    def put(self, key: str, body: bytes, content_type: str) -> None:
        if self.away or self.puts_left == 0:
            raise TryLater(f"object {key}: storage away")
        if self.puts_left is not None:
            self.puts_left -= 1
        self.kept[key] = body
        self.puts.append(key)
        self.content_types.add(content_type)

    def delete(self, key: str) -> None:
        if self.away:
            raise TryLater(f"object {key}: storage away")
        self.kept.pop(key, None)
