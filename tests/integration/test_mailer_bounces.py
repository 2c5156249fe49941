"""Bounces and complaints, over LMTP and SMTP and from a maildir, with a real PostgreSQL."""

from __future__ import annotations

import os
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local.ports import free_port
from services.mailer.bounces import BounceServer, Listener, Protocol
from services.mailer.domain.delivery import Sent, SmtpReply
from services.mailer.domain.letters import message_id, return_path
from services.mailer.reports import note_report, read_bounces
from tests.worlds.bounces import FORMATS, complaint, postfix, vacation
from tests.worlds.mailer import ID, OTHER, PROGRAMME, MailerWorld, issued, mailer_at, resend
from tests.worlds.postgres import Databases

DOMAIN = PROGRAMME.sender.bounce_domain
PATH = return_path("award", ID, DOMAIN)


@pytest.fixture
def mailer(databases: Databases) -> Iterator[MailerWorld]:
    """One letter was sent."""
    with mailer_at(databases.fresh(), lambda *_: Sent("250 ok")) as made:
        made.handle(issued())
        made.tick(hours=1)
        yield made


@contextmanager
def listening(mailer: MailerWorld, protocol: Protocol) -> Iterator[smtplib.SMTP]:
    port = free_port()
    server = BounceServer(
        Listener("127.0.0.1", port, protocol, DOMAIN), lambda content, to: note_report(content, to, mailer.ports)
    )
    server.start()
    try:
        with (smtplib.LMTP if protocol == "lmtp" else smtplib.SMTP)("127.0.0.1", port) as client:
            yield client
    finally:
        server.stop()


@pytest.mark.parametrize("protocol", ["lmtp", "smtp"])
def test_a_bounce_that_the_relay_hands_over_ends_its_letter_and_no_address_is_kept(
    mailer: MailerWorld, protocol: Protocol
) -> None:
    with listening(mailer, protocol) as relay:
        relay.sendmail("", [PATH], postfix(PATH))
        relay.sendmail("", [PATH], postfix(PATH))
    assert mailer.states() == ["queued", "sent", "bounced"]
    answer = mailer.letter_events()[-1].answer or ""
    assert "5.1.1" in answer and "@" not in answer


@pytest.mark.parametrize("to", [f"desk@{DOMAIN}", f"bounce+{ID}.award@other.example", f"bounce+{ID}.x@{DOMAIN}"])
def test_mail_to_any_other_address_is_refused(mailer: MailerWorld, to: str) -> None:
    with listening(mailer, "smtp") as relay, pytest.raises(smtplib.SMTPRecipientsRefused):
        relay.sendmail("", [to], postfix(to))
    assert mailer.states() == ["queued", "sent"]


@pytest.mark.parametrize("protocol", ["lmtp", "smtp"])
def test_a_mail_to_two_return_paths_is_taken_for_one_and_comes_again_for_the_other(
    mailer: MailerWorld, protocol: Protocol
) -> None:
    mailer.handle(issued(OTHER, email="hanako@example.jp"))
    mailer.tick(hours=1)
    other = return_path("award", OTHER, DOMAIN)
    with listening(mailer, protocol) as relay:
        assert relay.sendmail("", [PATH, other], postfix(PATH)).keys() == {other}
        assert relay.sendmail("", [other], postfix(PATH)) == {}
    assert mailer.states()[-1] == mailer.states(OTHER)[-1] == "bounced"


def test_while_the_database_is_away_the_relay_keeps_the_bounce(mailer: MailerWorld) -> None:
    def away(content: bytes, to: object) -> None:
        raise ConnectionError("the database is away")

    port = free_port()
    server = BounceServer(Listener("127.0.0.1", port, "lmtp", DOMAIN), away)
    server.start()
    try:
        with smtplib.LMTP("127.0.0.1", port) as relay, pytest.raises(smtplib.SMTPDataError) as refused:
            relay.sendmail("", [PATH], postfix(PATH))
    finally:
        server.stop()
    assert refused.value.smtp_code == 451


def test_a_maildir_is_read_once_whatever_lies_in_it(mailer: MailerWorld, tmp_path: Path) -> None:
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "new" / "1.a").write_bytes(b"\xff\x00 no mail at all")
    (tmp_path / "new" / "2.b").write_bytes(postfix(PATH))
    (tmp_path / "new" / "3.c").write_bytes(b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n" * 3000)
    (tmp_path / "new" / "4.d").write_bytes(vacation(PATH))
    assert read_bounces(tmp_path, mailer.ports) == 4
    assert read_bounces(tmp_path, mailer.ports) == 0
    assert len(list((tmp_path / "cur").iterdir())) == 4
    assert mailer.states() == ["queued", "sent", "bounced"]


def test_a_bounce_that_is_faster_than_the_note_of_the_relays_250_is_kept_until_the_letter_is_sent(
    mailer: MailerWorld, tmp_path: Path
) -> None:
    path = return_path("award", OTHER, DOMAIN)
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()

    def send(sender: str, recipient: str, message: bytes) -> SmtpReply:
        with listening(mailer, "lmtp") as relay, pytest.raises(smtplib.SMTPDataError) as kept:
            relay.sendmail("", [sender], postfix(sender))
        assert kept.value.smtp_code == 451
        (tmp_path / "new" / "1.a").write_bytes(postfix(sender))
        assert read_bounces(tmp_path, mailer.ports) == 0
        return Sent("250 ok")

    mailer.ports = replace(mailer.ports, send=send)
    mailer.handle(issued(OTHER, email="hanako@example.jp"))
    mailer.tick(hours=1)
    assert mailer.states(OTHER) == ["queued", "sent"]
    assert read_bounces(tmp_path, mailer.ports) == 1
    with listening(mailer, "lmtp") as relay:
        relay.sendmail("", [path], postfix(path))
    assert mailer.states(OTHER) == ["queued", "sent", "bounced"]


def test_a_delay_is_noted_and_the_letter_stays_sent(mailer: MailerWorld) -> None:
    note_report(postfix(PATH, "delayed", "4.4.1", "451 4.4.1"), [PATH], mailer.ports)
    assert mailer.states() == ["queued", "sent"]
    with mailer.ports.store.transaction() as tx:
        assert "4.4.1" in tx.fetch_value("select answer from messages")


def test_a_complaint_suppresses_its_letter_for_good(mailer: MailerWorld) -> None:
    id = message_id("award", ID, PROGRAMME.sender.address)
    note_report(complaint(f"complaints@{DOMAIN}", id), [f"complaints@{DOMAIN}"], mailer.ports)
    assert mailer.states() == ["queued", "sent", "suppressed"]
    mailer.handle(resend())
    assert mailer.settled() == {"D1": "suppressed"}


def test_a_letter_that_bounced_goes_again_when_the_office_orders_it_and_an_old_report_does_not_end_it(
    mailer: MailerWorld,
) -> None:
    note_report(postfix(PATH), [PATH], mailer.ports)
    mailer.handle(resend())
    note_report(postfix(PATH), [PATH], mailer.ports)  # while it waits to be sent again
    mailer.tick(hours=1)
    assert mailer.states() == ["queued", "sent", "bounced", "queued", "sent"]


def test_a_report_about_a_letter_that_nobody_sent_changes_nothing(mailer: MailerWorld) -> None:
    for path in (return_path("completion", ID, DOMAIN), return_path("award", OTHER, DOMAIN)):
        note_report(postfix(path), [path], mailer.ports)
    assert mailer.states() == ["queued", "sent"]


def test_a_storm_of_bounces_of_four_formats_ends_each_letter_once(databases: Databases) -> None:
    """A hundred, or as many as `MANY` says: docs/mail.md."""
    people = [f"{number:026}" for number in range(int(os.environ.get("MANY", "100")))]
    with mailer_at(databases.fresh(), lambda *_: Sent("250 ok")) as mailer:
        mailer.handle_batch([issued(id, email=f"p{id}@example.jp") for id in people])
        mailer.tick(hours=1)
        with listening(mailer, "lmtp") as relay:
            for number, id in enumerate(people):
                path = return_path("award", id, DOMAIN)
                relay.sendmail("", [path], FORMATS[number % len(FORMATS)](path))
        ended = [event.assertion_id for event in mailer.letter_events() if event.state == "bounced"]
        assert sorted(ended) == people
