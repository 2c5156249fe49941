from __future__ import annotations

from pathlib import Path

import pytest

from services.wallet.config import read_config
from shared.errors import RefuseToStart


def _environment(folder: Path) -> dict[str, str]:
    (folder / "credentials").write_text("[default]\naws_access_key_id=aa\naws_secret_access_key=bb\n")
    (folder / "link").write_text("a secret of sixteen bytes\n")
    return {
        "DATABASE_URL": "postgresql://wallet@127.0.0.1:1/akashi",
        "KAFKA_BOOTSTRAP": "127.0.0.1:2",
        "PROGRAMME_FILE": "deploy/programmes/jci.toml",
        "S3_ENDPOINT": "http://127.0.0.1:3",
        "S3_BUCKET": "akashi",
        "S3_CREDENTIALS_FILE": str(folder / "credentials"),
        "WEB_PORT": "0",
        "WALLET_URL": "http://localhost:4/",
        "PUBLIC_URL": "http://localhost:5",
        "LINK_SECRET_FILE": str(folder / "link"),
    }


def test_the_required_settings_are_enough(tmp_path: Path) -> None:
    config = read_config(_environment(tmp_path))
    assert config.wallet_url == "http://localhost:4"
    assert config.link_secret == b"a secret of sixteen bytes"
    assert config.session_seconds == 86400
    assert (config.receive_link_days, config.mail_link_hours, config.reset_link_hours) == (90, 24, 2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LINK_SECRET_FILE", "/nowhere"),
        ("LINK_SECRET_FILE", ""),
        ("PAPER_KEY_FILE", "/nowhere"),
        ("WEB_PORT", "eighty"),
        ("WALLET_URL", "localhost"),
        ("SESSION_SECONDS", "-1"),
        ("SESSION_SECONDS", "nan"),
        ("RECEIVE_LINK_DAYS", "0"),
        ("RECEIVE_LINK_DAYS", "a year"),
        ("MAIL_LINK_HOURS", "-1"),
        ("RESET_LINK_HOURS", "9000"),
    ],
)
def test_an_impossible_setting_is_named_before_anything_starts(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(RefuseToStart, match=name):
        read_config({**_environment(tmp_path), name: value})
