"""With thousands of finished badges on record, whatever a service does by itself reads what there is to do.

Each service is wired as on the stack, on tables that `grow` has filled, without anybody else: no Kafka, no storage, no
chain. Then each tick runs, each check of `/readiness`, and each handler with one event; the server tells of every
statement what it read. And of each event when all the others came a moment ago, to tables that had been empty.
"""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

import psycopg
import pytest

from deploy.local.environment import Place, service_settings
from deploy.local.keys import create_secrets
from deploy.local.parts.chain import NETWORKS
from services.mailer.store.ledger import MailerTransaction, Store
from services.ops import queries
from services.ops.handlers import settle
from services.ops.sources.lag import LagMeter
from shared.errors import TryLater
from shared.readiness import Question
from shared.runtime import plans
from shared.runtime.process import Process
from shared.topics import SERVICES
from tests.worlds.grown import (
    PREPARED,
    ROWS,
    Read,
    analyse,
    empty,
    example,
    explained,
    grow,
    grown,
    largest,
    listen,
    take_away,
)

MOST = ROWS // 10
"""Rows that a step of a plan may read where nothing is to be done, or one thing."""

ERASURE = "when a person is erased: a few a day, by no index that all other writes would have to keep"
MAY_READ_ALL: defaultdict[str, dict[str, str]] = defaultdict(
    dict,
    issuer={
        "select distinct cohort from assertions": "once in a pause of the public count, which counts every badge",
        "select qualification, root, status_list, count(*)": "the public count itself, once in its pause",
    },
    anchor={
        "select count(*), max(valid_until) as until from leaves": "by `Seldom`; asked afresh at a rehearsal only",
        "select count(*) as closed, count(*) filter": "one row a batch, every 15 s",
        "select state, count(*) from anchorings": "one row a batch, every 15 s",
        "select count(*) filter (where state = 'final') as final": "one row a batch, every 15 s",
    },
    ops={
        "select merkle_root, network, b.transaction": "one row a batch of the year",
        "select (select array_agg((cohort, qualification, place": "the counts that it compares: one row a batch",
        "update rejections set got = null": ERASURE,
        "delete from requested_letters where string_to_array": ERASURE,
        "delete from stirred where": ERASURE,
        "delete from renamed where": ERASURE,
    },
    renderer={"select sheet_id from print_sheets where assertion_ids": ERASURE},
    mailer={
        "insert into messages (assertion_id, letter, state, next_try_at, created_at) select": "by `Seldom`",
        "select letter, request_id, letter_id, recipient": ERASURE,
    },
)
"""Service → beginning of a statement → why it may read a whole table."""

AWAY = {"TryLater", "KafkaError", "NoBrokersAvailable"}
MAY_REFUSE: Mapping[str, set[str]] = {"issuer": {"ValidationError"}, "mailer": {"Unreadable"}}
"""What the invented event, or an invented row, is refused with once the tables were read."""

NOON = datetime(2027, 4, 1, 3, tzinfo=UTC)

Work = Callable[[], Any]


class NoWorkers:
    """The renderer's workers while storage is away."""

    def __init__(self, count: int, *_: Any) -> None:
        self.count = count

    def run(self, jobs: Sequence[Any], go_on: Any) -> list[Any]:
        raise TryLater("storage is away")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("home"), 31700)
    create_secrets(made)
    contract = "0x" + "1" * 40
    ends = 'ends_on = "2029-01-01"\n'
    made.networks_file.write_text(NETWORKS.format(chain_id=31337, url="http://127.0.0.1:1", contract=contract) + ends)
    made.networks_file.chmod(0o600)
    return made


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Work]]:
    """What a process that is wired meanwhile does by itself, by name."""
    found: dict[str, Work] = {}

    def tick(self: Process, name: str, work: Any, ports: Any, **_: Any) -> None:
        found[f"tick {name}"] = partial(work, ports)

    def ready(self: Process, name: str, ask: Any, ports: Any) -> None:
        found[f"ready {name}"] = partial(ask, Question(badges=100), ports)

    def consume(self: Process, event: Any, handler: Any, ports: Any, **_: Any) -> None:
        found[f"{event.__name__}"] = lambda: handler([example(event)], ports)

    def note(self: Process, event: Any, write: Any, **_: Any) -> None:
        def noted() -> None:
            with self._database.transaction() as tx:
                write(tx, tx.claim([example(event)]))

        found[f"{event.__name__}"] = noted

    for each in (tick, ready, consume, note):
        monkeypatch.setattr(Process, each.__name__, each)
    monkeypatch.setattr(LagMeter, "measure", lambda self: True)  # without it, ops measures nothing
    monkeypatch.setattr("services.renderer.workers.Workers", NoWorkers)  # a process with threads must not fork them
    yield found


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Read]:
    return listen(monkeypatch)


@pytest.mark.parametrize("service", SERVICES)
def test_what_a_service_does_by_itself_reads_what_there_is_to_do(
    service: str, place: Place, declared: dict[str, Work], reads: list[Read]
) -> None:
    url = grown(service)
    process = _process(service, url, place)
    if service == "ops":
        settle(process._database)
        declared |= _pages(declared["tick measure"])
        analyse(url)
    assert _reads_little(service, declared, reads) >= len(declared) / 2
    process._database.close()


@pytest.mark.parametrize("service", SERVICES)
def test_an_event_of_a_sudden_crowd_is_handled_by_plans_for_the_crowd(
    service: str, place: Place, declared: dict[str, Work], reads: list[Read], monkeypatch: pytest.MonkeyPatch
) -> None:
    process = _process(service, url := empty(service), place)
    handlers = {name: work for name, work in declared.items() if " " not in name}
    for work in list(handlers.values()) * PREPARED:
        with suppress(Exception):
            work()
    take_away(url, service)
    grow(url, service, analysed=False)
    monkeypatch.setattr(plans, "PLAN_SECONDS", 0.0)
    assert _reads_little(service, handlers, reads) > 0
    process._database.close()


def _process(service: str, url: str, place: Place) -> Process:
    settings = {**service_settings(place, service, cohort="2025", clock=""), "DATABASE_URL": explained(url)}
    return _wire(service)(importlib.import_module(f"services.{service}.config").read_config(settings))


def _reads_little(service: str, works: Mapping[str, Work], reads: list[Read]) -> int:
    """No step of a statement of these `works` reads more than MOST, but for those that may. How many steps read."""
    reads.clear()
    refused, seen, too_many = set(), 0, set()
    for name, work in works.items():
        try:
            work()
        except Exception as error:
            refused |= {type(error).__name__} - AWAY
        seen += len(reads)
        for read in reads:
            if read.rows > MOST and not any(read.statement.startswith(known) for known in MAY_READ_ALL[service]):
                too_many.add(f"{name}: {read.how} of {read.table}, {read.rows} rows: {read.statement[:200]}")
        reads.clear()
    assert refused <= MAY_REFUSE.get(service, set())
    assert not too_many, "\n".join(sorted(too_many))
    return seen


@pytest.fixture
def waiting_letters(reads: list[Read]) -> Iterator[tuple[Store, psycopg.Connection[Any]]]:
    """As many letters as there are badges, whose statements tell what they read; and a connection beside it."""
    url = grown("mailer")
    store = Store(explained(url), "mailer", MailerTransaction, lambda: NOON)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "update messages set state = 'queued', message = 'a letter', domain = 'example.jp',"
            " next_try_at = created_at, settled_at = null, sending_until = null"
        )
        connection.execute("vacuum analyze")
        yield store, connection
    store.close()


def test_letters_to_send_are_found_among_all_that_wait(
    waiting_letters: tuple[Store, psycopg.Connection[Any]], reads: list[Read]
) -> None:
    store, _ = waiting_letters
    with store.transaction() as tx:
        assert len(tx.to_send(NOON, 4, "this mailer", [], [])) == 4
    assert largest(reads).rows <= MOST, largest(reads)


def test_letters_to_others_are_found_behind_all_that_wait_for_a_busy_domain(
    waiting_letters: tuple[Store, psycopg.Connection[Any]], reads: list[Read]
) -> None:
    store, connection = waiting_letters
    connection.execute("update holders set email = 'x@other.jp' where assertion_id in ('A-4000', 'A-4500')")
    connection.execute(
        "update messages set domain = 'other.jp', next_try_at = now() where assertion_id in ('A-4000', 'A-4500')"
    )
    connection.execute("vacuum analyze")
    with store.transaction() as tx:
        found = tx.to_send(NOON, 4, "this mailer", [], ["example.jp"])
        assert sorted(message.subject for message in found) == ["A-4000", "A-4500"]  # its other letters are too late
        assert tx.to_send(NOON, 4, "this mailer", [], ["example.jp", "other.jp", ""]) == []
    assert largest(reads).rows <= MOST, largest(reads)


def test_corrections_to_decide_are_found_among_all_letters_that_wait(
    waiting_letters: tuple[Store, psycopg.Connection[Any]], reads: list[Read]
) -> None:
    store, connection = waiting_letters
    connection.execute("update messages set state = 'waiting'")
    connection.execute("update holders set corrects = 'A-16', version = 2 where assertion_id = 'A-17'")
    connection.execute("vacuum analyze")
    with store.transaction() as tx:
        assert [badge.assertion_id for badge in tx.undecided_corrections(NOON, 200)] == ["A-17"]
    assert largest(reads).rows <= MOST, largest(reads)


def _pages(measure: Any) -> dict[str, Work]:
    """What the office looks at most, and what is asked each second while it does."""
    (ports,) = measure.args
    return {
        "board": partial(queries.board_page, ports, None),
        "board of a desk": partial(queries.board_page, ports, None, ["gishi"]),
        "status": partial(queries.status, ports, None),
        "stamp": partial(queries.stamp, ports),
        "people": partial(queries.people, ports, None, None, limit=5, work_first=True),
        "history": partial(queries.history, ports, "R-17"),
    }


def _wire(service: str) -> Callable[[Any], Process]:
    for module in ("wiring", "__main__"):
        with suppress(ModuleNotFoundError):
            wire: Callable[[Any], Process] = importlib.import_module(f"services.{service}.{module}").wire
            return wire
    raise LookupError(service)
