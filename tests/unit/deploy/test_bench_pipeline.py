"""deploy/bench/pipeline.py, lean_sink.py: what the bench shows of its runs, and the sink that takes its letters."""

from __future__ import annotations

from itertools import pairwise

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.bench.lean_sink import Conversation
from deploy.bench.pipeline import _copy_of, report_of
from deploy.bench.pipeline_run import STAGES, Grown, Run
from deploy.local.parts.catalogue import PARTS
from shared.topics import SERVICES

LETTER = b"Subject: =?utf-8?b?6K28?=\r\n\r\n..dotted\r\nQUIT\r\n"
SESSION = (
    b"EHLO client\r\n"
    b"MAIL FROM:<a@example.jp>\r\nRCPT TO:<b@example.jp>\r\nDATA\r\n" + LETTER + b".\r\n"
    b"MAIL FROM:<a@example.jp>\r\nRCPT TO:<b@example.jp>\r\nDATA\r\n.\r\n"
    b"SPEAK\r\nquit\r\nNOOP\r\n"
)


@given(st.lists(st.integers(1, len(SESSION) - 1), max_size=12))
def test_the_sink_answers_the_same_whatever_the_pieces_in_which_a_session_comes(cuts: list[int]) -> None:
    places = [0, *sorted(set(cuts)), len(SESSION)]
    sink = Conversation()
    said = b"".join(sink.hear(SESSION[a:b]) for a, b in pairwise(places))
    codes = [line[:3] for line in said.splitlines() if line[3:4] != b"-"]
    assert codes == [b"250", *2 * (b"250", b"250", b"354", b"250"), b"500", b"221"]
    assert sink.is_over


def run(seconds: float, cpu: float, grown: Grown | None = None) -> Run:
    everybody = (*PARTS, *SERVICES)
    return Run(
        badges=100,
        sink="lean",
        seconds=seconds,
        until=dict.fromkeys(STAGES, seconds),
        cpu={**dict.fromkeys((*everybody, "sink"), cpu), "bench": 1000.0},
        stored={"Kafka": 3000.0},
        calls={},
        memory_idle=dict.fromkeys(everybody, 50.0),
        memory=dict.fromkeys(everybody, 60.0),
        latency=[0.1] * 19 + [2.0] * 2,
        pages={"board": 10.0},
        grown=grown,
    )


def test_the_report_shows_means_beside_the_other_commit_and_the_rival() -> None:
    report = report_of([run(1.0, 1.0), run(1.0, 3.0)], [run(4.0, 4.0)], "abc1234", [100.0])
    shown = {(figure.name, figure.against): figure for figure in report.figures}
    assert shown["end to end", "abc1234"].value == 100.0
    assert (shown["end to end", "abc1234"].ratio, shown["end to end", "abc1234"].holds) == (4.0, True)
    assert (shown["end to end", "cert-issuer, anchoring alone"].ratio) == 1.0
    assert shown["CPU our services together", "abc1234"].value == 2.0 * len(SERVICES)
    assert shown["CPU together", "abc1234"].value == 2.0 * (len(PARTS) + len(SERVICES) + 1)  # the bench isn't product
    assert shown["CPU renderer", "abc1234"].ratio == 0.5


def test_without_another_commit_the_goals_for_cpu_and_latency_are_judged() -> None:
    shown = {figure.name: figure for figure in report_of([run(1.0, 1.0)], [], None, []).figures}
    assert shown["CPU our services together"].holds is True
    assert shown["latency of letter 1: p95"].holds is False


def test_a_run_on_grown_stores_is_shown_beside_the_one_before() -> None:
    grown = Grown(1000, 1.1, {"board": 20.0}, {"anchored": 3.0}, {"anchor": 5.0})
    report = report_of([run(1.0, 1.0, grown)], [], None, [])
    shown = {figure.name: figure for figure in report.figures}
    assert (shown["grown: end to end"].ratio, shown["grown: end to end"].holds) == (0.91, False)
    assert shown["grown: board page, p95"].ratio == 2.0
    assert {"grown: all at anchored", "grown: CPU, anchor"} <= shown.keys()


def test_what_is_no_commit_is_refused_before_anything_runs() -> None:
    with pytest.raises(click.ClickException, match="expected a commit"), _copy_of("no-such-commit"):
        pass
