"""An issuer with what anchor and the public site do of it, for tests of the count and of what verifies beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from services.anchor.domain.proving import anchored, manifest_for, proof_for, with_proof
from services.issuer import handlers
from services.issuer.count import counting
from services.verifier.check.count import CountVerdict
from services.verifier.counting import check_count
from services.verifier.sources.count import newest_of
from shared import object_keys
from shared.chain.facts import NetworkAnswers, RegistryEntry
from shared.count_events import StatementPublished
from shared.credentials.count import Figures, read_count
from shared.credentials.merkle import merkle_tree
from shared.credentials.merkle_proof import MerkleProof
from shared.events import AssertionIssued
from tests.worlds.counts import final_anchor, network_answers
from tests.worlds.credentials import SOURCES
from tests.worlds.issuer import World, id_of
from tests.worlds.issuer_restored import COUNT_RECALLS
from tests.worlds.recalled import Fact, take_back

URL = SOURCES.issuer.public_url


@dataclass
class Society:
    """The issuer with what anchor and the public site do of it."""

    world: World
    roots: set[bytes] = field(default_factory=set)
    facts: list[Fact] = field(default_factory=list)  # what Kafka keeps

    def count(self) -> None:
        """One round: what is news is stated and published."""
        while counting.read_manifests(self.world.ports):
            pass
        counting.state(self.world.ports)
        while counting.publish_statements(self.world.ports):
            pass
        self.world.wait(minutes=11)

    def anchor(self, *numbers: int) -> str:
        """A batch of these badges and of all statements that were announced and aren't in one; its root."""
        shelf = self.world.shelf
        badges = [each for each in self.world.announced(AssertionIssued) if each.assertion_id in map(id_of, numbers)]
        waiting = {
            key: e.leaf
            for e in self.world.announced(StatementPublished)
            if len(shelf.json(key := object_keys.statement(e.cohort, e.number))["proof"]) == 1
        }
        tree = merkle_tree(bytes.fromhex(leaf) for leaf in (*(each.leaf for each in badges), *waiting.values()))
        final = final_anchor(tree.root, self.world.now)
        shelf.put(object_keys.batch_manifest(tree.root), manifest_for([final], tree.leaves), "application/json")
        for key, leaf in (waiting | {object_keys.credential(each.assertion_id): each.leaf for each in badges}).items():
            digest = bytes.fromhex(leaf)
            proof = proof_for(final, digest, tree.proof(digest), f"{SOURCES.issuer.did}#chain")
            shelf.put(key, with_proof(shelf.get(key), proof), "application/json")
        self.roots.add(tree.root)
        events = [anchored(each.assertion_id, final, bytes.fromhex(each.leaf), ()) for each in badges]
        with self.world.ports.store.transaction() as tx:
            tx.note_anchored(events)
        return tree.root.hex()

    def get(self, key: str) -> bytes:
        """As the public site: with the newest statements, and the list of them, by what was announced."""
        newest: dict[str, int] = {}
        for each in self.world.announced(StatementPublished):
            newest[each.cohort] = max(newest.get(each.cohort, 0), each.number)
        if key == object_keys.STATEMENT_INDEX:
            return msgspec.json.encode({"cohorts": newest})
        for cohort, number in newest.items():
            if key == object_keys.newest_statement(cohort):
                key = object_keys.statement(cohort, number)
        return self.world.shelf.get(key)

    def answers(self, proofs: Sequence[MerkleProof]) -> tuple[NetworkAnswers, ...]:
        entry = RegistryEntry(self.world.now, 5)
        known = {each.merkle_root: entry if each.merkle_root in self.roots else None for each in proofs}
        return (network_answers(known),)

    def verdict(self, cohort: str = "2026") -> CountVerdict:
        return check_count(
            lambda: newest_of(cohort, self), self, self, public_url=URL, now=self.world.clock, cohort=cohort
        )

    def stated(self, cohort: str = "2026") -> list[tuple[int, Figures]]:
        told = [each for each in self.world.announced(StatementPublished) if each.cohort == cohort]
        read = [read_count(self.world.shelf.json(object_keys.statement(cohort, each.number))) for each in told]
        return [(each.number, each.figures) for each in read]

    def restart(self) -> None:
        take_back(self.world.ports.store, COUNT_RECALLS, self.facts)
        handlers.begin(self.world.ports)


def failures(verdict: CountVerdict) -> list[str]:
    return [f"{check.number} {check.code}: {check.got}" for check in verdict.checks if check.outcome == "failed"]
