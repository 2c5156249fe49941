"""What each service keeps of people who were erased, so that nothing of them comes back: on a real PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

import msgspec
import psycopg
import pytest

from shared.erasure_events import PersonErased
from shared.events import AssertionIssued, Award, BadgeReceived, Event, Holder, RegistrationHeld, RegistrationRenewed
from shared.letter_events import DeskLetterRequested
from shared.office_events import Correction, DecisionSettled, OfficeDecided, RebuildOrdered
from shared.runtime.db import Database, Transaction
from shared.runtime.erasure import erased_among
from shared.runtime.log import logger
from shared.runtime.migrate import migrate
from shared.runtime.rebuild import announce_again, note_rebuilds
from shared.wire import decode
from tests.worlds.migrations import write_migration
from tests.worlds.postgres import Databases
from tests.worlds.tables import rows_at

NOW = datetime(2027, 4, 1, tzinfo=UTC)
ERASED = PersonErased(decision_id="erase-R1-1", subject="R1", registration_ids=("R1", "R1b"), erased_at=NOW)


def renewed(registration_id: str, previous: str | None = None) -> RegistrationRenewed:
    award = Award(
        registration_id=registration_id,
        cohort="2027",
        qualification="gishi",
        kind="new",
        pass_number="P1",
        registration_number="N1",
        valid_from=date(2027, 4, 1),
        valid_until=date(2032, 3, 31),
        previous_registration_id=previous,
    )
    holder = Holder(person_id="p1", family_name="鉄筋", given_name="健一", email=f"{registration_id}@example.jp")
    return RegistrationRenewed(award=award, holder=holder, notify_from=NOW)


def issued(registration_id: str) -> AssertionIssued:
    event = renewed(registration_id)
    return AssertionIssued(
        assertion_id=f"A-{registration_id}",
        leaf="00",
        award=event.award,
        holder=event.holder,
        issued_at=NOW,
        notify_from=NOW,
        status_list=1,
        status_index=1,
    )


def held(registration_id: str, because_of: str | None = None) -> RegistrationHeld:
    return RegistrationHeld(
        registration_id=registration_id,
        person_id="p",
        qualification="gishi",
        cohort="2027",
        reason="shared-address",
        revision=1,
        first_registration_id=because_of,
        name="鉄筋 健一",
    )


def ordered(subject: str) -> OfficeDecided:
    return OfficeDecided(
        decision_id=f"correct-{subject}-1",
        decision="correct",
        subject=subject,
        by="tanaka",
        why="misspelt",
        decided_at=NOW,
        value="new@example.jp",
        correction=Correction(family_name="鉄骨"),
    )


def letter(letter_id: str, to: str) -> DeskLetterRequested:
    return DeskLetterRequested(letter_id=letter_id, letter="enquiry", recipient=to, facts={}, requested_at=NOW)


@pytest.fixture
def url(databases: Databases) -> str:
    return databases.fresh()


@pytest.fixture
def database(url: str, tmp_path: Path) -> Iterator[Database[Transaction]]:
    migrate(url, "probe", write_migration(tmp_path, "0001", None, "create table people (registration_id text)"))
    made = Database(url, "probe", Transaction, lambda: NOW)
    yield made
    made.close()


def erase(database: Database[Transaction], *addresses: str) -> None:
    with database.transaction() as tx:
        for event in tx.claim_erasures([ERASED]):
            tx.erase(event.decision_id, event.registration_ids, addresses)


def test_what_is_read_about_erased_people_is_left_out_and_all_else_is_handled(database: Database[Transaction]) -> None:
    erase(database)
    about_them: list[Event] = [renewed("R1"), renewed("R1b"), issued("R1"), held("R1b")]
    about_others: list[Event] = [renewed("R2", previous="R1"), held("R3", because_of="R1"), issued("R2")]
    with database.transaction() as tx:
        assert tx.claim([*about_them, *about_others]) == about_others
    with database.transaction() as tx:
        assert tx.claim([*about_them, *about_others]) == []


def test_of_an_order_about_them_what_it_would_change_is_left_out(database: Database[Transaction]) -> None:
    erase(database)
    with database.transaction() as tx:
        found, other = tx.claim([ordered("R1"), ordered("R2")])
    assert (found.decision_id, found.correction, found.value) == ("correct-R1-1", None, None)
    assert other == ordered("R2")


def test_an_id_that_no_column_holds_is_nobody_who_was_erased(database: Database[Transaction]) -> None:
    spoiled = [BadgeReceived(assertion_id="A\0", received_at=NOW), ordered("R1\0")]
    with database.transaction() as tx:
        assert tx.claim(spoiled) == spoiled
        assert erased_among(tx, ["R1\0"]) == set()


def test_an_erased_assertion_is_left_out_by_its_own_id(database: Database[Transaction]) -> None:
    with database.transaction() as tx:
        tx.erase("erase-R1-1", ["A1"])
    received = [BadgeReceived(assertion_id=id, received_at=NOW) for id in ("A1", "A2")]
    with database.transaction() as tx:
        assert tx.claim(received) == received[1:]


def test_of_what_was_announced_of_them_only_the_ids_stay(database: Database[Transaction], url: str) -> None:
    theirs: list[Event] = [renewed("R1"), issued("R1b"), held("R1"), letter("l1", "R1@example.jp")]
    settled = DecisionSettled(decision_id="x", subject="R1", service="probe", outcome="done", settled_at=NOW)
    others: list[Event] = [
        renewed("R2", previous="R1"),
        held("R3", because_of="R1"),
        letter("l2", "R2@example.jp"),
        settled,
        ERASED,
    ]
    with database.transaction() as tx:
        tx.announce(*theirs, *others)
    erase(database, "R1@example.jp")
    kept = dict(rows_at(url, "select event_id, topic from announced"))
    assert {id for id, topic in kept.items() if topic} == {event.id for event in others}
    assert {id for id, topic in kept.items() if not topic} == {event.id for event in theirs}
    said = " ".join(bytes(value).decode() for (value,) in rows_at(url, "select value from announced"))
    assert '"registration_id":"R1"' not in said.replace('"first_registration_id":"R1"', "")
    assert rows_at(url, "select count(*) from outbox") == [(len(others),)]
    with database.transaction() as tx:
        tx.announce(*theirs)  # as a handler that does its work twice
    assert rows_at(url, "select count(*) from outbox") == [(len(others),)]


def test_what_could_not_be_read_or_sent_of_them_is_gone(database: Database[Transaction], url: str) -> None:
    with psycopg.connect(url) as connection:
        for number, text in enumerate(('{"registration_id": "R1", "family', '{"registration_id":"R2"}')):
            connection.execute(
                'insert into unread (topic, partition, "offset", value, cause, noticed_at)'
                " values ('upstream.registrations', 0, %s, %s, '', now())",
                (number, text.encode()),
            )
            connection.execute(
                "insert into refused (id, topic, key, value, cause, refused_at)"
                " values (%s, 'upstream.registrations.dead', '', %s, '', now())",
                (number, text.encode()),
            )
    erase(database)
    for table in ("unread", "refused"):
        assert [b"R2" in bytes(value) for (value,) in rows_at(url, f"select value from {table}")] == [True]


def test_a_handler_in_hand_is_waited_for_and_the_next_one_leaves_them_out(
    database: Database[Transaction], url: str
) -> None:
    """Handlers of other topics run at the same time: what they write of the person is found and erased."""
    claimed, commits, found = threading.Event(), threading.Event(), []

    def handle_issued() -> None:
        with database.transaction() as tx:
            tx.claim([issued("R1")])
            claimed.set()
            commits.wait(30)
            tx.insert_rows("people", [{"registration_id": "R1"}])

    def handle_erased() -> None:
        with database.transaction() as tx:
            for event in tx.claim_erasures([ERASED]):
                tx.cursor.execute("delete from people where registration_id = any(%s)", (list(event.registration_ids),))
                tx.erase(event.decision_id, event.registration_ids)

    def handle_renewed() -> None:
        with database.transaction() as tx:
            found.append(tx.claim([renewed("R1"), renewed("R2")]))

    first = threading.Thread(target=handle_issued)
    first.start()
    assert claimed.wait(30)
    second = threading.Thread(target=handle_erased)
    second.start()
    _until_waiting(url, 1)
    third = threading.Thread(target=handle_renewed)  # claims while the erasure waits
    third.start()
    _until_waiting(url, 2)
    commits.set()
    for each in (first, second, third):
        each.join(30)
    assert rows_at(url, "select count(*) from people") == [(0,)]
    assert found == [[renewed("R2")]]


def test_a_request_that_claims_nothing_is_waited_for_or_waits(database: Database[Transaction], url: str) -> None:
    def request() -> None:
        with database.transaction() as tx:
            tx.await_erasures()
            found.append(tx.fetch_value("select exists (select from erased where subject = 'R1')"))

    found: list[bool] = []
    with database.transaction() as tx:
        tx.await_erasures()
        erasing = threading.Thread(target=erase, args=(database,))
        erasing.start()
        _until_waiting(url, 1)
        later = threading.Thread(target=request)
        later.start()
        _until_waiting(url, 2)
        assert tx.fetch_value("select exists (select from erased)") is False
    for each in (erasing, later):
        each.join(30)
    assert found == [True]


def test_a_rebuild_under_way_is_waited_for_and_its_copies_are_gone(database: Database[Transaction], url: str) -> None:
    with database.transaction() as tx:
        tx.announce(renewed("R1"), renewed("R2"))
    relay(url)
    with psycopg.connect(url) as rebuild:
        rebuild.execute(
            "insert into outbox (announced_at, topic, key, value) select now(), topic, key, value from announced"
        )
        erasure = threading.Thread(target=erase, args=(database,))
        erasure.start()
        _until_waiting(url, 1)
    erasure.join(30)
    assert said(url) == [renewed("R2")]


def test_a_rebuild_that_comes_during_an_erasure_copies_nothing_of_them(
    database: Database[Transaction], url: str
) -> None:
    with database.transaction() as tx:
        tx.announce(renewed("R1"), renewed("R2"))
    with database.transaction() as tx:
        note_rebuilds(tx, [RebuildOrdered(decision_id="d", reader="issuer", by="", why="", ordered_at=NOW)])
    relay(url)
    with database.transaction() as tx:
        tx.erase(ERASED.decision_id, ERASED.registration_ids)
        rebuild = threading.Thread(target=partial(announce_again, database, log=logger("probe")))
        rebuild.start()
        _until_waiting(url, 1)
    rebuild.join(30)
    assert [each for each in said(url) if not isinstance(each, DecisionSettled)] == [renewed("R2")]


def relay(url: str) -> None:
    """What is in the outbox is on Kafka."""
    with psycopg.connect(url) as connection:
        connection.execute("delete from outbox")


def said(url: str) -> list[Event]:
    return [decode(bytes(value)) for (value,) in rows_at(url, "select value from outbox order by id")]


def test_erasing_twice_changes_nothing(database: Database[Transaction], url: str) -> None:
    erase(database)
    before = rows_at(url, "select * from erased order by subject")
    later = replace_decision(ERASED)
    with database.transaction() as tx:
        for event in tx.claim_erasures([ERASED, later]):
            tx.erase(event.decision_id, event.registration_ids)
    assert [row[0] for row in before] == ["R1", "R1b"]
    assert rows_at(url, "select * from erased order by subject") == before


def replace_decision(event: PersonErased) -> PersonErased:
    return msgspec.structs.replace(event, decision_id=str(uuid4()))


def _until_waiting(url: str, transactions: int) -> None:
    """Until so many wait for a lock of this database."""
    waiting = (
        "select count(*) from pg_locks join pg_database on oid = database"
        " where not granted and datname = current_database()"
    )
    pause = threading.Event()
    while rows_at(url, waiting)[0][0] < transactions:
        pause.wait(0.02)
