"""Progress of the count match on a terminal. Used by `akashi run` and the benches."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from deploy.local.environment import Place
from deploy.local.office import ask_ops
from services.ops.board import wording
from services.ops.board.counts import Stage

STAGES: tuple[tuple[str, str], ...] = tuple((stage.word, wording.STAGES[stage.word].ja) for stage in Stage)
"""The stages of the count match with their Japanese names on the board."""


def status_of(place: Place) -> dict[str, Any] | None:
    """The status as ops counts it now; None while ops does not answer."""
    try:
        answer = ask_ops(place, "/api/v1/status")
        return dict(answer.json()) if answer.status_code == 200 else None
    except (httpx.HTTPError, ValueError):
        return None


@dataclass
class Watch:
    """Polls the status until `enough` returns True. `first`, `full`: when each stage began and when it was complete."""

    place: Place
    enough: Callable[[Mapping[str, Any]], bool]
    seconds: float
    expected: int
    first: dict[str, float] = field(default_factory=dict)
    full: dict[str, float] = field(default_factory=dict)
    last: dict[str, Any] = field(default_factory=dict)

    def run(self, console: Console, *, also: Callable[[], None] = lambda: None) -> bool:
        """True when it was enough, False after `seconds`. `also` is called at each poll and may raise."""
        deadline = time.monotonic() + self.seconds
        with Live(self._table(), console=console, refresh_per_second=4, transient=False) as live:
            while True:
                also()
                self._look()
                live.update(self._table())
                if self.last and self.enough(self.last):
                    return True
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.25)

    def _look(self) -> None:
        status = status_of(self.place)
        if status is None:
            return
        self.last = status
        now = time.monotonic()
        for stage, _ in STAGES:
            count = status["cohort"][stage]
            if count > 0:
                self.first.setdefault(stage, now)
            if count >= self.expected:
                self.full.setdefault(stage, now)

    def _table(self) -> Group:
        table = Table(box=None, pad_edge=False)
        table.add_column("段階")
        table.add_column("人数", justify="right")
        table.add_column("")
        counts = self.last.get("cohort", {})
        total = max(self.expected, 1)
        for stage, name in STAGES:
            count = int(counts.get(stage, 0))
            done = count >= self.expected
            table.add_row(
                Text(name, style="green" if done else ""),
                f"{count:,}",
                ProgressBar(total=total, completed=min(count, total), width=40),
            )
        held = self.last.get("held_by_reason", {})
        notes = [f"保留 {counts.get('held', 0)} 人", f"読み取れない行 {self.last.get('rejected', 0)}"]
        notes.append(f"処理できなかったメッセージ {self.last.get('dead_letters', 0)}")
        return Group(table, Text("　".join(notes) if held or self.last else "始めています…", style="dim"))
