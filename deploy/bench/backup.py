"""`akashi bench backup`: backup and restore of finished badges, and the first start after the restore."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from deploy.bench.pipeline_run import finished
from deploy.bench.report import Report
from deploy.bench.sinks import cheapest
from deploy.bench.stacks import own_stack, without_holders
from deploy.local.recovery.backup import take_backup
from deploy.local.recovery.restore import restore_backup
from deploy.local.stack import Stack
from shared.runtime.commands import json_option

Result = TypeVar("Result")


@click.command(short_help="控えと復元の時間を測る。 / Measure backup and restore.")
@click.option("--badges", default=20_000, show_default=True, help="完了したバッジの数。 / Number of finished badges.")
@click.option("--seconds", default=3600.0, show_default=True, help="待つ秒数の上限。 / Timeout in seconds.")
@json_option
def backup(badges: int, seconds: float, as_json: bool) -> None:
    """控えと復元の時間を測る。 / Measure backup and restore of whole badges: both letters, both proofs, both PDFs.

    発行完了までは受領なしで流す。 / They go through the pipeline without holders first.
    """
    with cheapest() as sink, own_stack(without_holders(sink.port)) as stack:
        report = measure(stack, stack.home.parent / "backup", badges, seconds)
    report.show(as_json=as_json)


def measure(stack: Stack, folder: Path, badges: int, seconds: float) -> Report:
    """The stack runs before and after; its data is that of the backup then."""
    report = Report("backup")
    finished(stack, "BACKUP", badges, 0, 0, seconds)
    manifest = _timed(report, "backup, while all runs", lambda: take_backup(stack.place, folder))
    report.add("backup: size", manifest.bytes / 1e6, "MB")
    report.add("backup: objects", float(manifest.objects), "objects")
    stack.stop()
    _timed(report, "restore of all", lambda: restore_backup(stack.place, folder))
    _timed(report, "start after it, until all answer", stack.start)
    return report


def _timed(report: Report, what: str, work: Callable[[], Result]) -> Result:
    began = time.monotonic()
    result = work()
    report.add(what, time.monotonic() - began, "s")
    return result
