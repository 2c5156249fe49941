"""Letters that another service asks for leave once, or end with a reason; with a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email import message_from_bytes
from email.policy import default

import pytest

from services.mailer import handlers
from services.mailer.domain.delivery import Bounced, Deferred, Sent, SmtpReply
from services.mailer.domain.letters import return_path
from services.mailer.domain.requested import request_id
from services.mailer.reports import note_report
from services.mailer.store.ledger import MailerTransaction
from shared.clock import JST
from shared.errors import Unreadable
from shared.events import Event, LetterUpdated
from shared.letter_events import RequestedLetterUpdated
from shared.office_events import OfficeDecided
from shared.runtime.recall import Recall
from tests.worlds.bounces import complaint, postfix
from tests.worlds.mailer import PROGRAMME, START, MailerWorld, asked, issued, mailer_at, resend
from tests.worlds.postgres import Databases
from tests.worlds.recalled import announced, take_back

DOMAIN = PROGRAMME.sender.bounce_domain
PATH = return_path("reset-password", request_id("L-1"), DOMAIN)
RECALLS: Mapping[type[Event], Recall] = {
    LetterUpdated: MailerTransaction.take_back_letters,
    RequestedLetterUpdated: MailerTransaction.take_back_requested,
}


@dataclass
class Post:
    """A mail server with one answer; it keeps what it was given."""

    answer: SmtpReply = field(default_factory=lambda: Sent("250 ok"))
    given: list[tuple[str, str, bytes]] = field(default_factory=list)

    def send(self, return_path: str, recipient: str, message: bytes) -> SmtpReply:
        self.given.append((return_path, recipient, message))
        return self.answer


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def mailer(databases: Databases, post: Post) -> Iterator[MailerWorld]:
    with mailer_at(databases.fresh(), post.send) as made:
        yield made


def states(mailer: MailerWorld, letter_id: str = "L-1") -> list[str]:
    return [event.state for event in mailer.requested(letter_id)]


def test_a_letter_that_is_asked_for_twice_leaves_once_and_at_once(mailer: MailerWorld, post: Post) -> None:
    mailer.handle(asked(), asked(), asked("L-2", recipient="jiro@example.jp"))
    mailer.tick()
    mailer.tick(hours=1)
    assert states(mailer) == states(mailer, "L-2") == ["queued", "sent"]
    assert [(path, to) for path, to, _ in post.given if to == "taro@example.jp"] == [(PATH, "taro@example.jp")]
    assert len(post.given) == 2


def test_letters_that_are_asked_for_leave_before_those_of_a_cohort_and_while_its_letters_are_held(
    mailer: MailerWorld, post: Post
) -> None:
    mailer.handle(issued())
    mailer.moment += timedelta(hours=2)
    mailer.handle(asked(hours=None))
    mailer.handle(
        OfficeDecided(decision_id="H", decision="hold-letters", subject="2026", by="desk", why="x", decided_at=START)
    )
    mailer.tick()
    assert [path for path, _, _ in post.given] == [PATH]


def test_a_letter_that_leaves_late_says_when_its_link_ends(mailer: MailerWorld, post: Post) -> None:
    mailer.handle(asked(hours=2))
    mailer.tick(hours=1.5)
    ends = (START + timedelta(hours=2)).astimezone(JST)
    [(_, _, letter)] = post.given
    text = message_from_bytes(letter, policy=default).get_body(("plain",))
    assert text is not None and f"{ends.day}日 {ends.hour}時{ends.minute:02}分まで" in text.get_content()


@pytest.mark.parametrize("answer", [Deferred("451 later"), Sent("250 ok")], ids=["deferred", "not written yet"])
def test_a_letter_whose_link_has_ended_is_cancelled_and_not_sent(
    mailer: MailerWorld, post: Post, answer: SmtpReply
) -> None:
    post.answer = answer
    mailer.handle(asked(hours=24))
    if isinstance(answer, Deferred):
        mailer.tick()
    post.answer = Sent("250 ok")
    given = len(post.given)
    mailer.tick(hours=24)
    assert states(mailer)[-1] == "cancelled"
    assert len(post.given) == given
    mailer.tick(hours=24)
    assert states(mailer).count("cancelled") == 1


def test_one_without_an_end_is_never_cancelled(mailer: MailerWorld) -> None:
    mailer.handle(asked(hours=None))
    mailer.tick(days=400)
    assert states(mailer) == ["queued", "sent"]


@pytest.mark.parametrize(
    "request_",
    [asked(letter="no-such-letter"), asked(link=""), asked(name=" "), asked(letter="award")],
    ids=["unknown", "no link", "no name", "of a badge"],
)
def test_a_request_that_can_not_be_written_whole_opens_nothing(mailer: MailerWorld, request_: Event) -> None:
    with pytest.raises(Unreadable, match="expected"):
        mailer.handle(request_)
    mailer.handle(asked())
    mailer.tick()
    assert states(mailer) == ["queued", "sent"]


def test_a_letter_to_an_address_that_is_none_ends_suppressed_and_costs_itself(mailer: MailerWorld, post: Post) -> None:
    mailer.handle(asked("L-2", recipient="a@example.jp\r\nBcc: b@example.jp"), asked())
    mailer.tick()
    assert (states(mailer), states(mailer, "L-2")) == (["queued", "sent"], ["suppressed"])
    assert mailer.requested("L-2")[0].answer == "unwritable"
    assert len(post.given) == 1


@pytest.mark.parametrize(
    ("report", "state"), [(postfix(PATH), "bounced"), (complaint(PATH, "<x@y.example>"), "suppressed")]
)
def test_a_bounce_and_a_complaint_are_noted_of_their_letter(mailer: MailerWorld, report: bytes, state: str) -> None:
    mailer.handle(asked())
    mailer.tick()
    note_report(report, [PATH], mailer.ports)
    note_report(report, [PATH], mailer.ports)
    assert states(mailer) == ["queued", "sent", state]


def test_a_refusal_of_the_server_bounces_it_and_the_office_does_not_send_it_again(
    mailer: MailerWorld, post: Post
) -> None:
    post.answer = Bounced("550 5.1.1 <taro@example.jp> unknown")
    mailer.handle(asked(), resend("D", "reset-password", request_id("L-1")))
    mailer.tick()
    assert states(mailer) == ["queued", "bounced"]
    assert "@" not in (mailer.requested()[-1].answer or "")
    mailer.handle(resend("D2", "reset-password", request_id("L-1")))
    assert mailer.settled() == {"D": "no-such-letter", "D2": "no-such-letter"}


def test_after_some_time_the_bytes_and_the_facts_of_letters_are_forgotten_and_the_ledger_stays(
    mailer: MailerWorld, post: Post
) -> None:
    mailer.ports = replace(mailer.ports, kept=timedelta(days=30))
    mailer.handle(asked(), asked("L-2", hours=None, recipient="nobody"), issued())
    mailer.tick(hours=2)
    mailer.moment += timedelta(days=29)
    mailer.handle(asked("L-3", hours=None))
    mailer.tick()
    assert handlers.forget(mailer.ports) == 0
    mailer.moment += timedelta(days=2)
    while handlers.forget(mailer.ports):
        pass
    with mailer.ports.store.transaction() as tx:
        kept = tx.cursor.execute("select letter_id, recipient, facts is null from requests order by 1").fetchall()
        rows = tx.cursor.execute("select state, message is null from messages order by created_at, id").fetchall()
    assert kept == [("L-1", None, True), ("L-2", None, True), ("L-3", "taro@example.jp", False)]
    assert sorted(rows) == [("sent", False), ("sent", True), ("sent", True), ("suppressed", True)]
    given = len(post.given)
    mailer.handle(asked(), resend())
    mailer.tick()
    assert [path.partition(".")[2] for path, _, _ in post.given[given:]] == [f"award@{DOMAIN}"]


@pytest.mark.parametrize("first", ["request", "recall"])
@pytest.mark.parametrize(
    "answer", [Sent("250 ok"), Bounced("550 no"), Deferred("451 later")], ids=lambda a: type(a).__name__
)
def test_after_a_restore_a_letter_that_came_to_its_end_is_not_sent_again_and_one_that_waits_goes_on(
    databases: Databases, first: str, answer: SmtpReply
) -> None:
    later_post, post = Post(answer), Post()
    with mailer_at(databases.fresh(), later_post.send) as later, mailer_at(databases.fresh(), post.send) as restored:
        later.handle(asked())
        later.tick()
        if first == "request":  # the backup holds the request, not yet the letter
            restored.handle(asked())
        take_back(restored.ports.store, RECALLS, announced(later.ports.store))
        restored.handle(asked())
        restored.moment = later.moment
        restored.tick(minutes=2)
    again = [content for _, _, content in post.given]
    assert again == ([later_post.given[0][2]] if isinstance(answer, Deferred) else [])


def test_letters_that_were_asked_for_are_taken_back_together(databases: Databases) -> None:
    with mailer_at(databases.fresh(), Post().send) as later, mailer_at(databases.fresh(), Post().send) as restored:
        requests = [asked(f"L-{number}") for number in range(3)]
        later.handle(*requests)
        later.tick()
        assert take_back(restored.ports.store, RECALLS, announced(later.ports.store)) == 6
        restored.handle(*requests)
        restored.tick(minutes=2)
        assert restored.announced() == []
