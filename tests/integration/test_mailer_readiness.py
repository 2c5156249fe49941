"""What the mailer finds out about its relay and in DNS, with real servers; no letter is sent, and nobody waits long."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message
from aiosmtpd.smtp import AuthResult

from deploy.local.ports import free_port
from services.mailer import readiness
from services.mailer.domain.pacing import DomainLimits, Limit
from services.mailer.readiness import DnsServers, dkim, dmarc, letters, mx, relay, spf
from services.mailer.smtp import SmtpServer, Tls
from shared.programme import Sender
from shared.readiness import OTHERS, Finding, Question, Report
from tests.worlds.dkim_keys import ED25519, RSA
from tests.worlds.dns_server import DnsServer, dns_server
from tests.worlds.secure_kafka import Authority
from tests.worlds.smtp_server import smtpd

SENDER = Sender(name="OpenBadge", address="noreply@jci.example.jp", bounce_domain="bounce.jci.example.jp")


def codes(report: Report) -> list[tuple[str, str | None]]:
    return [(each.check, each.code) for each in report.findings]


# ── the relay ──────────────────────────────────────────────────────────────────────────────────────────


class Letters(Message):
    """What a relay was given."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[object] = []

    def handle_message(self, message: object) -> None:
        self.taken.append(message)


class Relay(Controller):
    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.authority.issue("relay"))
        self.letters = Letters()
        super().__init__(
            self.letters,
            hostname="127.0.0.1",
            port=free_port(),
            tls_context=context,
            require_starttls=True,
            authenticator=lambda *given: AuthResult(success=given[4].password == b"right"),
            auth_required=True,
        )


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    server = Relay(tmp_path_factory.mktemp("relay"))
    server.start()
    yield server
    server.stop()


def asked(server: Relay, password: str, folder: Path, tls: Tls = "starttls", *, trusted: bool = True) -> Report:
    (folder / "password").write_text(password)
    ca = server.authority.file if trusted else None
    return relay(SmtpServer("127.0.0.1", server.port, tls, "user", folder / "password", ca_file=ca))


def test_a_relay_with_starttls_and_login_is_well_and_gets_no_letter(real: Relay, tmp_path: Path) -> None:
    report = asked(real, "right", tmp_path)
    # the test authority's certificates end within a month
    assert codes(report) == [("relay-certificate", "certificate-ends"), ("relay", None)]
    assert "starttls" not in report.findings[1].facts["extensions"] and "auth" in report.findings[1].facts["extensions"]
    assert real.letters.taken == [] and "right" not in repr(report)


def test_a_wrong_password_and_an_authority_that_is_not_trusted_are_told_apart(real: Relay, tmp_path: Path) -> None:
    assert ("relay", "relay-login-refused") in codes(asked(real, "wrong", tmp_path))
    assert codes(asked(real, "right", tmp_path, trusted=False)) == [("relay-certificate", "certificate-untrusted")]
    assert codes(asked(real, "right", tmp_path, "implicit")) == [("relay", "relay-away")]


@pytest.mark.parametrize(
    ("answers", "tls", "user", "code"),
    [
        (lambda verb, rest: None, "none", False, None),
        (lambda verb, rest: None, "starttls", False, "relay-no-starttls"),
        (lambda verb, rest: None, "none", True, "relay-no-auth"),
        (lambda verb, rest: "554 go away" if verb in ("EHLO", "HELO") else None, "none", False, "relay-refuses"),
        (lambda verb, rest: "" if verb in ("EHLO", "HELO") else None, "none", False, "relay-away"),
    ],
)
def test_what_a_relay_lacks_or_refuses_is_named(
    answers: Callable[[str, str], str | None], tls: Tls, user: bool, code: str | None, tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.write_text("p")
    with smtpd() as server:
        server.answers = answers
        found = relay(SmtpServer("127.0.0.1", server.port, tls, "user" if user else None, password if user else None))
        assert [each.code for each in found.findings if each.check == "relay"] == [code]
        assert server.taken == []


def test_a_relay_that_says_nothing_is_given_up_on_and_one_far_away_is_to_be_encrypted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with smtpd() as server:
        server.answers = lambda verb, rest: None if verb == "QUIT" else "250 hm"
        assert codes(relay(SmtpServer("127.0.0.1", 1))) == [("relay", "relay-away")]
        monkeypatch.setattr(readiness, "is_loopback", lambda host: False)
        assert ("relay", "relay-plain") in codes(relay(SmtpServer("127.0.0.1", server.port)))


def test_a_relay_on_this_machine_needs_no_encryption_and_any_other_does() -> None:
    hosts = ("127.0.0.1", "::1", "localhost", "10.0.0.1", "relay.example.jp")
    assert [readiness.is_loopback(host) for host in hosts] == [True, True, True, False, False]


# ── DNS ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def zone() -> Iterator[DnsServer]:
    with dns_server() as server:
        server.records = {
            ("jci.example.jp", "MX"): ["10 mx.jci.example.jp."],
            ("bounce.jci.example.jp", "MX"): ["10 mx.jci.example.jp."],
            ("jci.example.jp", "TXT"): ['"v=spf1 include:_spf.relay.example -all"', '"something-else"'],
            ("bounce.jci.example.jp", "TXT"): ['"v=spf1 include:_spf.relay" ".example -all"'],
            ("_dmarc.example.jp", "TXT"): ['"v=DMARC1; p=quarantine"'],
            **{(f"{key.selector}._domainkey.jci.example.jp", "TXT"): [in_parts(key.record)] for key in (RSA, ED25519)},
        }
        yield server


def in_parts(record: str) -> str:
    """As long texts travel: in strings of 255 bytes at most."""
    return " ".join(f'"{record[start : start + 100]}"' for start in range(0, len(record), 100))


def all_of(zone: DnsServer) -> list[Finding]:
    servers = DnsServers(("127.0.0.1",), zone.port)
    reports = (mx(servers, SENDER), spf(servers, SENDER), dkim(servers, SENDER, (RSA, ED25519)), dmarc(servers, SENDER))
    return [finding for report in reports for finding in report.findings]


def test_a_domain_with_all_its_records_is_well_and_its_policy_may_stand_above_it(zone: DnsServer) -> None:
    assert [(each.check, each.code) for each in all_of(zone)] == [
        *[("dns-mx", None)] * 2,
        *[("dns-spf", None)] * 2,
        *[("dns-dkim", None)] * 2,
        ("dns-dmarc", None),
    ]
    assert ("_dmarc.jci.example.jp", "TXT") in zone.asked


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({("bounce.jci.example.jp", "MX"): []}, "mx-missing"),
        ({("bounce.jci.example.jp", "TXT"): []}, "spf-missing"),
        ({("jci.example.jp", "TXT"): ['"v=spf1 a -all"', '"v=spf1 mx -all"']}, "spf-several"),
        ({("rsa-2026._domainkey.jci.example.jp", "TXT"): []}, "dkim-missing"),
        ({("ed-2026._domainkey.jci.example.jp", "TXT"): [in_parts(RSA.record)]}, "dkim-differs"),
        ({("_dmarc.example.jp", "TXT"): []}, "dmarc-missing"),
        ({("_dmarc.jci.example.jp", "TXT"): ['"v=DMARC1; p=maybe"']}, "dmarc-unreadable"),
    ],
)
def test_one_record_that_is_missing_or_wrong_is_named_alone(
    zone: DnsServer, change: dict[tuple[str, str], list[str]], code: str
) -> None:
    zone.records |= change
    assert [each.code for each in all_of(zone) if each.state != "ok"] == [code]


def test_a_server_that_is_silent_or_refuses_is_no_missing_record(
    zone: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone.refuses = True
    assert {each.code for each in all_of(zone)} == {"dns-away"}
    zone.silent = True
    monkeypatch.setattr(readiness, "_DNS_SECONDS", 0.1)
    assert codes(spf(DnsServers(("127.0.0.1",), zone.port), SENDER)) == [("dns-spf", "dns-away")] * 2


def test_dns_that_is_off_and_signatures_of_the_relay_are_said_to_be_so(zone: DnsServer) -> None:
    off = [mx(None, SENDER), spf(None, SENDER), dkim(None, SENDER, (RSA,)), dmarc(None, SENDER)]
    assert [each.findings[0].code for each in off] == ["dns-off"] * 4
    assert dkim(DnsServers(("127.0.0.1",), zone.port), SENDER, ()).findings[0].code == "dkim-by-relay"
    assert zone.asked == []


# ── the time of the letters ────────────────────────────────────────────────────────────────────────────


def test_letters_take_as_long_as_the_slowest_domain_or_all_of_them_together() -> None:
    limits = DomainLimits(domains={"docomo.ne.jp": Limit(connections=2, per_second=2.0)})
    counts = {"docomo.ne.jp": 1000, "mail.docomo.ne.jp": 10, "example.jp": 300, OTHERS: 50}
    found = letters(Question(badges=1360, letters=counts, letters_per_second=40.0), limits, 4).letters
    assert found is not None and (found.letters, found.connections) == (1360, 4)
    slowest = found.domains[0]
    assert (slowest.domain, slowest.per_second) == ("docomo.ne.jp", 2.0)
    assert slowest.seconds == pytest.approx((1000 - 2) / 2 + 0.1) and found.seconds == slowest.seconds
    assert {each.domain: each.per_second for each in found.domains} == {
        "docomo.ne.jp": 2.0,
        "mail.docomo.ne.jp": 2.0,
        "example.jp": None,
        OTHERS: None,
    }
    fast = letters(Question(badges=400, letters={"example.jp": 400}, letters_per_second=40.0), limits, 4).letters
    assert fast is not None and fast.seconds == pytest.approx(10.0)
    none = letters(Question(badges=0), limits, 4).letters
    assert none is not None and (none.letters, none.seconds) == (0, 0.0)
