from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from services.anchor.config import read_command_config, read_config
from shared.errors import RefuseToStart

PROGRAMME = Path(__file__).parents[3] / "deploy" / "programmes" / "jci.toml"
NETWORKS = """
networks = ["local"]
[local]
name = { ja = "手元", en = "local" }
chain_id = 31337
rpc_urls = ["http://127.0.0.1:2/HIDDEN"]
contract = "0xABABABABABABABABABABABABABABABABABABABAB"
max_fee_gwei = 50
"""


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    files = {
        "NETWORKS_FILE": NETWORKS,
        "CHAIN_KEYSTORE_FILE": "{}",
        "CHAIN_PASSWORD_FILE": "word",
        "S3_CREDENTIALS_FILE": "[default]",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o600)
    return {
        "DATABASE_URL": "postgresql://anchor@127.0.0.1/akashi",
        "KAFKA_BOOTSTRAP": "127.0.0.1:9092",
        "PROGRAMME_FILE": str(PROGRAMME),
        "S3_ENDPOINT": "http://127.0.0.1:1",
        "S3_BUCKET": "akashi",
        "PUBLIC_URL": "http://localhost:8603",
        **{name: str(tmp_path / name) for name in files},
    }


def test_valid_settings_are_read(settings: dict[str, str]) -> None:
    config = read_config({**settings, "BATCH_CRON": "30 2 * * *", "BATCH_AGE_SECONDS": "7"}).anchor
    assert config.networks[0].contract == "0x" + "ab" * 20
    assert config.networks[0].max_fee_gwei == 50
    assert (config.batch_rules.cron, config.batch_rules.age) == ("30 2 * * *", timedelta(seconds=7))
    assert config.anchor_on == "receipt"
    assert "HIDDEN" not in repr(config)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BATCH_SIZE", "0"),
        ("BATCH_CRON", "noon"),
        ("BATCH_CRON", "0 2 * * * *"),
        ("ANCHOR_ON", "moon"),
        ("NETWORKS_FILE", "/no/such/file"),
        ("CHAIN_KEYSTORE_FILE", "/no/such/file"),
    ],
)
def test_an_impossible_setting_is_refused_by_its_name(settings: dict[str, str], name: str, value: str) -> None:
    with pytest.raises(RefuseToStart, match=name):
        read_config({**settings, name: value})


def test_a_wrong_field_of_the_networks_file_is_refused_by_its_name(settings: dict[str, str]) -> None:
    Path(settings["NETWORKS_FILE"]).write_text(NETWORKS.replace("31337", "1"))
    with pytest.raises(RefuseToStart, match=r"NETWORKS_FILE.*local\.chain_id: got 1, expected 31337"):
        read_config(settings)


def test_a_networks_file_that_others_may_read_is_refused(settings: dict[str, str]) -> None:
    Path(settings["NETWORKS_FILE"]).chmod(0o644)
    with pytest.raises(RefuseToStart, match=r"NETWORKS_FILE.*mode is 0644.*chmod 600"):
        read_config(settings)


def test_a_file_of_retired_networks_only_is_refused(settings: dict[str, str]) -> None:
    Path(settings["NETWORKS_FILE"]).write_text(NETWORKS + "retired = true\n")
    with pytest.raises(RefuseToStart, match="all networks are retired"):
        read_config(settings)


def test_the_commands_find_the_local_stack_by_its_home(settings: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "clock").write_text("2027-04-01T00:00:00+09:00\n")
    found = {name: settings[name] for name in settings if name.endswith("_FILE") and name != "NETWORKS_FILE"}
    (tmp_path / "networks.toml").write_text(NETWORKS)
    (tmp_path / "networks.toml").chmod(0o600)
    config = read_command_config({**found, "AKASHI_HOME": str(tmp_path), "AKASHI_PORT_BASE": "9000"})
    passfile = f"{tmp_path}/passwords/anchor.pgpass"
    assert config.database_url == f"postgresql://anchor@127.0.0.1:9011/akashi?passfile={passfile}"
    assert config.anchor.objects.endpoint == "http://127.0.0.1:9007"
    assert config.clock().year == 2027
