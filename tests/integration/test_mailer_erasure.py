"""A person is erased in the mailer: nothing of theirs stays or leaves, whatever is read first; on a real PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from msgspec.structs import replace

from services.mailer import handlers
from services.mailer.domain.delivery import Deferred, Sent, SmtpReply
from services.mailer.domain.letters import return_path
from services.mailer.reports import note_report
from services.mailer.store.ledger import MailerTransaction
from shared.clock import JST
from shared.erasure_events import AssertionsErased, PersonErased
from shared.errors import TryLater
from shared.events import AddressCorrected, AssertionIssued, Event, Holder, LetterUpdated
from shared.letter_events import DeskLetterRequested, LetterRequested, RequestedLetterUpdated
from shared.office_events import DecisionSettled
from shared.runtime.recall import Recall
from shared.topics import INBOX_MEMORY
from tests.worlds.bounces import postfix
from tests.worlds.mailer import (
    APRIL_1,
    ID,
    OTHER,
    PROGRAMME,
    START,
    MailerWorld,
    asked,
    issued,
    mailer_at,
    received,
    rendered,
    resend,
    revoked,
)
from tests.worlds.meanwhile import meanwhile
from tests.worlds.postgres import Databases
from tests.worlds.recalled import announced, back_up, take_back
from tests.worlds.tables import rows_at, tables_with

OLD, NEW = "hanako@example.jp", "hanako@example.org"
DESK = "desk@example.jp"
RECALLS: Mapping[type[Event], Recall] = {
    LetterUpdated: MailerTransaction.take_back_letters,
    RequestedLetterUpdated: MailerTransaction.take_back_requested,
    DecisionSettled: MailerTransaction.take_back_settled,
}


@dataclass
class Post:
    answer: SmtpReply | TryLater = field(default_factory=lambda: Sent("250 ok"))
    meanwhile: Callable[[], object] = lambda: None
    recipients: list[str] = field(default_factory=list)

    def send(self, return_path: str, recipient: str, message: bytes) -> SmtpReply:
        self.recipients.append(recipient)
        self.meanwhile()
        if isinstance(self.answer, TryLater):
            raise self.answer
        return self.answer


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def mailer(databases: Databases, post: Post) -> Iterator[MailerWorld]:
    with mailer_at(databases.fresh(), post.send) as made:
        yield made


@dataclass(frozen=True)
class Person:
    """One of several, each with a badge, two addresses and a letter asked for; `number` makes the values theirs."""

    number: str = "01"

    @property
    def badge(self) -> str:
        return f"{self.number}CDEFGHIJKLMNOPQRSTUVWX23"

    @property
    def values(self) -> tuple[str, ...]:
        return f"花子{self.number}", f"{self.number}{OLD}", f"{self.number}{NEW}", f"合格{self.number}"

    @property
    def issued(self) -> AssertionIssued:
        name, old, _, number = self.values
        event = issued(self.badge, email=old, registration_id=f"R{self.number}")
        holder = Holder(person_id=self.number, family_name="見本", given_name=name, email=old)
        return replace(event, holder=holder, award=replace(event.award, pass_number=number))

    @property
    def moved(self) -> AddressCorrected:
        return AddressCorrected(
            registration_id=f"R{self.number}",
            cohort="2026",
            email=self.values[2],
            version=1,
            revision=1,
            corrected_at=APRIL_1,
        )

    @property
    def requests(self) -> list[LetterRequested]:
        name, old, new, _ = self.values
        enquiry = {"kind": "x", "number": f"E{self.number}", "body": f"{name} です", "link": "https://ops.example.jp/1"}
        return [
            asked(f"asked-{self.number}", recipient=old, name=f"見本 {name}"),
            asked(f"again-{self.number}", recipient=new, name=f"見本 {name}"),
            DeskLetterRequested(
                letter_id=f"enquiry/{self.number}",
                letter="enquiry",
                recipient=DESK,
                facts=enquiry,
                requested_at=START,
                reply_to=new,
            ),
        ]

    @property
    def revoked(self) -> Event:
        return replace(revoked(self.badge), erased=True)

    @property
    def erased(self) -> PersonErased:
        return PersonErased(
            decision_id=f"erase-{self.number}",
            subject=f"R{self.number}",
            registration_ids=(f"R{self.number}", f"R{self.number}b"),
            erased_at=APRIL_1,
        )

    @property
    def credentials_erased(self) -> AssertionsErased:
        return AssertionsErased(
            decision_id=f"erase-{self.number}",
            subject=f"R{self.number}",
            registration_ids=self.erased.registration_ids,
            assertion_ids=(self.badge,),
            erased_at=APRIL_1,
        )

    @property
    def life(self) -> list[Event]:
        return [self.issued, self.moved, received(self.badge), rendered(self.badge), *self.requests]


PERSON, NEIGHBOUR = Person(), Person("02")


def holds(mailer: MailerWorld, person: Person) -> set[str]:
    """The tables that say something of a person; of messages and holders also those with a row about the badge."""
    url = mailer.ports.store.url
    found = {*tables_with(url, *person.values)}
    for table in ("messages", "holders"):
        if rows_at(url, f"select from {table} where assertion_id = %s", person.badge):
            found.add(table)
    return found


def kept(mailer: MailerWorld) -> dict[str, list[tuple[object, ...]]]:
    tables = ("holders", "messages", "requests", "corrected_addresses")
    return {table: rows_at(mailer.ports.store.url, f"select * from {table} order by 1") for table in tables}


def test_nothing_stays_of_who_is_erased_and_nothing_leaves_to_them_whatever_is_read_first(
    mailer: MailerWorld, post: Post
) -> None:
    """Of each order: the letters to an address that no event had said before they were asked for are sent."""
    for number in range(20):
        person = Person(f"{number:02}")
        events = [*person.life, person.revoked, person.erased, person.credentials_erased]
        order = random.Random(number).sample(events, len(events))
        for place, event in enumerate(order):
            mailer.handle(event)
            before = len(post.recipients)
            mailer.tick(seconds=1 + 40_000 * (number == 0 and place == 0))
            if person.erased in order[: place + 1]:
                known = {each.holder.email for each in order[:place] if isinstance(each, AssertionIssued)}
                known |= {each.email for each in order[:place] if isinstance(each, AddressCorrected)}
                assert not known & set(post.recipients[before:]), order
        handlers.remind(mailer.ports)
        mailer.tick(hours=1)
        assert holds(mailer, person) == set(), order
    told = [event.letter for event in mailer.letter_events()]
    assert "award" in told and "completion" in told and "revocation" not in told
    assert mailer.settled() == {f"erase-{number:02}": "done" for number in range(20)}


def test_no_letter_tells_of_the_revocation_by_which_a_holder_is_erased(mailer: MailerWorld) -> None:
    mailer.moment = APRIL_1
    for number, order in enumerate(permutations(("issued", "received", "revoked", "told"))):
        person = Person(f"{number:02}")
        steps: dict[str, Callable[[], object]] = {
            "issued": lambda person=person: mailer.handle(person.issued, rendered(person.badge)),  # type: ignore[misc]
            "received": lambda person=person: mailer.handle(received(person.badge)),  # type: ignore[misc]
            "revoked": lambda person=person: mailer.handle(person.revoked),  # type: ignore[misc]
            "told": lambda: mailer.tick(minutes=1),
        }
        for step in order:
            steps[step]()
    mailer.tick(days=2)
    told = {event.letter for event in mailer.letter_events() if event.state == "sent"}
    assert told == {"award", "completion"}


def test_all_others_and_their_letters_stay_as_they_are(mailer: MailerWorld, post: Post) -> None:
    mailer.moment = APRIL_1
    name = PERSON.issued.holder
    namesake = replace(NEIGHBOUR.issued, holder=replace(name, email=NEIGHBOUR.values[1]))
    mailer.handle(namesake, *NEIGHBOUR.life[2:])
    post.answer = Deferred("451 later")
    mailer.tick(minutes=1)
    mailer.handle(asked("namesake", recipient="namesake@example.net", name=name.family_first))
    before = kept(mailer)
    mailer.handle(*PERSON.life)
    assert kept(mailer) != before
    mailer.handle(PERSON.erased, PERSON.revoked, PERSON.credentials_erased)
    assert kept(mailer) == before
    post.answer = Sent("250 ok")
    mailer.tick(hours=2)
    assert not {PERSON.values[1], PERSON.values[2]} & set(post.recipients)
    assert {NEIGHBOUR.values[1], "namesake@example.net", DESK} <= set(post.recipients)


def test_an_ended_letter_to_another_address_that_says_the_name_is_forgotten_but_for_its_ids(
    mailer: MailerWorld,
) -> None:
    name = "見本" + PERSON.values[0]  # as the holder typed it in the wallet
    mailer.handle(PERSON.issued, asked("second", recipient="second@example.net", name=name))
    mailer.tick()
    assert tables_with(mailer.ports.store.url, "second@example.net").keys() == {"requests", "messages"}
    mailer.handle(PERSON.erased)
    assert tables_with(mailer.ports.store.url, "second@example.net", name) == {}
    assert rows_at(mailer.ports.store.url, "select state, message from messages") == [("sent", None)]


@pytest.mark.parametrize(
    "answer", [Sent("250 ok"), Deferred("451 later"), TryLater("away")], ids=["sent", "deferred", "away"]
)
def test_a_letter_on_its_way_writes_nothing_back_and_is_the_last(
    mailer: MailerWorld, post: Post, answer: SmtpReply | TryLater
) -> None:
    mailer.moment = APRIL_1
    mailer.handle(PERSON.issued, PERSON.requests[0])
    post.answer = answer
    post.meanwhile = lambda: mailer.handle(PERSON.erased)
    try:
        mailer.tick(minutes=1)
    except TryLater:
        assert isinstance(answer, TryLater)
    post.answer, post.meanwhile = Sent("250 ok"), lambda: None
    given = len(post.recipients)
    mailer.tick(hours=3)
    assert given <= 2 and len(post.recipients) == given
    assert holds(mailer, PERSON) == set()
    assert [event.state for event in mailer.letter_events()] == ["queued"]


def test_what_comes_back_later_of_a_letter_is_ignored(mailer: MailerWorld) -> None:
    mailer.moment = APRIL_1
    mailer.handle(PERSON.issued)
    mailer.tick(minutes=1)
    mailer.handle(PERSON.erased)
    before = mailer.announced()
    path = return_path("award", PERSON.badge, PROGRAMME.sender.bounce_domain)
    note_report(postfix(path), [path], mailer.ports)
    mailer.handle(resend(subject=PERSON.badge))
    assert mailer.settled()["D1"] == "no-such-letter"
    assert len(mailer.announced()) == len(before) + 1 and holds(mailer, PERSON) == set()


def test_reminders_are_not_opened_while_their_reader_is_erased(mailer: MailerWorld) -> None:
    mailer.handle(PERSON.issued)
    mailer.moment = datetime(2026, 4, 1, 12, tzinfo=JST).astimezone(UTC)
    mailer.tick()
    mailer.moment += timedelta(days=PROGRAMME.letters.reminder_days[0])
    store = mailer.ports.store
    assert meanwhile(store, lambda tx: _erase(tx, PERSON), lambda: handlers.remind(mailer.ports)) == 0
    assert holds(mailer, PERSON) == set()


def test_reminders_that_are_being_opened_are_waited_for_and_erased(mailer: MailerWorld) -> None:
    mailer.handle(PERSON.issued)
    mailer.moment = datetime(2026, 4, 1, 12, tzinfo=JST).astimezone(UTC)
    mailer.tick()

    def open_one(tx: MailerTransaction) -> None:
        tx.await_erasures()
        row = {"assertion_id": PERSON.badge, "letter": "reminder-1", "state": "waiting", "next_try_at": mailer.moment}
        tx.insert_rows("messages", [{**row, "created_at": mailer.moment}])

    meanwhile(mailer.ports.store, open_one, lambda: mailer.handle(PERSON.erased))
    assert holds(mailer, PERSON) == set()


def _erase(tx: MailerTransaction, person: Person) -> None:
    for event in tx.claim_erasures([person.erased]):
        rows = tx.erase_rows(event.registration_ids, (), event.erased_at)
        tx.erase(event.decision_id, [*event.registration_ids, *rows.assertion_ids], rows.addresses)


def test_an_erasure_that_is_cut_off_is_done_whole_the_next_time_and_once(mailer: MailerWorld) -> None:
    mailer.handle(*PERSON.life)
    with pytest.raises(ZeroDivisionError), mailer.ports.store.transaction() as tx:
        _erase(tx, PERSON)
        raise ZeroDivisionError
    assert holds(mailer, PERSON)
    for _ in range(2):
        mailer.handle(PERSON.erased, PERSON.credentials_erased)
        assert holds(mailer, PERSON) == set()
    assert [each for each in mailer.announced() if isinstance(each, DecisionSettled)] == [
        PERSON.erased.settled("mailer", mailer.moment)
    ]


@pytest.mark.parametrize("is_known", [True, False], ids=["the backup knows them", "the backup is empty"])
def test_after_a_restore_nobody_who_was_erased_gets_a_letter_or_comes_back(
    mailer: MailerWorld, post: Post, is_known: bool
) -> None:
    mailer.moment = APRIL_1
    post.answer = Deferred("451 later")
    events: Sequence[Event] = [*PERSON.life, PERSON.revoked, PERSON.erased, PERSON.credentials_erased]
    backup = back_up(mailer.ports.store)
    mailer.handle(*PERSON.life)
    mailer.tick(minutes=1)
    if is_known:
        backup = back_up(mailer.ports.store)
    mailer.handle(*events[len(PERSON.life) :])
    facts, tried = announced(mailer.ports.store), len(post.recipients)
    post.answer = Sent("250 ok")
    for number in range(10):
        backup.restore()
        take_back(mailer.ports.store, RECALLS, facts)
        order = random.Random(number).sample(events, len(events))
        mailer.handle(*order)
        mailer.tick(days=1)
        assert len(post.recipients) == tried, order
        assert holds(mailer, PERSON) == set(), order


def test_who_registers_once_more_gets_letters_at_the_same_address(mailer: MailerWorld, post: Post) -> None:
    mailer.handle(*PERSON.life, PERSON.erased, PERSON.revoked, PERSON.credentials_erased)
    later = replace(issued(OTHER, email=PERSON.values[1], registration_id="R99"), replaces=PERSON.badge)
    mailer.moment = APRIL_1
    request = replace(asked("later", recipient=PERSON.values[1]), requested_at=APRIL_1 + timedelta(minutes=1))
    mailer.handle(later, request)
    mailer.tick(hours=1)
    assert post.recipients == [PERSON.values[1]] * 2
    mailer.tick(days=INBOX_MEMORY.days + 1)
    handlers.forget(mailer.ports)
    assert rows_at(mailer.ports.store.url, "select * from erased_recipients") == []
    assert mailer.states(ID) == []
