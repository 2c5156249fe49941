"""Is the mailer ready: the relay greets us, DNS vouches for our letters, and how long a cohort's letters take.

No letter is sent, nor begun: after the greeting and the login we say QUIT.
"""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, cast

from services.mailer.domain.dkim import DkimKey
from services.mailer.domain.dns_records import (
    dkim_finding,
    dkim_name,
    dmarc_finding,
    dmarc_names,
    mx_finding,
    spf_finding,
)
from services.mailer.domain.pacing import DomainLimits, Limit, seconds_for
from services.mailer.smtp import SmtpServer, connected, log_in, trust_of
from shared.addresses import domain_of
from shared.errors import TryLater
from shared.programme import Sender
from shared.readiness import OTHERS, DomainForecast, Finding, LettersForecast, Question, Report, fault, not_asked, ok
from shared.runtime.readiness import ending, peer_certificate_ends

RELAY, CERTIFICATE = "relay", "relay-certificate"
_RELAY_SECONDS = 6.0  # for each answer of the relay
_DNS_SECONDS = 2.5  # for one name; a check asks for two or three


@dataclass(frozen=True)
class DnsServers:
    """The resolvers: `hosts` with `port`; without any, those of the system."""

    hosts: tuple[str, ...] = ()
    port: int = 53


# ── the relay ──────────────────────────────────────────────────────────────────────────────────────────


def relay(server: SmtpServer) -> Report:
    """EHLO, STARTTLS and login as for a letter; then QUIT."""
    place = f"{server.host}:{server.port}"
    trust = trust_of(server)
    try:
        connection = connected(replace(server, seconds=_RELAY_SECONDS), trust)
    except ssl.SSLCertVerificationError as error:
        return Report(findings=(fault(CERTIFICATE, "certificate-untrusted", place, cause=error.verify_message),))
    except (OSError, smtplib.SMTPException) as error:
        return Report(findings=(fault(RELAY, "relay-away", place, cause=type(error).__name__),))
    with contextlib.closing(connection):
        try:
            findings = _greeted(connection, server, place, trust)
        except ssl.SSLCertVerificationError as error:
            findings = [fault(CERTIFICATE, "certificate-untrusted", place, cause=error.verify_message)]
        except smtplib.SMTPAuthenticationError as error:
            findings = [fault(RELAY, "relay-login-refused", place, answer=error.smtp_code)]
        except smtplib.SMTPResponseException as error:
            findings = [fault(RELAY, "relay-refuses", place, answer=error.smtp_code)]
        except (OSError, smtplib.SMTPException) as error:
            findings = [fault(RELAY, "relay-away", place, cause=type(error).__name__)]
        with contextlib.suppress(OSError, smtplib.SMTPException):
            connection.quit()
    return Report(findings=tuple(findings))


def _greeted(connection: smtplib.SMTP, server: SmtpServer, place: str, trust: ssl.SSLContext) -> list[Finding]:
    connection.ehlo_or_helo_if_needed()
    findings = []
    if server.tls == "starttls":
        if not connection.has_extn("starttls"):
            return [fault(RELAY, "relay-no-starttls", place)]
        connection.starttls(context=trust)
        connection.ehlo_or_helo_if_needed()
    if server.tls == "none":
        is_near = is_loopback(server.host)
        findings.append(not_asked(CERTIFICATE, "no-tls") if is_near else fault(RELAY, "relay-plain", place))
    else:
        ends = peer_certificate_ends(cast(ssl.SSLSocket, connection.sock))
        findings.append(ending(CERTIFICATE, place, ends, datetime.now(UTC)))
    if server.user is not None and server.password_file is not None:
        if not connection.has_extn("auth"):
            return [*findings, fault(RELAY, "relay-no-auth", place)]
        try:
            log_in(connection, server.user, server.password_file)
        except smtplib.SMTPServerDisconnected:  # after the first refusals: smtplib tries one mechanism after the other
            return [*findings, fault(RELAY, "relay-login-refused", place, answer="–")]
    return [*findings, ok(RELAY, place, extensions=" ".join(sorted(connection.esmtp_features)))]


def is_loopback(host: str) -> bool:
    """Whether what is sent to this host stays on this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# ── DNS ────────────────────────────────────────────────────────────────────────────────────────────────


def mx(servers: DnsServers | None, sender: Sender) -> Report:
    """Of the domain of From, and of that to which bounces come."""
    if servers is None:
        return _off("dns-mx")
    domains = dict.fromkeys((domain_of(sender.address), sender.bounce_domain))
    return Report(findings=tuple(_asked("dns-mx", domain, lambda d=domain: _mx(servers, d)) for domain in domains))


def spf(servers: DnsServers | None, sender: Sender) -> Report:
    """Of the domain of the envelope's sender, which receivers ask for, and of that of From."""
    if servers is None:
        return _off("dns-spf")
    domains = dict.fromkeys((sender.bounce_domain, domain_of(sender.address)))
    return Report(
        findings=tuple(
            _asked("dns-spf", domain, lambda d=domain: spf_finding(d, _texts(servers, d))) for domain in domains
        )
    )


def dkim(servers: DnsServers | None, sender: Sender, keys: Sequence[DkimKey]) -> Report:
    """The public halves of our own keys."""
    if servers is None:
        return _off("dns-dkim")
    if not keys:
        return Report(findings=(not_asked("dns-dkim", "dkim-by-relay"),))
    domain = domain_of(sender.address)
    return Report(
        findings=tuple(
            _asked(
                "dns-dkim",
                dkim_name(key, domain),
                lambda key=key: dkim_finding(key, domain, _texts(servers, dkim_name(key, domain))),
            )
            for key in keys
        )
    )


def dmarc(servers: DnsServers | None, sender: Sender) -> Report:
    if servers is None:
        return _off("dns-dmarc")
    domain = domain_of(sender.address)

    def ask() -> Finding:
        for name in dmarc_names(domain):
            if texts := [text for text in _texts(servers, name) if text.lstrip().lower().startswith("v=dmarc1")]:
                return dmarc_finding(domain, texts)
        return dmarc_finding(domain, ())

    return Report(findings=(_asked("dns-dmarc", domain, ask),))


def _off(check: str) -> Report:
    return Report(findings=(not_asked(check, "dns-off"),))


def _asked(check: str, about: str, ask: Any) -> Finding:
    try:
        found: Finding = ask()
    except TryLater as error:
        return fault(check, "dns-away", about, cause=str(error))
    return found


def _mx(servers: DnsServers, domain: str) -> Finding:
    return mx_finding(domain, [str(each.exchange) for each in _answers(servers, domain, "MX")])


def _texts(servers: DnsServers, name: str) -> list[str]:
    """Each TXT record as one text: it travels in parts of 255 bytes."""
    return [b"".join(each.strings).decode("utf-8", "replace") for each in _answers(servers, name, "TXT")]


def _answers(servers: DnsServers, name: str, kind: str) -> list[Any]:
    """The records; none when there are none. TryLater when no server answers."""
    from dns import exception, resolver

    asked = resolver.Resolver(configure=not servers.hosts)
    if servers.hosts:
        asked.nameservers, asked.port = list(servers.hosts), servers.port
    asked.timeout, asked.lifetime = _DNS_SECONDS / 2, _DNS_SECONDS
    try:
        return list(asked.resolve(f"{name}.", kind, search=False))
    except (resolver.NXDOMAIN, resolver.NoAnswer):
        return []
    except exception.DNSException as error:
        raise TryLater(type(error).__name__) from error


# ── how long the letters take ──────────────────────────────────────────────────────────────────────────


def letters(question: Question, limits: DomainLimits, connections: int) -> Report:
    """By the limits of each domain, as `Pace` keeps them, and by the pace at which letters leave us."""
    each = connections / question.letters_per_second
    domains = [
        _of_domain(domain, count, Limit() if domain == OTHERS else limits.of(domain), connections, each)
        for domain, count in sorted(question.letters.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    total = sum(question.letters.values())
    longest = max((found.seconds for found in domains), default=0.0)
    return Report(
        letters=LettersForecast(
            connections=connections,
            letters=total,
            seconds=max(longest, total / question.letters_per_second),
            domains=tuple(domains),
        )
    )


def _of_domain(domain: str, letters: int, limit: Limit, connections: int, each: float) -> DomainForecast:
    return DomainForecast(
        domain=domain,
        letters=letters,
        seconds=seconds_for(letters, limit, connections, each),
        connections=limit.connections,
        per_second=limit.per_second,
    )
