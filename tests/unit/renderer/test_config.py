from __future__ import annotations

from pathlib import Path

import pytest

from services.renderer.config import read_config
from shared.errors import RefuseToStart
from tests.worlds.press import FONTS


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The required settings."""
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id=aa\naws_secret_access_key=bb\n")
    return {
        "DATABASE_URL": "postgresql://renderer@127.0.0.1:1/akashi",
        "KAFKA_BOOTSTRAP": "127.0.0.1:2",
        "PROGRAMME_FILE": "deploy/programmes/jci.toml",
        "S3_ENDPOINT": "http://127.0.0.1:3",
        "S3_BUCKET": "akashi",
        "S3_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "PUBLIC_URL": "https://badges.example.jp/",
        "FONT_FOLDER": str(FONTS),
    }


def test_the_required_settings_are_enough(environment: dict[str, str]) -> None:
    config = read_config(environment)
    assert config.public_url == "https://badges.example.jp"
    assert config.font_folder == FONTS


@pytest.mark.parametrize(("name", "value"), [("FONT_FOLDER", "/nowhere"), ("PUBLIC_URL", "badges"), ("S3_BUCKET", "")])
def test_an_impossible_setting_is_named_before_anything_starts(
    environment: dict[str, str], name: str, value: str
) -> None:
    with pytest.raises(RefuseToStart, match=name):
        read_config({**environment, name: value})
