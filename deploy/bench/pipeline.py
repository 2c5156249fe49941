"""`akashi bench pipeline`: registration, badge, letter 1, anchoring, PDFs, letter 2, without holders.

Badges are anchored as soon as they are issued, so nobody has to receive them; letters go to a sink that forgets them.
All else is real. `--against` runs another commit too, `--rival` measures cert-issuer's anchoring in between.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec

from deploy.bench.anchor import RIVAL, rival_seconds
from deploy.bench.percentile import p95
from deploy.bench.pipeline_run import Grown, Run
from deploy.bench.report import Report, commit_of
from deploy.local.environment import REPOSITORY
from shared.runtime.commands import json_option
from shared.topics import SERVICES

GOAL_SPEEDUP = 3.0
GOAL_RIVAL = 0.6
GOAL_CPU = 14.0  # ms a badge, our services together
GOAL_LATENCY = 1.5  # s, p95
GOAL_GROWTH = 0.95

_SAMPLE = 100  # documents that cert-issuer gets
_INSTALLED = ("requirements-dev.lock", "package-lock.json", "deploy/local/kafka/pom.xml")
_PREPARED = ("node_modules", "deploy/local/kafka/target")


@click.command(short_help="登録から発行完了まで、受領なし。 / From registration to letter 2, without holders.")
@click.option("--badges", default=10_000, show_default=True, help="流す人数。 / Number of people.")
@click.option(
    "--singles",
    default=40,
    show_default=True,
    help="先に一人ずつ流して待ち時間を測る人数。 / Handed in one by one before, for the latency.",
)
@click.option("--seconds", default=1800.0, show_default=True, help="待つ秒数の上限。 / Timeout in seconds.")
@click.option("--against", metavar="REV", help="並べて測るコミット。 / Another commit to run in turn.")
@click.option("--rounds", default=1, show_default=True, help="それぞれの回数。 / Runs of each; means are shown.")
@click.option(
    "--prefill",
    default=0,
    metavar="N",
    help="N 枚の完了したバッジを入れてから、もう一度測る。 / Once more after N finished badges have been put in.",
)
@click.option("--rival", is_flag=True, help="cert-issuer の刻印も測る。 / Measure cert-issuer's anchoring, too.")
@json_option
def pipeline(
    badges: int,
    singles: int,
    seconds: float,
    against: str | None,
    rounds: int,
    prefill: int,
    rival: bool,
    as_json: bool,
) -> None:
    """登録から発行完了のお知らせまでを、受領なしで測る。 / Measure from registration to letter 2, without holders.

    一人あたりの CPU 時間、保存した量、待ち時間、メモリも示す。 / Also CPU, bytes, latency and memory.
    """
    if rival and not RIVAL.exists():
        raise click.ClickException(
            f"{RIVAL} がありません。`make bench-rival` で入ります。 / Run `make bench-rival` first."
        )
    ours: list[Run] = []
    theirs: list[Run] = []
    rivals: list[float] = []
    with _copy_of(against) as other, tempfile.TemporaryDirectory(prefix="akashi-pipeline-") as folder:
        for _ in range(rounds):
            if other is not None:
                theirs.append(_run(other, folder, badges, singles, seconds))
            ours.append(_run(REPOSITORY, folder, badges, singles, seconds, prefill))
            if rival:
                rivals.append(1 / sum(rival_seconds(RIVAL, _SAMPLE, badges).values()))
    name = None if against is None else commit_of(REPOSITORY, against)
    report_of(ours, theirs, name, rivals).show(as_json=as_json)


def _run(tree: Path, folder: str, badges: int, singles: int, seconds: float, prefill: int = 0) -> Run:
    """In a process of its own, of that tree's code; its stack stays in `folder`, so that the next isn't slower.

    ClickException when it fails, with the end of what it said.
    """
    asked = ["--badges", str(badges), "--singles", str(singles), "--seconds", str(seconds)]
    asked += ["--prefill", str(prefill), "--folder", folder]
    with tempfile.TemporaryFile() as said:
        answer = subprocess.run(
            [_python_of(tree), "-m", "deploy.bench.pipeline_run", *asked],
            cwd=tree,
            stdout=subprocess.PIPE,
            stderr=said,
            check=False,
        )
        if answer.returncode != 0:
            said.seek(0)
            raise click.ClickException(f"{tree}: {said.read()[-2000:].decode(errors='replace')}")
    return msgspec.convert(json.loads(answer.stdout.splitlines()[-1]), Run)


@contextmanager
def _copy_of(rev: str | None) -> Iterator[Path | None]:
    """A copy of that commit, ready to run, with the benches of this one: it is the product that is compared."""
    if rev is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="akashi-against-") as folder:
        tree = Path(folder)
        _unpack(["git", "archive", "--format=tar", rev], tree, rev)
        for file in (REPOSITORY / "deploy" / "bench").glob("*.py"):
            (tree / "deploy" / "bench" / file.name).write_bytes(file.read_bytes())
        if _same(tree, _INSTALLED):
            for name in _PREPARED:
                (tree / name).symlink_to(REPOSITORY / name)
        else:
            subprocess.run(["make", "setup", f"PYTHON={sys.executable}"], cwd=tree, stdout=sys.stderr, check=True)
        yield tree


def _unpack(archive: Sequence[str], tree: Path, rev: str) -> None:
    packed = subprocess.run(archive, cwd=REPOSITORY, capture_output=True, check=False)
    if packed.returncode != 0:
        raise click.ClickException(f"--against: got {rev!r}, expected a commit: {packed.stderr.decode().strip()}")
    subprocess.run(["tar", "-x", "-C", tree], input=packed.stdout, check=True)


def _same(tree: Path, names: Sequence[str]) -> bool:
    """Whether both need the same packages: then those of this tree serve."""
    return all((tree / name).read_bytes() == (REPOSITORY / name).read_bytes() for name in names)


def _python_of(tree: Path) -> str:
    own = tree / ".venv" / "bin" / "python"
    return str(own) if tree != REPOSITORY and own.exists() else sys.executable


def report_of(ours: Sequence[Run], theirs: Sequence[Run], name: str | None, rivals: Sequence[float]) -> Report:
    """The means of these runs, beside those of the commit `name`, and beside cert-issuer's badges a CPU second."""
    report = Report("pipeline")
    mine, other = _figures(ours), _figures(theirs) if theirs else {}
    goals: Mapping[str, Any] = {
        "CPU our services together": {"at_most": GOAL_CPU},
        "latency of letter 1: p95": {"at_most": GOAL_LATENCY},
    }
    for figure, (value, unit) in mine.items():
        if name is None or figure not in other or not other[figure][0]:
            report.add(figure, value, unit, **goals.get(figure, {}))
            continue
        is_rate = figure == "end to end"
        report.compare(figure, value, unit, name, other[figure][0], at_least=GOAL_SPEEDUP if is_rate else None)
    for run in ours:
        if run.grown is not None:
            _add_growth(report, run, run.grown)
    for rival in (statistics.mean(rivals),) if rivals else ():
        rate = mine["end to end"][0]
        report.compare("end to end", rate, "badges/s", "cert-issuer, anchoring alone", rival, at_least=GOAL_RIVAL)
        report.add("cert-issuer, anchoring alone", rival, "badges/CPU s")
    return report


def _add_growth(report: Report, run: Run, grown: Grown) -> None:
    before = f"before {grown.prefilled:,} badges were put in"
    rate = run.badges / grown.seconds
    report.compare("grown: end to end", rate, "badges/s", before, run.badges / run.seconds, at_least=GOAL_GROWTH)
    for stage, seconds in grown.until.items():
        report.compare(f"grown: all at {stage}", seconds, "s", before, run.until[stage])
    for name, spent in grown.cpu.items():
        if run.cpu[name]:
            report.compare(f"grown: CPU, {name}", spent, "ms a badge", before, run.cpu[name])
    for page, took in grown.pages.items():
        report.compare(f"grown: {page} page, p95", took, "ms", before, run.pages[page])


def _figures(runs: Sequence[Run]) -> dict[str, tuple[float, str]]:
    """Name → value and unit."""
    rate = statistics.mean(run.badges / run.seconds for run in runs)
    cpu = _means([run.cpu for run in runs])
    product = sum(spent for part, spent in cpu.items() if part != "bench")
    found = {
        "end to end": (rate, "badges/s"),
        "by CPU time, on all cores": (1000 * (os.cpu_count() or 1) / product, "badges/s"),
    }
    found |= {f"until {stage}": (at, "s") for stage, at in _means([run.until for run in runs]).items()}
    found["CPU together"] = product, "ms a badge"
    found["CPU our services together"] = sum(cpu[service] for service in SERVICES), "ms a badge"
    found |= {f"CPU {part}": (spent, "ms a badge") for part, spent in sorted(cpu.items(), key=lambda it: -it[1])}
    found |= {f"stored, {store}": (grown, "bytes a badge") for store, grown in _means([r.stored for r in runs]).items()}
    found |= {f"object calls, {call}": (made, "a badge") for call, made in _means([r.calls for r in runs]).items()}
    latency = [seconds for run in runs for seconds in run.latency]
    if len(latency) > 1:
        found["latency of letter 1: p50"] = statistics.median(latency), "s"
        found["latency of letter 1: p95"] = p95(latency), "s"
    for when, each in (("idle", "memory_idle"), ("after", "memory")):
        memory = _means([getattr(run, each) for run in runs])
        found[f"memory {when}, our services together"] = sum(memory[service] for service in SERVICES), "MB (PSS)"
        found |= {f"memory {when}, {part}": (used, "MB (PSS)") for part, used in memory.items()}
    return found


def _means(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: statistics.mean(run.get(name, 0.0) for run in runs) for name in runs[0]}
