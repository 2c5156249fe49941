"""Output of every bench: a table, or with `--json` one JSON object whose form is stable."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured value. `against` names the rival measured in the same run; `ratio` is value / rival's value."""

    name: str
    value: float
    unit: str
    against: str | None = None
    ratio: float | None = None
    goal: str | None = None
    holds: bool | None = None


@dataclass
class Report:
    """The figures of one bench on one machine at one commit."""

    bench: str
    figures: list[Figure] = field(default_factory=list)

    def add(
        self, name: str, value: float, unit: str, *, at_least: float | None = None, at_most: float | None = None
    ) -> None:
        goal = holds = None
        if at_least is not None:
            goal, holds = f">= {at_least:g} {unit}", value >= at_least
        elif at_most is not None:
            goal, holds = f"<= {at_most:g} {unit}", value <= at_most
        self.figures.append(Figure(name, round(value, 3), unit, goal=goal, holds=holds))

    def compare(
        self, name: str, value: float, unit: str, against: str, rival: float, *, at_least: float | None = None
    ) -> None:
        """`value` compared with that of a rival in the same run; `at_least` is the goal for their ratio."""
        ratio = value / rival
        goal = None if at_least is None else f">= {at_least:g} times {against}"
        holds = None if at_least is None else ratio >= at_least
        self.figures.append(Figure(name, round(value, 3), unit, against, round(ratio, 2), goal, holds))

    def show(self, *, as_json: bool) -> None:
        machine, commit = _machine(), commit_of(Path(__file__).parent)
        if as_json:
            figures = [asdict(figure) for figure in self.figures]
            print(json.dumps({"bench": self.bench, "machine": machine, "commit": commit, "figures": figures}, indent=1))
            return
        table = Table(title=f"{self.bench} · {machine} · {commit}")
        table.add_column("figure")
        table.add_column("value", justify="right")
        table.add_column("unit")
        table.add_column("ratio", justify="right")
        table.add_column("goal")
        for figure in self.figures:
            verdict = "" if figure.holds is None else ("✓ " if figure.holds else "✗ ")
            ratio = "" if figure.ratio is None else f"{figure.ratio:,.1f}"
            table.add_row(figure.name, f"{figure.value:,.3f}", figure.unit, ratio, verdict + (figure.goal or ""))
        Console().print(table)


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def commit_of(tree: Path, rev: str = "HEAD") -> str:
    """The short name of a commit. "no commit" where there is none."""
    answer = subprocess.run(["git", "rev-parse", "--short", rev], cwd=tree, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "no commit"
