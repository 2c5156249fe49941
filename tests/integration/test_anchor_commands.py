"""`akashi anchor` against a real chain and a real database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from services.anchor.commands.anchor import anchor
from shared.chain.registry import Registry
from tests.worlds.anchor import World
from tests.worlds.anvil import CHAIN_ID

pytest_plugins = ("tests.worlds.anchor_fixtures",)


@pytest.fixture
def world(anchor_world: World) -> World:
    return anchor_world


class Terminal:
    """Runs a command with the settings of the world's service."""

    def __init__(self, world: World, keys: Path, contract: str, folder: Path) -> None:
        storage, self.networks = folder / "s3", folder / "networks.toml"
        storage.write_text("[default]\naws_access_key_id = a\naws_secret_access_key = b\n")
        self.networks.touch(mode=0o600)
        self.networks.write_text(
            'networks = ["local"]\n[local]\nname = { ja = "手元", en = "local" }\n'
            f'chain_id = {CHAIN_ID}\nrpc_urls = ["{world.chain.url}"]\ncontract = "{contract}"\nends_on = 2026-09-30\n'
        )
        self._settings = {
            "DATABASE_URL": world.ports.store.url,
            "NETWORKS_FILE": str(self.networks),
            "CHAIN_KEYSTORE_FILE": str(keys / "key"),
            "CHAIN_PASSWORD_FILE": str(keys / "word"),
            "S3_ENDPOINT": "http://127.0.0.1:9",
            "S3_CREDENTIALS_FILE": str(storage),
            "AKASHI_CLOCK": world.ports.now().isoformat(),
            "BATCH_CRON": "0 2 * * *",
        }

    def run(self, *words: str, **settings: str) -> Result:
        """In this process: two seconds of CPU less than in one of its own."""
        result = CliRunner().invoke(anchor, words, env={**self._settings, **settings})
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result


@pytest.fixture
def terminal(world: World, keys: Path, registry: Registry, tmp_path: Path) -> Terminal:
    return Terminal(world, keys, registry.address, tmp_path)


def test_the_status_counts_badges_and_roots_and_exits_with_1_when_there_are_warnings(
    world: World, terminal: Terminal
) -> None:
    world.close("A", "B")
    world.settle()
    world.award("C")
    result = terminal.run("status", "--json")
    status = json.loads(result.stdout)
    assert (status["waiting_leaves"], status["batches"], status["batches_incomplete"]) == (1, 1, 0)
    [network] = status["networks"]
    assert (network["roots_final"], network["roots_on_the_way"], network["answers"]) == (1, 0, True)
    assert network["balance_pays_for"] > 1000
    assert network["badges_outliving"] == 2
    assert result.exit_code == 1
    text = terminal.run("status").stdout
    assert "1 leaves wait" in text
    assert "ends on 2026-09-30: 2 badges" in text


def test_a_dry_run_estimates_the_cost_and_sends_nothing(world: World, terminal: Terminal) -> None:
    before = world.chain.call("eth_blockNumber")
    plan = json.loads(terminal.run("dry-run", "--leaves", "20000", "--json").stdout)
    assert (plan["leaves"], plan["depth"]) == (20_000, 15)
    assert plan["closes_at"] == "2026-04-02T02:00:00+09:00"
    [network] = plan["networks"]
    assert 45_000 < network["gas"] < 52_000
    assert 0 < network["fee_now_ether"] <= network["fee_most_ether"] == pytest.approx(network["gas"] * 100 / 10**9)
    assert network["final_in_seconds"] >= 0
    assert "a tree 15 deep" in terminal.run("dry-run", "--leaves", "20000").stdout
    assert "nothing would be sent" in terminal.run("dry-run").stdout
    assert world.chain.call("eth_blockNumber") == before
    assert world.rows("select count(*) from transactions") == [(0,)]


def test_an_unknown_network_and_an_unavailable_database_exit_with_2_and_name_the_fix(terminal: Terminal) -> None:
    unknown = terminal.run("migrate", "--to", "moon")
    assert unknown.exit_code == 2
    assert "'moon': not in NETWORKS_FILE; expected one of local" in unknown.stderr
    away = terminal.run("status", DATABASE_URL="postgresql://nobody@127.0.0.1:9/none")
    assert away.exit_code == 2
    assert "database away" in away.stderr
    terminal.networks.chmod(0o644)
    assert "chmod 600" in terminal.run("status").stderr


def test_a_migration_of_roots_that_are_there_already_sends_nothing(world: World, terminal: Terminal) -> None:
    world.close("A")
    world.settle()
    result = terminal.run("migrate", "--to", "local", "--dry-run")
    assert result.exit_code == 0
    assert "local: 0 roots by 0 transactions, 0 are there already; 0 gas" in result.stdout
    done = json.loads(terminal.run("migrate", "--to", "local", "--json").stdout)
    assert (done["roots"], done["final"], done["on_the_way"]) == (0, 1, 0)
