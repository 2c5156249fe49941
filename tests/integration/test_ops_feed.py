"""A file of registrations handed in on the board: on record with what came of it, whatever happens meanwhile."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import NoReturn

import httpx
import pytest

from services.ops.acts.feed import feed, settle_interrupted
from services.ops.acts.orders import Attribution
from services.ops.config import Links
from services.ops.ports import Ports
from services.ops.sources.intake import Delivered
from shared.errors import TryLater
from shared.office_events import DecisionSettled, OfficeDecided
from shared.wire import decode
from tests.worlds.http_server import serving
from tests.worlds.ops import outbox
from tests.worlds.ops_site import sign_in, site_of

pytest_plugins = ("tests.worlds.ops_fixtures",)

WHO = Attribution("取り込み担当", "四月分")


class Registration:
    """The intake of registration: takes all rows of a file but the second; or is away."""

    is_there = True

    def __init__(self) -> None:
        self.away = False
        self.files: list[tuple[str, bytes]] = []

    def deliver(self, source: str, content: bytes) -> Delivered:
        if self.away:
            raise TryLater("registration answered 503")
        self.files.append((source, content))
        wrong = {"row": 2, "field": "valid_from", "expected": "YYYY-MM-DD", "got": "春"}
        return Delivered(accepted=3, unchanged=1, rejected=(wrong,), erased=({"row": 5, "registration_id": "R5"},))


class Killed(BaseException):
    """Where ops dies."""


class Deadly(Registration):
    """Takes the file; ops is killed before the answer."""

    def deliver(self, source: str, content: bytes) -> NoReturn:
        super().deliver(source, content)
        raise Killed


def announced(ports: Ports) -> list[object]:
    return [decode(value) for topic, _, value in outbox(ports) if topic == "office.decisions"]


@contextmanager
def site_with(ports: Ports) -> Iterator[httpx.Client]:
    with serving(site_of(ports, Links(None, None, None))) as base, httpx.Client(base_url=base) as browser:
        browser.headers["accept-language"] = "ja"
        sign_in(ports.store, browser, "取り込み担当")
        yield browser


def later(ports: Ports, minutes: int) -> Ports:
    return replace(ports, now=lambda: ports.now() + timedelta(minutes=minutes))


def test_a_file_is_handed_in_and_stands_on_record_with_its_outcome(ports: Ports) -> None:
    intake = Registration()
    with site_with(replace(ports, intake=intake)) as browser:
        sent = browser.post("/feed", data={"why": "四月分"}, files={"file": ("C:\\登録者.csv", b"a,b\n", "text/csv")})
        assert sent.status_code == 200 and "受け取った行" in sent.text and "有効期間の開始日" in sent.text
        assert "消去した方のため除いた行" in sent.text
        assert intake.files == [("登録者.csv", b"a,b\n")]
        (order, settled) = announced(ports)
        assert isinstance(order, OfficeDecided) and (order.decision, order.subject, order.why) == (
            "feed",
            "登録者.csv",
            "四月分",
        )
        assert (
            isinstance(settled, DecisionSettled)
            and settled.detail == "accepted 3, unchanged 1, rejected 1, after the issue 0, of erased people 1"
        )
        intake.away = True
        sent = browser.post("/feed", data={"why": "もう一度"}, files={"file": ("登録者.csv", b"a,b\n", "text/csv")})
        assert sent.status_code == 503 and "登録の受付が答えません" in sent.text
        assert browser.post("/feed", data={"why": "x"}, files={"file": ("a.csv", b"", "text/csv")}).status_code == 422
        record = browser.get("/decisions").text
        assert "登録データの取り込み" in record and "取り込めなかった" in record
        rows = list(csv.reader(io.StringIO(browser.get("/decisions.csv").content.decode("utf-8-sig"))))
        assert rows[0][:3] == ["日時", "操作", "対象"] and [row[1] for row in rows[1:]] == ["登録データの取り込み"] * 2


def test_a_file_with_which_ops_died_gets_an_outcome_and_can_be_handed_in_again(ports: Ports) -> None:
    with pytest.raises(Killed):
        feed(replace(ports, intake=Deadly()), "登録者.csv", b"a,b\n", WHO)
    assert settle_interrupted(later(ports, 14)) == 0, "another process may be handing it in"
    assert settle_interrupted(later(ports, 16)) == 1
    assert settle_interrupted(later(ports, 17)) == 0
    (_, settled) = announced(ports)
    assert isinstance(settled, DecisionSettled) and settled.outcome == "not-delivered"
    assert settled.detail is not None and "handed in again" in settled.detail
    with site_with(later(ports, 18)) as browser:
        assert "取り込めなかった" in browser.get("/decisions").text
    feed(later(replace(ports, intake=Registration()), 19), "登録者.csv", b"a,b\n", WHO)
    assert settle_interrupted(later(ports, 60)) == 0


def test_orders_of_another_kind_that_wait_are_left_alone(ports: Ports) -> None:
    feed(replace(ports, intake=Registration()), "登録者.csv", b"a,b\n", WHO)
    with ports.store.transaction() as tx:
        tx.cursor.execute("update decisions set decision = 'hold', outcome = null")
    assert settle_interrupted(later(ports, 60)) == 0
