"""Many letters at once, with real mail servers and a real PostgreSQL."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deploy.local.ports import free_port
from services.mailer import handlers
from services.mailer.deliveries import Deliveries
from services.mailer.domain.delivery import Bounced, Deferred, Sent, SmtpReply
from services.mailer.domain.letters import LetterWriter, Message
from services.mailer.domain.pacing import DomainLimits, Limit
from services.mailer.smtp import SmtpClient, SmtpPool, SmtpServer
from shared.errors import TryLater
from tests.worlds.dkim_keys import ED25519, RSA, is_valid
from tests.worlds.mailer import APRIL_1, ID, PROGRAMME, MailerWorld, asked, issued, mailer_at, revoked
from tests.worlds.postgres import Databases
from tests.worlds.smtp_server import Smtpd, smtpd
from tests.worlds.story import until

CONNECTIONS = 4


@pytest.fixture
def server() -> Iterator[Smtpd]:
    with smtpd() as server:
        server.pipelining = True
        yield server


@pytest.fixture
def mailer(databases: Databases, server: Smtpd) -> Iterator[MailerWorld]:
    pool = SmtpPool(SmtpServer("127.0.0.1", server.port, seconds=3))
    with mailer_at(databases.fresh(), pool.send) as made:
        made.ports = replace(made.ports, deliveries=Deliveries(CONNECTIONS))
        yield made


def people(count: int, domain: str = "example.jp") -> list[Any]:
    return [issued(f"{number:026}", email=f"p{number}@{domain}") for number in range(count)]


def feed(mailer: MailerWorld, events: list[Any]) -> None:
    mailer.handle_batch(events)
    mailer.moment = APRIL_1
    while handlers.write(mailer.ports):
        pass


def until_nothing_is_due(mailer: MailerWorld, rounds: int = 200, step: float = 1.0) -> None:
    """Call the tick, as the process does, and let the clock go on, until every letter has an end."""
    for _ in range(rounds):
        with suppress(TryLater):
            handlers.send(mailer.ports)
        latest = {event.assertion_id: event.state for event in mailer.letter_events()}
        if set(latest.values()) <= {"sent", "bounced", "suppressed"}:
            return
        mailer.moment += timedelta(seconds=step)
    raise AssertionError(f"letters without an end: {latest}")


def ends(mailer: MailerWorld) -> list[str]:
    """The last state of each letter."""
    return list({event.assertion_id: event.state for event in mailer.letter_events()}.values())


def taken_once(server: Smtpd) -> bool:
    return len({taken.content for taken in server.taken}) == len(server.taken)


# ── several at once ─────────────────────────────────────────────────────────────────────────────────────


def test_a_cohort_leaves_over_its_connections_each_letter_once(mailer: MailerWorld, server: Smtpd) -> None:
    feed(mailer, people(60))
    until_nothing_is_due(mailer)
    assert ends(mailer) == ["sent"] * 60
    assert len(server.taken) == 60 and taken_once(server)
    assert server.connections <= CONNECTIONS


def test_as_many_letters_are_on_their_way_at_once_as_there_are_connections(mailer: MailerWorld) -> None:
    together = threading.Barrier(CONNECTIONS)

    def send(return_path: str, recipient: str, message: bytes) -> SmtpReply:
        together.wait(10)  # breaks unless all connections are used at once
        return Sent("250 ok")

    mailer.ports = replace(mailer.ports, send=send)
    feed(mailer, people(2 * CONNECTIONS))
    until_nothing_is_due(mailer)
    assert ends(mailer) == ["sent"] * 2 * CONNECTIONS


def test_a_letter_tells_the_domain_that_it_goes_to_and_no_more_of_the_address(mailer: MailerWorld) -> None:
    feed(mailer, people(1, "Mail.Docomo.NE.jp"))
    until_nothing_is_due(mailer)
    events = mailer.letter_events()
    assert [(event.state, event.domain) for event in events] == [
        (state, "mail.docomo.ne.jp") for state in ("queued", "sent")
    ]
    assert not any("p0@" in repr(event).lower() for event in events)


def test_no_transaction_is_open_while_the_server_answers(mailer: MailerWorld) -> None:
    """A revocation of the very badge whose letter is on its way is noted at once; its holder is told of it."""
    asked, answer = threading.Event(), threading.Event()

    def send(return_path: str, recipient: str, message: bytes) -> SmtpReply:
        asked.set()
        assert answer.wait(20)
        return Sent("250 ok")

    mailer.ports = replace(mailer.ports, send=send)
    feed(mailer, [issued()])
    sending = threading.Thread(target=handlers.send, args=(mailer.ports,))
    sending.start()
    assert asked.wait(20)
    with mailer.ports.store.transaction() as tx:
        tx.cursor.execute("set local lock_timeout = '2s'")
        tx.note_revoked(tx.claim([revoked()]))
        assert tx.suppress_unsent([ID], mailer.moment) == []
        tx.cursor.execute("select from messages for update nowait")
    answer.set()
    sending.join(20)
    mailer.tick(hours=2)
    assert mailer.states() == ["queued", "sent"]
    assert mailer.states(letter="revocation") == ["queued", "sent"]


def test_a_letter_of_a_badge_that_was_revoked_on_its_way_ends_when_the_server_defers_it(mailer: MailerWorld) -> None:
    def send(return_path: str, recipient: str, message: bytes) -> SmtpReply:
        mailer.handle(revoked())
        return Deferred("451 later")

    mailer.ports = replace(mailer.ports, send=send)
    feed(mailer, [issued()])
    mailer.tick()
    mailer.tick(hours=24)
    assert mailer.states() == ["queued", "deferred", "suppressed"]
    assert mailer.states(letter="revocation") == []


def test_answers_that_the_database_could_not_take_are_written_down_later_and_nothing_is_sent_again(
    mailer: MailerWorld, server: Smtpd
) -> None:
    feed(mailer, people(10))
    store = mailer.ports.store
    broken: list[int] = []

    class Away:
        def transaction(self) -> Any:
            if server.taken and len(broken) < 3:
                broken.append(1)
                raise ConnectionError("the database is away")
            return store.transaction()

    mailer.ports = replace(mailer.ports, store=Away())  # type: ignore[arg-type]
    for _ in range(20):
        try:
            handlers.send(mailer.ports)
        except ConnectionError:
            continue
    mailer.ports = replace(mailer.ports, store=store)
    assert broken and ends(mailer) == ["sent"] * 10
    assert len(server.taken) == 10


def test_a_letter_that_another_mailer_has_on_its_way_is_left_alone_until_its_lease_ends(
    mailer: MailerWorld, server: Smtpd
) -> None:
    feed(mailer, people(2))
    with mailer.ports.store.transaction() as tx:
        (first,) = tx.to_send(mailer.moment, 1, "another", [], [])
        tx.lease([first], "another")
    mailer.tick(hours=1)
    assert [taken.recipient for taken in server.taken] == ["p1@example.jp"]
    with mailer.ports.store.transaction() as tx:  # it died, and thirty seconds have gone
        tx.cursor.execute("update messages set sending_until = clock_timestamp() - interval '1 second'")
    mailer.tick()
    assert [taken.recipient for taken in server.taken] == ["p1@example.jp", "p0@example.jp"]


@pytest.mark.parametrize(
    "late", [Deferred("451 try again later"), TryLater("hung up"), Bounced("550 twice"), Sent("250")]
)
def test_what_a_mailer_hears_that_stood_still_for_longer_than_its_lease_changes_no_letter_that_another_sent(
    mailer: MailerWorld, server: Smtpd, late: SmtpReply | TryLater
) -> None:
    feed(mailer, people(1))
    other = replace(mailer.ports, deliveries=Deliveries(1))

    def stands_still(return_path: str, recipient: str, message: bytes) -> SmtpReply:
        with mailer.ports.store.transaction() as tx:
            tx.cursor.execute("update messages set sending_until = clock_timestamp() - interval '1 second'")
        handlers.send(other)
        if isinstance(late, TryLater):
            raise late
        return late

    mailer.ports = replace(mailer.ports, send=stands_still)
    with suppress(TryLater):
        handlers.send(mailer.ports)
    assert [event.state for event in mailer.letter_events()] == ["queued", "sent"]
    with mailer.ports.store.transaction() as tx:
        assert tx.cursor.execute("select state, attempts, sending_until from messages").fetchall() == [
            ("sent", 1, None)
        ]
    mailer.moment += timedelta(hours=2)
    handlers.send(other)
    assert len(server.taken) == 1


def test_a_letter_that_was_taken_counts_as_sent_although_another_mailer_has_it_on_its_way_and_is_deferred(
    mailer: MailerWorld,
) -> None:
    def stands_still(return_path: str, recipient: str, message: bytes) -> SmtpReply:
        with mailer.ports.store.transaction() as tx:
            tx.cursor.execute("update messages set sending_until = clock_timestamp() - interval '1 second'")
        other = replace(mailer.ports, deliveries=Deliveries(1), send=while_we_are_answered)
        sending.append(threading.Thread(target=handlers.send, args=[other]))
        sending[0].start()
        assert has_it.wait(20)
        return Sent("250 ok")

    def while_we_are_answered(return_path: str, recipient: str, message: bytes) -> SmtpReply:
        has_it.set()
        assert answered.wait(20)
        return Deferred("451 try again later")

    has_it, answered = threading.Event(), threading.Event()
    sending: list[threading.Thread] = []
    feed(mailer, people(1))
    handlers.send(replace(mailer.ports, send=stands_still))
    answered.set()
    sending[0].join(20)
    assert [event.state for event in mailer.letter_events()] == ["queued", "sent"]


def test_the_lease_that_another_took_over_is_not_renewed_by_the_mailer_that_stood_still(mailer: MailerWorld) -> None:
    feed(mailer, people(1))
    with mailer.ports.store.transaction() as tx:
        taken = tx.to_send(APRIL_1, 1, "first", [], [])
        tx.lease(taken, "first")
        tx.lease(taken, "second")
        tx.renew(taken, "first")
        assert tx.fetch_value("select sender from messages") == "second"


def test_the_lease_of_a_letter_whose_answer_takes_long_is_renewed(mailer: MailerWorld) -> None:
    answer = threading.Event()

    def send(return_path: str, recipient: str, message: bytes) -> SmtpReply:
        if recipient == "p0@example.jp":
            assert answer.wait(30)
        return Sent("250 ok")

    deliveries = Deliveries(2)
    mailer.ports = replace(mailer.ports, send=send, deliveries=deliveries)
    feed(mailer, people(2))
    sending = threading.Thread(target=handlers.send, args=(mailer.ports,))
    sending.start()
    until(lambda: "sent" in mailer.states(f"{1:026}"), seconds=30, what="the other letter leaves")
    with mailer.ports.store.transaction() as tx:
        tx.cursor.execute("update messages set sending_until = clock_timestamp() where state = 'queued'")
    deliveries.renewed_at = 0.0

    def is_leased() -> bool:
        with mailer.ports.store.transaction() as tx:
            return bool(tx.fetch_value("select sending_until > clock_timestamp() from messages where state = 'queued'"))

    until(is_leased, seconds=30, what="the lease is renewed")
    answer.set()
    sending.join(30)
    mailer.tick()
    assert ends(mailer) == ["sent"] * 2


def test_a_fault_of_ours_in_one_letter_costs_that_letter(mailer: MailerWorld) -> None:
    def send(return_path: str, recipient: str, message: bytes) -> SmtpReply:
        if recipient.startswith("p1@"):
            raise LookupError("a fault")
        return Sent("250 ok")

    mailer.ports = replace(mailer.ports, send=send)
    feed(mailer, people(5))
    handlers.send(mailer.ports)
    assert sorted(ends(mailer)) == ["deferred", *["sent"] * 4]


# ── domains ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_carrier_gets_its_pace_and_nobody_else_waits_for_it(mailer: MailerWorld) -> None:
    limits = DomainLimits(domains={"docomo.ne.jp": Limit(connections=1, per_second=2)})
    most: dict[str, int] = {}
    flying: dict[str, int] = {}
    lock = threading.Lock()

    def send(return_path: str, recipient: str, message: bytes) -> SmtpReply:
        domain = recipient.partition("@")[2]
        with lock:
            flying[domain] = flying.get(domain, 0) + 1
            most[domain] = max(most.get(domain, 0), flying[domain])
        with lock:
            flying[domain] -= 1
        return Sent("250 ok")

    mailer.ports = replace(mailer.ports, send=send, deliveries=Deliveries(CONNECTIONS, limits))
    others = [issued(f"A{number:025}", email=f"o{number}@example.jp") for number in range(20)]
    feed(mailer, [*people(10, "DoCoMo.ne.jp"), *others])
    handlers.send(mailer.ports)
    assert ends(mailer).count("sent") == 20 + 2
    mailer.moment += timedelta(seconds=1)
    handlers.send(mailer.ports)
    assert ends(mailer).count("sent") == 20 + 4
    until_nothing_is_due(mailer)
    assert ends(mailer) == ["sent"] * 30 and most["DoCoMo.ne.jp"] == 1


@pytest.mark.parametrize("limit", [Limit(), Limit(connections=1), Limit(connections=1, per_second=2)], ids=str)
def test_a_letter_that_somebody_asked_for_leaves_before_a_cohort_that_waits(mailer: MailerWorld, limit: Limit) -> None:
    """Its link ends in two hours: behind thousands of letters to a carrier with a pace it would never leave."""
    taken = _a_carrier_with_a_pace(mailer, limit)
    feed(mailer, people(20, "docomo.ne.jp"))
    mailer.moment += timedelta(seconds=5)  # all others have waited for longer
    _ask_for_a_letter(mailer)
    until_nothing_is_due(mailer)
    assert taken[0] == "hanako@docomo.ne.jp" and len(taken) == 21


def test_a_letter_that_somebody_asked_for_leaves_before_a_cohort_when_its_server_takes_it_later(
    mailer: MailerWorld,
) -> None:
    taken = _a_carrier_with_a_pace(mailer, Limit(connections=1, per_second=1), "hanako@docomo.ne.jp")
    feed(mailer, people(60, "docomo.ne.jp"))
    _ask_for_a_letter(mailer)
    until_nothing_is_due(mailer)
    first, second = (at for at, recipient in enumerate(taken) if recipient == "hanako@docomo.ne.jp")
    assert first == 0 and second < 60


def _a_carrier_with_a_pace(mailer: MailerWorld, limit: Limit, deferred_once: str = "") -> list[str]:
    """The recipients of the letters that it gets, in order."""
    taken: list[str] = []

    def send(return_path: str, recipient: str, message: bytes) -> SmtpReply:
        is_first = recipient not in taken
        taken.append(recipient)
        return Deferred("450 4.2.0 later") if recipient == deferred_once and is_first else Sent("250 ok")

    deliveries = Deliveries(1, DomainLimits(domains={"docomo.ne.jp": limit}))
    mailer.ports = replace(mailer.ports, send=send, deliveries=deliveries)
    return taken


def _ask_for_a_letter(mailer: MailerWorld) -> None:
    mailer.handle(asked(recipient="hanako@docomo.ne.jp", hours=None))
    handlers.write(mailer.ports)


def test_a_relay_that_is_slow_to_answer_holds_neither_the_letters_of_others_nor_any_transaction(
    mailer: MailerWorld, server: Smtpd
) -> None:
    """Its answers about one carrier come only when the test says so, which is later than all else that is asserted."""
    answer = threading.Event()

    def slow(verb: str, rest: str) -> str | None:
        if verb == "." and rest.endswith("@slow.example.jp"):
            assert answer.wait(60)
        return None

    server.answers = slow
    limits = DomainLimits(domains={"slow.example.jp": Limit(connections=CONNECTIONS - 1)})
    mailer.ports = replace(
        mailer.ports,
        send=SmtpPool(SmtpServer("127.0.0.1", server.port, seconds=60)).send,
        deliveries=Deliveries(CONNECTIONS, limits),
    )
    others = [issued(f"A{number:025}", email=f"o{number}@example.jp") for number in range(20)]
    feed(mailer, [*people(6, "slow.example.jp"), *others])

    def go_on() -> None:
        while ends(mailer).count("sent") < 26:
            handlers.send(mailer.ports)

    sending = threading.Thread(target=go_on)
    sending.start()
    until(lambda: ends(mailer).count("sent") == 20, seconds=60, what="the letters of others are sent")
    assert sending.is_alive() and len(mailer.ports.deliveries) == CONNECTIONS - 1
    with mailer.ports.store.transaction() as tx:
        tx.cursor.execute("set local lock_timeout = '20s'")  # the answer comes after this: it waits for no letter
        tx.cursor.execute("select from messages for update")
        assert tx.fetch_value("select count(*) from messages where sending_until is not null") == CONNECTIONS - 1
    mailer.handle_batch([revoked(f"A{1:025}")])
    answer.set()
    sending.join(60)
    assert ends(mailer) == ["sent"] * 26
    assert len(server.taken) == len({taken.recipient for taken in server.taken}) == 26


# ── a server that fails ─────────────────────────────────────────────────────────────────────────────────


def test_while_the_server_is_away_few_letters_are_tried_and_all_leave_when_it_is_back(
    mailer: MailerWorld, server: Smtpd
) -> None:
    tried = set()
    pool, away = mailer.ports.send, [True]

    def send(return_path: str, recipient: str, message: bytes) -> SmtpReply:
        if away[0]:
            tried.add(recipient)
            raise TryLater("mail server: refused")
        return pool(return_path, recipient, message)

    mailer.ports = replace(mailer.ports, send=send)
    feed(mailer, people(100))
    for _ in range(60):
        mailer.moment += timedelta(seconds=1)
        try:
            handlers.send(mailer.ports)
        except TryLater as error:
            assert "refused" in str(error)
    assert len(tried) <= CONNECTIONS + 10
    away[0] = False
    until_nothing_is_due(mailer)
    assert ends(mailer) == ["sent"] * 100
    assert len(server.taken) == 100


def test_a_server_that_closes_after_every_ten_letters_gets_each_letter_once(mailer: MailerWorld, server: Smtpd) -> None:
    counts: dict[int, int] = {}

    def answers(verb: str, rest: str) -> str | None:
        here = threading.get_ident()  # one thread a connection
        if verb == "EHLO":
            counts[here] = 0
        if verb == "MAIL":
            counts[here] = counts.get(here, 0) + 1
            return "421 4.7.0 too many messages on this connection" if counts[here] > 10 else None
        return None

    server.answers = answers
    feed(mailer, people(100))
    until_nothing_is_due(mailer)
    assert ends(mailer) == ["sent"] * 100
    assert len(server.taken) == 100


def test_a_server_that_takes_a_letter_and_hangs_up_before_its_answer_gets_the_same_letter_again(
    mailer: MailerWorld, server: Smtpd
) -> None:
    hung: set[str] = set()

    def answers(verb: str, rest: str) -> str | None:
        if verb == "." and rest not in hung and rest.startswith(("p3@", "p7@")):
            hung.add(rest)
            return ""
        return None

    server.answers = answers
    feed(mailer, people(20))
    until_nothing_is_due(mailer)
    assert ends(mailer) == ["sent"] * 20
    assert len(hung) == 2 and len(server.taken) == 20


def test_greylisted_letters_leave_when_the_server_takes_them_and_refused_ones_bounce(
    mailer: MailerWorld, server: Smtpd
) -> None:
    until = APRIL_1 + timedelta(minutes=5)

    def answers(verb: str, rest: str) -> str | None:
        if verb == "RCPT" and "p13@" in rest:
            return "550 5.1.1 no such user"
        return "451 4.7.1 greylisted" if verb == "RCPT" and mailer.moment < until else None

    server.answers = answers
    feed(mailer, people(30))
    until_nothing_is_due(mailer, step=30)
    assert ends(mailer).count("sent") == 29 and ends(mailer).count("bounced") == 1
    assert len(server.taken) == 29 and all(taken.content for taken in server.taken)


# ── one connection, several commands at once ────────────────────────────────────────────────────────────


@pytest.fixture
def client(server: Smtpd) -> SmtpClient:
    smtp = SmtpClient(SmtpServer("127.0.0.1", server.port, seconds=3))
    assert isinstance(post(smtp), Sent)  # from now on it knows that the server takes several commands at once
    return smtp


def post(smtp: SmtpClient, text: bytes = b"Subject: a\r\n\r\nb\r\n") -> SmtpReply:
    return smtp.send("bounce+A.award@bounce.example.jp", "taro@example.jp", text)


@pytest.mark.parametrize(
    ("verb", "answer", "expected"),
    [
        ("RCPT", "550 5.1.1 unknown", Bounced),
        ("RCPT", "451 4.7.1 greylisted", Deferred),
        ("DATA", "451 4.3.0 later", Deferred),
        ("DATA", "554 5.7.1 no", Bounced),
        (".", "554 5.7.1 spam", Bounced),
        (".", "452 4.2.2 full", Deferred),
    ],
)
def test_what_the_server_says_of_a_letter_is_told_apart_from_the_next(
    server: Smtpd, client: SmtpClient, verb: str, answer: str, expected: type[Bounced | Deferred]
) -> None:
    server.answers = lambda got, rest: answer if got == verb else None
    assert post(client) == expected(answer)
    server.answers = lambda got, rest: None
    assert isinstance(post(client, b"Subject: next\r\n\r\nb\r\n"), Sent)
    assert [taken.content.splitlines()[0] for taken in server.taken] == [b"Subject: a", b"Subject: next"]
    assert server.connections == 1


@pytest.mark.parametrize("answer", ["550 not you", "451 disk full", "421 closing"])
def test_a_server_that_refuses_us_bounces_nobody(server: Smtpd, client: SmtpClient, answer: str) -> None:
    server.answers = lambda got, rest: answer if got == "MAIL" else None
    with pytest.raises(TryLater, match=f"answered {answer[:3]}"):
        post(client)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
def test_a_connection_that_ended_before_the_text_is_opened_again_at_once(
    server: Smtpd, client: SmtpClient, verb: str
) -> None:
    ended: list[str] = []

    def answers(got: str, rest: str) -> str | None:
        if got == verb and not ended:
            ended.append(got)
            return ""
        return None

    server.answers = answers
    assert isinstance(post(client), Sent)
    assert server.connections == 2 and len(server.taken) == 2


def test_a_text_whose_lines_begin_with_dots_arrives_as_it_is(server: Smtpd, client: SmtpClient) -> None:
    for text in (b".a\r\n..b\r\n.\r\nc\r\n", b"Subject: x\r\n\r\n.\r\n"):
        assert isinstance(post(client, text), Sent)
        sent = server.taken[-1].content
        assert b"".join(line[1:] if line.startswith(b".") else line for line in sent.splitlines(True)) == text


# ── a real server: STARTTLS, SASL, DKIM ─────────────────────────────────────────────────────────────────


def certificate(folder: Path) -> Path:
    """A certificate of 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "relay.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


class Kept:
    """Keeps the envelopes as they came."""

    def __init__(self) -> None:
        self.contents: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd calls it so)
        self.contents.append(envelope.content)
        return "250 ok"


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[tuple[SmtpServer, Kept]]:
    """aiosmtpd that takes letters only over TLS, from `user` with its password."""
    file = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    kept = Kept()

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"user", b"a password of ours"))

    controller = Controller(
        kept,
        hostname="127.0.0.1",
        port=free_port(),
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=check,
    )
    controller.start()
    (tmp_path / "password").write_text("a password of ours\n")
    yield (
        SmtpServer("127.0.0.1", controller.port, "starttls", "user", tmp_path / "password", ca_file=file, seconds=5),
        kept,
    )
    controller.stop()


def test_letters_go_over_tls_to_a_relay_that_wants_a_password(secured: tuple[SmtpServer, Kept]) -> None:
    server, kept = secured
    assert isinstance(post(SmtpClient(server)), Sent)
    assert kept.contents == [b"Subject: a\r\n\r\nb\r\n"]


@pytest.mark.parametrize("change", ["password", "no trust", "no tls", "no user"])
def test_without_tls_trust_or_password_nothing_is_sent_and_nobody_bounces(
    secured: tuple[SmtpServer, Kept], tmp_path: Path, change: str
) -> None:
    server, kept = secured
    wrong = tmp_path / "wrong"
    wrong.write_text("another password\n")
    changed = {
        "password": replace(server, password_file=wrong),
        "no trust": replace(server, ca_file=None),
        "no tls": replace(server, tls="none"),
        "no user": replace(server, user=None),
    }[change]
    with pytest.raises(TryLater):
        post(SmtpClient(changed))
    assert kept.contents == []


def test_a_letter_that_came_over_smtp_has_the_signatures_of_both_keys(secured: tuple[SmtpServer, Kept]) -> None:
    server, kept = secured
    award = Message("award", ID, "taro@example.jp", "髙橋", "太郎", "gishi", "new", date(2026, 4, 1), date(2030, 3, 31))
    writer = LetterWriter(PROGRAMME, "http://localhost:8602", "http://localhost:8603", b"secret", [ED25519, RSA])
    assert isinstance(post(SmtpClient(server), writer.write(award, APRIL_1)), Sent)
    assert is_valid(kept.contents[0], ED25519, 0) and is_valid(kept.contents[0], RSA, 1)


@pytest.mark.parametrize(
    ("now", "states"),
    [
        (datetime(2030, 3, 31, 14, 59, tzinfo=UTC), ["queued", "sent"]),
        (datetime(2030, 3, 31, 15, 0, tzinfo=UTC), ["suppressed"]),
        (datetime(2033, 1, 1, tzinfo=UTC), ["suppressed"]),
    ],
)
def test_nobody_is_asked_to_receive_a_badge_whose_period_is_over(
    mailer: MailerWorld, now: datetime, states: list[str]
) -> None:
    mailer.moment = now
    mailer.handle(issued())
    mailer.tick()
    assert mailer.states() == states
