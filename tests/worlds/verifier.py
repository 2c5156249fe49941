"""The verifier with a real chain (anvil), a real PostgreSQL and a real web server; object storage is a dictionary."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from click.testing import CliRunner
from fastapi import FastAPI
from web3 import Web3

from services.issuer.domain.credential import credential_of
from services.issuer.domain.issuance import Issuer
from services.issuer.domain.publication import (
    BadgeClassEdition,
    class_objects,
    draw_class,
    draw_image,
    image_object,
    in_edition,
    issuer_objects,
)
from services.issuer.domain.status import status_document
from services.issuer.signing.keys import SigningKey
from services.verifier.check.evidence import ChainAnswers
from services.verifier.cli import command
from services.verifier.config import Config, Limits
from services.verifier.ports import Ports
from services.verifier.sources.chains import Chains
from services.verifier.sources.fetch import Connect, Fetcher, Resolve, connect, resolve
from services.verifier.store import Store, VerifierTransaction
from services.verifier.web.site import build_site
from shared import object_keys
from shared.chain.lookup import Networks
from shared.chain.networks import Network
from shared.chain.registry import read_artifact
from shared.credentials.credential import leaf_of
from shared.credentials.merkle import merkle_tree
from shared.credentials.merkle_proof import Anchor, MerkleProof, encode_proof
from shared.events import Event
from shared.programme import Bilingual
from shared.runtime.kafka_access import KafkaAccess
from shared.runtime.migrate import migrate
from shared.runtime.settings import ObjectStorageSettings, Runtime
from tests.worlds.anvil import CHAIN_ID, Anvil
from tests.worlds.credentials import KEY, SECRET, SOURCES, assertion
from tests.worlds.http_server import serving
from tests.worlds.objects import MemoryObjects

E = TypeVar("E", bound=Event)

UNLIMITED = Limits("1000000/minute", "1000000/minute")
AT = datetime(2026, 5, 11, 1, 23, tzinfo=UTC)


@cache
def _drawn(qualification: str) -> BadgeClassEdition:
    return draw_class(SOURCES, qualification, "2026")


@cache
def _society() -> bytes:
    return draw_image(SOURCES)


class VerifierWorld:
    """One society's badges on the shelf and on the chain; `moment` is the verifier's clock."""

    def __init__(self, url: str, chain: Anvil, database_url: str) -> None:
        self.url, self.chain, self.moment = url, chain, AT
        self.site: FastAPI  # what is served
        self.issuer = Issuer(SOURCES.issuer.programme, url)
        self.key = SigningKey(KEY.private, self.issuer.did)
        facts = replace(SOURCES, issuer=self.issuer, key=self.key)
        self.shelf = MemoryObjects({each.key: each.body for each in issuer_objects(facts, [self.key.public])})
        image = image_object(_society())
        self.shelf.kept[image.key] = image.body
        for name, edition in (("gishi", "2026"), ("shunin-gishi", "2026"), ("shunin-gishi", "2026-2")):
            objects = class_objects(in_edition(facts, _drawn(name), edition))
            self.shelf.kept |= {each.key: each.body for each in objects}
        self.revoke()
        self.web3 = Web3(Web3.HTTPProvider(chain.url))
        self.registry = self._deploy()
        self.node = chain.url
        self.ports = Ports(
            store=Store(database_url, "verifier", VerifierTransaction, self.now),
            site=self.shelf,
            chain=self,
            public_url=url,
            now=self.now,
            fetch=Fetcher(
                lambda host, port: self.resolve(host, port),
                lambda address, port, seconds: self.connect(address, port, seconds),
            ),
            page=self.issuer.programme.public_page,
        )
        self.resolve: Resolve = resolve
        self.connect: Connect = connect

    def now(self) -> datetime:
        return self.moment

    def note(self, write: Callable[[VerifierTransaction, list[E]], None], *events: E) -> None:
        """Hand events to the verifier, as `Process.note` does with those from Kafka."""
        with self.ports.store.transaction() as tx:
            write(tx, tx.claim(events))

    def revoke(self, *indexes: int) -> None:
        """Publish the status list with these bits set."""
        document = self.key.sign(status_document(self.issuer, 1, indexes, self.moment), self.moment)
        self.shelf.kept[object_keys.status_list(1)] = json.dumps(document).encode()

    def issue(self, number: int = 1, **changes: Any) -> dict[str, Any]:
        """A signed badge on the shelf, not anchored yet."""
        document = self.key.sign(credential_of(assertion(number, **changes), self.issuer, secret=SECRET), AT)
        self.put(document)
        return document

    def put(self, document: dict[str, Any]) -> None:
        key = document["id"].removeprefix(f"{self.url}/")
        self.shelf.kept[key] = json.dumps(document, ensure_ascii=False).encode()

    def anchor(self, *documents: dict[str, Any], final: bool = True) -> list[dict[str, Any]]:
        """The badges with their second proof, their root on chain."""
        leaves = [bytes.fromhex(leaf_of(document)) for document in documents]
        tree = merkle_tree(leaves)
        transaction = self.send({"to": Web3.to_checksum_address(self.registry), "data": "0x" + tree.root.hex()})
        if final:
            self.chain.mine(8)
        anchored = []
        for leaf, document in zip(leaves, documents, strict=True):
            value = MerkleProof(
                path=tree.proof(leaf), merkle_root=tree.root, target_hash=leaf, anchors=(Anchor(CHAIN_ID, transaction),)
            )
            proof = {
                "type": "DataIntegrityProof",
                "cryptosuite": "merkle-proof-2019",
                "created": "2026-04-02T00:00:00Z",
                "verificationMethod": f"{self.issuer.did}#chain",
                "proofPurpose": "assertionMethod",
                "proofValue": encode_proof(value),
            }
            anchored.append({**document, "proof": [document["proof"][0], proof]})
            self.put(anchored[-1])
        return anchored

    def answers(self, proofs: Sequence[MerkleProof]) -> ChainAnswers:
        """Asks the node at `self.node`, which a test may change, and nothing but it."""
        networks = Networks([self.network(self.node)])
        try:
            return Chains(networks).answers(proofs)
        finally:
            networks.close()

    def network(self, node: str) -> Network:
        return Network(
            id="local",
            name=Bilingual("このマシンのチェーン", "Local chain"),
            chain_id=CHAIN_ID,
            rpc_urls=(node,),
            contract=self.registry,
            agreement=1,
        )

    def _deploy(self) -> str:
        artifact = read_artifact()
        account = self.web3.eth.accounts[0]
        contract = self.web3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
        built = contract.constructor(account).build_transaction({"from": account})
        receipt = self.web3.eth.wait_for_transaction_receipt(self.web3.eth.send_transaction(built))
        return str(receipt["contractAddress"]).lower()

    def send(self, transaction: dict[str, str]) -> str:
        sent = self.web3.eth.send_transaction(cast(Any, {"from": self.web3.eth.accounts[0], **transaction}))
        self.web3.eth.wait_for_transaction_receipt(sent)
        return sent.to_0x_hex()


@contextmanager
def verifier_world(chain: Anvil, database_url: str, port: int, limits: Limits = UNLIMITED) -> Iterator[VerifierWorld]:
    """The verifier, served at http://localhost:<port>."""
    migrate(database_url, "verifier", Path("services/verifier/migrations"))
    made = VerifierWorld(f"http://localhost:{port}", chain, database_url)
    runtime = Runtime(
        service="verifier",
        database_url=database_url,
        kafka=KafkaAccess("127.0.0.1:9"),
        metrics_host="127.0.0.1",
        metrics_port=0,
        clock=made.now,
        programme=made.issuer.programme,
        tick_seconds=1.0,
        log_format="json",
    )
    config = Config(
        runtime=runtime,
        web_host="127.0.0.1",
        web_port=port,
        public_url=made.url,
        objects=ObjectStorageSettings("http://127.0.0.1:9", "none", Path("none")),
        networks=(made.network(chain.url),),
        limits=limits,
        allow_private_urls=False,
    )
    made.site = build_site(config, made.ports)
    with serving(made.site, port):
        yield made
    made.ports.store.close()


def terminal_settings(world: VerifierWorld, folder: Path, moment: str = AT.isoformat()) -> dict[str, str]:
    """The environment of a command that verifies against this world. `folder`: for the file of its network."""
    networks = folder / "networks.toml"
    networks.write_text(
        'networks = ["local"]\n[local]\nname = { ja = "手元", en = "local" }\n'
        f'chain_id = {CHAIN_ID}\nrpc_urls = ["{world.chain.url}"]\ncontract = "{world.registry}"\n',
        encoding="utf-8",
    )
    networks.chmod(0o600)
    return {"PUBLIC_URL": world.url, "NETWORKS_FILE": str(networks), "AKASHI_CLOCK": moment}


def verify(world: VerifierWorld, folder: Path, source: str, *options: str) -> tuple[int, str]:
    """`akashi verify SOURCE` against this world: its exit code and what it says."""
    result = CliRunner().invoke(command, [source, *options], env=terminal_settings(world, folder))
    # The server runs in this process: its log comes first.
    return result.exit_code, result.output[result.output.find("{\n") :] if "--json" in options else result.output
