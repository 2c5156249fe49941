"""What a process adds to what its service declares."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.events import BadgeReceived
from shared.office_events import DecisionSettled
from shared.programme import parse_programme
from shared.runtime.db import Database, Transaction
from shared.runtime.kafka_access import KafkaAccess
from shared.runtime.process import Process
from shared.runtime.settings import Runtime

PROGRAMME = parse_programme(Path("deploy/programmes/jci.toml").read_text(encoding="utf-8"))


def now() -> datetime:
    return datetime(2027, 4, 1, tzinfo=UTC)


def take_back(tx: Any, events: Any) -> None:
    raise AssertionError("nothing is taken back here")


def process(folder: Path) -> Process:
    url = "postgresql://nobody@127.0.0.1:1/nothing"  # no connection is opened
    runtime = Runtime("wallet", url, KafkaAccess("127.0.0.1:1"), "127.0.0.1", 0, now, PROGRAMME, 1.0, "json")
    return Process(runtime, Database(url, "wallet", Transaction, now), folder)


def test_a_service_with_facts_of_its_own_takes_back_which_orders_it_settled(tmp_path: Path) -> None:
    made = process(tmp_path)
    made.recall(BadgeReceived, take_back)
    assert set(made._recalls) == {BadgeReceived, DecisionSettled}


def test_a_service_that_takes_back_settlements_itself_keeps_its_own_way(tmp_path: Path) -> None:
    made = process(tmp_path)
    made.recall(DecisionSettled, take_back)
    made.recall(BadgeReceived, take_back)
    assert made._recalls[DecisionSettled] is take_back


def test_a_service_without_facts_of_its_own_recalls_nothing(tmp_path: Path) -> None:
    assert process(tmp_path)._recalls == {}


def test_after_a_restore_a_tick_that_acts_waits_and_one_that_only_looks_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, ran = process(tmp_path), list[str]()

    def work(name: str) -> int:
        ran.append(name)
        return 1

    made.tick("send", work, "send")
    made.tick("measure", work, "measure", waits=False)
    for is_over in (False, True):
        monkeypatch.setattr(made._catching_up, "is_over", lambda is_over=is_over: is_over)
        acted = [tick._work() for tick in made._ticks[-2:]]
        assert acted == [int(is_over), 1]
    assert ran == ["measure", "send", "measure"]


class KeptReader:
    """A consumer that counts how often it is asked for what was kept."""

    def __init__(self) -> None:
        self.asked = 0

    def read_kept(self) -> int:
        self.asked += 1
        return 1


def test_what_older_replicas_keep_beside_this_one_is_read_while_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, reader = process(tmp_path), KeptReader()
    assert "kept" in {tick._tick for tick in made._ticks}
    made._consumers[BadgeReceived.topic.name] = reader  # type: ignore[assignment]
    for kept in ([], [BadgeReceived.topic.name], ["a.topic.of.no.reader", BadgeReceived.topic.name]):
        monkeypatch.setattr("shared.runtime.process.topics_of_unread", lambda _, kept=kept: kept)
        made._read_kept(made._database)
    assert reader.asked == 2


@pytest.mark.parametrize(("end", "said"), [("stop", None), ("failure", "wallet: a topic failed; start again")])
def test_a_process_ends_although_its_first_partitions_are_not_assigned_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, said: str | None
) -> None:
    made = process(tmp_path)
    made.recall(BadgeReceived, take_back)
    made._ticks.clear()

    async def waits() -> None:
        made._end() if end == "stop" else made._fail("a topic failed")
        await asyncio.Event().wait()

    async def run() -> str | None:
        monkeypatch.setattr(made._app, "start", waits)
        try:
            async with asyncio.timeout(60):
                await made._main()
        except SystemExit as error:
            return str(error)
        return None

    assert asyncio.run(run()) == said
