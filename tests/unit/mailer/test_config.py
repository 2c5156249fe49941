"""The settings of the mailer."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.mailer.bounces import Listener
from services.mailer.config import read_config
from services.mailer.readiness import DnsServers
from services.mailer.smtp import SmtpServer
from shared.errors import RefuseToStart
from tests.worlds.records import ROOT

HOW_LETTERS_LEAVE = [
    ("SMTP_CONNECTIONS", "0"),
    ("SMTP_CA_FILE", "/nowhere"),
    ("MAIL_DOMAINS_FILE", "/nowhere"),
    ("MAIL_DOMAINS_FILE", str(ROOT / "pyproject.toml")),
    ("DKIM_KEYS", "no-file"),
    ("DKIM_KEYS", "mail-2026:/nowhere"),
    ("DKIM_KEYS", f"mail-2026:{ROOT / 'pyproject.toml'}"),
]


DNS_AND_BOUNCES = [
    ("DNS_SERVERS", "dns.example.jp"),
    ("DNS_SERVERS", "10.0.0.53#0"),
    ("DNS_SERVERS", "10.0.0.53,10.0.0.54#5353"),
    ("LETTER_BYTES_DAYS", "0"),
    ("LETTER_BYTES_DAYS", "4000"),
    ("BOUNCE_PORT", "70000"),
    ("BOUNCE_MAILDIR", "/nowhere"),
    ("BOUNCE_MAILDIR", str(ROOT)),
]


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "key").write_text("a key of twenty bytes\n")
    return {
        "DATABASE_URL": "postgresql://mailer@127.0.0.1/akashi",
        "KAFKA_BOOTSTRAP": "127.0.0.1:9092",
        "PROGRAMME_FILE": str(ROOT / "deploy/programmes/jci.toml"),
        "SMTP_HOST": "mail.example.jp",
        "SMTP_PORT": "587",
        "WALLET_URL": "https://wallet.example.jp",
        "PUBLIC_URL": "https://example.jp",
        "LINK_SECRET_FILE": str(tmp_path / "key"),
    }


def test_good_settings_are_read(settings: dict[str, str]) -> None:
    assert read_config(settings).smtp == SmtpServer("mail.example.jp", 587)
    password = settings["LINK_SECRET_FILE"]
    config = read_config(settings | {"SMTP_TLS": "starttls", "SMTP_USER": "u", "SMTP_PASSWORD_FILE": password})
    assert config.smtp == SmtpServer("mail.example.jp", 587, "starttls", "u", Path(password))
    assert config.link_secret == b"a key of twenty bytes"


@pytest.mark.parametrize(
    ("user", "password"), [("u", "pässword".encode()), ("u", "パスワード".encode()), ("ü", b"password"), ("u", b"\xff")]
)
def test_a_login_that_no_relay_could_be_sent_is_refused(
    settings: dict[str, str], tmp_path: Path, user: str, password: bytes
) -> None:
    (tmp_path / "password").write_bytes(password)
    login = {"SMTP_USER": user, "SMTP_PASSWORD_FILE": str(tmp_path / "password")}
    with pytest.raises(RefuseToStart, match="SMTP_PASSWORD_FILE: got characters beyond ASCII"):
        read_config(settings | login)


@pytest.mark.parametrize("host", ["mail.example.jp", "192.0.2.1", "localhost.example.jp", "127.0.0.1.example.jp"])
def test_a_password_goes_to_no_other_machine_in_clear(settings: dict[str, str], host: str) -> None:
    login = {"SMTP_HOST": host, "SMTP_USER": "u", "SMTP_PASSWORD_FILE": settings["LINK_SECRET_FILE"]}
    with pytest.raises(RefuseToStart, match="setting SMTP_TLS: got none, expected starttls or implicit"):
        read_config(settings | login)
    for tls in ("starttls", "implicit"):
        assert read_config(settings | login | {"SMTP_TLS": tls}).smtp.tls == tls


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.53", "::1", "localhost"])
def test_a_relay_on_this_machine_may_have_a_login_without_tls(settings: dict[str, str], host: str) -> None:
    login = {"SMTP_HOST": host, "SMTP_USER": "u", "SMTP_PASSWORD_FILE": settings["LINK_SECRET_FILE"]}
    assert read_config(settings | login).smtp.user == "u"


@pytest.mark.parametrize("name", ["SMTP_HOST", "SMTP_PORT", "WALLET_URL", "PUBLIC_URL", "LINK_SECRET_FILE"])
def test_a_missing_setting_is_named(settings: dict[str, str], name: str) -> None:
    del settings[name]
    with pytest.raises(RefuseToStart, match=f"setting {name}: missing"):
        read_config(settings)


def test_how_letters_leave_is_read(settings: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "domains.toml").write_text("[domains]\n'docomo.ne.jp' = { connections = 2 }\n")
    (tmp_path / "dkim.pem").write_bytes(
        Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    more = {
        "SMTP_CONNECTIONS": "8",
        "MAIL_DOMAINS_FILE": str(tmp_path / "domains.toml"),
        "DKIM_KEYS": f"mail-2026:{tmp_path / 'dkim.pem'}",
        "SMTP_CA_FILE": str(tmp_path / "key"),
    }
    config = read_config(settings | more)
    assert config.connections == 8
    assert config.limits.of("docomo.ne.jp").connections == 2
    assert [key.selector for key in config.dkim_keys] == ["mail-2026"]
    assert config.smtp.ca_file == tmp_path / "key"


def test_where_bounces_come_in_is_read(settings: dict[str, str], tmp_path: Path) -> None:
    assert read_config(settings).bounces is None and read_config(settings).bounce_maildir is None
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    config = read_config(settings | {"BOUNCE_PORT": "2424", "BOUNCE_PROTOCOL": "smtp", "BOUNCE_MAILDIR": str(tmp_path)})
    assert config.bounces == Listener("127.0.0.1", 2424, "smtp", "bounce.jci.example.jp")
    assert config.bounce_maildir == tmp_path


@pytest.mark.parametrize(
    ("value", "servers"),
    [
        (None, DnsServers()),
        ("system", DnsServers()),
        ("none", None),
        ("10.0.0.53, 10.0.0.54", DnsServers(("10.0.0.53", "10.0.0.54"))),
        ("127.0.0.1#5353,::1#5353", DnsServers(("127.0.0.1", "::1"), 5353)),
    ],
)
def test_who_is_asked_about_our_domains_is_read(
    settings: dict[str, str], value: str | None, servers: DnsServers | None
) -> None:
    assert read_config(settings if value is None else settings | {"DNS_SERVERS": value}).dns == servers


def test_a_user_without_a_password_file_is_refused(settings: dict[str, str]) -> None:
    with pytest.raises(RefuseToStart, match="setting SMTP_PASSWORD_FILE: missing"):
        read_config(settings | {"SMTP_USER": "u"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMTP_PORT", "70000"),
        ("SMTP_TLS", "ssl"),
        ("WALLET_URL", "wallet"),
        ("LINK_SECRET_FILE", "/nowhere"),
        *HOW_LETTERS_LEAVE,
        *DNS_AND_BOUNCES,
    ],
)
def test_an_invalid_setting_is_named(settings: dict[str, str], name: str, value: str) -> None:
    with pytest.raises(RefuseToStart, match=f"setting {name}: "):
        read_config(settings | {name: value})
