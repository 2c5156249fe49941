"""A society's count on the public site: what issuer and anchor put into storage, the roots on a real chain."""

from __future__ import annotations

from web3 import Web3

from shared import object_keys
from shared.chain.facts import NetworkAnswers
from shared.count_events import StatementPublished
from shared.credentials.merkle_proof import MerkleProof
from tests.worlds.counts import CountWorld
from tests.worlds.verifier import VerifierWorld


def show(site: VerifierWorld, counts: CountWorld) -> None:
    """What the issuer and anchor put into storage, announced; nothing of what the site makes itself."""
    made_by_site = {object_keys.STATEMENT_INDEX, *map(object_keys.newest_statement, counts.stated)}
    for key in [key for key in site.shelf.kept if key.startswith(object_keys.STATEMENTS)]:
        del site.shelf.kept[key]
    site.shelf.kept |= {key: body for key, body in counts.kept.items() if key not in made_by_site}
    asked = [MerkleProof(path=(), merkle_root=root, target_hash=root, anchors=()) for root in counts.roots]
    [known] = site.answers(asked)
    assert isinstance(known, NetworkAnswers)
    for root in [root for root, entry in known.anchorings.items() if entry is None]:
        site.send({"to": Web3.to_checksum_address(site.registry), "data": "0x" + root.hex()})
    site.chain.mine(8)
    events = [
        StatementPublished(cohort=cohort, number=each.statement.number, leaf=each.leaf, stated_at=counts.now)
        for cohort, chain in counts.stated.items()
        for each in chain
    ]
    with site.ports.store.transaction() as tx:
        tx.note_statements(events)
    site.moment = counts.now
