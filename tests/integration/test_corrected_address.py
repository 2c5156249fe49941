"""An address that changed after the issue, in mailer and wallet: letters go there, and links open only there."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from itertools import permutations

import pytest

from services.mailer.domain.delivery import Sent, SmtpReply
from services.mailer.store.ledger import MailerTransaction
from services.wallet.store import WalletTransaction
from shared.events import AddressCorrected, AssertionIssued
from shared.links import receive_token
from shared.office_events import OfficeDecided
from tests.worlds.consumer import note
from tests.worlds.mailer import APRIL_1, ID, MailerWorld, mailer_at
from tests.worlds.mailer import issued as issued_to
from tests.worlds.postgres import Databases
from tests.worlds.wallet import SECRET, START, Wallet, corrected, running_wallet, wallet_database

NEW = "new@example.jp"


def moved(badge: AssertionIssued, to: str = NEW, revision: int = 1) -> AddressCorrected:
    return AddressCorrected(
        registration_id=badge.award.registration_id,
        cohort="2026",
        email=to,
        version=badge.version,
        revision=revision,
        corrected_at=START,
    )


class Relay:
    """Keeps what it is handed: recipient and text of each letter."""

    def __init__(self) -> None:
        self.letters: list[tuple[str, str]] = []

    def send(self, return_path: str, recipient: str, message: bytes) -> SmtpReply:
        mail = email.message_from_bytes(message, policy=email.policy.default)
        body = mail.get_body(("plain",))
        assert body is not None and recipient in str(mail["To"])
        self.letters.append((recipient, body.get_content()))
        return Sent("250 2.0.0 Ok")


@pytest.fixture
def relay() -> Relay:
    return Relay()


@pytest.fixture
def mailer(databases: Databases, relay: Relay) -> Iterator[MailerWorld]:
    with mailer_at(databases.fresh(), relay.send) as world:
        world.moment = APRIL_1
        yield world


def tell(mailer: MailerWorld, *events: AddressCorrected) -> None:
    note(mailer.ports.store, MailerTransaction.note_addresses, events)


def test_a_letter_that_was_sent_is_sent_again_to_the_new_address_with_a_link_that_works_there(
    mailer: MailerWorld, relay: Relay
) -> None:
    badge = issued_to(ID, email="old@example.jp")
    mailer.handle(badge)
    mailer.tick(seconds=1)
    tell(mailer, moved(badge))
    mailer.tick(hours=1)
    assert [to for to, _ in relay.letters] == ["old@example.jp"]  # which are sent again the office decides
    order = OfficeDecided(
        decision_id="d", decision="resend", subject=ID, by="office", why="x", decided_at=APRIL_1, value="award"
    )
    mailer.handle(order)
    mailer.tick(seconds=1)
    (_, first), (to, second) = relay.letters
    secret = mailer.ports.writer._secret
    assert to == NEW and receive_token(secret, ID) in first
    assert receive_token(secret, ID, 1) in second and receive_token(secret, ID) not in second


@pytest.mark.parametrize("order", permutations(range(3)))
def test_a_letter_that_waits_goes_to_the_latest_address_in_whatever_order_the_events_come(
    mailer: MailerWorld, relay: Relay, order: tuple[int, ...]
) -> None:
    badge = issued_to(ID, email="old@example.jp")
    events = [
        lambda: mailer.handle(badge),
        lambda: tell(mailer, moved(badge, "second@example.jp", 2)),
        lambda: tell(mailer, moved(badge, "first@example.jp", 1)),
    ]
    for place in order:
        events[place]()
    mailer.tick(seconds=1)
    assert [to for to, _ in relay.letters] == ["second@example.jp"]


# ── the wallet ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def wallet() -> Iterator[Wallet]:
    with wallet_database() as database, running_wallet(database) as wallet:
        yield wallet


def arrive(wallet: Wallet, *events: AddressCorrected) -> None:
    note(wallet.ports.store, WalletTransaction.note_addresses, events)


def link(badge: AssertionIssued, revision: int) -> str:
    return f"/receive/{badge.assertion_id}/{receive_token(SECRET, badge.assertion_id, revision)}"


def test_the_link_in_the_former_mailbox_opens_nothing_and_the_new_one_makes_the_account_of_the_new_address(
    wallet: Wallet,
) -> None:
    badge = wallet.issue("former@example.jp")
    arrive(wallet, moved(badge))
    with wallet.browser() as browser:
        for answer in (browser.get(link(badge, 0)), browser.post(link(badge, 0), data={"full_name": "x"})):
            assert answer.status_code == 410 and "former" not in answer.text and NEW not in answer.text
        assert wallet.received(badge.assertion_id) == 0
        assert browser.get(link(badge, 5)).status_code == 404
        page = browser.get(link(badge, 1))
        assert page.status_code == 200 and NEW in page.text and "former@example.jp" not in page.text


def test_a_letter_that_comes_before_the_event_waits_and_a_later_version_says_its_own_address(wallet: Wallet) -> None:
    badge = wallet.issue("early@example.jp")
    with wallet.browser() as browser:
        assert browser.get(link(badge, 1)).status_code == 503
        arrive(wallet, moved(badge, "late@example.jp"))
        assert browser.get(link(badge, 1)).status_code == 200
        later = corrected(badge, "third@example.jp")
        wallet.consume(later)
        assert "third@example.jp" in browser.get(link(later, 0)).text


def test_an_address_that_comes_before_its_badge_counts(wallet: Wallet) -> None:
    badge = corrected(wallet.issue("one@example.jp"))
    arrive(wallet, moved(badge, "two@example.jp"))
    wallet.consume(badge)
    with wallet.browser() as browser:
        assert "two@example.jp" in browser.get(link(badge, 1)).text and browser.get(link(badge, 0)).status_code == 410
