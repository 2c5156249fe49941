"""Orders from the command line: who and why, waiting for the outcome, printing it."""

from __future__ import annotations

import getpass
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import click

from services.ops.board.paper import outcome_detail
from services.ops.board.rebuilds import DRY_RUN
from services.ops.board.wording import OUTCOMES, words_for
from shared.runtime.commands import plain_console, say

if TYPE_CHECKING:
    from services.ops.board.decisions import DecisionLine

NOT_DONE = 1  # exit code: not done, or not all of it
UNKNOWN = 2  # exit code: no outcome yet

_WAIT_SECONDS = 20.0
_STALL_SECONDS = 120.0  # a whole cohort: without any progress for so long
_POLL_SECONDS = 0.25

F = TypeVar("F", bound=Callable[..., Any])


def attribution(*, required: bool, public: bool = True) -> Callable[[F], F]:
    """The options `--by` and `--reason` (or `--why`): who orders, and why. A dry run needs no reason.

    `public`: the reason is that of a revocation, which everybody may read.
    """

    def add(command: F) -> F:
        by = click.option(
            "--by",
            default=getpass.getuser,
            help="担当者（指定がなければ利用者名）。 / Author (default: your user name).",
        )
        why = click.option(
            "--reason",
            "--why",
            "why",
            required=required,
            help="理由。記録に残り、確認ページにも出ます。 / Reason; stays on record and is shown on the public page."
            if public
            else "理由。記録に残ります。 / Reason; stays on record.",
        )
        return by(why(command))

    return add


def reason_of(why: str | None) -> str:
    """The reason of an order that is carried out. UsageError without one."""
    if why is None or not why.strip():
        raise click.UsageError("理由（--reason）が要ります。 / A reason is required: --reason TEXT.")
    return why


def settled(id: str, *, wait: bool = True) -> DecisionLine:
    """The decision once it has an outcome, or after 20 s without one. Without `wait` as it is now."""
    from services.ops.board.decisions import DecisionLine
    from services.ops.commands.client import fetch

    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        line = fetch(f"/api/v1/decisions/{quote(id)}", DecisionLine)
        if line.outcome is not None or not wait or time.monotonic() > deadline:
            return line
        time.sleep(_POLL_SECONDS)


def all_settled(id: str, moves: Callable[[], int] = lambda: 0) -> DecisionLine:
    """An order of many parts once it has an outcome, or after two minutes without progress. Shows a progress bar.

    The parts: the people of an undo or a reissue, the producers of a rebuild. `moves` is a number that grows while a
    part is under way: that is progress, too.
    """
    line = settled(id, wait=False)
    moved, count = time.monotonic(), 0
    total, _ = _progress(line)
    with _bar(total) as show:
        while line.outcome is None and time.monotonic() - moved < _STALL_SECONDS:
            time.sleep(_POLL_SECONDS * 2)
            before, line = line, settled(id, wait=False)
            if _progress(line) != _progress(before) or moves() != count:
                moved, count = time.monotonic(), moves()
            show(_progress(line)[1])
    return line


def _progress(line: DecisionLine) -> tuple[int, int]:
    """How many parts, and how many of them are settled."""
    if line.producers is not None:
        return len(line.producers), sum(producer.outcome is not None for producer in line.producers)
    return (line.parts.total, line.parts.settled) if line.parts else (0, 0)


@contextmanager
def _bar(total: int) -> Iterator[Callable[[int], None]]:
    from rich.progress import Progress

    with Progress(console=plain_console(stderr=True), transient=True) as progress:
        task = progress.add_task("実行中 / under way", total=total)
        yield lambda done: progress.update(task, completed=done)


def outcome_text(line: DecisionLine) -> str:
    """The outcome in both languages with its detail."""
    if line.outcome is None:
        return "まだ結果が出ていません / no outcome yet"
    words = words_for(OUTCOMES, line.outcome)
    text = f"{words.ja} / {words.en}" if words.ja != words.en else line.outcome
    if line.paper is not None and (said := outcome_detail(line.paper)) is not None:
        return f"{text} ({said.ja} / {said.en})"
    return f"{text} ({line.detail})" if line.detail else text


def exit_code(line: DecisionLine) -> int:
    if line.outcome is None:
        return UNKNOWN
    return 0 if line.outcome in ("done", DRY_RUN) else NOT_DONE


def say_later(id: str) -> None:
    """Say how to see the outcome later."""
    say(
        f"結果は後で確かめられます / see the outcome later: akashi decisions {id}",
        err=True,
    )
