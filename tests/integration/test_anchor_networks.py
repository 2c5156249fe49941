"""Roots on several networks, the move to another, adoption, broken finality, changes of settings: two real chains."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest

from services.anchor import handlers
from services.anchor.domain.anchoring import Deployment
from services.anchor.domain.costs import MIGRATED_ROOT_GAS, MIGRATION_CALL_GAS, Fee
from services.anchor.network import migration, network_status, submission
from services.anchor.network.deploy import deploy_contract
from services.anchor.network.network_status import StatusMonitor
from services.anchor.network.sender import NetworkConnection, Sender, input_for
from services.anchor.network.submission import NetworkPorts
from services.anchor.store import AnchorTransaction
from shared.chain.networks import Network
from shared.chain.registry import Registry
from shared.credentials.merkle_proof import decode_proof
from shared.events import AssertionAnchored
from shared.programme import Bilingual
from shared.runtime.migrate import migrate
from tests.worlds.anchor import GWEI, ROOT, Hand, World, encode, leaf, revoked
from tests.worlds.anvil import CHAIN_ID, Anvil, anvil
from tests.worlds.postgres import Databases
from tests.worlds.recalled import announced, back_up, take_back

pytest_plugins = ("tests.worlds.anchor_fixtures",)


@pytest.fixture
def world(anchor_world: World) -> World:
    return anchor_world


OTHER_ID = 31338


@dataclass
class Other:
    """A second chain, with our contract on it."""

    chain: Anvil
    registry: Registry
    ports: NetworkPorts

    def settle(self, world: World, rounds: int = 12) -> None:
        for _ in range(rounds):
            submission.submit(self.ports)
            submission.confirm(self.ports)
            handlers.prove(world.ports)
            self.chain.mine()
            world.wait(2)


@pytest.fixture
def other(world: World, keys: Path) -> Iterator[Other]:
    with anvil(OTHER_ID) as chain:
        chain.fund(world.account.address)
        registry = Registry(chain.url, deploy_contract(chain.url, keys / "key", keys / "word"), OTHER_ID, network="two")
        deployment = Deployment("two", OTHER_ID, registry.address)
        ports = replace(world.network, sender=Sender(registry, world.account), deployment=deployment)
        yield Other(chain, registry, ports)


def both(world: World, other: Other) -> World:
    return replace(world, ports=replace(world.ports, deployments=(world.network.deployment, other.ports.deployment)))


def manifest(world: World, root: bytes) -> list[str]:
    return [each["network"] for each in json.loads(world.shelf.kept[f"batches/{root.hex()}.json"])["anchors"]]


def test_a_badge_is_complete_on_the_first_network_and_the_others_follow(world: World, other: Other) -> None:
    world = both(world, other)
    root = world.close("A", "B")
    other.settle(world)
    assert world.announced() == []  # final on the second alone completes nothing
    assert world.states() == ["closed", "final"]
    world.settle()
    assert world.states() == ["final", "final"]
    assert {event.network for event in world.announced()} == {"local"}
    assert len(world.announced()) == 2
    assert manifest(world, root) == ["local", "two"]
    assert other.registry.entry_of(root) is not None


def test_a_badge_is_complete_while_the_second_network_is_unavailable(world: World, other: Other) -> None:
    world = both(world, other)
    root = world.close("A")
    gone = replace(
        other.ports, sender=Sender(Registry("http://127.0.0.1:9", other.registry.address, OTHER_ID), world.account)
    )
    assert submission.submit(gone) == 0
    world.settle()
    assert len(world.announced()) == 1
    assert manifest(world, root) == ["local"]
    world.wait(60)
    other.settle(world)
    assert manifest(world, root) == ["local", "two"]
    assert len(world.announced()) == 1


def test_past_roots_migrate_to_another_network_in_few_transactions(world: World, other: Other) -> None:
    roots = [world.close(f"A{number}", f"B{number}") for number in range(5)]
    world.settle(20)
    before = world.announced()
    deployment = other.ports.deployment
    gas = MIGRATION_CALL_GAS + 2 * MIGRATED_ROOT_GAS
    found = migration.plan(world.ports.store, other.ports.sender, deployment, most_gas=gas)
    assert [len(chunk) for chunk in found.chunks] == [2, 2, 1]
    assert 5 * 20_000 < found.gas < 3 * gas
    migration.begin(world.ports.store, deployment, found)
    migration.begin(world.ports.store, deployment, found)  # by another hand at the same time: nothing more
    other.settle(world, 20)
    assert all(other.registry.entry_of(root) for root in roots)
    assert world.states() == ["final"] * 8
    assert all(manifest(world, root) == ["local", "two"] for root in roots)
    assert world.announced() == before  # what people have in their hands stays as it is
    assert migration.plan(world.ports.store, other.ports.sender, deployment, most_gas=gas).roots == 0


def test_an_interrupted_migration_goes_on_and_adopts_roots_that_are_there_already(world: World, other: Other) -> None:
    roots = [world.close(f"A{number}") for number in range(4)]
    world.settle(20)
    hand = Hand(other.chain, other.registry.address, world.account.address)
    assert hand.send(roots[0]).succeeded
    found = migration.plan(world.ports.store, other.ports.sender, other.ports.deployment, most_gas=10**7)
    assert (found.roots, len(found.known)) == (3, 1)
    migration.begin(world.ports.store, other.ports.deployment, found)
    submission.sign_next(other.ports)
    assert hand.send(encode(other.registry, "anchorMany", [roots[1]])).succeeded  # between plan and sending
    other.chain.mine(10)
    world.wait(120)
    other.settle(world, 20)
    world.wait(120)
    other.settle(world, 20)
    assert all(manifest(world, root) == ["local", "two"] for root in roots)
    anchored = [other.registry.entry_of(root) for root in roots]
    assert all(anchored)
    assert world.rows("select count(*) from anchored_roots where chain_id = 31338") == [(4,)]


def test_the_gas_of_a_migrated_root_is_within_the_estimate(hand: Hand, registry: Registry) -> None:
    roots = [leaf(str(number)) for number in range(180)]
    receipt = hand.send(input_for(roots, many=True))
    assert receipt.succeeded
    assert receipt.gas < MIGRATION_CALL_GAS + MIGRATED_ROOT_GAS * len(roots) <= 5_000_000


def test_after_a_restored_backup_known_roots_are_adopted_without_a_new_transaction(
    world: World, registry: Registry
) -> None:
    world.close("A", "B")
    submission.submit(world.network)
    [(hash,)] = world.rows("select hash from transactions")
    with world.ports.store.transaction() as tx:  # the backup is from before the signing
        tx.cursor.execute("delete from transactions")
        tx.cursor.execute("delete from nonces")
        tx.cursor.execute("update anchorings set state = 'closed'")
    world.wait(2)
    assert submission.sign_next(world.network) == 1
    assert world.states() == ["mined"]
    handlers.prove(world.ports)
    assert world.announced() == []  # adopted is not final yet
    world.settle()
    assert world.states() == ["final"]
    assert {event.transaction for event in world.announced()} == {hash}
    assert world.rows("select count(*) from transactions") == [(0,)]


def test_an_adopted_root_whose_block_is_reorged_out_is_signed(world: World, registry: Registry, hand: Hand) -> None:
    root = world.close("A")
    assert hand.send(root).succeeded
    assert submission.sign_next(world.network) == 1
    world.chain.mine_at_once(False)
    world.chain.call("anvil_reorg", 1, [])
    world.settle()
    world.wait(61)
    world.settle()
    assert world.states() == ["final"]
    assert registry.entry_of(root) is not None
    assert len(world.rows("select 1 from transactions")) == 1


def test_a_revoked_root_gets_no_proof(world: World, registry: Registry, hand: Hand) -> None:
    root = world.close("A")
    assert hand.send(root).succeeded
    assert hand.send(encode(registry, "revoke", root)).succeeded
    world.settle()
    assert world.states() == ["closed"]
    assert "taken back" in world.rows("select last_error from anchorings")[0][0]
    assert world.announced() == []


def test_after_a_reorg_deeper_than_finality_the_same_transaction_is_on_chain_again(
    world: World, registry: Registry
) -> None:
    root = world.close("A")
    world.settle()
    [event] = world.announced()
    world.chain.mine_at_once(False)
    depth = int(world.chain.call("eth_blockNumber"), 16) - event.block_number + 1
    world.chain.call("anvil_reorg", depth, [])
    world.chain.mine(10)
    assert registry.entry_of(root) is None
    world.wait(31)
    assert submission.check_finality(world.network) == 1
    assert world.states() == ["sent"]
    world.settle()
    assert world.states() == ["final"]
    facts = registry.transaction(event.transaction)
    assert facts is not None
    assert facts.succeeded
    assert len(world.rows("select 1 from transactions")) == 1
    again = world.rows("select next_try_at from anchorings")
    world.wait(31)
    assert submission.check_finality(world.network) == 0, "it is still there"
    assert world.states() == ["final"]
    assert world.rows("select next_try_at from anchorings") > again, "it was looked at"


def test_a_proof_that_names_a_lost_transaction_is_replaced(world: World, hand: Hand) -> None:
    root = world.close("A")
    world.settle()
    [(first,)] = world.rows("select hash from transactions")
    depth = int(world.chain.call("eth_blockNumber"), 16) - world.announced()[0].block_number + 1
    world.chain.mine_at_once(False)
    world.chain.call("anvil_reorg", depth, [])
    world.chain.mine(1)
    world.chain.mine_at_once(True)
    assert hand.send(leaf("elsewhere")).succeeded  # takes the nonce that the root had
    world.chain.mine(10)
    world.wait(31)
    submission.check_finality(world.network)
    world.wait(61)
    world.settle(20)
    assert world.states() == ["final"]
    rows = world.rows("select hash from transactions order by number")
    assert len(rows) == 2
    proof = json.loads(world.shelf.kept["credentials/A.json"])["proof"]
    assert [decode_proof(each["proofValue"]).anchors[0].transaction for each in proof[1:]] == [rows[1][0]]
    assert rows[1][0] != first
    assert json.loads(world.shelf.kept[f"batches/{root.hex()}.json"])["anchors"][0]["transaction"] == rows[1][0]


def test_a_pending_batch_goes_to_the_contract_that_is_configured_now(world: World, keys: Path) -> None:
    root = world.close("A")
    world.chain.mine_at_once(False)
    submission.submit(world.network)
    world.chain.mine_at_once(True)
    address = deploy_contract(world.chain.url, keys / "key", keys / "word")
    deployment = Deployment("local", CHAIN_ID, address.lower())
    registry = Registry(world.chain.url, address, CHAIN_ID)
    moved = replace(
        world,
        ports=replace(world.ports, deployments=(deployment,)),
        network=replace(
            world.network, deployment=deployment, deciding=deployment, sender=Sender(registry, world.account)
        ),
    )
    handlers.close_batch(moved.ports)
    moved.settle()
    assert registry.entry_of(root) is not None
    [event] = moved.announced()
    assert event.contract == deployment.contract
    assert moved.rows("select contract, state from anchorings order by id")[1] == (deployment.contract, "final")


def test_a_retired_network_gets_no_new_root_and_its_successor_decides(world: World, other: Other) -> None:
    world.close("A")
    here = other.ports.deployment
    ports = replace(world.ports, deployments=(here,), retired=(world.network.deployment,))
    moved = replace(world, ports=ports, network=replace(other.ports, deciding=here), chain=other.chain)
    handlers.close_batch(ports)
    assert submission.submit(replace(world.network, deciding=here, takes_new=False)) == 0
    moved.settle()
    assert [event.network for event in moved.announced()] == ["two"]
    assert moved.rows("select network, state from anchorings") == [("two", "final")]


def test_a_root_final_on_the_second_network_completes_its_batch_once_that_is_the_first(
    world: World, other: Other
) -> None:
    world = both(world, other)
    world.close("A")
    other.settle(world)
    assert world.announced() == []
    alone = replace(world.ports, deployments=(other.ports.deployment,))
    handlers.close_batch(alone)
    handlers.prove(alone)
    assert [event.network for event in world.announced()] == ["two"]


def connection(ports: NetworkPorts, **changes: object) -> NetworkConnection:
    deployment = ports.deployment
    network = Network(deployment.network, Bilingual("", ""), deployment.chain_id, ("http://x",), deployment.contract, 1)
    return NetworkConnection(replace(network, **changes), ports.sender)  # type: ignore[arg-type]


def test_the_status_warns_of_a_low_balance_and_of_badges_that_outlive_their_network(world: World, other: Other) -> None:
    world.close("A", "B")
    world.settle()
    world.chain.call("anvil_setBalance", world.account.address, hex(10**17))
    first, second = connection(world.network, ends_on=date(2026, 9, 30)), connection(other.ports)
    found = network_status.status(world.ports, (first, second))
    assert [each.pays_for for each in found.networks] == [19, 1922]
    [money, ending] = found.networks[0].warnings
    assert money.startswith("low balance: pays for 19 roots")
    assert money.endswith(f"send ether to {world.account.address.lower()}")
    assert ending.startswith("ends on 2026-09-30: 2 badges stand on no network that lasts")
    assert "2030-03-31" in ending
    assert found.networks[1].warnings == ()
    assert found.networks[0].counts.states == {"final": 1}
    watch = StatusMonitor(world.ports, (first, second))
    network_status.measure(watch)
    said = set(watch.logged)
    assert sorted(warning.split(":")[1].split()[0] for warning in said) == ["ends", "low"]
    network_status.measure(watch)
    assert watch.logged == said
    migration.begin(
        world.ports.store,
        other.ports.deployment,
        migration.plan(world.ports.store, other.ports.sender, other.ports.deployment, most_gas=10**6),
    )
    other.settle(world)
    assert len(network_status.status(world.ports, (first, second)).networks[0].warnings) == 1


def test_the_status_of_an_unavailable_network_says_so_without_figures(world: World) -> None:
    sender = Sender(Registry("http://127.0.0.1:9", world.network.deployment.contract, CHAIN_ID), world.account)
    [found] = network_status.status(world.ports, (connection(replace(world.network, sender=sender)),)).networks
    assert found.chain is None
    assert found.pays_for is None
    assert "node away" in found.away


def test_batches_of_the_previous_schema_keep_their_deployment(
    databases: Databases, world: World, tmp_path: Path
) -> None:
    roots = [world.close("A"), world.close("B"), world.close("C")]
    signed, raw = world.network.sender.sign(roots[0], 7, Fee(GWEI, 1), 1, world.ports.now())
    url = databases.fresh()
    folder = tmp_path / "migrations"
    folder.mkdir()
    first = ROOT / "services" / "anchor" / "migrations" / "0001_initial.py"
    (folder / first.name).write_bytes(first.read_bytes())
    migrate(url, "anchor", folder)
    with psycopg.connect(url) as connection:
        for root, state in zip(roots, ("final", "sent", "closed"), strict=True):
            connection.execute(
                "insert into batches (root, leaf_count, closed_at, state, transaction, block_number, next_try_at)"
                " values (%b, 1, now(), %s, %s, %s, now())",
                (root, state, signed.hash if state == "final" else None, 5 if state == "final" else None),
            )
        for number, root in enumerate(roots[:2]):
            connection.execute(
                "insert into transactions (hash, root, nonce, fee_most, fee_tip, gas, raw, signed_at)"
                " values (%s, %b, 7, 1, 1, 1, %b, now())",
                (signed.hash if number == 0 else "0x2", root, raw),
            )
    migrate(url, "anchor", ROOT / "services" / "anchor" / "migrations")
    with psycopg.connect(url) as connection:
        deployment = ("local", CHAIN_ID, world.network.deployment.contract)
        rows = connection.execute("select network, chain_id, contract, state from anchorings order by state").fetchall()
        assert rows == [(*deployment, "final"), (*deployment, "sent")]
        decided = connection.execute("select count(*) from batches where decided_by is not null").fetchone()
        assert decided == (1,)
        assert connection.execute("select count(*) from transactions where anchoring is not null").fetchone() == (2,)


def test_after_a_restore_the_manifest_tells_on_which_networks_a_root_is_final(world: World, other: Other) -> None:
    world = both(world, other)
    backup = back_up(world.ports.store)
    root = world.close("A")
    world.settle()
    other.settle(world)
    assert manifest(world, root) == ["local", "two"]
    facts = announced(world.ports.store)
    backup.restore()
    world.shelf.puts.clear()
    take_back(world.ports.store, {AssertionAnchored: AnchorTransaction.take_back_anchored}, facts)
    assert handlers.read_manifest_again(world.ports) == 1
    other.settle(world, 2)
    assert handlers.close_batch(world.ports) == 0
    assert world.rows("select network, state from anchorings order by id") == [("local", "final"), ("two", "final")]
    assert world.rows("select count(*) from batches where manifest_at is null") == [(0,)]
    assert world.shelf.puts == []


def test_a_badge_revoked_after_its_batch_still_gets_its_proof(world: World) -> None:
    world.close("A", "B")
    world.note(AnchorTransaction.note_revoked, [revoked("A")])
    world.settle()
    assert len(world.announced()) == 2
    assert world.ports.batch_rules.age == timedelta(seconds=30)
