"""Fixtures of the tests that anchor: a chain with our contract, a database, an anchor process. A pytest plugin."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from eth_account.signers.local import LocalAccount

from services.anchor.domain.anchoring import Deployment
from services.anchor.domain.batching import BatchRules
from services.anchor.domain.costs import FeeRules
from services.anchor.domain.proving import TreeCache
from services.anchor.handlers import Ports
from services.anchor.network.deploy import deploy_contract
from services.anchor.network.keystore import create_keystore, open_keystore
from services.anchor.network.sender import Sender
from services.anchor.network.submission import NetworkPorts
from services.anchor.store import AnchorTransaction, Store
from shared.chain.registry import Registry
from shared.runtime.migrate import migrate
from tests.worlds.anchor import GWEI, NOW, ROOT, Hand, World
from tests.worlds.anvil import CHAIN_ID, Anvil, anvil
from tests.worlds.objects import MemoryObjects
from tests.worlds.postgres import Databases


@pytest.fixture
def chain() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    create_keystore(folder / "key", folder / "word", folder / "public", rounds=2)
    return folder


@pytest.fixture
def account(keys: Path, chain: Anvil) -> LocalAccount:
    opened = open_keystore(keys / "key", keys / "word")
    chain.fund(opened.address)
    return opened


@pytest.fixture
def registry(chain: Anvil, keys: Path, account: LocalAccount) -> Registry:
    return Registry(chain.url, deploy_contract(chain.url, keys / "key", keys / "word"), CHAIN_ID)


@pytest.fixture
def anchor_world(chain: Anvil, registry: Registry, account: LocalAccount, databases: Databases) -> Iterator[World]:
    url = databases.fresh()
    migrate(url, "anchor", ROOT / "services" / "anchor" / "migrations")
    shelf, clock = MemoryObjects(), [NOW]
    deployment = Deployment("local", CHAIN_ID, registry.address)
    ports = Ports(
        store=Store(url, "anchor", AnchorTransaction, lambda: clock[0]),
        objects=shelf,
        trees=TreeCache(),
        now=lambda: clock[0],
        deployments=(deployment,),
        retired=(),
        batch_rules=BatchRules(size=5, age=timedelta(seconds=30)),
        verification_method="did:web:example.jp#chain",
    )
    network = NetworkPorts(
        store=ports.store,
        sender=Sender(registry, account),
        deployment=deployment,
        deciding=deployment,
        takes_new=True,
        now=lambda: clock[0],
        fees=FeeRules(cap=100 * GWEI, stuck_after=timedelta(seconds=60)),
        poll=timedelta(seconds=1),
    )
    yield World(chain, ports, network, shelf, account, clock)
    ports.store.close()


@pytest.fixture
def hand(chain: Anvil, registry: Registry, account: LocalAccount) -> Hand:
    return Hand(chain, registry.address, account.address)
