"""The address of a badge that is issued changes: its letters go there, the badge stays; with a real PostgreSQL."""

from __future__ import annotations

import email.policy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email import message_from_bytes

import pytest

from services.mailer.domain.delivery import Bounced, Deferred, Sent, SmtpReply
from services.mailer.domain.ledger import ledger_entry
from services.mailer.domain.letters import return_path
from services.mailer.reports import note_report
from shared.errors import TryLater
from shared.events import AddressCorrected, AssertionIssued, Event
from shared.topics import INBOX_MEMORY
from tests.worlds.bounces import complaint, postfix
from tests.worlds.mailer import APRIL_1, ID, PROGRAMME, MailerWorld, issued, mailer_at, received, rendered, revoked
from tests.worlds.meanwhile import meanwhile
from tests.worlds.postgres import Databases

OLD, NEW = "taro@example.jp", "taro@example.org"
PATH = return_path("award", ID, PROGRAMME.sender.bounce_domain)


@dataclass
class Post:
    answer: SmtpReply = field(default_factory=lambda: Sent("250 ok"))
    given: list[tuple[str, bytes]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    def send(self, return_path: str, recipient: str, message: bytes) -> SmtpReply:
        self.paths.append(return_path)
        self.given.append((recipient, message))
        return self.answer

    @property
    def recipients(self) -> list[str]:
        for recipient, message in self.given:  # the letter names whom the envelope names
            assert message_from_bytes(message)["To"] == recipient
        return [recipient for recipient, _ in self.given]


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def mailer(databases: Databases, post: Post) -> Iterator[MailerWorld]:
    with mailer_at(databases.fresh(), post.send) as made:
        yield made


def moved(revision: int = 1, email: str = NEW) -> AddressCorrected:
    return AddressCorrected(
        registration_id="R-ABCD", cohort="2026", email=email, version=1, revision=revision, corrected_at=APRIL_1
    )


@pytest.mark.parametrize("bounce", ["in the session", "by a report"])
def test_a_letter_that_bounced_goes_to_the_new_address_and_the_badge_is_not_touched(
    mailer: MailerWorld, post: Post, bounce: str
) -> None:
    mailer.handle(issued())
    post.answer = Bounced("550 5.1.1 unknown") if bounce == "in the session" else post.answer
    mailer.tick(hours=1)
    if bounce == "by a report":
        note_report(postfix(PATH), [PATH], mailer.ports)
    post.answer = Sent("250 ok")
    mailer.moment += timedelta(days=3)
    mailer.handle(moved(), moved())
    mailer.tick(hours=1)
    assert post.recipients == [OLD, NEW]
    assert mailer.states()[-3:] == ["bounced", "queued", "sent"]
    first, again = (message_from_bytes(message) for _, message in post.given)
    assert first["Message-ID"] == again["Message-ID"] and first["Date"] != again["Date"]
    assert not [event for event in mailer.announced() if isinstance(event, AssertionIssued)]


def test_while_the_badge_waits_letter_1_goes_to_each_new_address_with_a_link_of_its_own(
    mailer: MailerWorld, post: Post
) -> None:
    mailer.handle(issued())
    mailer.tick(hours=1)
    mailer.handle(moved())
    mailer.tick(hours=1)
    mailer.handle(moved(2, "taro@example.net"), moved())
    mailer.tick(hours=1)
    assert post.recipients == [OLD, NEW, "taro@example.net"]
    links = {line for _, message in post.given for line in _text(message).splitlines() if "/receive/" in line}
    assert len(links) == 3


@pytest.mark.parametrize("first", ["address", "badge"])
def test_a_badge_and_its_new_address_that_are_noted_at_the_same_time_find_each_other(
    mailer: MailerWorld, first: str
) -> None:
    """As after a restore, when both topics are read again."""
    if first == "address":
        meanwhile(mailer.ports.store, lambda tx: tx.note_addresses([moved()]), lambda: mailer.handle(issued()))
    else:
        meanwhile(mailer.ports.store, lambda tx: tx.note_issued([issued()]), lambda: mailer.handle(moved()))
    with mailer.ports.store.transaction() as tx:
        assert tx.cursor.execute("select email, address_revision from holders").fetchall() == [(NEW, 1)]


@pytest.mark.parametrize("made", [postfix, lambda to: complaint(to, "<x@y.example>")], ids=["bounce", "complaint"])
def test_what_comes_back_from_the_former_address_says_nothing_of_the_letter_to_the_new_one(
    mailer: MailerWorld, post: Post, made: Callable[[str], bytes]
) -> None:
    mailer.handle(issued())
    mailer.tick(hours=1)
    mailer.handle(moved())
    mailer.tick(hours=1)
    first, again = post.paths
    note_report(made(first), [first], mailer.ports)
    assert mailer.states()[-1] == "sent"
    note_report(made(again), [again], mailer.ports)
    assert mailer.states()[-1] in ("bounced", "suppressed")


@pytest.mark.parametrize("restored", [False, True])
@pytest.mark.parametrize("why", ["complaint", "unwritable"])
def test_a_letter_that_is_suppressed_because_of_its_address_goes_to_the_new_one(
    mailer: MailerWorld, post: Post, why: str, restored: bool
) -> None:
    mailer.handle(issued(email=OLD if why == "complaint" else "taro@example.jp, hanako"))
    mailer.tick(hours=1)
    if why == "complaint":
        note_report(complaint(PATH, "<x@y.example>"), [PATH], mailer.ports)
    assert mailer.states()[-1] == "suppressed"
    if restored:  # the row as `take_back_letters` makes it: what was announced is all that is known
        entry = ledger_entry(mailer.letter_events(), None)
        with mailer.ports.store.transaction() as tx:
            tx.cursor.execute("update messages set reason = %s, message = null", (entry.reason,))
    mailer.handle(moved())
    mailer.tick(hours=1)
    assert post.recipients[-1] == NEW
    *_, suppressed, queued, sent = mailer.letter_events()
    assert [each.state for each in (suppressed, queued, sent)] == ["suppressed", "queued", "sent"]
    assert suppressed.place < queued.place < sent.place


def test_a_letter_that_can_not_be_written_to_the_new_address_either_is_suppressed_again(
    mailer: MailerWorld, post: Post
) -> None:
    mailer.handle(issued(qualification="unknown"))
    mailer.tick(hours=1)
    mailer.handle(moved())
    mailer.tick(hours=1)
    assert [each.state for each in mailer.letter_events()] == ["suppressed", "queued", "suppressed"]
    places = [each.place for each in mailer.letter_events()]
    assert places == sorted(set(places))


def test_a_letter_that_was_not_sent_again_ends_by_the_bounce_of_the_former_address(
    mailer: MailerWorld, post: Post
) -> None:
    mailer.handle(issued(), rendered())
    mailer.tick(hours=1)
    mailer.handle(received(), moved())
    mailer.tick(hours=1)
    path = return_path("completion", ID, PROGRAMME.sender.bounce_domain)
    note_report(postfix(path), [path], mailer.ports)
    assert mailer.states(letter="completion") == ["queued", "sent", "bounced"]


@pytest.mark.parametrize("end", [received(), revoked()])
def test_of_a_badge_that_was_received_or_revoked_no_letter_that_arrived_goes_again(
    mailer: MailerWorld, post: Post, end: Event
) -> None:
    mailer.handle(issued(), rendered())
    mailer.tick(hours=1)
    mailer.handle(end, moved())
    mailer.tick(hours=1)
    assert post.recipients == [OLD, OLD]


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
@pytest.mark.parametrize("deferred", [True, False])
def test_letters_that_wait_leave_to_the_new_address_only(
    mailer: MailerWorld, post: Post, order: list[int], deferred: bool
) -> None:
    events = [issued(), moved()]
    mailer.handle(events[order[0]])
    post.answer = Deferred("451 later") if deferred else post.answer
    if order == [0, 1] and deferred:
        mailer.tick(hours=1)
    post.given.clear()
    post.answer = Sent("250 ok")
    mailer.handle(events[order[1]])
    mailer.tick(hours=2)
    assert post.recipients == [NEW]
    assert mailer.states()[-1] == "sent"


@pytest.mark.parametrize("answer", [Sent("250 ok"), Bounced("550 no"), Deferred("451 later"), None])
def test_a_letter_that_was_on_its_way_to_the_former_address_goes_to_the_new_one_whatever_the_answer(
    mailer: MailerWorld, post: Post, answer: SmtpReply | None
) -> None:
    def send(return_path: str, recipient: str, message: bytes) -> SmtpReply:
        if not post.given:
            post.given.append((recipient, message))
            mailer.handle(moved())
            if answer is None:
                raise TryLater("the server is away")
            return answer
        return post.send(return_path, recipient, message)

    mailer.ports = replace(mailer.ports, send=send)
    mailer.handle(issued())
    try:
        mailer.tick(hours=1)
    except TryLater:
        mailer.tick(hours=1)
    mailer.tick(hours=1)
    assert post.recipients == [OLD, NEW]
    assert mailer.states()[-1] == "sent"


def _text(message: bytes) -> str:
    body = message_from_bytes(message, policy=email.policy.default).get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def test_a_badge_that_is_announced_again_long_after_keeps_its_address(mailer: MailerWorld, post: Post) -> None:
    mailer.handle(issued(), received(), moved())
    mailer.tick(hours=1)
    with mailer.ports.store.transaction() as tx:
        assert tx.forget_claims(tx.now() + INBOX_MEMORY) > 0
    mailer.handle(issued(), received(), moved(), rendered(), revoked())
    mailer.tick(hours=3)
    assert post.recipients == [NEW, NEW]
