"""What replicas do in turns, and that the turn of one that stands still or is gone goes to another.

Tests shared/runtime/sessions.py, migrate.py beside a later release, and services/mailer/domain_turns.py.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from services.mailer import domain_turns
from services.mailer.deliveries import Deliveries
from services.mailer.domain.pacing import DomainLimits, Limit
from services.mailer.domain_turns import DomainTurns
from services.mailer.smtp import SmtpPool, SmtpServer
from shared.runtime import outbox, scrub, sessions
from shared.runtime.db import Database, Transaction
from shared.runtime.kafka_access import KafkaAccess
from shared.runtime.log import logger
from shared.runtime.migrate import migrate, migrate_apart
from shared.runtime.outbox import Relay
from shared.runtime.scrub import Scrub
from shared.runtime.sessions import connection_settings
from tests.worlds.credentials import NOW
from tests.worlds.mailer import ID, OTHER, issued, mailer_at
from tests.worlds.migrations import write_migration
from tests.worlds.objects import MemoryObjects
from tests.worlds.postgres import Databases
from tests.worlds.smtp_server import smtpd
from tests.worlds.story import until

LOG = logger("probe")
LIMITS = DomainLimits(domains={"docomo.ne.jp": Limit(connections=2), "au.com": Limit(per_second=5.0)})


@pytest.fixture
def database(databases: Databases, tmp_path: Path) -> Iterator[Database[Transaction]]:
    url = databases.fresh()
    migrate(url, "probe", write_migration(tmp_path, "0001", None, "create table thing (id int)"))
    with closing(Database(url, "probe", Transaction, lambda: NOW)) as made:
        yield made


# ── locks of who is gone ────────────────────────────────────────────────────────────────────────────────


def test_the_server_ends_a_transaction_in_which_nothing_happens(
    database: Database[Transaction], monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.transaction() as tx:
        assert tx.fetch_value("show idle_in_transaction_session_timeout") == "10min"
    monkeypatch.setattr(sessions, "_IDLE_IN_TRANSACTION", 1)
    with psycopg.connect(database.url, **connection_settings(database.url)) as stands_still:
        stands_still.execute("insert into thing values (1)")
        stands_still.execute("lock table thing")
        with psycopg.connect(database.url) as other:  # waits until the lock is free
            assert other.execute("select count(*) from thing").fetchone() == (0,)
        with pytest.raises(psycopg.Error):
            stands_still.execute("select 1")
        stands_still.close()


@pytest.mark.parametrize("given", ["", "&options=-c%20work_mem%3D1MB", "&options=-c%20idle_session_timeout%3D7000"])
def test_options_of_the_url_stay_and_win(databases: Databases, given: str) -> None:
    url = databases.fresh() + given
    with psycopg.connect(url, **connection_settings(url, idle_seconds=5)) as connection:
        shown = [connection.execute(f"show {name}").fetchone() for name in ("work_mem", "idle_session_timeout")]
    assert shown == [("1MB",) if "work_mem" in given else ("4MB",), ("7s",) if "idle_" in given else ("5s",)]


def stuck_relay(database: Database[Transaction]) -> Callable[[], object]:
    """A relay that has the lock and hangs before its first round."""
    going_on = threading.Event()

    class Hangs(Relay):
        def _producer(self) -> Any:
            going_on.wait(60)
            raise RuntimeError("was ended")

    relay = Hangs(database.url, KafkaAccess("127.0.0.1:1"), LOG)
    relay.start()
    free = "select pg_try_advisory_lock(hashtext('relay/' || current_schema()))"
    with psycopg.connect(database.url, autocommit=True) as connection:
        until(lambda: not _probe(connection, free), seconds=10, what="the relay has its lock")

    def take() -> object:
        with psycopg.connect(database.url, autocommit=True) as connection:
            if not _probe(connection, free):
                return False
        relay._stopping.set()
        going_on.set()
        relay.join(10)
        return True

    return take


def _probe(connection: psycopg.Connection[Any], query: str) -> bool:
    got = bool((connection.execute(query).fetchone() or (False,))[0])
    connection.execute("select pg_advisory_unlock_all()")
    return got


def stuck_scrub(database: Database[Transaction]) -> Callable[[], object]:
    first, second = (Scrub(database, MemoryObjects(), (), 24.0, LOG) for _ in range(2))
    assert first._takes_turn() and not second._takes_turn()
    return second._takes_turn


def stuck_mailer(database: Database[Transaction]) -> Callable[[], object]:
    first, second = DomainTurns(database.url, LIMITS), DomainTurns(database.url, LIMITS)
    assert first.take({"au.com"}) == set()
    assert second.take({"au.com"}) == {"au.com"}
    return lambda: not second.take({"au.com"})


@pytest.mark.parametrize("stuck", [stuck_relay, stuck_scrub, stuck_mailer])
def test_the_turn_of_a_replica_that_stands_still_goes_to_another(
    database: Database[Transaction], monkeypatch: pytest.MonkeyPatch, stuck: Callable[[Any], Callable[[], object]]
) -> None:
    for module in (outbox, scrub, domain_turns):
        monkeypatch.setattr(module, "_HANGS_AFTER", 1)
    take = stuck(database)
    until(take, seconds=20, what="another replica has the turn")


# ── a schema of a later release ─────────────────────────────────────────────────────────────────────────

LATER = {
    "of the service": ("schema_version", "0002"),
    "of the runtime": ("runtime_version", "9999"),
    "far later": ("schema_version", "0031"),
}


@pytest.mark.parametrize("later", LATER)
def test_a_process_of_the_release_before_starts_over_the_tables_of_the_next(
    database: Database[Transaction], tmp_path: Path, later: str
) -> None:
    table, revision = LATER[later]
    with psycopg.connect(database.url) as connection:
        connection.execute(f"update {table} set version_num = %s", (revision,))
    assert migrate(database.url, "probe", tmp_path) is False
    with psycopg.connect(database.url) as connection:
        assert connection.execute(f"select version_num from {table}").fetchone() == (revision,)


def test_what_only_the_service_lacks_is_applied_beside_a_later_runtime(
    database: Database[Transaction], tmp_path: Path
) -> None:
    with psycopg.connect(database.url) as connection:
        connection.execute("update runtime_version set version_num = '9999'")
    assert migrate(database.url, "probe", write_migration(tmp_path, "0002", "0001", "alter table thing add word text"))
    with psycopg.connect(database.url) as connection:
        assert connection.execute("select word from thing").fetchall() == []


def test_a_service_takes_its_steps_without_what_they_are_made_with(
    database: Database[Transaction], tmp_path: Path
) -> None:
    write_migration(tmp_path, "0002", "0001", "alter table thing add word text")
    code = (
        "import sys; from pathlib import Path; from shared.runtime.migrate import migrate_apart as step\n"
        "print([step(sys.argv[1], 'probe', Path(sys.argv[2])) for _ in range(2)], 'alembic' in sys.modules)"
    )
    command = [sys.executable, "-c", code, database.url, str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    assert said.strip() == "[True, False] False"
    with psycopg.connect(database.url) as connection:
        assert connection.execute("select word from thing").fetchall() == []


def test_a_step_that_fails_is_named_and_nothing_of_it_stays(database: Database[Transaction], tmp_path: Path) -> None:
    write_migration(tmp_path, "0002", "0001", "alter table thing add word text; select 1 / 0")
    with pytest.raises(RuntimeError, match="migrations of probe: "):
        migrate_apart(database.url, "probe", tmp_path)
    with psycopg.connect(database.url) as connection, pytest.raises(psycopg.errors.UndefinedColumn):
        connection.execute("select word from thing")


# ── mail domains with a limit ───────────────────────────────────────────────────────────────────────────


def test_of_replicas_one_writes_to_a_domain_with_a_limit_and_all_to_the_others(
    database: Database[Transaction],
) -> None:
    seconds = [0.0]
    first, second = (DomainTurns(database.url, LIMITS, lambda: seconds[0]) for _ in range(2))
    assert first.take({"docomo.ne.jp", "example.jp"}) == set()
    assert second.take({"docomo.ne.jp", "example.jp", "au.com"}) == {"docomo.ne.jp"}
    assert second.of_others() == {"docomo.ne.jp"}
    seconds[0] = 4.0
    first.give_back({"docomo.ne.jp"})  # one is on its way
    seconds[0] = 8.0
    first.give_back(())
    assert second.take({"docomo.ne.jp"}) == {"docomo.ne.jp"}
    seconds[0] = 10.0
    first.give_back(())  # none for more than five seconds
    assert second.take({"docomo.ne.jp"}) == set()
    assert first.take({"docomo.ne.jp"}) == {"docomo.ne.jp"}
    second.close()  # it dies

    def all_are_ours() -> bool:
        seconds[0] += 2.0
        return not first.take({"docomo.ne.jp", "au.com"})

    until(all_are_ours, seconds=10, what="the turns of one that died are free")


def test_a_mailer_leaves_letters_to_a_domain_of_another_and_sends_the_rest(databases: Databases) -> None:
    url = databases.fresh()
    limits = DomainLimits(domains={"docomo.ne.jp": Limit(connections=1)})
    other = DomainTurns(url, limits)
    with smtpd() as server, mailer_at(url, SmtpPool(SmtpServer("127.0.0.1", server.port, seconds=3)).send) as mailer:
        mailer.ports = replace(mailer.ports, deliveries=Deliveries(4, limits, turns=DomainTurns(url, limits)))
        assert other.take({"docomo.ne.jp"}) == set()
        mailer.handle_batch([issued(ID, email="a@docomo.ne.jp"), issued(OTHER, email="b@example.jp")])
        mailer.tick(hours=1)
        assert mailer.sent() == [(OTHER, "award")]
        other.close()

        def all_sent() -> bool:
            mailer.tick(seconds=1)
            return len(mailer.sent()) == 2

        until(all_sent, seconds=20, what="the turn came over")
        assert mailer.sent() == [(OTHER, "award"), (ID, "award")]
