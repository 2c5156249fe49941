"""Which letters leave about a corrected badge, in any order of its events; on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from itertools import groupby, permutations
from random import Random
from threading import Thread

import pytest

from services.mailer import handlers
from services.mailer.domain.delivery import Deferred, Sent, SmtpReply
from services.mailer.domain.letters import Letter
from shared.events import Event
from tests.worlds.mailer import APRIL_1, ID, OTHER, MailerWorld, issued, mailer_at, received, rendered, resend, revoked
from tests.worlds.postgres import Databases

NEWEST = "CDEFGHIJKLMNOPQRSTUVWX2345"
REGISTRATION = "R-1"


@dataclass
class Post:
    """A mail server that accepts everything, or nothing while it is busy."""

    taken: list[tuple[str, str]] = field(default_factory=list)
    busy: bool = False
    texts: list[str] = field(default_factory=list)  # of what was taken

    def send(self, return_path: str, recipient: str, message: bytes) -> SmtpReply:
        if self.busy:
            return Deferred("450 busy")
        assertion_id, letter = return_path.removeprefix("bounce+").split("@")[0].split(".")
        self.taken.append((assertion_id, letter))
        text = message_from_bytes(message, policy=default).get_body(("plain",))
        assert text is not None
        self.texts.append(text.get_content())
        return Sent("250 ok")

    def about(self, assertion_id: str) -> list[str]:
        return [letter for taken, letter in self.taken if taken == assertion_id]


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def mailer(databases: Databases, post: Post) -> Iterator[MailerWorld]:
    with mailer_at(databases.fresh(), post.send) as made:
        made.moment = APRIL_1
        yield made


def first() -> Event:
    return issued(ID, registration_id=REGISTRATION)


def second(email: str = "TARO@example.jp") -> Event:
    return issued(OTHER, email=email, version=2, corrects=ID, registration_id=REGISTRATION)


# ── every order ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Story:
    """One holder's events, each of them twice, in one order."""

    old: str
    new: str
    events: tuple[Event, ...]


def _stories(count: int, *, same_address: bool, is_received: bool) -> list[Story]:
    """`count` random orders of the events of a badge and of the badge that corrects it."""
    heard = 7 if is_received and same_address else 5
    orders = Random(20260401).sample(list(permutations(range(heard))), count)
    return [_story(number, order, same_address, is_received) for number, order in enumerate(orders)]


def _story(number: int, order: Sequence[int], same_address: bool, is_received: bool) -> Story:
    old, new = (f"{number:05}".translate(str.maketrans("01", "AB")).ljust(26, version) for version in "XY")
    registration = f"R-{number}"
    email = f"holder{number}@example.jp"
    other = email.upper() if same_address else f"corrected{number}@example.jp"
    events = [
        issued(old, email=email, registration_id=registration),
        issued(new, email=other, version=2, corrects=old, registration_id=registration),
        revoked(old, replaced_by=new),
        rendered(new),
        rendered(old) if not is_received else received(old),
        rendered(old),
        received(new),
    ]
    return Story(old, new, tuple(events[place] for place in order))


def _handle_all(stories: Sequence[Story], mailer: MailerWorld, post: Post, *, tick_each: bool) -> list[int]:
    """All stories side by side, event by event; returns how many letters had left after each event."""
    left: list[int] = []
    for step in range(len(stories[0].events)):
        heard = [story.events[step] for story in stories]
        for _, group in groupby(sorted(heard, key=lambda e: type(e).__name__), key=lambda e: type(e).__name__):
            batch = list(group)
            mailer.handle_batch([*batch, *batch])
            mailer.handle_batch(batch)
        if tick_each:
            mailer.tick(minutes=1)
        left.append(len(post.taken))
    mailer.tick(minutes=1)
    return left


def test_a_holder_who_had_the_badge_gets_only_the_letter_about_its_correction(mailer: MailerWorld, post: Post) -> None:
    stories = _stories(700, same_address=True, is_received=True)
    _handle_all(stories, mailer, post, tick_each=False)
    for story in stories:
        assert post.about(story.new) == ["correction"], story.events
        assert post.about(story.old) == []


@pytest.mark.parametrize(("same_address", "is_received"), [(True, False), (False, True), (False, False)])
def test_a_holder_who_has_to_receive_the_new_badge_gets_its_two_letters(
    mailer: MailerWorld, post: Post, same_address: bool, is_received: bool
) -> None:
    stories = _stories(120, same_address=same_address, is_received=is_received)
    _handle_all(stories, mailer, post, tick_each=False)
    for story in stories:
        assert sorted(post.about(story.new)) == ["award", "completion"], story.events
        assert post.about(story.old) == []


def test_the_correction_is_told_once_whenever_letters_leave_in_between(mailer: MailerWorld, post: Post) -> None:
    stories = _stories(700, same_address=True, is_received=True)
    left = _handle_all(stories, mailer, post, tick_each=True)
    endings = set()
    for story in stories:
        told = sorted(post.about(story.new))
        assert told in (["correction"], ["award", "completion"]), story.events
        endings.add(tuple(told))
        void = min(_place(story, "AssertionIssued", story.new), _place(story, "AssertionRevoked", story.old))
        before = post.taken[: left[void - 1] if void else 0]
        assert [letter for taken, letter in before if taken == story.old] == post.about(story.old), story.events
    assert len(endings) == 2


def _place(story: Story, kind: str, assertion_id: str) -> int:
    wanted = (kind, assertion_id)
    return next(place for place, event in enumerate(story.events) if (type(event).__name__, event.key) == wanted)


# ── one thing at a time ─────────────────────────────────────────────────────────────────────────────────


def test_a_receipt_within_ten_seconds_makes_it_the_letter_about_the_correction(mailer: MailerWorld, post: Post) -> None:
    mailer.handle(first(), second())
    mailer.tick(seconds=9)
    mailer.handle(received(ID), rendered(OTHER))
    mailer.tick(seconds=2)
    assert post.taken == [(OTHER, "correction")]


def test_a_receipt_after_the_award_letter_left_changes_no_letter(mailer: MailerWorld, post: Post) -> None:
    mailer.handle(first(), second())
    mailer.tick(seconds=11)
    mailer.handle(received(ID), received(OTHER), rendered(OTHER))
    mailer.tick(seconds=11)
    assert post.taken == [(OTHER, "award"), (OTHER, "completion")]


def test_a_badge_corrected_twice_has_one_letter_about_its_newest_version(mailer: MailerWorld, post: Post) -> None:
    third = issued(NEWEST, version=3, corrects=OTHER, registration_id=REGISTRATION)
    mailer.handle(first(), received(ID), second(), third, rendered(OTHER), rendered(NEWEST))
    mailer.tick(minutes=1)
    assert post.taken == [(NEWEST, "correction")]


def test_no_letter_leaves_about_a_corrected_badge_that_is_revoked(mailer: MailerWorld, post: Post) -> None:
    mailer.handle(first(), received(ID), second(), revoked(OTHER), rendered(OTHER))
    mailer.tick(minutes=1)
    assert post.taken == []
    assert mailer.states(OTHER, "award") == ["suppressed"]


@pytest.mark.parametrize("busy", [True, False])
def test_a_waiting_letter_is_suppressed_when_its_badge_is_corrected(
    mailer: MailerWorld, post: Post, busy: bool
) -> None:
    post.busy = busy
    mailer.handle(first())
    if busy:
        mailer.tick(seconds=1)
    mailer.handle(second("hanako@example.jp"))
    post.busy = False
    mailer.tick(hours=1)
    assert post.taken == [(OTHER, "award")]
    assert mailer.states(ID)[-1] == "suppressed"
    answers = [event.answer for event in mailer.letter_events() if event.state == "suppressed"]
    assert answers == ["corrected"]


def test_a_badge_that_is_replaced_before_anybody_was_told_has_an_ordinary_letter_1(
    mailer: MailerWorld, post: Post
) -> None:
    mailer.moment = APRIL_1 - timedelta(days=1)
    mailer.handle(first())
    mailer.tick()
    mailer.handle(second())
    mailer.moment = APRIL_1
    mailer.tick(seconds=60)
    mailer.tick(seconds=60)
    assert post.taken == [(OTHER, "award")]
    assert "訂正" not in post.texts[0] and "前のバッジ" not in post.texts[0]


def test_the_letter_about_a_badge_that_replaces_one_the_holder_knows_says_so(mailer: MailerWorld, post: Post) -> None:
    mailer.handle(first())
    mailer.tick(seconds=60)
    mailer.handle(second(), issued(NEWEST, version=3, corrects=OTHER, registration_id=REGISTRATION))
    mailer.tick(seconds=60)
    mailer.tick(seconds=60)
    assert post.taken == [(ID, "award"), (NEWEST, "award")]
    assert "訂正" not in post.texts[0] and "訂正" in post.texts[1]


@pytest.mark.parametrize(("letter", "outcome"), [("award", "corrected"), ("correction", "no-such-letter")])
def test_an_order_to_send_a_letter_about_a_corrected_badge_again_is_refused(
    mailer: MailerWorld, post: Post, letter: Letter, outcome: str
) -> None:
    mailer.handle(first())
    mailer.tick(seconds=1)
    mailer.handle(second("hanako@example.jp"), resend("D1", letter), resend("D1", letter))
    mailer.tick(seconds=1)
    assert post.about(ID) == ["award"]
    assert mailer.settled() == {"D1": outcome}


def test_the_letter_about_a_correction_can_be_sent_again(mailer: MailerWorld, post: Post) -> None:
    mailer.handle(first(), received(ID), second(), rendered(OTHER))
    mailer.tick(minutes=1)
    mailer.handle(resend("D1", "correction", OTHER))
    mailer.tick(minutes=1)
    assert post.taken == [(OTHER, "correction")] * 2
    assert mailer.settled() == {"D1": "done"}


def test_two_workers_at_once_send_the_letters_of_each_correction_once(mailer: MailerWorld, post: Post) -> None:
    stories = [
        _story(number, order, same_address=True, is_received=True)
        for number, order in enumerate(Random(7).sample(list(permutations(range(7))), 60))
    ]

    def handle(part: int) -> None:
        for story in stories:
            for event in story.events[part::2]:
                mailer.handle(event)
            mailer.moment += timedelta(seconds=8)  # some letters are chosen before all events are handled
            handlers.write(mailer.ports)

    workers = [Thread(target=handle, args=(part,)) for part in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    mailer.tick(minutes=1)
    for story in stories:
        assert sorted(post.about(story.new)) in (["correction"], ["award", "completion"]), story.events


def test_a_correction_whose_event_is_being_noted_is_left_to_the_next_tick(mailer: MailerWorld, post: Post) -> None:
    mailer.handle(first(), received(ID), second())
    with mailer.ports.store.transaction() as elsewhere:
        elsewhere.note_rendered([rendered(OTHER)])
        mailer.tick(minutes=1)  # does not wait: skips this one
        assert post.taken == []
    mailer.tick(minutes=1)
    assert post.taken == [(OTHER, "correction")]
