"""`akashi rebuild` on a real PostgreSQL: ordered once, answered by each producer, on record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.local.loopback import new_browser
from services.ops import queries
from services.ops.acts import orders
from services.ops.acts.orders import Attribution
from services.ops.config import Links
from services.ops.ports import Ports
from shared.office_events import DecisionSettled, RebuildOrdered
from shared.programme import parse_programme
from shared.wire import decode
from tests.worlds.cohorts import NOON, at
from tests.worlds.http_server import serving
from tests.worlds.ops import outbox, tell
from tests.worlds.ops_site import CROSS_SITE, at_board, sign_in, site_of

pytest_plugins = ("tests.worlds.ops_fixtures",)

office = new_browser()

PROGRAMME = parse_programme(Path("deploy/programmes/jci.toml").read_text(encoding="utf-8"))
OFFICE = Attribution("事務局", "空のデータベース")


@pytest.fixture
def url(ports: Ports) -> Iterator[str]:
    with serving(site_of(ports, Links(None, None, None))) as base:
        sign_in(ports.store, office)
        yield base


def ordered(ports: Ports) -> list[RebuildOrdered]:
    events = [decode(value) for _, _, value in outbox(ports)]
    return [event for event in events if isinstance(event, RebuildOrdered)]


def answered(ports: Ports, id: str, *services: str, outcome: str = "done", events: int = 20) -> None:
    for service in services:
        tell(
            ports,
            DecisionSettled(
                decision_id=id,
                subject="wallet",
                service=service,
                outcome=outcome,
                settled_at=at(1),
                detail=f"{events} events",
            ),
        )


def rebuild(ports: Ports, reader: str = "wallet", producer: str | None = None, *, is_dry_run: bool = False) -> Any:
    return orders.rebuild(ports, reader, producer, OFFICE, is_dry_run=is_dry_run)


PRODUCERS = ("registration", "issuer", "anchor", "renderer", "ops")
"""Of what the wallet reads."""


def test_an_order_is_announced_with_who_and_why(ports: Ports) -> None:
    line = rebuild(ports, producer="issuer", is_dry_run=True)
    (event,) = ordered(ports)
    assert (event.decision_id, event.reader, event.producer, event.dry_run) == (line.id, "wallet", "issuer", True)
    assert (event.by, event.why, event.ordered_at) == ("事務局", "空のデータベース", NOON)


def test_it_is_done_when_each_producer_has_answered(ports: Ports) -> None:
    id = rebuild(ports).id
    assert [producer.service for producer in queries.decision(ports, id).producers or ()] == list(PRODUCERS)
    answered(ports, id, "mailer", events=0)  # every service answers, also one of which the wallet reads nothing
    answered(ports, id, *PRODUCERS[:-1])
    assert queries.decision(ports, id).outcome is None
    answered(ports, id, PRODUCERS[-1], events=7)
    line = queries.decision(ports, id)
    assert (line.outcome, line.settled_at) == ("done", at(1))
    assert [(producer.outcome, producer.detail) for producer in line.producers or ()] == [
        *[("done", "20 events")] * 4,
        ("done", "7 events"),
    ]


def test_answers_that_are_read_before_the_order_count(ports: Ports) -> None:
    answered(ports, "rebuild/wallet/all", *PRODUCERS)
    assert rebuild(ports).outcome == "done"


def test_the_same_order_is_pending_once_and_can_be_given_again_when_done(ports: Ports) -> None:
    first = rebuild(ports).id
    assert rebuild(ports).id == first
    assert len({first, rebuild(ports, producer="issuer").id, rebuild(ports, is_dry_run=True).id}) == 3
    answered(ports, first, *PRODUCERS)
    assert rebuild(ports).id == f"{first}/2"
    assert len(ordered(ports)) == 4


def test_an_order_that_nobody_answers_can_be_given_again_after_ten_minutes(ports: Ports) -> None:
    first = rebuild(ports).id
    later = Ports(store=ports.store, lag=ports.lag, now=lambda: NOON + timedelta(minutes=11))
    assert rebuild(later).id == f"{first}/2"


def test_a_double_click_in_four_threads_is_one_order(ports: Ports) -> None:
    clicks = [threading.Thread(target=rebuild, args=(ports,)) for _ in range(4)]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    assert len(ordered(ports)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"reader": "nobody"},
        {"reader": "wallet", "producer": "mailer"},
        {"reader": "wallet", "producer": "nobody"},
        {"reader": "wallet", "why": " "},
        {"reader": "wallet", "by": ""},
        {},
    ],
)
def test_an_order_that_makes_no_sense_is_refused(ports: Ports, url: str, wrong: dict[str, str]) -> None:
    body = {"by": "office", "why": "x", **wrong}
    assert office.post(f"{url}/api/v1/rebuild", json=body).status_code == 422
    assert ordered(ports) == []


def test_an_order_sent_from_another_site_is_refused(ports: Ports, url: str) -> None:
    body = {"reader": "wallet", "by": "office", "why": "x"}
    answer = office.post(f"{url}/api/v1/rebuild", json=body, headers=CROSS_SITE)
    assert answer.status_code == 403 and ordered(ports) == []


def test_the_record_shows_each_producers_answer(ports: Ports, url: str) -> None:
    id = rebuild(ports).id
    answered(ports, id, *PRODUCERS[:2])
    for path in ("/decisions", "/decisions?about=wallet", "/"):
        page = office.get(url + path, headers={"accept-language": "ja"}).raise_for_status().text
        assert "サービスの再構築" in page and "空のデータベース" in page
        assert page.count("20 events") == 2 and "まだ答えがありません" in page


def test_an_order_of_a_release_whose_services_read_otherwise_is_on_record(ports: Ports) -> None:
    order = RebuildOrdered(
        decision_id="D", reader="renderer", by="office", why="x", ordered_at=NOON, producer="mailer", dry_run=False
    )
    with ports.store.transaction() as tx:
        tx.take_back_rebuilds([order])
    assert queries.decision(ports, "D").producers == []


# ── the command ─────────────────────────────────────────────────────────────────────────────────────────


def run(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    akashi = Path(sys.executable).parent / "akashi"
    environment = os.environ | at_board(url)
    command = [str(akashi), "rebuild", *words, "--by", "office"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def answering(ports: Ports, outcome: str = "done") -> threading.Thread:
    """Producers that answer as soon as they read the order."""

    def answer() -> None:
        for _ in range(3000):
            if events := ordered(ports):
                answered(ports, events[0].decision_id, *PRODUCERS, outcome=outcome)
                return
            threading.Event().wait(0.02)

    thread = threading.Thread(target=answer)
    thread.start()
    return thread


def test_the_command_waits_and_prints_a_row_for_each_producer(ports: Ports, url: str) -> None:
    producers = answering(ports)
    result = run(url, "wallet", "--why", "an empty database")
    producers.join()
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [f"{service}\tdone\t20 events" for service in PRODUCERS]


def test_a_dry_run_needs_no_reason_and_ends_with_code_0(ports: Ports, url: str) -> None:
    producers = answering(ports, "dry-run")
    result = run(url, "wallet", "--dry-run", "--json")
    producers.join()
    assert result.returncode == 0, result.stderr
    line = json.loads(result.stdout)
    assert line["outcome"] == "dry-run" and [each["service"] for each in line["producers"]] == list(PRODUCERS)
    assert [event.dry_run for event in ordered(ports)] == [True]


def test_the_command_without_a_reason_orders_nothing(ports: Ports, url: str) -> None:
    assert run(url, "wallet").returncode == 2
    assert ordered(ports) == []


def test_a_producer_that_is_not_read_ends_the_command_with_code_1(ports: Ports, url: str) -> None:
    result = run(url, "wallet", "--from", "mailer", "--why", "x")
    assert result.returncode == 1 and "expected one that wallet reads" in result.stderr


def test_without_waiting_the_record_is_named(ports: Ports, url: str) -> None:
    result = run(url, "wallet", "--why", "x", "--no-wait")
    assert result.returncode == 0 and "akashi decisions rebuild/wallet/all" in result.stderr
    assert result.stdout.splitlines() == [f"{service}\t-\t-" for service in PRODUCERS]


def test_the_list_of_decisions_shows_how_many_have_answered(ports: Ports, url: str) -> None:
    answered(ports, rebuild(ports).id, *PRODUCERS[:2])
    akashi = Path(sys.executable).parent / "akashi"
    listed = subprocess.run(
        [akashi, "decisions"],
        env=os.environ | at_board(url),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "\t2/5\t" in listed.stdout
