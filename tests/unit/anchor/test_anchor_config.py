from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path

import pytest

from services.anchor.config import read_config
from shared.errors import RefuseToStart

PROGRAMME = Path(__file__).parents[3] / "deploy" / "programmes" / "jci.toml"


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    files = {
        "CONTRACT_ADDRESS_FILE": "0x" + "Ab" * 20 + "\n",
        "CHAIN_KEYSTORE_FILE": "{}",
        "CHAIN_PASSWORD_FILE": "word",
        "S3_CREDENTIALS_FILE": "[default]",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    return {
        "DATABASE_URL": "postgresql://anchor@127.0.0.1/akashi",
        "KAFKA_BOOTSTRAP": "127.0.0.1:9092",
        "PROGRAMME_FILE": str(PROGRAMME),
        "S3_ENDPOINT": "http://127.0.0.1:1",
        "S3_BUCKET": "akashi",
        "PUBLIC_URL": "http://localhost:8603",
        "CHAIN_RPC_URL": "http://127.0.0.1:2",
        "CHAIN_ID": "31337",
        **{name: str(tmp_path / name) for name in files},
    }


def test_good_settings_are_read(settings: dict[str, str]) -> None:
    config = read_config({**settings, "MAX_FEE_GWEI": "50", "BATCH_DAILY_AT": "02:30", "BATCH_AGE_SECONDS": "7"})
    assert config.contract == "0x" + "ab" * 20
    assert config.fees.cap == 50 * 10**9
    assert (config.batches.daily_at, config.batches.age) == (time(2, 30), timedelta(seconds=7))
    assert config.anchor_on == "receipt"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHAIN_ID", "1"),
        ("CHAIN_NETWORK", "sepolia"),
        ("BATCH_SIZE", "0"),
        ("BATCH_DAILY_AT", "noon"),
        ("ANCHOR_ON", "moon"),
        ("CHAIN_RPC_URL", "nowhere"),
        ("CHAIN_KEYSTORE_FILE", "/no/such/file"),
    ],
)
def test_an_impossible_setting_is_refused_by_its_name(settings: dict[str, str], name: str, value: str) -> None:
    with pytest.raises(RefuseToStart, match="CHAIN_ID" if name == "CHAIN_NETWORK" else name):
        read_config({**settings, name: value})


def test_a_file_without_an_address_is_refused(settings: dict[str, str]) -> None:
    Path(settings["CONTRACT_ADDRESS_FILE"]).write_text("soon")
    with pytest.raises(RefuseToStart, match="CONTRACT_ADDRESS_FILE"):
        read_config(settings)
