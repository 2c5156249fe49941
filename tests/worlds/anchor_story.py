"""Badges anchored by the real anchor service on a chain with faults, and the check that each got its proof.

The chain is a private one of the test, behind three endpoints that can be made to fail or lie. It makes five blocks a
second unless paused; a block is final four blocks later.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import msgspec
from kafka import KafkaProducer

from deploy.local.stack import Stack
from services.anchor.network.deploy import deploy_contract
from shared import object_keys
from shared.chain.registry import Registry
from shared.credentials.merkle import root_of
from shared.errors import TryLater
from shared.events import AssertionAnchored, AssertionIssued, BadgeReceived, Event
from shared.runtime.objects import Objects
from shared.runtime.settings import Settings, read_object_storage
from shared.wire import encode
from tests.worlds.anchor import issued
from tests.worlds.anvil import Anvil
from tests.worlds.faulty_node import Fault, FaultyNode
from tests.worlds.merkle import merkle_proof_in
from tests.worlds.story import Story, until
from tests.worlds.tables import rows_at

BLOCK_SECONDS = 0.2
QUICK = {
    "TICK_SECONDS": "0.2",
    "CHAIN_POLL_SECONDS": "0.2",
    "STUCK_SECONDS": "3",
    "BATCH_SIZE": "20",
    "BATCH_AGE_SECONDS": "0.5",
}
"""Settings of anchor under which a story of seconds has many batches."""


class Blocks:
    """Makes the chain's blocks, unless paused."""

    def __init__(self, chain: Anvil) -> None:
        self.chain = chain
        self._held = threading.Lock()
        self._over = threading.Event()
        chain.mine_at_once(False)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(BLOCK_SECONDS):
            with self._held:
                self.chain.mine()

    @contextmanager
    def paused(self) -> Iterator[Anvil]:
        """No block but those that the code inside makes itself."""
        with self._held:
            yield self.chain

    def stop(self) -> None:
        self._over.set()
        self._thread.join(5)


@dataclass
class PrivateChain:
    """A chain with our contract, and its endpoints."""

    id: str
    chain_id: int
    chain: Anvil
    blocks: Blocks
    nodes: list[FaultyNode]
    contract: str

    def set_fault(self, fault: Fault | None, *, only: int | None = None) -> None:
        """Every endpoint, or one."""
        for number, node in enumerate(self.nodes):
            if only is None or number == only:
                node.fault = fault

    def toml(self, **more: str) -> str:
        urls = ", ".join(f'"{node.url}"' for node in self.nodes)
        return (
            f'[{self.id}]\nname = {{ ja = "{self.id}", en = "{self.id}" }}\nchain_id = {self.chain_id}\n'
            f'rpc_urls = [{urls}]\ncontract = "{self.contract}"\n'
            + "".join(f"{name} = {value}\n" for name, value in more.items())
        )


def deploy(stack: Stack, chain: Anvil) -> str:
    secrets = stack.place.secrets
    address = "0x" + json.loads((secrets / "chain-keystore.json").read_text())["address"].removeprefix("0x")
    chain.fund(address, 1000)
    return deploy_contract(chain.url, secrets / "chain-keystore.json", secrets / "chain.password").lower()


def configure(stack: Stack, *tables: str) -> None:
    """Write NETWORKS_FILE; running services have to be restarted."""
    ids = [table[1 : table.index("]")] for table in tables]
    stack.place.networks_file.write_text(f"networks = {json.dumps(ids)}\n" + "".join(tables), encoding="utf-8")


class AnchorStory:
    """`size` badges, issued and received at once."""

    def __init__(self, stack: Stack, network: PrivateChain, prefix: str, size: int = 50) -> None:
        self.stack, self.network = stack, network
        self.ids = [f"{prefix}{number:03}" for number in range(size)]
        self.objects = Objects(read_object_storage(Settings(stack.environment("anchor"))))
        self.registry = Registry(network.chain.url, network.contract, network.chain_id)
        self.too_early: list[str] = []
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def feed(self, documents: dict[str, bytes] | None = None, leaves: dict[str, str] | None = None) -> None:
        """Put the credentials, announce their issue and receipt, and watch for proofs that come too early."""
        producer = KafkaProducer(bootstrap_servers=self.stack.environment("anchor")["KAFKA_BOOTSTRAP"], acks="all")
        now = datetime.now(UTC)
        for id in self.ids:
            body = json.dumps({"id": id, "proof": [{"type": "DataIntegrityProof"}]}).encode()
            self.objects.put(object_keys.credential(id), documents[id] if documents else body, "application/json")
            event: AssertionIssued = issued(id)
            if leaves:
                event = msgspec.structs.replace(event, leaf=leaves[id])
            for each in (event, BadgeReceived(assertion_id=id, received_at=now)):
                value = encode(each, source="story", at=now)
                producer.send(each.topic.name, key=each.key.encode(), value=value)
        producer.flush()
        producer.close()
        self._watcher.start()

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return rows_at(self.stack.environment("anchor")["DATABASE_URL"], query, *values)

    def states(self) -> Counter[str]:
        """How many of the story's leaves are in which state on the first network; `waiting` ones are in no batch."""
        rows = self.rows(
            "select coalesce(min(state), 'waiting') from leaves left join anchored_roots known"
            "  on known.root = leaves.root and known.chain_id = %s and known.contract = %s"
            " left join anchorings on anchorings.id = known.anchoring where assertion_id = any(%s)"
            " group by assertion_id",
            self.network.chain_id,
            self.network.contract,
            self.ids,
        )
        return Counter(row[0] for row in rows)

    def proved(self) -> int:
        return int(
            self.rows("select count(*) from leaves where assertion_id = any(%s) and proved_at is not null", self.ids)[
                0
            ][0]
        )

    def wait(self, state: str, *, at_least: int = 1, seconds: float = 30) -> None:
        until(lambda: self.states()[state] >= at_least, seconds=seconds, what=f"{at_least} leaves {state}")

    def wait_sent(self) -> None:
        """Until every leaf's root was sent, by any transaction: while blocks are paused, fees are bumped."""
        query = (
            "select count(*) from leaves where assertion_id = any(%s) and exists (select from anchored_roots known"
            " join transactions using (anchoring) where known.root = leaves.root and sent_at is not null)"
        )
        until(lambda: self.rows(query, self.ids) == [(len(self.ids),)], seconds=30, what="all are sent")

    def hashes(self, state: str) -> list[str]:
        """Of the newest transactions of those of the story's anchorings that are in a state."""
        rows = self.rows(
            "select distinct on (anchoring) hash from transactions join anchorings on anchorings.id = anchoring"
            " where state = %s and anchoring in (select anchoring from anchored_roots join leaves using (root)"
            "  where assertion_id = any(%s)) order by anchoring, number desc",
            state,
            self.ids,
        )
        return [row[0] for row in rows]

    def completes(self, seconds: float = 60) -> None:
        """Wait until every badge has its proof; check that nothing was lost, done twice, or put before finality."""
        try:
            until(lambda: self.proved() == len(self.ids), seconds=seconds, what=f"{len(self.ids)} proofs")
        except AssertionError as error:
            troubles = self.rows("select id, state, attempts, last_error from anchorings where state <> 'final'")
            raise AssertionError(f"{error}; {self.states()}; {troubles}\n{self.stack.log_tail('anchor')}") from error
        self._over.set()
        self._watcher.join(10)
        self.check_all()

    def check_all(self) -> None:
        assert self.too_early == []
        rows = self.rows("select assertion_id, leaf, root from leaves where assertion_id = any(%s)", self.ids)
        assert sorted(row[0] for row in rows) == sorted(self.ids)  # a row has one root: no leaf is in two batches
        roots = {bytes(row[2]) for row in rows}
        times = self.times_on_chain(roots)
        assert times == dict.fromkeys(roots, 1), "a root is not on chain exactly once"
        for id, leaf, root in rows:
            document = json.loads(self.objects.get(object_keys.credential(id)))
            assert len(document["proof"]) == 2, f"{id} has {len(document['proof'])} proofs"
            proof = merkle_proof_in(document)
            assert (proof.target_hash, proof.merkle_root) == (bytes(leaf), bytes(root))
            assert root_of(bytes(leaf), proof.path) == bytes(root)
        self._check_transactions(roots)
        self._check_events()

    def times_on_chain(self, roots: set[bytes]) -> dict[bytes, int]:
        """How often each root was anchored, by the contract's log."""
        logs = self.network.chain.call(
            "eth_getLogs", {"address": self.network.contract, "fromBlock": "0x0", "toBlock": "latest"}
        )
        said = Counter(bytes.fromhex(log["topics"][1][2:]) for log in logs if len(log["topics"]) > 1)
        return {root: said[root] for root in roots}

    def _check_transactions(self, roots: set[bytes]) -> None:
        for root in roots:
            [(hash,)] = self.rows("select proof_names from batches where root = %b", root)
            facts = self.registry.transaction(hash)
            entry = self.registry.entry_of(root)
            assert facts is not None and entry is not None
            assert (facts.succeeded, facts.block_number) == (True, entry.block_number)
            manifest = json.loads(self.objects.get(object_keys.batch_manifest(root)))
            assert hash in [anchor["transaction"] for anchor in manifest["anchors"]]

    def _check_events(self) -> None:
        reader = Story(self.stack, "-", 0)
        until(
            lambda: set(self.ids) <= {event.key for event in reader.stream(AssertionAnchored)},
            seconds=15,
            what="all are announced",
        )
        facts: dict[str, set[Any]] = {}
        events: list[Event] = reader.stream(AssertionAnchored)
        for event in events:
            facts.setdefault(event.key, set()).add(event.id)
        assert {len(facts[id]) for id in self.ids} == {1}

    def _watch(self) -> None:
        """Check one credential after the other: when it has a proof, its root must be final by then."""
        turn = 0
        while not self._over.wait(0.1):
            turn += 1
            id = self.ids[turn % len(self.ids)]
            try:
                document = json.loads(self.objects.get(object_keys.credential(id)))
                if len(document["proof"]) < 2:
                    continue
                root = merkle_proof_in(document).merkle_root
                entry, finalized = self.registry.entry_of(root), self.registry.finalized_block()
            except (
                TryLater,
                ValueError,
                KeyError,
            ):  # storage or chain are down in this story; the next turn checks again
                continue
            if entry is None or entry.block_number > finalized:
                self.too_early.append(f"{id}: {entry} with finality at {finalized}")


def other_root(name: str) -> bytes:
    """A root of no batch."""
    return sha256(name.encode()).digest()
