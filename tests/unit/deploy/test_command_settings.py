from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.command_settings import command_settings
from shared.errors import RefuseToStart
from shared.runtime.settings import command_environment

HOME = {"AKASHI_HOME": "/somewhere", "AKASHI_PORT_BASE": "9000"}


def test_each_service_with_commands_gets_what_they_need() -> None:
    assert command_settings("ops", HOME) == {
        "OPS_URL": "http://127.0.0.1:9004",
        "OPS_KEY_FILE": "/somewhere/secrets/ops.key",
        "WALLET_URL": "http://localhost:9002",
        "PAPER_KEY_FILE": "/somewhere/secrets/paper.key",
    }
    assert command_settings("registration", HOME) == {
        "REGISTRATION_URL": "http://127.0.0.1:9001",
        "UPSTREAM_KEY_FILE": "/somewhere/secrets/upstream.key",
        "KAFKA_BOOTSTRAP": "127.0.0.1:9009",
    }
    assert command_settings("verifier", HOME) == {
        "PUBLIC_URL": "http://localhost:9003",
        "NETWORKS_FILE": "/somewhere/networks.toml",
    }
    assert command_settings("anchor", HOME) == {
        "DATABASE_URL": "postgresql://anchor@127.0.0.1:9011/akashi?passfile=/somewhere/passwords/anchor.pgpass",
        "S3_ENDPOINT": "http://127.0.0.1:9007",
        "S3_BUCKET": "akashi",
        "S3_CREDENTIALS_FILE": "/somewhere/secrets/s3-credentials",
        "PUBLIC_URL": "http://localhost:9003",
        "NETWORKS_FILE": "/somewhere/networks.toml",
        "CHAIN_KEYSTORE_FILE": "/somewhere/secrets/chain-keystore.json",
        "CHAIN_PASSWORD_FILE": "/somewhere/secrets/chain.password",
    }


def test_the_clock_of_the_home_is_given_where_it_has_one(tmp_path: Path) -> None:
    home = {"AKASHI_HOME": str(tmp_path)}
    assert "AKASHI_CLOCK" not in command_settings("anchor", home)
    (tmp_path / "clock").write_text("2027-04-01T00:00:00+09:00\n")
    assert command_settings("anchor", home)["AKASHI_CLOCK"] == "2027-04-01T00:00:00+09:00"


def test_a_service_without_such_commands_gets_nothing() -> None:
    assert command_settings("issuer", HOME) == {}


def test_a_setting_that_is_given_wins_and_an_empty_one_counts_as_not_given() -> None:
    completed = command_environment("ops", {**HOME, "OPS_URL": "https://ops.example.jp"})
    assert completed["OPS_URL"] == "https://ops.example.jp"
    assert command_environment("ops", {**HOME, "OPS_URL": " "})["OPS_URL"] == "http://127.0.0.1:9004"


def test_an_impossible_port_base_is_refused_and_named() -> None:
    with pytest.raises(RefuseToStart, match="AKASHI_PORT_BASE"):
        command_environment("ops", {"AKASHI_PORT_BASE": "many"})
