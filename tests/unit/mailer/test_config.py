"""The settings of the mailer."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.mailer.config import read_config
from services.mailer.smtp import SmtpServer
from shared.errors import RefuseToStart
from tests.worlds.records import ROOT


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


@pytest.mark.parametrize("name", ["SMTP_HOST", "SMTP_PORT", "WALLET_URL", "PUBLIC_URL", "LINK_SECRET_FILE"])
def test_a_missing_setting_is_named(settings: dict[str, str], name: str) -> None:
    del settings[name]
    with pytest.raises(RefuseToStart, match=f"setting {name}: missing"):
        read_config(settings)


def test_a_user_without_a_password_file_is_refused(settings: dict[str, str]) -> None:
    with pytest.raises(RefuseToStart, match="setting SMTP_PASSWORD_FILE: missing"):
        read_config(settings | {"SMTP_USER": "u"})


@pytest.mark.parametrize(
    ("name", "value"),
    [("SMTP_PORT", "70000"), ("SMTP_TLS", "ssl"), ("WALLET_URL", "wallet"), ("LINK_SECRET_FILE", "/nowhere")],
)
def test_an_invalid_setting_is_named(settings: dict[str, str], name: str, value: str) -> None:
    with pytest.raises(RefuseToStart, match=f"setting {name}: "):
        read_config(settings | {name: value})
