"""The settings of registration."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from services.registration.config import read_config, read_upstream
from shared.errors import RefuseToStart
from tests.worlds.records import ROOT


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "key").write_text("a key of twenty bytes\n")
    return {
        "DATABASE_URL": "postgresql://registration@127.0.0.1/akashi",
        "KAFKA_BOOTSTRAP": "127.0.0.1:9092",
        "PROGRAMME_FILE": str(ROOT / "deploy/programmes/jci.toml"),
        "WEB_PORT": "8601",
        "COHORT": "2028",
        "SETTLE_SECONDS": "2",
        "UPSTREAM_KEY_FILE": str(tmp_path / "key"),
        "FONT_FOLDER": str(tmp_path),
    }


def test_good_settings_are_read(settings: dict[str, str]) -> None:
    config = read_config(settings)
    assert (config.cycle.begins_on, config.cycle.confirm_until) == (date(2028, 4, 1), date(2028, 2, 29))
    assert config.settle == timedelta(seconds=2)
    assert config.upstream_key == b"a key of twenty bytes"


@pytest.mark.parametrize("name", ["WEB_PORT", "COHORT", "UPSTREAM_KEY_FILE", "FONT_FOLDER"])
def test_a_missing_setting_is_named(settings: dict[str, str], name: str) -> None:
    del settings[name]
    with pytest.raises(RefuseToStart, match=f"setting {name}: missing"):
        read_config(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WEB_PORT", "70000"),
        ("COHORT", "26"),
        ("COHORT", "２０２６"),
        ("COHORT", "0000"),
        ("SETTLE_SECONDS", "-1"),
        ("SETTLE_SECONDS", "nan"),
        ("UPSTREAM_KEY_FILE", "/nowhere"),
        ("UPLOAD_LIMIT_BYTES", "1"),
        ("FONT_FOLDER", "/nowhere"),
        ("EXTRA_FONTS", "/nowhere/own.ttf"),
    ],
)
def test_an_invalid_setting_is_named(settings: dict[str, str], name: str, value: str) -> None:
    with pytest.raises(RefuseToStart, match=f"setting {name}: "):
        read_config(settings | {name: value})


def test_feed_finds_the_stack_of_this_machine() -> None:
    upstream = read_upstream({"AKASHI_HOME": "/somewhere", "AKASHI_PORT_BASE": "9000"})
    assert (upstream.url, upstream.kafka.bootstrap) == ("http://127.0.0.1:9001", "127.0.0.1:9009")
    assert upstream.key_file == Path("/somewhere/secrets/upstream.key")
    assert read_upstream({}).url == "http://127.0.0.1:8601"


def test_feed_names_a_key_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RefuseToStart, match="setting UPSTREAM_KEY_FILE"):
        read_upstream({"UPSTREAM_KEY_FILE": str(tmp_path / "none")}).key()
