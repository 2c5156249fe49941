"""After a restore the mailer takes back which letters it sent, on a real PostgreSQL: none is sent a second time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from services.mailer import handlers
from services.mailer.domain.delivery import Bounced, Deferred, Sent, SmtpReply
from services.mailer.domain.letters import message_id
from services.mailer.store.ledger import MailerTransaction
from shared.events import Event, LetterUpdated
from shared.office_events import DecisionSettled
from shared.runtime.db import Database
from shared.runtime.recall import Recall
from tests.worlds.mailer import (
    ID,
    OTHER,
    PROGRAMME,
    START,
    MailerWorld,
    issued,
    mailer_at,
    received,
    rendered,
    resend,
    revoked,
)
from tests.worlds.postgres import Databases
from tests.worlds.recalled import announced, take_back

RECALLS: Mapping[type[Event], Recall] = {
    LetterUpdated: MailerTransaction.take_back_letters,
    DecisionSettled: MailerTransaction.take_back_settled,
}
BADGE = [issued(), rendered()]
CORRECTION = [issued(OTHER, version=2, corrects=ID, registration_id="R-ABCD"), received(), rendered(OTHER)]
DAY = 86_400.0
_OK = Sent("250 ok")


@dataclass
class Post:
    """A mail server with one answer; it keeps the bytes that it was given."""

    answer: SmtpReply = _OK
    given: list[bytes] = field(default_factory=list)

    def send(self, return_path: str, recipient: str, message: bytes) -> SmtpReply:
        self.given.append(message)
        return self.answer


@dataclass
class Restored:
    """The world that lived on, and one on a backup from before: each with its own mail server."""

    later: MailerWorld
    later_post: Post
    world: MailerWorld
    post: Post

    def back(self) -> None:
        """The restored mailer starts: at the moment of the later one, with what that one announced."""
        take_back(self.world.ports.store, RECALLS, announced(self.later.ports.store))
        self.world.moment = self.later.moment

    def together(self, *events: Event, **after: float) -> None:
        """A part of life that the backup holds."""
        for world in (self.later, self.world):
            world.handle(*events)
            world.tick(**after)


@pytest.fixture
def restored(databases: Databases) -> Iterator[Restored]:
    posts = Post(), Post()
    with (
        mailer_at(databases.fresh(), posts[0].send) as later,
        mailer_at(databases.fresh(), posts[1].send) as world,
    ):
        yield Restored(later, posts[0], world, posts[1])


def ledger(database: Database[Any], columns: str = "assertion_id, letter, state, attempts, answer, reason") -> Any:
    with database.transaction() as tx:
        return tx.cursor.execute(f"select {columns} from messages order by assertion_id, letter").fetchall()


ALL = "assertion_id, letter, state, attempts, answer, reason, next_try_at, queued_at, written_at, settled_at"


def same(restored: Restored, columns: str = ALL) -> bool:
    return bool(ledger(restored.later.ports.store, columns) == ledger(restored.world.ports.store, columns))


@pytest.mark.parametrize("order", list(permutations(BADGE)))
def test_letters_that_were_sent_after_the_backup_are_sent_once(restored: Restored, order: Sequence[Event]) -> None:
    restored.later.handle(*BADGE)
    restored.later.tick(seconds=DAY)
    assert len(restored.later_post.given) == 2
    restored.back()
    assert same(restored)  # before any event is read again
    restored.world.handle(*order)
    restored.world.tick(seconds=DAY)
    assert restored.post.given == []
    assert same(restored)
    assert restored.world.letter_events() == []


def test_letters_that_waited_in_the_backup_are_sent_once(restored: Restored) -> None:
    restored.together(*BADGE)  # before April 1
    restored.later.tick(seconds=DAY)
    restored.back()
    restored.world.tick(seconds=DAY)
    assert restored.post.given == []
    assert same(restored)


def test_facts_that_are_taken_back_twice_or_in_another_order_leave_the_same_rows(restored: Restored) -> None:
    restored.later_post.answer = Deferred("450 busy")
    restored.later.handle(*BADGE)
    restored.later.tick(seconds=DAY)
    restored.later_post.answer = Sent("250 ok")
    restored.later.tick(seconds=DAY)
    events = restored.later.letter_events()
    assert len(events) == 6
    for some in (events[::-1], events, events[:3], events[3:]):
        with restored.world.ports.store.transaction() as tx:
            tx.take_back_letters(some)
        if some is not events[:3]:
            assert same(restored)
    with restored.world.ports.store.transaction() as tx:
        for event in events:
            tx.take_back_letters([event])
    assert same(restored)


def test_a_letter_that_was_refused_stays_bounced(restored: Restored) -> None:
    restored.later_post.answer = Bounced("550 no such user")
    restored.together(*BADGE)
    restored.later.tick(seconds=DAY)
    restored.back()
    restored.world.tick(seconds=DAY)
    assert restored.post.given == []
    assert {row[2] for row in ledger(restored.world.ports.store)} == {"bounced"}


def test_a_letter_of_a_revoked_badge_stays_suppressed_before_the_revocation_is_read_again(restored: Restored) -> None:
    restored.together(*BADGE)
    restored.later.handle(revoked())
    restored.back()
    restored.world.tick(seconds=DAY)  # the revocation is still to be read
    restored.world.handle(revoked())
    restored.later.tick(seconds=DAY)
    assert restored.post.given == []
    assert same(restored)
    assert restored.world.letter_events() == []


@pytest.mark.parametrize("known", [True, False])
def test_a_deferred_letter_goes_on_with_the_same_bytes(restored: Restored, known: bool) -> None:
    restored.later_post.answer = Deferred("450 busy")
    if known:
        restored.together(*BADGE)
    else:
        restored.later.handle(*BADGE)
    restored.later.tick(seconds=DAY)
    first = restored.later_post.given.copy()
    restored.back()
    restored.world.tick()
    assert restored.post.given == []  # not before its next try
    if not known:
        restored.world.handle(*BADGE)
    restored.world.tick(seconds=DAY)
    assert sorted(restored.post.given) == sorted(first)
    assert f"Message-ID: {message_id('award', ID, PROGRAMME.sender.address)}".encode() in b"".join(restored.post.given)
    assert [(e.letter, e.state, e.attempt) for e in restored.world.letter_events()] == [
        ("award", "sent", 2),
        ("completion", "sent", 2),
    ]
    restored.world.tick(seconds=DAY)
    assert len(restored.post.given) == 2


def test_a_letter_that_was_queued_goes_out_once_with_the_date_of_the_queue(restored: Restored) -> None:
    restored.together(*BADGE)
    restored.later.moment += timedelta(days=1)
    handlers.write(restored.later.ports)  # we die before anything is sent
    written = restored.later.moment
    restored.back()
    restored.world.tick(seconds=DAY)
    assert len(restored.post.given) == 2
    restored.later.tick()
    assert sorted(restored.post.given) == sorted(restored.later_post.given)
    assert {row[0] for row in ledger(restored.world.ports.store, "written_at")} == {written}


def test_a_letter_whose_bytes_are_lost_is_sent_again_only_when_the_office_orders_it(restored: Restored) -> None:
    restored.together(*BADGE)
    restored.later.tick(seconds=DAY)
    restored.back()
    restored.world.handle(resend())
    restored.world.tick(seconds=DAY)
    assert restored.world.settled() == {"D1": "done"}
    assert restored.post.given == restored.later_post.given[:1]  # the award, byte for byte
    assert [(e.state, e.attempt) for e in restored.world.letter_events()] == [("queued", 1), ("sent", 2)]


@pytest.mark.parametrize("sent", [True, False])
def test_an_order_to_send_again_is_carried_out_once(restored: Restored, sent: bool) -> None:
    restored.together(*BADGE, seconds=DAY)
    restored.later.moment += timedelta(hours=1)
    restored.later.handle(resend())
    if sent:
        restored.later.tick(seconds=60)
    restored.back()
    restored.world.handle(resend())
    restored.world.tick(seconds=DAY)
    assert restored.world.settled() == {}
    assert len(restored.post.given) == (2 if sent else 3)
    restored.later.tick(seconds=DAY)
    assert len(restored.later_post.given) == 3


@pytest.mark.parametrize("order", list(permutations(CORRECTION)))
def test_the_letter_that_told_of_a_correction_stays_the_one_that_told(
    restored: Restored, order: Sequence[Event]
) -> None:
    restored.together(*BADGE, seconds=DAY)
    restored.later.handle(*CORRECTION)
    restored.later.tick(seconds=DAY)
    told = [event.letter for event in restored.later.letter_events() if event.assertion_id == OTHER]
    assert told == ["correction", "correction"]
    restored.back()
    for event in order:
        restored.world.handle(event)
        restored.world.tick(seconds=60)  # the receipt may come long after the award letter would be due
    restored.world.tick(seconds=DAY)
    assert len(restored.post.given) == 2
    assert same(restored)


@pytest.mark.parametrize("order", list(permutations(CORRECTION)))
def test_a_correction_that_the_award_letter_told_of_is_not_told_again(
    restored: Restored, order: Sequence[Event]
) -> None:
    restored.together(*BADGE, seconds=DAY)
    restored.later.handle(CORRECTION[0])
    restored.later.tick(seconds=DAY)  # nobody has received a badge
    restored.later.handle(*CORRECTION[1:])
    restored.later.tick(seconds=DAY)
    letters = [event.letter for event in restored.later.letter_events() if event.assertion_id == OTHER]
    assert letters == ["award", "award", "completion", "completion"]
    restored.back()
    for event in order:
        restored.world.handle(event)
        restored.world.tick(seconds=60)
    restored.world.tick(seconds=DAY)
    assert len(restored.post.given) == 2
    assert same(restored)


def test_a_message_of_which_nothing_was_announced_lives_on_as_usual(restored: Restored) -> None:
    restored.together(*BADGE, seconds=DAY)
    restored.later.handle(issued(OTHER))
    restored.back()
    restored.world.handle(issued(OTHER), rendered(OTHER))
    restored.world.tick(seconds=DAY)
    assert restored.world.sent()[-2:] == [(OTHER, "award"), (OTHER, "completion")]
    assert restored.world.moment > START
