"""`akashi scrub` on a real PostgreSQL: ordered once, answered by each service, on the board."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.loopback import new_browser
from services.ops import queries
from services.ops.acts import orders
from services.ops.acts.orders import Attribution
from services.ops.board.scrubs import SCRUBBERS
from services.ops.config import Links
from services.ops.ports import Ports
from shared.office_events import DecisionSettled, ObjectsScrubbed, ScrubCount, ScrubFault, ScrubOrdered
from shared.programme import parse_programme
from shared.wire import decode
from tests.worlds.cohorts import NOON, at
from tests.worlds.http_server import serving
from tests.worlds.ops import outbox
from tests.worlds.ops_site import at_board, sign_in, site_of

pytest_plugins = ("tests.worlds.ops_fixtures",)

office = new_browser()

PROGRAMME = parse_programme(Path("deploy/programmes/jci.toml").read_text(encoding="utf-8"))
OFFICE = Attribution("事務局", "定期点検")
LOST = ScrubFault(key="credentials/A.json", found="missing", outcome=None)
FOUND = ScrubCount(kind="credentials", checked=50, missing=1)


@pytest.fixture
def url(ports: Ports) -> Iterator[str]:
    with serving(site_of(ports, Links(None, None, None))) as base:
        sign_in(ports.store, office)
        yield base


def ordered(ports: Ports) -> list[ScrubOrdered]:
    events = [decode(value) for _, _, value in outbox(ports)]
    return [event for event in events if isinstance(event, ScrubOrdered)]


def told(ports: Ports, scrub_id: str, service: str, minute: int = 1, **changes: Any) -> None:
    report: dict[str, Any] = {"repair": False, "counts": (FOUND,), "named": (LOST,), "finished": True, **changes}
    event = ObjectsScrubbed(
        scrub_id=scrub_id, subject="all", service=service, started_at=at(minute), at=at(minute), **report
    )
    with ports.store.transaction() as tx:
        tx.note_scrubbed([event])


def settled(ports: Ports, id: str, outcomes: dict[str, str]) -> None:
    events = [
        DecisionSettled(decision_id=id, subject="all", service=service, outcome=outcome, settled_at=at(1), detail="x")
        for service, outcome in outcomes.items()
    ]
    with ports.store.transaction() as tx:
        tx.note_settled(events)


def test_an_order_is_announced_once_while_it_is_pending(ports: Ports) -> None:
    first = orders.scrub(ports, "all", OFFICE, repair=False).id
    assert orders.scrub(ports, "all", OFFICE, repair=False).id == first
    assert orders.scrub(ports, "all", OFFICE, repair=True).id != first
    settled(ports, first, dict.fromkeys(SCRUBBERS, "done"))
    assert orders.scrub(ports, "all", OFFICE, repair=False).id == f"{first}/2"
    assert [event.repair for event in ordered(ports)] == [False, True, False]


def test_the_outcome_is_known_when_each_service_has_answered(ports: Ports) -> None:
    id = orders.scrub(ports, "all", OFFICE, repair=True).id
    settled(ports, id, {"issuer": "at-fault", "anchor": "at-fault"})
    assert queries.decision(ports, id).outcome is None
    settled(ports, id, {"renderer": "at-fault"})
    assert queries.decision(ports, id).outcome == "at-fault"


def test_the_last_pass_of_each_service_is_shown_whatever_is_under_way(ports: Ports, url: str) -> None:
    told(ports, "renderer/1", "renderer", 1)
    told(ports, "issuer/1", "issuer", 1)
    told(ports, "issuer/2", "issuer", 3, counts=(ScrubCount(kind="credentials", checked=51),), named=())
    told(ports, "issuer/1", "issuer", 1)  # read again
    told(ports, "D", "issuer", 4, finished=False)
    lines = queries.scrubs(ports, None)
    assert [(line.service, line.scrub_id, line.at_fault) for line in lines] == [
        ("issuer", "issuer/2", 0),
        ("renderer", "renderer/1", 1),
    ]
    assert office.get(f"{url}/api/v1/status").json()["scrubs"] == office.get(f"{url}/api/v1/scrubs").json()


def test_what_was_told_last_of_a_pass_counts_in_whatever_order_it_is_read(ports: Ports) -> None:
    told(ports, "D", "issuer", 3)
    told(ports, "D", "issuer", 2, finished=False, counts=())
    [line] = queries.scrubs(ports, "D")
    assert line.finished and line.checked == 50


@pytest.mark.parametrize(("language", "words"), [("ja", "失われたもの"), ("en", "Objects at fault")])
def test_the_board_names_what_is_lost(ports: Ports, url: str, language: str, words: str) -> None:
    told(ports, "issuer/1", "issuer")
    page = office.get(url, headers={"accept-language": language}).raise_for_status().text.replace("<wbr>", "")
    assert words in page and LOST.key in page and "akashi scrub --repair" in page


def test_a_later_pass_that_finds_nothing_takes_it_off_the_board(ports: Ports, url: str) -> None:
    told(ports, "issuer/1", "issuer")
    told(ports, "issuer/2", "issuer", 2, counts=(ScrubCount(kind="credentials", checked=50),), named=())
    page = office.get(url, headers={"accept-language": "ja"}).raise_for_status().text.replace("<wbr>", "")
    assert "失われたもの" not in page and "異常なし" in page and LOST.key not in page


@pytest.mark.parametrize("wrong", [{"subject": "mailer"}, {"subject": ""}, {"why": " "}])
def test_an_order_that_makes_no_sense_is_refused(ports: Ports, url: str, wrong: dict[str, str]) -> None:
    body = {"by": "office", "why": "x", **wrong}
    assert office.post(f"{url}/api/v1/scrub", json=body).status_code == 422
    assert ordered(ports) == []


def test_an_order_that_was_given_before_a_restore_is_on_record(ports: Ports) -> None:
    event = ScrubOrdered(decision_id="D", subject="all", repair=True, by="office", why="x", ordered_at=NOON)
    later = ScrubOrdered(decision_id="E", subject="newcomer", repair=True, by="office", why="x", ordered_at=NOON)
    with ports.store.transaction() as tx:
        tx.take_back_scrubs([event, later])
    assert [each.service for each in queries.decision(ports, "D").producers or ()] == list(SCRUBBERS)
    assert queries.decision(ports, "E").producers == []


# ── the command ─────────────────────────────────────────────────────────────────────────────────────────


def run(ports: Ports, url: str, *words: str, outcome: str = "done") -> subprocess.CompletedProcess[str]:
    """The command, while the services answer as soon as they read the order."""

    def answer() -> None:
        for _ in range(3000):
            if events := ordered(ports):
                for service in SCRUBBERS:
                    told(ports, events[0].decision_id, service)
                settled(ports, events[0].decision_id, dict.fromkeys(SCRUBBERS, outcome))
                return
            threading.Event().wait(0.02)

    services = threading.Thread(target=answer)
    services.start()
    akashi = Path(sys.executable).parent / "akashi"
    command = [str(akashi), "scrub", *words, "--by", "office"]
    environment = os.environ | at_board(url)
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    services.join()
    return result


def test_the_command_prints_each_kind_and_what_is_at_fault(ports: Ports, url: str) -> None:
    result = run(ports, url, outcome="at-fault")
    assert result.returncode == 1, result.stderr
    counts = "\tcredentials\tchecked 50\tmissing 1\tdifferent 0\tonly stored 0\trepaired 0\tadopted 0"
    assert result.stdout.splitlines() == [
        *(service + counts for service in SCRUBBERS),
        *(f"{service}\tcredentials/A.json\tmissing\t-" for service in SCRUBBERS),
    ]


def test_a_repair_that_is_done_ends_with_code_0(ports: Ports, url: str) -> None:
    result = run(ports, url, "--repair", "--json", "--reason", "after a restore")
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert answer["decision"]["outcome"] == "done" and len(answer["scrubs"]) == 3
    assert [(event.repair, event.why) for event in ordered(ports)] == [(True, "after a restore")]
