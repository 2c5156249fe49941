"""The mailer with a real mail server and a real PostgreSQL, and calls of the handlers instead of Kafka."""

from __future__ import annotations

import email
import email.policy
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

import pytest

from services.mailer import handlers, orders
from services.mailer.domain.delivery import Bounced, Deferred, Sent, SmtpReply
from services.mailer.domain.letters import LetterWriter, Message
from services.mailer.smtp import SmtpClient, SmtpServer
from shared.errors import TryLater
from tests.worlds.mailer import APRIL_1, ID, OTHER, MailerWorld, issued, mailer_at, rendered, resend, revoked
from tests.worlds.postgres import Databases
from tests.worlds.smtp_server import Smtpd, smtpd


@pytest.fixture
def server() -> Iterator[Smtpd]:
    with smtpd() as server:
        yield server


def relay(server: Smtpd) -> SmtpServer:
    return SmtpServer("127.0.0.1", server.port, seconds=3)


# ── the server itself ───────────────────────────────────────────────────────────────────────────────────

ENVELOPE = b"EHLO here\r\nMAIL FROM:<a@example.jp>\r\nRCPT TO:<b@example.jp>\r\n"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"EHLO",
        ENVELOPE,
        ENVELOPE + b"DATA\r\n",
        ENVELOPE + b"DATA\r\nSubject: a\r\n\r\nhalf",
        ENVELOPE + b"DATA\r\n.",
    ],
)
def test_a_conversation_ends_when_its_client_hangs_up_wherever_that_is(server: Smtpd, said: bytes) -> None:
    before = set(threading.enumerate())
    with socket.create_connection(("127.0.0.1", server.port), 10) as client:
        assert client.recv(100).startswith(b"220")
        (conversation,) = {each for each in threading.enumerate() if "process_request" in each.name} - before
        client.sendall(said)
        client.shutdown(socket.SHUT_WR)  # and reads all answers: a connection with unread ones would be reset
        while client.recv(1000):
            pass
    conversation.join(10)
    assert not conversation.is_alive()
    assert server.taken == []


# ── one letter, one server ──────────────────────────────────────────────────────────────────────────────


def post(smtp: SmtpClient, recipient: str = "taro@example.jp") -> SmtpReply:
    return smtp.send("bounce+A.award@bounce.example.jp", recipient, b"Subject: a\r\n\r\nb\r\n")


def only(verb: str, answer: str) -> Callable[[str, str], str | None]:
    return lambda got, rest: answer if got == verb else None


def test_many_letters_take_one_connection(server: Smtpd) -> None:
    smtp = SmtpClient(relay(server))
    for _ in range(3):
        assert isinstance(post(smtp), Sent)
    assert server.connections == 1
    assert server.taken[0].sender == "bounce+A.award@bounce.example.jp"


def test_a_carriers_dotted_address_is_written_to(server: Smtpd) -> None:
    assert isinstance(post(SmtpClient(relay(server)), "..taro..@docomo.example"), Sent)
    assert server.taken[0].recipient == '"..taro.."@docomo.example'


@pytest.mark.parametrize("verb", ["RCPT", "DATA", "."])
def test_after_a_refused_recipient_the_same_connection_takes_the_next(server: Smtpd, verb: str) -> None:
    smtp = SmtpClient(relay(server))
    for answer, expected in (("451 4.7.1 greylisted", Deferred), ("550 5.1.1 unknown", Bounced)):
        server.answers = only(verb, answer)
        assert post(smtp) == expected(answer)
        server.answers = lambda got, rest: None
        assert isinstance(post(smtp), Sent)
    assert server.connections == 1


def test_a_5xx_counts_although_the_server_hangs_up_after_it(server: Smtpd) -> None:
    server.answers = lambda verb, rest: {"RCPT": "550 unknown", "RSET": ""}.get(verb)
    smtp = SmtpClient(relay(server))
    assert post(smtp) == Bounced("550 unknown")
    server.answers = lambda verb, rest: None
    assert isinstance(post(smtp), Sent)


@pytest.mark.parametrize(
    ("verb", "answer"), [("MAIL", "550 not you"), ("MAIL", "451 disk full"), ("RCPT", "421 closing"), (".", "421 bye")]
)
def test_a_server_that_refuses_us_is_tried_later_and_bounces_nobody(server: Smtpd, verb: str, answer: str) -> None:
    server.answers = only(verb, answer)
    with pytest.raises(TryLater, match=f"answered {answer[:3]}") as away:
        post(SmtpClient(relay(server)))
    assert "@" not in str(away.value)


@pytest.mark.parametrize("verb", ["EHLO", "MAIL", "RCPT", "DATA", "."])
def test_a_dropped_connection_is_no_answer_and_the_next_try_reconnects(server: Smtpd, verb: str) -> None:
    server.answers = lambda got, rest: "" if got in (verb, "HELO") else None
    smtp = SmtpClient(relay(server))
    with pytest.raises(TryLater):
        post(smtp)
    server.answers = lambda got, rest: None
    assert isinstance(post(smtp), Sent)


@pytest.mark.parametrize("pipelining", [False, True])
def test_a_server_that_looks_long_at_a_text_is_waited_for_and_gets_it_once(server: Smtpd, pipelining: bool) -> None:
    """Longer than for any other answer: a letter that it has taken would be sent again."""
    server.pipelining = pipelining
    smtp = SmtpClient(SmtpServer("127.0.0.1", server.port, seconds=1))
    assert isinstance(post(smtp), Sent)

    def slow(verb: str, rest: str) -> None:
        if verb == ".":
            threading.Event().wait(1.5)

    server.answers = slow
    assert isinstance(post(smtp), Sent)
    assert (len(server.taken), server.connections) == (2, 1)


def test_a_restarted_server_is_found_again() -> None:
    with smtpd() as server:
        smtp, port = SmtpClient(relay(server)), server.port
        assert isinstance(post(smtp), Sent)
        server.answers = lambda verb, rest: ""  # the old conversation ends at its next word
        with pytest.raises(TryLater):
            post(smtp)
    with pytest.raises(TryLater, match="refused"):
        post(smtp)
    with smtpd(port):
        assert isinstance(post(smtp), Sent)


# ── the ledger ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def mailer(databases: Databases, server: Smtpd) -> Iterator[MailerWorld]:
    with mailer_at(databases.fresh(), SmtpClient(relay(server)).send) as made:
        yield made


def test_letter_1_leaves_on_april_1_with_the_names_as_registered(mailer: MailerWorld, server: Smtpd) -> None:
    handlers.note_issued([issued()], mailer.ports)
    mailer.tick(minutes=59, seconds=59)
    assert not server.taken
    mailer.tick(seconds=1)
    assert [taken.recipient for taken in server.taken] == ["taro@example.jp"]
    assert server.taken[0].sender == f"bounce+{ID}.award@bounce.jci.example.jp"
    message = email.message_from_bytes(server.taken[0].content, policy=email.policy.default)
    part = message.get_body(("plain",))
    assert part is not None
    assert part.get_content().splitlines()[0] == "髙橋 𠮷之助 様"
    assert mailer.states() == ["queued", "sent"]


def test_a_second_copy_of_an_event_sends_nothing(mailer: MailerWorld, server: Smtpd) -> None:
    for _ in range(2):
        handlers.note_issued([issued(), issued()], mailer.ports)
        handlers.note_rendered([rendered(), rendered()], mailer.ports)
        mailer.tick(hours=1)
    assert len(server.taken) == 2  # one of each


def test_letter_2_leaves_although_its_event_came_before_the_holder_was_known(
    mailer: MailerWorld, server: Smtpd
) -> None:
    handlers.note_rendered([rendered()], mailer.ports)
    mailer.tick(hours=2)
    assert not server.taken
    handlers.note_issued([issued()], mailer.ports)
    mailer.tick()
    assert mailer.states(letter="completion") == ["queued", "sent"]
    assert len(server.taken) == 2


def test_letter_2_waits_until_the_certificate_is_rendered(mailer: MailerWorld) -> None:
    handlers.note_issued([issued()], mailer.ports)
    mailer.tick(hours=24)
    assert mailer.states(letter="completion") == []


def test_dying_between_the_servers_250_and_our_commit_sends_the_same_bytes_again(
    mailer: MailerWorld, server: Smtpd
) -> None:
    def die(return_path: str, recipient: str, message: bytes) -> SmtpReply:
        outcome = mailer.ports.send(return_path, recipient, message)
        assert isinstance(outcome, Sent)
        raise KeyboardInterrupt

    handlers.note_issued([issued()], mailer.ports)
    mailer.moment = APRIL_1
    handlers.write(mailer.ports)
    with pytest.raises(KeyboardInterrupt):
        handlers.send(replace(mailer.ports, send=die))
    mailer.tick(hours=1)
    first, second = server.taken
    assert first == second
    assert mailer.states() == ["queued", "sent"]


def test_a_deferred_letter_is_sent_later_and_a_bounce_affects_one_person(mailer: MailerWorld, server: Smtpd) -> None:
    answers = {"taro@": "450 4.2.0 greylisted taro@example.jp", "hanako@": "550 5.1.1 hanako: no such user"}
    server.answers = lambda verb, rest: next(
        (text for name, text in answers.items() if verb == "RCPT" and name in rest), None
    )
    third = "CDEFGHIJKLMNOPQRSTUVWX2345"
    people = [issued(), issued(OTHER, email="hanako@example.jp"), issued(third, email="jiro@example.jp")]
    handlers.note_issued(people, mailer.ports)
    mailer.tick(hours=1)
    assert mailer.states() == ["queued", "deferred"]
    assert mailer.states(OTHER) == ["queued", "bounced"]
    assert mailer.states(third) == ["queued", "sent"]
    answers.clear()
    mailer.tick(seconds=29)
    assert mailer.states()[-1] == "deferred"
    mailer.tick(hours=1)
    assert mailer.states() == ["queued", "deferred", "sent"]
    assert mailer.states(OTHER)[-1] == "bounced"
    for event in mailer.letter_events():
        assert "@" not in (event.answer or "") and "hanako" not in (event.answer or "")


def test_no_letter_leaves_about_a_revoked_badge(mailer: MailerWorld, server: Smtpd) -> None:
    handlers.note_issued([issued()], mailer.ports)
    handlers.note_revoked([revoked(), revoked(OTHER)], mailer.ports)  # the second comes before its AssertionIssued
    handlers.note_issued([issued(OTHER)], mailer.ports)
    handlers.note_rendered([rendered(), rendered(OTHER)], mailer.ports)
    mailer.tick(hours=2)
    assert not server.taken
    for assertion_id in (ID, OTHER):
        assert mailer.states(assertion_id) == mailer.states(assertion_id, "completion") == ["suppressed"]
    orders.carry_out([resend()], mailer.ports)
    mailer.tick(hours=1)
    assert not server.taken
    assert mailer.settled() == {"D1": "revoked"}


def test_a_letter_that_the_office_sends_again_is_the_same_letter(mailer: MailerWorld, server: Smtpd) -> None:
    handlers.note_issued([issued()], mailer.ports)
    orders.carry_out([resend("too-early"), resend("unknown", "thanks")], mailer.ports)
    mailer.tick(hours=1)
    assert len(server.taken) == 1
    for _ in range(2):
        orders.carry_out([resend()], mailer.ports)
        mailer.tick(hours=1)
    assert len(server.taken) == 2
    assert server.taken[0].content == server.taken[1].content
    assert mailer.states() == ["queued", "sent", "queued", "sent"]
    assert len({event.id for event in mailer.letter_events()}) == 4
    assert mailer.settled() == {"too-early": "not-sent-yet", "unknown": "no-such-letter", "D1": "done"}


def test_an_order_to_send_again_is_refused_after_the_revocation(mailer: MailerWorld, server: Smtpd) -> None:
    handlers.note_issued([issued()], mailer.ports)
    mailer.tick(hours=1)
    handlers.note_revoked([revoked()], mailer.ports)
    orders.carry_out([resend()], mailer.ports)
    mailer.tick(hours=1)
    assert len(server.taken) == 1
    assert mailer.settled() == {"D1": "revoked"}


def test_a_letter_that_breaks_the_connection_does_not_block_the_others(mailer: MailerWorld, server: Smtpd) -> None:
    server.answers = lambda verb, rest: "" if (verb, rest) == (".", "TO:<taro@example.jp>") or "taro" in rest else None
    handlers.note_issued([issued()], mailer.ports)
    handlers.note_issued([issued(OTHER, email="hanako@example.jp")], mailer.ports)
    mailer.moment = APRIL_1
    handlers.write(mailer.ports)
    tries = 0
    while mailer.states(OTHER)[-1] != "sent" and tries < 5:
        tries += 1
        mailer.moment += timedelta(seconds=0.5)
        try:
            handlers.send(mailer.ports)
        except TryLater as away:
            assert "taro" not in str(away)
    assert [taken.recipient for taken in server.taken] == ["hanako@example.jp"]
    assert mailer.states() == ["queued"]


def test_letters_that_cannot_be_written_are_suppressed_and_the_others_leave(mailer: MailerWorld, server: Smtpd) -> None:
    broken = [issued(qualification="welder"), issued(OTHER, email="太郎@example.jp")]
    handlers.note_issued([*broken, issued("CDEFGHIJKLMNOPQRSTUVWX2345")], mailer.ports)
    mailer.tick(hours=1)
    assert len(server.taken) == 1
    assert mailer.states() == mailer.states(OTHER) == ["suppressed"]


def test_a_full_width_address_is_mailed_in_ascii(mailer: MailerWorld, server: Smtpd) -> None:
    handlers.note_issued([issued(email="ｔａｒｏ＠ｅｘａｍｐｌｅ．ｊｐ")], mailer.ports)
    mailer.tick(hours=1)
    assert server.taken[0].recipient == "taro@example.jp"


@pytest.mark.parametrize("fault", [TypeError("no text"), KeyError("desk"), OverflowError("date value out of range")])
def test_a_letter_on_which_the_program_fails_is_tried_again_and_the_others_leave(
    fault: Exception, mailer: MailerWorld, server: Smtpd
) -> None:
    handlers.note_issued([issued(), issued(OTHER, email="hanako@example.jp")], mailer.ports)
    mailer.moment = APRIL_1
    writer, send = mailer.ports.writer, mailer.ports.send

    class Failing:
        def write(self, message: Message, date: datetime) -> bytes:
            if message.assertion_id == ID:
                raise fault
            return writer.write(message, date)

    def failing(path: str, recipient: str, message: bytes) -> SmtpReply:
        if recipient == "taro@example.jp":
            raise fault
        return send(path, recipient, message)

    usual = mailer.ports
    mailer.ports = replace(usual, writer=cast(LetterWriter, Failing()))
    mailer.tick()
    assert (mailer.states(), mailer.states(OTHER)) == ([], ["queued", "sent"])
    mailer.ports = replace(usual, send=failing)
    mailer.tick(hours=1)
    assert mailer.states() == ["queued", "deferred"]
    mailer.ports = usual
    mailer.tick(hours=1)
    assert mailer.states() == ["queued", "deferred", "sent"]
    assert [taken.recipient for taken in server.taken] == ["hanako@example.jp", "taro@example.jp"]
