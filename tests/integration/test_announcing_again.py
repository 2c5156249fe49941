"""What a service announced: once, kept, recalled after a restore, announced again; on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.errors import TooLarge
from shared.events import AssertionRevoked, BadgeReceived, BadgeVisibilityChanged
from shared.letter_events import AccountLetterRequested
from shared.office_events import DecisionSettled, OfficeDecided, RebuildOrdered
from shared.runtime.db import Database, Transaction
from shared.runtime.log import logger
from shared.runtime.migrate import migrate
from shared.runtime.process import _forget_past
from shared.runtime.rebuild import announce_again, note_rebuilds
from shared.topics import INBOX_MEMORY
from shared.wire import decode
from tests.worlds.postgres import Databases

NOW = datetime(2027, 4, 1, tzinfo=UTC)
MIGRATION = """
revision, down_revision, branch_labels, depends_on = "0001", None, None, None
def upgrade(): pass
def downgrade(): pass
"""
LOG = logger("wallet")


@pytest.fixture
def wallet(databases: Databases, tmp_path: Path) -> Iterator[Database[Transaction]]:
    (tmp_path / "0001_nothing.py").write_text(MIGRATION)
    url = databases.fresh()
    migrate(url, "wallet", tmp_path)
    database = Database(url, "wallet", Transaction, lambda: NOW)
    yield database
    database.close()


def received(number: int) -> BadgeReceived:
    return BadgeReceived(assertion_id=f"A{number}", received_at=NOW)


def hidden(number: int) -> BadgeVisibilityChanged:
    return BadgeVisibilityChanged(assertion_id=f"A{number}", details_public=False, revision=1)


def ordered(reader: str, *, producer: str | None = None, dry_run: bool = False, id: str = "D1") -> RebuildOrdered:
    return RebuildOrdered(
        decision_id=id, reader=reader, by="desk", why="restored", ordered_at=NOW, producer=producer, dry_run=dry_run
    )


def announce(database: Database[Transaction], *events: Any) -> None:
    with database.transaction() as tx:
        tx.announce(*events)


def outbox(database: Database[Transaction]) -> list[bytes]:
    with database.transaction() as tx:
        return [bytes(row[0]) for row in tx.cursor.execute("select value from outbox order by id")]


def published(database: Database[Transaction]) -> list[bytes]:
    """As the relay does: all that is in the outbox, which is empty then."""
    values = outbox(database)
    with database.transaction() as tx:
        tx.cursor.execute("delete from outbox")
    return values


def order(database: Database[Transaction], *orders: RebuildOrdered) -> None:
    with database.transaction() as tx:
        note_rebuilds(tx, tx.claim(orders))


def test_a_fact_is_announced_once_and_in_order(wallet: Database[Transaction]) -> None:
    announce(wallet, received(2), received(1), received(2))
    announce(wallet, received(1), hidden(1))
    assert [decode(value) for value in outbox(wallet)] == [received(2), received(1), hidden(1)]


def test_what_was_recalled_is_not_announced_again(wallet: Database[Transaction]) -> None:
    with wallet.transaction() as tx:
        tx.recall([(received(1).id, "badge.received", b"A1", b"as it was")])
    assert outbox(wallet) == []
    announce(wallet, received(1), received(2))
    assert [decode(value) for value in outbox(wallet)] == [received(2)]


def test_an_event_that_no_topic_takes_is_refused_and_nothing_is_announced(wallet: Database[Transaction]) -> None:
    huge = AssertionRevoked(assertion_id="A1", reason="理" * 400_000, revoked_at=NOW)
    with pytest.raises(TooLarge, match="message for assertion"), wallet.transaction() as tx:
        tx.announce(received(1))
        tx.announce(huge)
    assert outbox(wallet) == []


def test_a_rebuild_announces_the_same_bytes_again_and_says_how_many(wallet: Database[Transaction]) -> None:
    announce(wallet, *(received(number) for number in range(4500)))
    first = published(wallet)
    order(wallet, ordered("anchor"))
    again: list[bytes] = []
    while announce_again(wallet, log=LOG):
        again += published(wallet)
    assert again[:4500] == first
    settled = decode(again[4500])
    assert isinstance(settled, DecisionSettled)
    assert (settled.outcome, settled.service, settled.detail) == ("done", "wallet", "4500 events")


def test_a_rebuild_leaves_out_what_the_reader_does_not_read(wallet: Database[Transaction]) -> None:
    announce(wallet, received(1))
    published(wallet)
    order(wallet, ordered("renderer"))
    assert announce_again(wallet, log=LOG) == 0
    [settled] = map(decode, published(wallet))
    assert isinstance(settled, DecisionSettled)
    assert (settled.outcome, settled.detail) == ("done", "0 events")


def test_a_dry_run_counts_and_announces_nothing(wallet: Database[Transaction]) -> None:
    announce(wallet, received(1), hidden(1))
    published(wallet)
    order(wallet, ordered("verifier", dry_run=True))
    assert announce_again(wallet, log=LOG) == 0
    [settled] = map(decode, published(wallet))
    assert isinstance(settled, DecisionSettled)
    assert (settled.outcome, settled.detail) == ("dry-run", "2 events")


def test_a_rebuild_from_another_producer_is_not_ours(wallet: Database[Transaction]) -> None:
    announce(wallet, received(1))
    published(wallet)
    order(wallet, ordered("anchor", producer="issuer"))
    assert announce_again(wallet, log=LOG) == 0
    assert published(wallet) == []


def letter(id: str) -> AccountLetterRequested:
    facts = {"name": "見本 太郎"}
    return AccountLetterRequested(
        letter_id=id, letter="account-notice", recipient="taro@example.jp", facts=facts, requested_at=NOW
    )


def test_of_a_letter_that_was_asked_for_long_ago_only_its_id_is_kept(wallet: Database[Transaction]) -> None:
    announce(wallet, letter("1"), received(1), letter("2"))
    published(wallet)
    for older, left in ((INBOX_MEMORY, 2), (timedelta(seconds=1), 1)):
        with wallet.transaction() as tx:
            tx.cursor.execute("update announced set announced_at = announced_at - %s where seq < 3", (older,))
        _forget_past(wallet)
        with wallet.transaction() as tx:
            assert tx.fetch_value("select count(*) from announced where value like '%%taro@example.jp%%'") == left
    announce(wallet, letter("1"))
    order(wallet, ordered("mailer"))
    announce_again(wallet, log=LOG)
    again = [decode(each) for each in published(wallet)]
    assert again[:2] == [received(1), letter("2")] and isinstance(again[2], DecisionSettled) and len(again) == 3


def test_a_rebuild_waits_while_the_outbox_is_full(wallet: Database[Transaction]) -> None:
    announce(wallet, *(received(number) for number in range(10_001)))
    order(wallet, ordered("anchor"))
    assert announce_again(wallet, log=LOG) == 0
    published(wallet)
    assert announce_again(wallet, log=LOG) == 2000


def test_an_order_that_was_settled_is_not_carried_out_when_the_inbox_has_forgotten_it(
    wallet: Database[Transaction],
) -> None:
    decided = OfficeDecided(decision_id="D9", decision="hold", subject="R1", by="desk", why="asked", decided_at=NOW)
    with wallet.transaction() as tx:
        assert tx.claim([decided]) == [decided]
        tx.announce(DecisionSettled(decision_id="D9", subject="R1", service="wallet", outcome="done", settled_at=NOW))
    with wallet.transaction() as tx:
        tx.cursor.execute("delete from inbox")
    with wallet.transaction() as tx:
        assert tx.claim([decided]) == []


def note_gap(wallet: Database[Transaction], topic: str, noticed_at: datetime) -> None:
    with wallet.transaction() as tx:
        tx.cursor.execute(
            "insert into gaps (topic, partition, first_offset, next_offset, cause, noticed_at)"
            " values (%s, 0, 3, 9, 'retention', %s)",
            (topic, noticed_at),
        )


def gaps(wallet: Database[Transaction]) -> list[str]:
    with wallet.transaction() as tx:
        return [topic for (topic,) in tx.cursor.execute("select topic from gaps where settled_at is null order by 1")]


def test_the_gaps_of_a_reader_are_settled_by_its_rebuild(wallet: Database[Transaction]) -> None:
    note_gap(wallet, "assertion.issued", NOW)
    order(wallet, ordered("wallet", dry_run=True, id="D1"))
    assert gaps(wallet) == ["assertion.issued"]
    order(wallet, ordered("wallet", id="D2"))
    assert gaps(wallet) == []


def test_a_rebuild_settles_no_gap_that_was_noticed_after_it_was_ordered(wallet: Database[Transaction]) -> None:
    note_gap(wallet, "assertion.issued", NOW + timedelta(seconds=1))
    order(wallet, ordered("wallet"))  # read again, after the schema was dropped
    assert gaps(wallet) == ["assertion.issued"]


def test_a_gap_that_was_noticed_by_a_clock_that_was_ahead_is_settled(wallet: Database[Transaction]) -> None:
    note_gap(wallet, "assertion.issued", NOW + timedelta(days=40))
    order(wallet, ordered("wallet"))
    assert gaps(wallet) == []


def test_a_rebuild_from_one_producer_settles_the_gaps_of_its_topics_only(wallet: Database[Transaction]) -> None:
    note_gap(wallet, "assertion.issued", NOW)
    note_gap(wallet, "assertion.anchored", NOW)
    order(wallet, ordered("wallet", producer="anchor"))
    assert gaps(wallet) == ["assertion.issued"]


def test_a_second_transaction_of_one_handler_is_refused_so_that_no_place_is_kept_too_early(
    wallet: Database[Transaction],
) -> None:
    with wallet.reading_to({("badge.received", 0): 5}):
        with wallet.transaction():
            pass
        with pytest.raises(RuntimeError, match="one transaction"), wallet.transaction():
            pass


def test_the_place_is_committed_with_the_rows_and_never_goes_back(wallet: Database[Transaction]) -> None:
    def place() -> Any:
        with wallet.transaction() as tx:
            return tx.cursor.execute("select topic, partition, next_offset from positions").fetchall()

    with pytest.raises(ZeroDivisionError), wallet.reading_to({("t", 0): 5}), wallet.transaction():
        raise ZeroDivisionError
    assert place() == []
    for offset in (7, 5):
        with wallet.reading_to({("t", 0): offset}), wallet.transaction():
            pass
    assert place() == [("t", 0, 7)]


REFUSED = [
    (7, "badge.received", b"first"),
    (9, "badge.received.dead", b"a dead letter"),
    (8, "badge.received", b"later"),
]


def refuse(database: Database[Transaction], *rows: tuple[int, str, bytes]) -> None:
    """As the relay does with what Kafka takes never."""
    with database.transaction() as tx:
        tx.insert_rows(
            "refused",
            [
                {"id": id, "topic": topic, "key": b"k", "value": value, "cause": "too large", "refused_at": NOW}
                for id, topic, value in rows
            ],
        )


def refused(database: Database[Transaction]) -> int:
    with database.transaction() as tx:
        return int(tx.fetch_value("select count(*) from refused"))


@pytest.mark.parametrize(
    ("rebuild", "again"),
    [
        ({"reader": "anchor"}, [b"first", b"later", b"a dead letter"]),
        ({"reader": "anchor", "producer": "wallet"}, [b"first", b"later", b"a dead letter"]),
        ({"reader": "anchor", "producer": "issuer"}, []),  # another's
        ({"reader": "registration"}, []),  # which reads none of it
        ({"reader": "anchor", "dry_run": True}, []),
    ],
)
def test_what_kafka_refused_is_offered_again_by_a_rebuild_of_who_reads_it(
    wallet: Database[Transaction], rebuild: dict[str, Any], again: list[bytes]
) -> None:
    refuse(wallet, *REFUSED)
    order(wallet, ordered(**rebuild))
    assert [value for value in outbox(wallet) if value in {row[2] for row in REFUSED}] == again
    assert refused(wallet) == (0 if again else 3)
