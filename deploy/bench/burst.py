"""`akashi bench burst`: badges per second from registration to letter 2, and the time of each stage.

Starts a stack in a temporary folder, feeds a crowd at once over HTTP, and plays its holders.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import click
from rich.console import Console

from deploy.bench.report import Report
from deploy.bench.stacks import own_stack
from deploy.bench.usage import MemoryPeaks, cpu_of
from deploy.local.demo.crowd import crowd, ndjson
from deploy.local.demo.letters import Inbox
from deploy.local.demo.progress import STAGES, Watch
from deploy.local.demo.run import Players, feed
from deploy.local.stack import Stack
from shared.runtime.commands import json_option

GOAL = 20.0  # badges per second, end to end, on two cores


@click.command(short_help="登録から発行完了まで。 / From registration to letter 2.")
@click.option("--badges", default=2000, show_default=True, help="流す人数。 / Number of people.")
@click.option("--seconds", default=900.0, show_default=True, help="待つ秒数の上限。 / Timeout in seconds.")
@json_option
def burst(badges: int, seconds: float, as_json: bool) -> None:
    """登録を一度に流し、発行完了のお知らせまでの速さを測る。 / Measure from registration to letter 2.

    Feeds a crowd at once, plays its holders, waits for completion; prints rates, CPU seconds and memory.
    """
    console = Console(stderr=True)
    with own_stack() as stack:
        report = measure(stack, badges, seconds, console)
    report.show(as_json=as_json)


def measure(stack: Stack, badges: int, seconds: float, console: Console) -> Report:
    """Feed `badges` people to a new stack and wait until all are complete, at most `seconds`."""
    body = ndjson(crowd(badges, cohort=stack.cohort, prefix="BURST"))
    before, peaks = cpu_of(stack), MemoryPeaks(stack)
    own = time.process_time()
    peaks.start()
    players = Players(Inbox(stack.home / "inbox"), badges, seconds=seconds)
    players.start()
    began = time.monotonic()
    feed(stack, body)
    fed = time.monotonic()
    watch = Watch(stack.place, lambda status: _done(status, badges), seconds=seconds, expected=badges)
    done = watch.run(console, also=players.check)
    ended = time.monotonic()
    players.stop()
    peaks.stop()
    after = cpu_of(stack)
    own_after = time.process_time()
    report = Report("burst")
    reached = watch.last.get("cohort", {}).get("completed", 0)
    report.add("badges completed", reached, "badges", at_least=badges)
    report.add("end to end", reached / (ended - began) if done else 0.0, "badges/s", at_least=GOAL)
    report.add("whole", ended - began, "s")
    report.add("accepted over HTTP", badges / (fed - began), "badges/s")
    for stage, _ in STAGES:
        if stage in watch.full:
            report.add(f"stage {stage}: first", watch.first[stage] - began, "s")
            report.add(f"stage {stage}: all", watch.full[stage] - began, "s")
            took = max(watch.full[stage] - watch.first[stage], 0.25)
            report.add(f"stage {stage}: rate", badges / took, "badges/s")
    for name in after:
        spent = after[name] - before[name]
        report.add(f"cpu {name}", spent, "s")
        report.add(f"cpu {name} a badge", 1000 * spent / max(reached, 1), "ms")
    report.add("cpu of the played holders and this bench", own_after - own, "s")
    for name, peak in sorted(peaks.peaks.items()):
        report.add(f"memory {name}", peak, "MB")
    report.add("memory all", sum(peaks.peaks.values()), "MB")
    return report


def _done(status: Mapping[str, Any], badges: int) -> bool:
    return bool(status["cohort"]["completed"] >= badges)
