"""A service worked with a clock forty days ahead, which was put right: nothing that it left waits for forty days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from services.anchor import handlers as anchor_handlers
from services.anchor.network import submission
from services.issuer import handlers as issuer_handlers
from services.mailer.domain.delivery import Deferred, Sent, SmtpReply
from services.renderer.handlers import render
from services.wallet.domain.throttle import login_limits
from services.wallet.store import Store as WalletStore
from services.wallet.store import WalletTransaction
from shared.events import AssertionIssued
from tests.worlds import issuer, mailer
from tests.worlds.anchor import World as Anchor
from tests.worlds.credentials import renewed
from tests.worlds.mailer import ID, OTHER, MailerWorld, issued, mailer_at, received
from tests.worlds.postgres import postgres
from tests.worlds.renderer import Stage, anchored
from tests.worlds.wallet import wallet_database

pytest_plugins = ("tests.worlds.renderer_fixtures", "tests.worlds.anchor_fixtures")

AHEAD = timedelta(days=40)


@pytest.fixture
def replies() -> list[SmtpReply]:
    """What the mail server answers, in order; then it accepts everything."""
    return []


@pytest.fixture
def letters(replies: list[SmtpReply]) -> Iterator[MailerWorld]:
    def answer(*_: object) -> SmtpReply:
        return replies.pop(0) if replies else Sent("250 ok")

    with postgres() as server, mailer_at(server.fresh(), answer) as world:
        yield world


def in_the_future(event: AssertionIssued, letters: MailerWorld) -> AssertionIssued:
    """Issued by a clock that is ahead as well, to be told from then on, as a correction is."""
    return replace(event, issued_at=letters.moment, notify_from=letters.moment)


def test_a_letter_that_was_opened_or_deferred_ahead_is_sent_at_once(
    letters: MailerWorld, replies: list[SmtpReply]
) -> None:
    letters.moment = mailer.APRIL_1 + AHEAD
    replies.append(Deferred("451 later"))
    letters.handle(issued())
    letters.tick()
    letters.handle(in_the_future(issued(OTHER), letters))
    assert letters.states() == ["queued", "deferred"]
    letters.moment -= AHEAD
    letters.tick()
    assert letters.states() == ["queued", "deferred", "sent"] and letters.states(OTHER) == ["queued", "sent"]


def test_a_correction_that_was_opened_ahead_is_told_at_once(letters: MailerWorld) -> None:
    letters.moment = mailer.APRIL_1
    letters.handle(issued(registration_id="R"))
    letters.tick()
    letters.handle(received())
    letters.moment += AHEAD
    second = issued(OTHER, version=2, corrects=ID, registration_id="R")
    letters.handle(in_the_future(second, letters))
    letters.moment -= AHEAD
    letters.tick()
    letters.handle(mailer.rendered(OTHER))
    letters.tick()
    assert letters.sent() == [(ID, "award"), (OTHER, "correction")]


def test_a_letter_still_waits_for_the_day_of_its_notice(letters: MailerWorld) -> None:
    letters.moment = mailer.APRIL_1 - timedelta(days=60)
    letters.handle(replace(issued(), issued_at=letters.moment))
    letters.tick()
    assert letters.states() == []
    letters.moment = mailer.APRIL_1
    letters.tick()
    assert letters.states() == ["queued", "sent"]


@pytest.mark.parametrize("wrong", [-AHEAD, AHEAD], ids=["behind", "ahead"])
def test_no_letter_leaves_before_its_day_because_the_mailers_clock_was_wrong(
    letters: MailerWorld, wrong: timedelta
) -> None:
    letters.moment = mailer.APRIL_1
    day = letters.moment + timedelta(days=14)  # of the next delayed run
    letters.handle(replace(issued(), issued_at=letters.moment, notify_from=day))
    letters.tick()
    letters.moment += wrong
    if wrong < timedelta(0):
        letters.tick()
    letters.handle(replace(issued(OTHER), issued_at=mailer.APRIL_1, notify_from=day))
    letters.moment -= wrong
    letters.tick()
    assert letters.sent() == []
    letters.moment = day
    letters.tick()
    assert sorted(letters.sent()) == [(ID, "award"), (OTHER, "award")]


def test_a_notice_that_a_clock_ahead_fixed_waits_no_longer_than_it_was_to_come_after_the_issue(
    letters: MailerWorld,
) -> None:
    letters.moment = mailer.APRIL_1 + AHEAD
    run = timedelta(days=14)
    letters.handle(replace(issued(), issued_at=letters.moment, notify_from=letters.moment + run))
    letters.moment -= AHEAD
    letters.tick()
    assert letters.sent() == []
    letters.moment += run
    letters.tick()
    assert letters.sent() == [(ID, "award")]


def test_what_was_postponed_ahead_is_rendered_at_once(stage: Stage) -> None:
    event = anchored(1)  # its credential is not in storage yet
    stage.later(AHEAD)
    stage.note_anchored(event)
    render(stage.ports)
    assert stage.announced() == []
    anchored(1, stage.objects)
    stage.later(-AHEAD)
    assert render(stage.ports) == 1
    assert [each.assertion_id for each in stage.announced()] == [event.assertion_id]


def test_a_status_list_that_was_signed_ahead_is_signed_again_at_once(world: issuer.World) -> None:
    world.now += AHEAD
    world.issue(renewed(1))
    world.publish()
    world.now -= AHEAD
    world.publish()
    listed = world.shelf.json("status/1.json")
    assert datetime.fromisoformat(listed["validFrom"]) <= world.now
    assert issuer_handlers.publish(world.ports) == 0  # and is due again tomorrow only
    world.wait(days=1)
    assert issuer_handlers.publish(world.ports) > 0


def test_a_put_that_began_ahead_and_was_not_finished_keeps_its_document_waiting_for_a_minute_only(
    world: issuer.World,
) -> None:
    world.publish()
    with world.ports.store.transaction() as tx:
        tx.begin_publishing("status/1", world.now + AHEAD)
        tx.make_due(["status/1"], world.now)
    world.publish()
    assert world.rows("select next_try_at from documents where name = 'status/1'")[0][0] <= world.now + timedelta(
        minutes=1
    )
    world.wait(minutes=2)
    world.publish()
    assert world.rows("select unsure_until from documents where name = 'status/1'") == [(None,)]


def test_a_credential_that_could_not_be_stored_ahead_is_stored_at_once(world: issuer.World) -> None:
    world.now += AHEAD
    issuer_handlers.issue([renewed(1)], world.ports)
    with world.ports.store.transaction() as tx:
        tx.mark_not_stored(issuer.id_of(1), "storage away", world.now)
    world.now -= AHEAD
    assert issuer_handlers.store(world.ports) == 1


def test_badges_that_were_received_and_signed_ahead_are_anchored_and_proved(anchor_world: Anchor) -> None:
    seconds = AHEAD.total_seconds()
    anchor_world.wait(seconds)
    anchor_world.close("A")
    submission.submit(anchor_world.network)  # signed and sent: polled again in forty days
    anchor_world.award("B")  # waits for a batch since then
    anchor_world.wait(-seconds)
    assert anchor_handlers.close_batch(anchor_world.ports) == 1
    anchor_world.settle()
    assert {event.assertion_id for event in anchor_world.announced()} == {"A", "B"}
    assert len(anchor_world.announced()) == 2


@pytest.fixture
def moment() -> list[datetime]:
    return [mailer.START]


@pytest.fixture
def accounts(moment: list[datetime]) -> Iterator[WalletStore]:
    with wallet_database() as url:
        store: WalletStore = WalletStore(url, "wallet", WalletTransaction, lambda: moment[0])
        yield store
        store.close()


def test_sessions_links_and_challenges_that_were_made_ahead_have_ended(
    accounts: WalletStore, moment: list[datetime]
) -> None:
    moment[0] += AHEAD
    with accounts.transaction() as tx:
        id = tx.accounts.create("見本 太郎", "hash", "taro@example.jp")
        assert id is not None
        tx.sessions.open("token", id, timedelta(hours=24), "device", "")
        tx.letters.open_link("link", "reset", id, "taro@example.jp", timedelta(hours=24))
        tx.passkeys.challenge(b"challenge", None, timedelta(minutes=5))
        assert tx.sessions.account("token") is not None
    moment[0] -= AHEAD
    with accounts.transaction() as tx:
        link = tx.letters.link("link", "reset")
        assert link is not None and not tx.letters.use(link)
        assert not tx.passkeys.answers(b"challenge", None, timedelta(minutes=5))
        assert tx.sessions.account("token") is None
        assert tx.sessions.forget_past(most=10) == 4


def test_an_address_that_was_blocked_ahead_is_not_blocked_for_forty_days(
    accounts: WalletStore, moment: list[datetime]
) -> None:
    moment[0] += AHEAD
    with accounts.transaction() as tx:
        limits = login_limits("taro@example.jp", "192.0.2.1", None, is_known=False)
        assert [tx.sessions.is_over(limits) for _ in range(11)] == [False] * 10 + [True]
    moment[0] -= AHEAD
    with accounts.transaction() as tx:
        assert [tx.sessions.is_over(limits) for _ in range(11)] == [False] * 10 + [True]
