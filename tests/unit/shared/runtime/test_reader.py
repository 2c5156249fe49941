"""A process reads after each assignment, however long its seek takes, or it ends. Faust's own objects, no broker."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError
from faust.types import TP

from shared.programme import parse_programme
from shared.runtime import reader
from shared.runtime.kafka_access import KafkaAccess
from shared.runtime.reader import faust_app
from shared.runtime.settings import Runtime

PROGRAMME = parse_programme(Path("deploy/programmes/jci.toml").read_text(encoding="utf-8"))
ASSIGNED = {TP("badge.received", 0)}
_PATIENCE = 30.0  # seconds


def app_of(folder: Path) -> Any:
    def now() -> datetime:
        return datetime(2027, 4, 1, tzinfo=UTC)

    kafka = KafkaAccess("127.0.0.1:1")  # no connection is opened
    runtime = Runtime(
        "wallet", "postgresql://nobody@127.0.0.1:1/nothing", kafka, "127.0.0.1", 0, now, PROGRAMME, 1.0, "json"
    )
    return faust_app(runtime, str(folder))


class Assigned:
    """A consumer that has just got a partition, and whose seek ends when the database is back."""

    def __init__(self, back: asyncio.Event) -> None:
        self._back = back
        self.calls: list[str] = []

    def assignment(self) -> set[TP]:
        return ASSIGNED

    def resume_partitions(self, tps: set[TP]) -> None:
        pass

    async def perform_seek(self) -> None:
        await self._back.wait()
        self.calls.append("sought")

    def resume_flow(self) -> None:
        self.calls.append("reads")


class Fetcher:
    async def maybe_start(self) -> None:
        pass


@pytest.mark.parametrize("away", [0.0, 0.3])
def test_what_is_assigned_is_read_once_the_database_is_back_however_long_it_was_away(
    tmp_path: Path, away: float
) -> None:
    async def assign() -> list[str]:
        app, back = app_of(tmp_path), asyncio.Event()
        app.conf.broker_request_timeout = 0.05  # Faust's own patience, 90 s
        app.consumer, app._fetcher = consumer, _ = Assigned(back), Fetcher()
        recovery = app.tables.recovery
        await recovery.start()
        try:
            recovery.signal_recovery_start.set()
            await asyncio.sleep(away)
            back.set()
            await asyncio.wait_for(recovery.completed.wait(), _PATIENCE)
        finally:
            await recovery.stop()
        return consumer.calls

    assert asyncio.run(assign()) == ["sought", "reads"]


class Broken:
    """A consumer of aiokafka, one of whose own tasks has ended or halted by `error`; only `what` tells of it."""

    def __init__(self, what: str, error: Exception) -> None:
        self._what, self._error, self._closed = what, error, False
        self._coordinator = self._fetcher = self

    async def start(self) -> None:
        self.error_future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._what == "fetcher":
            self.error_future.set_exception(self._error)

    async def stop(self) -> None:
        pass

    def check_errors(self) -> None:
        if self._what == "coordinator":
            raise self._error


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("coordinator", GroupAuthorizationFailedError("wallet")),
        ("coordinator", KafkaError("UnknownError()")),
        ("coordinator", AssertionError("Invalid assignment protocol: range")),
        ("fetcher", KafkaError("Unexpected error during data retrieval")),
    ],
)
def test_a_reader_that_cannot_go_on_ends_the_process_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, error: Exception
) -> None:
    monkeypatch.setattr(reader, "_WATCH_SECONDS", 0.01)
    monkeypatch.setattr(reader._CommittedThread, "_create_worker_consumer", lambda self, transport: Broken(what, error))

    async def read() -> BaseException | None:
        app = app_of(tmp_path)
        thread = app.consumer._thread
        await thread.start()
        try:
            await asyncio.wait_for(app.wait_until_stopped(), _PATIENCE)
        finally:
            await thread.stop()
        reason: BaseException | None = app.crash_reason
        return reason

    assert asyncio.run(read()) is error
