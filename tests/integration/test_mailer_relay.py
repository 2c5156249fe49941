"""A relay with TLS and SASL (aiosmtpd, certificates of an authority of the tests): logins, refusals, carriers' pace."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from deploy.local.ports import free_port
from services.mailer import handlers
from services.mailer.deliveries import Deliveries
from services.mailer.domain.delivery import Bounced, Deferred, Sent
from services.mailer.domain.pacing import DomainLimits, Limit
from services.mailer.smtp import SmtpClient, SmtpPool, SmtpServer, Tls
from shared.errors import TryLater
from tests.worlds.mailer import APRIL_1, MailerWorld, issued, mailer_at
from tests.worlds.postgres import Databases
from tests.worlds.secure_kafka import Authority

TEXT = b"Subject: a\r\n\r\nb\r\n"


@dataclass
class Relay:
    """What the relay answers, and what it took. `refusals`: its answer about the recipients of a domain."""

    login: str | None = None  # its answer to a login, whatever the password; None: by the password
    sender: str | None = None  # its answer to MAIL FROM
    refusals: dict[str, str] = field(default_factory=dict)
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    mechanisms: list[str] = field(default_factory=list)

    def check(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        self.mechanisms.append(mechanism)
        is_right = (data.login, data.password) == (b"user", b"a password of ours")
        return AuthResult(success=is_right and self.login is None, handled=False, message=self.login)

    async def handle_MAIL(  # noqa: N802 (aiosmtpd calls it so)
        self, server: Any, session: Any, envelope: Any, address: str, options: Sequence[str]
    ) -> str:
        envelope.mail_from = address
        return self.sender or "250 ok"

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: Sequence[str]
    ) -> str:
        refusal = self.refusals.get(address.rpartition("@")[2])
        if refusal is None:
            envelope.rcpt_tos.append(address)
        return refusal or "250 ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.taken.append((envelope.rcpt_tos[0], envelope.content))
        return "250 ok"


@contextmanager
def relaying(
    folder: Path, tls: Tls = "starttls", mechanisms: Sequence[str] = ("PLAIN", "LOGIN")
) -> Iterator[tuple[SmtpServer, Relay]]:
    authority, relay = Authority(folder), Relay()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("relay"))
    starttls = tls == "starttls"
    controller = Controller(
        relay,
        hostname="127.0.0.1",
        port=free_port(),
        ssl_context=None if starttls else context,
        tls_context=context if starttls else None,
        require_starttls=starttls,
        auth_require_tls=starttls,  # aiosmtpd doesn't see the TLS of a connection that began with it
        auth_required=True,
        auth_exclude_mechanism={"PLAIN", "LOGIN"} - set(mechanisms),
        authenticator=relay.check,
    )
    controller.start()
    (folder / "password").write_text("a password of ours\n")
    try:
        yield (
            SmtpServer("127.0.0.1", controller.port, tls, "user", folder / "password", authority.file, seconds=10),
            relay,
        )
    finally:
        controller.stop()


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[tuple[SmtpServer, Relay]]:
    with relaying(tmp_path) as made:
        yield made


def post(client: SmtpClient, recipient: str = "taro@example.jp") -> Any:
    return client.send("bounce+1@bounce.example.jp", recipient, TEXT)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("mechanisms", [("PLAIN",), ("LOGIN",), ("PLAIN", "LOGIN")])
def test_a_login_works_by_each_mechanism_that_a_relay_offers(
    tmp_path: Path, tls: Tls, mechanisms: tuple[str, ...]
) -> None:
    with relaying(tmp_path, tls, mechanisms) as (server, relay):
        client = SmtpClient(server)
        assert isinstance(post(client), Sent) and isinstance(post(client), Sent)
        client.close()
    assert [content for _, content in relay.taken] == [TEXT] * 2
    assert len(relay.mechanisms) == 1 and relay.mechanisms[0] in mechanisms  # one login for the connection


@pytest.mark.parametrize(
    "answer",
    [
        "535 5.7.8 Authentication credentials invalid",
        "534 5.7.9 Authentication mechanism is too weak",
        "454 4.7.0 Temporary authentication failure",
        "421 4.3.0 too many logins",
    ],
)
def test_a_refused_login_bounces_nobody_and_the_letter_leaves_once_it_works(
    relay: tuple[SmtpServer, Relay], answer: str
) -> None:
    server, said = relay
    said.login = answer
    client = SmtpClient(server)
    for _ in range(2):
        with pytest.raises(TryLater) as refused:
            post(client)
        assert answer[:3] in str(refused.value) and "taro" not in str(refused.value)
    assert said.taken == []
    said.login = None
    assert isinstance(post(client), Sent) and len(said.taken) == 1


@pytest.mark.parametrize("change", [{"tls": "none"}, {"user": None}, {"ca_file": None}])
def test_without_tls_login_or_trust_a_relay_that_wants_them_gets_no_letter(
    relay: tuple[SmtpServer, Relay], change: dict[str, Any]
) -> None:
    server, said = relay
    with pytest.raises(TryLater):
        post(SmtpClient(replace(server, **change)))
    assert said.taken == []


def test_no_password_goes_to_a_relay_that_offers_no_starttls(relay: tuple[SmtpServer, Relay], tmp_path: Path) -> None:
    """A man in the middle can remove STARTTLS from the relay's answer."""
    server, _ = relay
    folder = tmp_path / "plain"
    folder.mkdir()
    said = Relay()
    controller = Controller(
        said,
        hostname="127.0.0.1",
        port=free_port(),
        authenticator=said.check,
        auth_required=True,
        auth_require_tls=False,
    )
    controller.start()
    try:
        with pytest.raises(TryLater):
            post(SmtpClient(replace(server, port=controller.port)))
    finally:
        controller.stop()
    assert said.mechanisms == [] and said.taken == []


def test_a_carriers_451_defers_its_letters_only_and_its_pace_holds_over_tls(
    relay: tuple[SmtpServer, Relay], databases: Databases
) -> None:
    server, said = relay
    said.refusals = {"docomo.ne.jp": "451 4.7.1 try again later", "gone.example.jp": "550 5.1.1 no such user"}
    limits = DomainLimits(domains={"docomo.ne.jp": Limit(connections=1, per_second=2)})
    with mailer_at(databases.fresh(), SmtpPool(server).send) as mailer:
        mailer.ports = replace(mailer.ports, deliveries=Deliveries(3, limits))
        carrier = [issued(f"D{number:025}", email=f"d{number}@docomo.ne.jp") for number in range(6)]
        others = [issued(f"A{number:025}", email=f"o{number}@example.jp") for number in range(5)]
        mailer.handle(*carrier, *others, issued("G" * 26, email="taro@gone.example.jp"))
        mailer.moment = APRIL_1
        assert sorted(ends(mailer)) == ["bounced", "deferred", "deferred", *["sent"] * 5]
        said.refusals.pop("docomo.ne.jp")
        for sent in (2, 4, 6):
            mailer.moment += timedelta(seconds=31 if sent == 2 else 1)
            assert ends(mailer).count("sent") == 5 + sent
    assert sorted(to for to, _ in said.taken if to.endswith("@docomo.ne.jp")) == [
        f"d{n}@docomo.ne.jp" for n in range(6)
    ]


@pytest.mark.parametrize("answer", ["421 4.7.0 too many messages", "454 4.3.0 try later", "530 5.7.0 must log in"])
def test_a_relay_that_refuses_us_gets_all_letters_later(
    relay: tuple[SmtpServer, Relay], databases: Databases, answer: str
) -> None:
    server, said = relay
    said.sender = answer
    with mailer_at(databases.fresh(), SmtpPool(server).send) as mailer:
        mailer.handle(*[issued(f"A{number:025}", email=f"o{number}@example.jp") for number in range(3)])
        mailer.moment = APRIL_1
        assert ends(mailer) == [] and said.taken == []
        said.sender = None
        for _ in range(8):
            mailer.moment += timedelta(seconds=61)
            ends(mailer)
        assert ends(mailer) == ["sent"] * 3 and len(said.taken) == 3


def ends(mailer: MailerWorld) -> list[str]:
    """Write and send what is due; the last state of each letter but those that are only queued."""
    while handlers.write(mailer.ports):
        pass
    with suppress(TryLater):  # the relay refuses us: the process says so, and calls the tick again
        while handlers.send(mailer.ports):
            pass
    last = {event.assertion_id: event.state for event in mailer.letter_events()}
    return [state for state in last.values() if state != "queued"]


def test_a_password_that_is_not_ascii_bounces_nobody(relay: tuple[SmtpServer, Relay]) -> None:
    server, said = relay
    assert server.password_file is not None
    for password in ("pässword", "パスワード", "\udc80"):
        server.password_file.write_bytes(password.encode("utf-8", "surrogateescape"))
        with pytest.raises(TryLater):
            post(SmtpClient(server))
    assert said.taken == [] and said.mechanisms == []


def test_an_answer_about_a_recipient_is_not_one_about_us(relay: tuple[SmtpServer, Relay]) -> None:
    server, said = relay
    said.refusals = {"a.example.jp": "451 4.7.1 later", "b.example.jp": "550 5.1.1 unknown"}
    client = SmtpClient(server)
    assert isinstance(post(client, "x@a.example.jp"), Deferred)
    assert isinstance(post(client, "x@b.example.jp"), Bounced)
    assert isinstance(post(client, "x@c.example.jp"), Sent)
