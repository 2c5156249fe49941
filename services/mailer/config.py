"""The settings of the mailer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

from services.mailer.bounces import Listener, Protocol
from services.mailer.domain.dkim import DkimKey, parse_keys
from services.mailer.domain.pacing import DomainLimits, parse_limits
from services.mailer.readiness import DnsServers, is_loopback
from services.mailer.smtp import SmtpServer, Tls
from shared.errors import RefuseToStart
from shared.runtime.settings import Runtime, Settings, read_runtime


@dataclass(frozen=True)
class Config:
    runtime: Runtime
    smtp: SmtpServer
    wallet_url: str
    public_url: str
    link_secret: bytes
    connections: int = 4
    limits: DomainLimits = field(default_factory=DomainLimits)
    dkim_keys: tuple[DkimKey, ...] = ()
    bounces: Listener | None = None
    bounce_maildir: Path | None = None
    kept: timedelta = timedelta(days=90)
    dns: DnsServers | None = field(default_factory=DnsServers)  # the resolvers asked about our own domains; None: none


def read_config(environment: Mapping[str, str]) -> Config:
    """RefuseToStart, naming the setting, for a missing or invalid one."""
    settings = Settings(environment)
    user = settings.text("SMTP_USER", "") or None
    runtime = read_runtime("mailer", settings)
    host, tls = settings.text("SMTP_HOST"), _tls(settings)
    return Config(
        runtime=runtime,
        smtp=SmtpServer(
            host=host,
            port=settings.port("SMTP_PORT"),
            tls=tls,
            user=user,
            password_file=_password_file(settings, user, host, tls) if user else None,
            ca_file=settings.if_given("SMTP_CA_FILE", settings.file),
        ),
        wallet_url=settings.site("WALLET_URL"),
        public_url=settings.site("PUBLIC_URL"),
        link_secret=settings.secret("LINK_SECRET_FILE"),
        connections=settings.whole("SMTP_CONNECTIONS", 4, least=1, most=100),
        limits=settings.read("MAIL_DOMAINS_FILE", "a file of limits (docs/mail.md)", _limits, DomainLimits()),
        dkim_keys=settings.read("DKIM_KEYS", "selector:file of a private key, separated by commas", parse_keys, ()),
        kept=timedelta(days=settings.whole("LETTER_BYTES_DAYS", 90, least=1, most=3650)),
        dns=_dns(settings),
        bounces=_listener(settings, runtime.programme.sender.bounce_domain),
        bounce_maildir=_maildir(settings) if settings.text("BOUNCE_MAILDIR", "") else None,
    )


def _listener(settings: Settings, bounce_domain: str) -> Listener | None:
    port = settings.port("BOUNCE_PORT", 0)
    protocol: Protocol = "smtp" if settings.choice("BOUNCE_PROTOCOL", ("lmtp", "smtp"), "lmtp") == "smtp" else "lmtp"
    return Listener(settings.text("BOUNCE_HOST", "127.0.0.1"), port, protocol, bounce_domain) if port else None


def _dns(settings: Settings) -> DnsServers | None:
    word = settings.text("DNS_SERVERS", "system")
    if word in ("system", "none"):
        return DnsServers() if word == "system" else None

    def parse(raw: str) -> DnsServers:
        places = [each.strip().rpartition("#") for each in raw.split(",")]
        hosts = tuple(str(ip_address(host or rest)) for host, _, rest in places)
        ports = {int(rest) if host else 53 for host, _, rest in places}
        if len(ports) != 1 or not 0 < min(ports) < 65536:
            raise ValueError("one port for all, as in 10.0.0.53#5353")
        return DnsServers(hosts, ports.pop())

    return settings.read("DNS_SERVERS", "system, none, or addresses with commas: 10.0.0.53,10.0.0.54", parse)


def _maildir(settings: Settings) -> Path:
    def parse(raw: str) -> Path:
        if not all((Path(raw) / name).is_dir() for name in ("new", "cur", "tmp")):
            raise ValueError("no maildir")
        return Path(raw)

    return settings.read("BOUNCE_MAILDIR", "a maildir: a folder with new, cur and tmp", parse)


def _limits(path: str) -> DomainLimits:
    return parse_limits(Path(path).read_text(encoding="utf-8"))


def _password_file(settings: Settings, user: str, host: str, tls: Tls) -> Path:
    file = settings.file("SMTP_PASSWORD_FILE")
    if not (file.read_bytes().isascii() and user.isascii()):
        raise RefuseToStart("settings SMTP_USER, SMTP_PASSWORD_FILE: got characters beyond ASCII, expected ASCII only")
    if tls == "none" and not is_loopback(host):
        raise RefuseToStart(
            f"setting SMTP_TLS: got none, expected starttls or implicit: the password would go to {host} in clear"
        )
    return file


def _tls(settings: Settings) -> Tls:
    kinds: dict[str, Tls] = {
        "none": "none",
        "starttls": "starttls",
        "implicit": "implicit",
    }
    return kinds[settings.choice("SMTP_TLS", tuple(kinds), "none")]
