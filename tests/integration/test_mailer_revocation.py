"""Who is told that a badge was revoked, with a real PostgreSQL."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from datetime import timedelta

import pytest

from services.mailer.domain.correction import REVOCATION_WAIT
from services.mailer.domain.delivery import Bounced, Deferred, Sent, SmtpReply
from tests.worlds.mailer import ID, OTHER, MailerWorld, issued, mailer_at, received, resend, revoked
from tests.worlds.postgres import Databases

SOON = REVOCATION_WAIT - timedelta(seconds=1)


class Relay:
    """Answers each letter with `reply`, and keeps what it accepted."""

    def __init__(self) -> None:
        self.reply: SmtpReply = Sent("250 ok")
        self.taken: list[bytes] = []

    def send(self, return_path: str, recipient: str, message: bytes) -> SmtpReply:
        if isinstance(self.reply, Sent):
            self.taken.append(message)
        return self.reply


@pytest.fixture
def relay() -> Relay:
    return Relay()


@pytest.fixture
def mailer(databases: Databases, relay: Relay) -> Iterator[MailerWorld]:
    with mailer_at(databases.fresh(), relay.send) as made:
        yield made


def told(mailer: MailerWorld, assertion_id: str = ID) -> list[str]:
    return mailer.states(assertion_id, "revocation")


def test_a_holder_who_was_told_of_the_badge_is_told_once_that_it_was_revoked_and_why(
    mailer: MailerWorld, relay: Relay
) -> None:
    mailer.handle(issued())
    mailer.tick(hours=1)
    mailer.handle(revoked(), revoked())
    mailer.tick(seconds=SOON.total_seconds())
    assert told(mailer) == []
    mailer.tick(seconds=1)
    mailer.tick(hours=24)
    assert told(mailer) == ["queued", "sent"]
    message = email.message_from_bytes(relay.taken[-1], policy=email.policy.default)
    part = message.get_body(("plain",))
    assert part is not None
    assert "取り消しました" in part.get_content() and "withdrawn" in part.get_content()


def test_who_never_heard_of_the_badge_is_told_nothing(mailer: MailerWorld, relay: Relay) -> None:
    mailer.handle(issued(), revoked(), issued(OTHER, email="hanako@example.jp"))
    relay.reply = Bounced("550 unknown")
    mailer.tick(hours=1)  # the award letter of the second bounces
    mailer.handle(revoked(OTHER))
    relay.reply = Sent("250 ok")
    mailer.tick(hours=24)
    assert told(mailer) == told(mailer, OTHER) == []
    assert not relay.taken


def test_who_received_the_badge_in_the_wallet_is_told_although_the_award_letter_never_arrived(
    mailer: MailerWorld, relay: Relay
) -> None:
    relay.reply = Deferred("451 later")
    mailer.handle(issued())
    mailer.tick(hours=1)
    relay.reply = Sent("250 ok")
    mailer.handle(received(), revoked())
    mailer.tick(hours=2)
    assert mailer.states() == ["queued", "deferred", "suppressed"]
    assert told(mailer) == ["queued", "sent"]


def test_a_badge_that_is_issued_again_in_time_is_told_of_by_its_own_letter_only(mailer: MailerWorld) -> None:
    mailer.handle(issued(registration_id="R"))
    mailer.tick(hours=1)
    mailer.handle(revoked(), issued(OTHER, version=2, corrects=ID, registration_id="R"))
    mailer.tick(hours=24)
    assert told(mailer) == ["suppressed"]
    assert mailer.sent() == [(ID, "award"), (OTHER, "award")]


def test_a_corrected_badge_that_is_revoked_before_its_letter_left_is_told_of(mailer: MailerWorld) -> None:
    mailer.handle(issued(registration_id="R"))
    mailer.tick(hours=1)
    mailer.handle(
        issued(OTHER, version=2, corrects=ID, registration_id="R"), revoked(ID, replaced_by=OTHER), revoked(OTHER)
    )
    mailer.tick(hours=24)
    assert mailer.sent() == [(ID, "award"), (OTHER, "revocation")]


def test_the_letter_about_a_revocation_is_sent_again_when_the_office_orders_it(
    mailer: MailerWorld, relay: Relay
) -> None:
    mailer.handle(issued())
    mailer.tick(hours=1)
    mailer.handle(revoked())
    mailer.tick(hours=2)
    mailer.handle(resend(letter="revocation"), resend("D2", letter="award"))
    mailer.tick(hours=1)
    assert mailer.settled() == {"D1": "done", "D2": "revoked"}
    assert relay.taken[-1] == relay.taken[-2]
