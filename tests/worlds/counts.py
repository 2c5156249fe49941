"""A society that states its count: badges, batches, status lists and statements on a shelf, roots in a registry.

All in memory; documents are made and signed by the issuer's and anchor's own code.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import msgspec

from services.anchor.domain.anchoring import Deployment, Inclusion
from services.anchor.domain.proving import FinalAnchor, manifest_for, proof_for, with_proof
from services.issuer.domain.counting import Count, Stated, statement_of
from services.issuer.domain.issuance import Issuer
from services.issuer.domain.status import status_document
from services.issuer.signing.keys import SigningKey, did_document
from services.verifier.check.count import CountVerdict, count_verdict, unread_count
from services.verifier.check.count_evidence import read_stated
from services.verifier.sources.count import gather_count
from shared import object_keys
from shared.chain.facts import NetworkAnswers, NetworkAway, RegistryEntry, TransactionFacts
from shared.credentials.content import Document
from shared.credentials.count import Batch, CountStatement, Figures, count_document, leaf_list
from shared.credentials.merkle import merkle_tree
from shared.credentials.merkle_proof import MerkleProof
from shared.errors import NotFound, TryLater, Unreadable
from tests.worlds.credentials import KEY, SOURCES

AT = datetime(2026, 5, 11, 1, 23, tzinfo=UTC)
CHAIN_ID = 31337
CONTRACT = "0x" + "c" * 40
TRANSACTION = "0x" + "7" * 64  # of every batch: nodes forget them, unless a test says otherwise
SITE = "https://badges.example.jp"


@dataclass
class Counted:
    """One badge."""

    cohort: str
    qualification: str
    leaf: str
    index: int
    state: str = "valid"  # or revoked, corrected
    root: str | None = None


@dataclass
class CountWorld:
    """`kept`: what the public site answers, by key. `roots`: those in the registry. A test may change all of these."""

    url: str = SITE
    key: SigningKey = KEY
    now: datetime = AT
    kept: dict[str, bytes] = field(default_factory=dict)
    roots: dict[bytes, datetime | None] = field(default_factory=dict)
    badges: list[Counted] = field(default_factory=list)
    stated: dict[str, list[Stated]] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)
    sent: dict[str, TransactionFacts] = field(default_factory=dict)  # transactions that the node still has, by hash
    chain_is_away: bool = False

    def __post_init__(self) -> None:
        self.issuer = Issuer(SOURCES.issuer.programme, self.url)
        self.key = SigningKey(self.key.private, self.issuer.did)
        did = did_document(self.issuer.did, [self.key.public], profile_url=f"{self.url}/issuer.json")
        self.put(object_keys.DID_DOCUMENT, did)
        self.publish_list()

    # ── what happens ───────────────────────────────────────────────────────────────────────────────────

    def issue(self, qualification: str, number: int, cohort: str = "2026") -> list[Counted]:
        first = len(self.badges)
        made = [
            Counted(cohort, qualification, sha256(f"badge {index}".encode()).hexdigest(), index)
            for index in range(first, first + number)
        ]
        self.badges += made
        return made

    def revoke(self, badges: Iterable[Counted], state: str = "revoked") -> None:
        for each in badges:
            each.state = state
        self.publish_list()

    def publish_list(self) -> None:
        indexes = [each.index for each in self.badges if each.state != "valid"]
        self.put(
            object_keys.status_list(1), self.key.sign(status_document(self.issuer, 1, indexes, self.now), self.now)
        )

    def anchor(self, badges: Iterable[Counted] = ()) -> str:
        """A batch of these badges and of the statements that wait; its root (hex)."""
        badges = list(badges)
        waiting = [each for chain in self.stated.values() for each in chain if not self.is_recorded(each)]
        leaves = [bytes.fromhex(leaf) for leaf in [*(each.leaf for each in badges), *(each.leaf for each in waiting)]]
        tree = merkle_tree(leaves)
        anchor = final_anchor(tree.root, self.now)
        self.roots[tree.root] = None
        for badge in badges:
            badge.root = tree.root.hex()
        self.kept[object_keys.batch_manifest(tree.root)] = manifest_for([anchor], tree.leaves)
        for each in waiting:
            leaf = bytes.fromhex(each.leaf)
            key = self.key_of(each.statement)
            proof = proof_for(anchor, leaf, tree.proof(leaf), f"{self.issuer.did}#chain")
            self.kept[key] = with_proof(self.kept[key], proof)
        self.serve()
        return tree.root.hex()

    def is_recorded(self, each: Stated) -> bool:
        return len(self.document(each.statement.cohort, each.statement.number)["proof"]) > 1

    def state(
        self, cohort: str = "2026", change: Callable[[CountStatement], CountStatement] = lambda told: told
    ) -> Stated:
        """The next statement, as `change` makes it, signed and published."""
        self.now += timedelta(hours=1)
        chain = self.stated.setdefault(cohort, [])
        known = {leaf for each in chain for leaf in self.leaves(cohort, each.statement.number)}
        mine = [each for each in self.badges if each.cohort == cohort]
        count = Count(
            cohort=cohort,
            figures={
                name: _figures([b for b in mine if b.qualification == name]) for name in {b.qualification for b in mine}
            },
            added=tuple(sorted(each.leaf for each in mine if each.leaf not in known)),
            batches=tuple(
                Batch(root, sum(each.root == root for each in mine))
                for root in sorted({each.root for each in mine if each.root})
            ),
            status_lists=(1,),
            last_day=date(2030, 3, 31),
        )
        former = chain[-1] if chain else None
        told = change(statement_of(count, former, [each.statement for each in chain], self.issuer, self.now))
        self.kept[object_keys.stated_leaves(cohort, told.number)] = leaf_list(count.added)
        return self.publish(told)

    def publish(self, told: CountStatement, key: SigningKey | None = None) -> Stated:
        """Sign a statement and put it on the shelf, in place of what is there under its number."""
        document, leaf = (key or self.key).sign_with_leaf(count_document(told), self.now)
        self.put(self.key_of(told), document)
        chain = self.stated.setdefault(told.cohort, [])
        chain[told.number - 1 :] = [Stated(told, leaf)]
        self.serve()
        return chain[-1]

    def serve(self) -> None:
        """What the site makes of the statements: the newest of each cohort, and the list of cohorts."""
        for cohort, chain in self.stated.items():
            key = object_keys.statement(cohort, chain[-1].statement.number)
            self.kept[object_keys.newest_statement(cohort)] = self.kept[key]
        index = {cohort: len(chain) for cohort, chain in self.stated.items()}
        self.put(object_keys.STATEMENT_INDEX, {"cohorts": index})

    # ── what is there ──────────────────────────────────────────────────────────────────────────────────

    def put(self, key: str, document: Any) -> None:
        self.kept[key] = msgspec.json.encode(document)

    def key_of(self, told: CountStatement) -> str:
        return object_keys.statement(told.cohort, told.number)

    def document(self, cohort: str, number: int) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.json.decode(self.kept[object_keys.statement(cohort, number)])
        return found

    def leaves(self, cohort: str, number: int) -> list[str]:
        found: list[str] = msgspec.json.decode(self.kept[object_keys.stated_leaves(cohort, number)])
        return found

    def get(self, key: str) -> bytes:
        """As the public site."""
        if key in self.away:
            raise TryLater(f"{key}: away")
        if key not in self.kept:
            raise NotFound(f"{key}: nothing there")
        return self.kept[key]

    def answers(self, proofs: Sequence[MerkleProof]) -> tuple[NetworkAnswers | NetworkAway, ...]:
        if self.chain_is_away:
            return (NetworkAway(network="local", chain_id=CHAIN_ID, contract=CONTRACT, why="no answer"),)
        anchorings = {
            proof.merkle_root: RegistryEntry(self.now, 5, self.roots[proof.merkle_root])
            if proof.merkle_root in self.roots
            else None
            for proof in proofs
        }
        return (network_answers(anchorings, self.sent),)

    def verdict(self, document: Document | None = None, cohort: str = "2026") -> CountVerdict:
        """Of a file, or of what the site gives out as the newest."""
        if document is None:
            document = msgspec.json.decode(self.get(object_keys.newest_statement(cohort)))
        try:
            stated = read_stated(document)
        except Unreadable as error:
            return unread_count(error, self.now)
        evidence = gather_count(stated, self, self, public_url=self.url)
        return count_verdict(stated, evidence, did=self.issuer.did, now=self.now)


def final_anchor(root: bytes, at: datetime) -> FinalAnchor:
    inclusion = Inclusion(TRANSACTION, 5, "0x" + "8" * 64, at)
    return FinalAnchor(root, Deployment("local", CHAIN_ID, CONTRACT), inclusion)


def network_answers(
    anchorings: dict[bytes, RegistryEntry | None], sent: Mapping[str, TransactionFacts] = MappingProxyType({})
) -> NetworkAnswers:
    return NetworkAnswers(
        network="local",
        chain_id=CHAIN_ID,
        contract=CONTRACT,
        finalized_block=9,
        anchorings=anchorings,
        transactions=dict(sent),
    )


def sound_world(url: str = SITE) -> CountWorld:
    """Two cohorts, three statements of 2026 and two of 2025, the last of each not recorded yet."""
    world = CountWorld(url)
    gishi, shunin, shindan = world.issue("gishi", 30), world.issue("shunin-gishi", 20), world.issue("shindan", 4)
    older = world.issue("gishi", 12, cohort="2025")
    world.state("2025")
    world.state()
    world.anchor([*gishi[:20], *older])
    world.revoke(gishi[:2])
    world.revoke(shunin[:1], "corrected")
    world.state("2025")
    world.state()
    world.anchor([*gishi[20:], *shunin[1:15], *shindan])
    world.issue("shunin-gishi", 11)
    world.state()
    return world


def copied(world: CountWorld) -> CountWorld:
    """Another one with the same content: a test changes it and leaves the other as it is."""
    return copy.deepcopy(world)


def _figures(badges: Sequence[Counted]) -> Figures:
    return Figures(
        issued=len(badges),
        revoked=sum(each.state == "revoked" for each in badges),
        corrected=sum(each.state == "corrected" for each in badges),
        anchored=sum(each.root is not None for each in badges),
    )
