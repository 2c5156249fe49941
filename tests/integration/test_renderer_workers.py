"""Processes that render: what a kill -9 of one of them costs, and an assertion that ends each of its workers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from hashlib import sha256
from pathlib import Path

import msgspec
import psutil
import pytest

from shared import object_keys
from tests.worlds.credentials import credential
from tests.worlds.renderer import Stage, anchored

pytest_plugins = ("tests.worlds.renderer_fixtures",)

ROOT = Path(__file__).parents[2]


def test_a_killed_worker_loses_and_doubles_nothing_and_a_poisonous_assertion_costs_itself_only(
    stage: Stage, tmp_path: Path
) -> None:
    events = [anchored(number) for number in range(60)]
    for number, event in enumerate(events):
        path = tmp_path / object_keys.credential(event.assertion_id)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(msgspec.json.encode(credential(number)))
    stage.note_anchored(*events)
    poison = events[7].assertion_id
    renderer = subprocess.run(
        [sys.executable, "-m", "tests.worlds.render_side_by_side", stage.store.url, tmp_path, poison],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert renderer.returncode == 75, renderer.stderr  # its nursery was killed at the end: a supervisor starts it again
    assert len((tmp_path / "killed").read_text().splitlines()) >= 5  # workers
    told = Counter(event.assertion_id for event in stage.announced())
    assert told == Counter(event.assertion_id for event in events if event.assertion_id != poison)
    for each in stage.announced():
        assert sha256((tmp_path / each.certificate_key).read_bytes()).hexdigest() == each.certificate_sha256
        assert sha256((tmp_path / each.details_key).read_bytes()).hexdigest() == each.details_sha256
    (failed,) = stage.failures()
    assert (failed.assertion_id, failed.reason) == (poison, "layout")
    put_by = {line.split()[0] for line in (tmp_path / "puts").read_text().splitlines()}
    assert len(put_by) > 5  # those that took the place of the killed ones, too


@pytest.mark.parametrize("end", ["", "--killed"])
def test_jobs_are_done_by_workers_of_one_nursery_whichever_of_them_die_and_end_with_the_service(end: str) -> None:
    service = subprocess.run(
        [sys.executable, "-m", "tests.worlds.forked", *filter(None, [end])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    facts = json.loads(service.stdout)
    assert [each[1] for each in facts["plain"]] == list(range(8))
    assert len({each[2] for each in facts["plain"]}) == 2
    assert {each[3] for each in facts["plain"]} == {facts["nursery"]}  # what was prepared once, all have
    assert [each if each == "ended" else each[1] for each in facts["dying"]] == ["ended", 1, "ended", 3, "ended", 5]
    begun = [each is not None for each in facts["enough"]]
    assert begun == sorted(begun, reverse=True) and 2 <= sum(begun) <= 3
    assert [each[1] for each in facts["killed while idle"]] == [0, 1]
    ((_, arenas, *_),) = facts["arenas"]
    assert arenas <= 2  # each of a worker's threads would keep one of its own
    assert "expected one" in facts["refused"]
    assert len(facts["left"]) == 2
    deadline = time.monotonic() + 30
    while any(map(psutil.pid_exists, (facts["nursery"], *facts["left"]))):
        assert time.monotonic() < deadline, "a worker outlives its service"
        time.sleep(0.05)
