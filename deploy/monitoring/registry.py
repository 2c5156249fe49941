"""All metrics of all services, as the code declares them: the one list that dashboard and tests ask.

A metric is declared once, by `counter`, `gauge` or `histogram` of `shared/runtime/metrics.py`, with its meaning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Literal

from prometheus_client import Counter, Gauge, Histogram

from shared.topics import SERVICES

_OF_ALL = ("shared.runtime.metrics", "shared.runtime.web.guard", "shared.runtime.web.server")
_MODULES = {
    "pipeline": _OF_ALL,
    "chain": ("shared.chain.rpc", "services.anchor.metrics"),
    **{service: (f"services.{service}.metrics",) for service in SERVICES if service != "anchor"},
}
"""Part of the dashboard → the modules whose metrics it shows."""


@dataclass(frozen=True)
class Metric:
    """`name` as Prometheus knows it, without the endings `_bucket`, `_sum`, `_count` of a histogram."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...]
    part: str

    @property
    def unit(self) -> str:
        """Of its values: "seconds", "days", "ether", "gwei", "bytes"; "" for a number of things."""
        last = self.name.removesuffix("_total").rpartition("_")[2]
        return last if last in ("seconds", "days", "ether", "gwei", "bytes") else ""

    @property
    def series(self) -> frozenset[str]:
        """The names that an expression may ask for."""
        endings = ("_bucket", "_sum", "_count") if self.kind == "histogram" else ("",)
        return frozenset(self.name + ending for ending in endings)


def metrics() -> list[Metric]:
    """In the order of the parts, and of their declaration."""
    return [metric for part, modules in _MODULES.items() for name in modules for metric in _of(part, name)]


def _of(part: str, module: str) -> Iterator[Metric]:
    for value in vars(import_module(module)).values():
        if not isinstance(value, Counter | Gauge | Histogram):
            continue
        [described] = value.describe()
        kind: Literal["counter", "gauge", "histogram"] = (
            "counter" if isinstance(value, Counter) else "gauge" if isinstance(value, Gauge) else "histogram"
        )
        name = described.name + ("_total" if kind == "counter" else "")
        yield Metric(name, kind, described.documentation, tuple(value._labelnames), part)
