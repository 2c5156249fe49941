"""Reminders and notices of expiry: when they leave and when they don't; with a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from services.mailer import handlers
from services.mailer.domain.delivery import Deferred, Sent, SmtpReply
from services.mailer.domain.letters import return_path
from services.mailer.reports import note_report
from services.mailer.store.ledger import MailerTransaction
from shared.clock import JST
from shared.events import AddressCorrected, Event, LetterUpdated
from tests.worlds.bounces import complaint
from tests.worlds.mailer import APRIL_1, ID, OTHER, PROGRAMME, MailerWorld, issued, mailer_at, received, revoked
from tests.worlds.postgres import Databases
from tests.worlds.recalled import announced, take_back

NOON = datetime(2026, 4, 1, 12, 0, tzinfo=JST)


class Post:
    answer: SmtpReply = Sent("250 ok")

    def send(self, return_path: str, recipient: str, message: bytes) -> SmtpReply:
        return self.answer


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def mailer(databases: Databases, post: Post) -> Iterator[MailerWorld]:
    """Letter 1 was sent on April 1 at noon."""
    with mailer_at(databases.fresh(), post.send) as made:
        made.handle(issued())
        made.moment = NOON.astimezone(UTC)
        made.tick()
        yield made


def live(mailer: MailerWorld, until: datetime, *, hours: float = 12) -> None:
    """The ticks run again and again until then."""
    while mailer.moment < until:
        mailer.moment = min(mailer.moment + timedelta(hours=hours), until)
        handlers.remind(mailer.ports)
        mailer.tick()


def later(days: float) -> datetime:
    return NOON + timedelta(days=days)


def sent(mailer: MailerWorld) -> list[tuple[str, int]]:
    """Letters about the badge, each with the days after letter 1."""
    return [
        (e.letter, (e.at - NOON).days) for e in mailer.letter_events() if e.state == "sent" and e.assertion_id == ID
    ]


def test_who_does_not_receive_is_reminded_three_times_and_no_more(mailer: MailerWorld) -> None:
    live(mailer, later(400))
    assert sent(mailer) == [("award", 0), ("reminder-1", 7), ("reminder-2", 21), ("reminder-3", 60)]


@pytest.mark.parametrize(
    "end", [received(), revoked(), issued(OTHER, version=2, corrects=ID, registration_id="R-ABCD")]
)
def test_after_the_receipt_the_revocation_or_the_correction_nobody_is_reminded_of_the_badge(
    mailer: MailerWorld, end: Event
) -> None:
    live(mailer, later(8))
    mailer.handle(end)
    live(mailer, later(100))
    assert [letter for letter, _ in sent(mailer) if letter.startswith("reminder")] == ["reminder-1"]


@pytest.mark.parametrize("corrected", [False, True])
def test_who_complains_of_a_reminder_gets_no_other_at_that_address(mailer: MailerWorld, corrected: bool) -> None:
    live(mailer, later(8))
    path = return_path("reminder-1", ID, PROGRAMME.sender.bounce_domain)
    note_report(complaint(path, "<x@y.example>"), [path], mailer.ports)
    if corrected:
        mailer.handle(
            AddressCorrected(
                registration_id="R-ABCD",
                cohort="2026",
                email="taro@example.org",
                version=1,
                revision=1,
                corrected_at=later(8),
            )
        )
    live(mailer, later(100))
    reminded = [letter for letter, _ in sent(mailer) if letter.startswith("reminder")]
    assert reminded == ["reminder-1", *(["reminder-2", "reminder-3"] if corrected else [])]


@pytest.mark.parametrize("end", [received(), revoked()])
def test_a_reminder_on_its_way_is_cancelled_by_the_receipt_and_by_the_revocation(
    mailer: MailerWorld, post: Post, end: Event
) -> None:
    post.answer = Deferred("451 later")
    live(mailer, later(7))
    mailer.handle(end)
    post.answer = Sent("250 ok")
    mailer.tick(hours=1)
    assert mailer.states(letter="reminder-1") == ["queued", "deferred", "cancelled"]


def test_a_reminder_whose_hour_is_at_night_waits_for_the_morning(mailer: MailerWorld, post: Post) -> None:
    live(mailer, later(6.9))
    mailer.moment = later(7.4)  # 21:36
    handlers.remind(mailer.ports)
    mailer.tick()
    assert mailer.states(letter="reminder-1") == []
    post.answer = Deferred("451 later")
    live(mailer, later(7.8))  # 07:12 of the next day
    mailer.moment = later(7.9)
    handlers.remind(mailer.ports)
    mailer.tick()
    assert mailer.states(letter="reminder-1") == ["queued", "deferred"]
    post.answer = Sent("250 ok")
    mailer.moment = later(8.4)  # the next try is due at night
    mailer.tick()
    assert mailer.states(letter="reminder-1") == ["queued", "deferred"]
    mailer.moment = later(8.9)
    mailer.tick()
    assert mailer.states(letter="reminder-1") == ["queued", "deferred", "sent"]


def test_a_badge_of_long_ago_is_not_reminded_of_when_the_mailer_was_away(mailer: MailerWorld) -> None:
    mailer.moment = later(300)
    live(mailer, later(310))
    assert sent(mailer) == [("award", 0)]


def test_the_notice_of_expiry_leaves_once_before_the_period_ends(mailer: MailerWorld) -> None:
    mailer.handle(received())
    mailer.moment = datetime(2030, 1, 20, 3, 0, tzinfo=UTC)
    live(mailer, datetime(2030, 5, 1, tzinfo=UTC))
    notices = [event.at for event in mailer.letter_events() if event.letter == "expiry" and event.state == "sent"]
    assert [at.astimezone(JST).date().isoformat() for at in notices] == ["2030-01-30"]


@pytest.mark.parametrize("first", ["renewed", "old"])
def test_a_renewed_badge_has_no_notice_in_whatever_order_the_badges_become_known(
    databases: Databases, first: str
) -> None:
    renewal = msgspec.structs.replace(issued(OTHER, registration_id="R-next"), replaces=ID)
    award = msgspec.structs.replace(renewal.award, valid_from=APRIL_1.date(), valid_until=datetime(2034, 3, 31).date())
    order = [msgspec.structs.replace(renewal, award=award), issued()]
    with mailer_at(databases.fresh(), lambda *_: Sent("250 ok")) as mailer:
        mailer.handle(*(order if first == "renewed" else order[::-1]), received())
        mailer.moment = datetime(2030, 3, 1, 3, 0, tzinfo=UTC)
        live(mailer, datetime(2030, 4, 5, tzinfo=UTC))
        assert "expiry" not in {event.letter for event in mailer.letter_events()}


def test_a_notice_that_waits_is_cancelled_by_the_renewal_and_by_the_end_of_the_period(
    mailer: MailerWorld, post: Post
) -> None:
    mailer.handle(received(), issued(OTHER, registration_id="R-other", email="jiro@example.jp"), received(OTHER))
    post.answer = Deferred("451 later")
    mailer.moment = datetime(2030, 3, 30, 2, 0, tzinfo=UTC)
    live(mailer, datetime(2030, 3, 30, 3, 0, tzinfo=UTC))
    mailer.handle(msgspec.structs.replace(issued("N" * 26, registration_id="R-next"), replaces=ID))
    mailer.tick()
    assert mailer.states(letter="expiry")[-1] == "cancelled"
    live(mailer, datetime(2030, 4, 1, 3, 0, tzinfo=UTC))
    assert mailer.states(OTHER, "expiry")[-1] == "cancelled"
    reasons = [event.answer for event in mailer.letter_events() if event.state == "cancelled"]
    assert reasons == ["renewed", "expired"]


def test_a_restored_mailer_sends_no_reminder_twice(databases: Databases) -> None:
    with (
        mailer_at(databases.fresh(), lambda *_: Sent("250 ok")) as before,
        mailer_at(databases.fresh(), lambda *_: Sent("250 ok")) as restored,
    ):
        before.handle(issued())
        before.moment = NOON
        before.tick()
        live(before, later(22))
        restored.moment = later(22)
        take_back(
            restored.ports.store, {LetterUpdated: MailerTransaction.take_back_letters}, announced(before.ports.store)
        )
        restored.handle(issued())
        live(restored, later(70))
        assert [letter for letter, _ in sent(restored)] == ["reminder-3"]


def test_after_a_restore_who_complained_of_a_reminder_gets_no_other_at_that_address(databases: Databases) -> None:
    with (
        mailer_at(databases.fresh(), lambda *_: Sent("250 ok")) as before,
        mailer_at(databases.fresh(), lambda *_: Sent("250 ok")) as restored,
    ):
        corrected = AddressCorrected(
            registration_id="R-ABCD",
            cohort="2026",
            email="taro@example.org",
            version=1,
            revision=1,
            corrected_at=NOON,
        )
        before.moment = NOON
        before.handle(issued(), corrected)
        before.tick()
        live(before, later(8))
        path = return_path("reminder-1", ID, PROGRAMME.sender.bounce_domain, 1)
        note_report(complaint(path, "<x@y.example>"), [path], before.ports)
        restored.moment = later(8)
        take_back(
            restored.ports.store, {LetterUpdated: MailerTransaction.take_back_letters}, announced(before.ports.store)
        )
        restored.handle(issued(), corrected)
        live(restored, later(70))
        assert sent(restored) == []
