"""The issuer's database is restored to an earlier moment; Kafka and object storage keep what came after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.issuer import handlers
from services.issuer.metrics import BITS_ONLY_PUBLISHED
from services.issuer.signing.keys import SigningKey
from services.issuer.store import IssuerTransaction
from shared import object_keys
from shared.count_events import StatementPublished
from shared.events import AssertionIssued, AssertionRevoked, Event
from shared.office_events import DecisionSettled
from tests.worlds.credentials import KEY
from tests.worlds.issuer import World, id_of
from tests.worlds.recalled import Backup, Fact, announced, take_back

RECALLS: Any = {
    AssertionIssued: IssuerTransaction.take_back_issued,
    AssertionRevoked: IssuerTransaction.take_back_revoked,
    DecisionSettled: IssuerTransaction.take_back_settled,
}
KINDS = tuple(RECALLS)
COUNT_RECALLS: Any = {**RECALLS, StatementPublished: IssuerTransaction.take_back_statements}
STRANGER = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))), KEY.did)


@dataclass(frozen=True)
class Restored:
    """A database as it was at the backup, and what its later life left on Kafka."""

    facts: list[Fact]
    rows: list[tuple[Any, ...]]  # of assertions, at the end of that life
    events: list[Event]
    puts: list[tuple[str, bytes]]


def restore(world: World, backup: Backup) -> Restored:
    left = Restored(announced(world.ports.store), assertions(world), world.events(), list(world.shelf.puts))
    backup.restore()
    world.shelf.puts.clear()
    world.wait(minutes=5)
    return left


def start(world: World, facts: Sequence[Fact] = (), kinds: Sequence[type[Event]] = KINDS) -> None:
    """The service's start: the `kinds` of own facts are taken back, in this order of their topics; then the rest."""
    for kind in kinds:
        take_back(world.ports.store, RECALLS, [fact for fact in facts if type(fact.event) is kind])
    handlers.begin(world.ports)


def assertions(world: World) -> list[tuple[Any, ...]]:
    return world.rows(
        "select assertion_id, registration_id, version, corrects, status_list, status_index, leaf, state,"
        " revoked_at, revocation_reason, replaced_by from assertions order by 1"
    )


def second_proof() -> dict[str, str]:
    return {"type": "DataIntegrityProof", "cryptosuite": "merkle-proof-2019", "created": "2026-04-02T00:00:00Z"}


def anchor(world: World, number: int) -> bytes:
    """What anchor does to a credential."""
    document = world.credential(id_of(number))
    document["proof"].append(second_proof())
    key, body = object_keys.credential(id_of(number)), msgspec.json.encode(document)
    world.shelf.put(key, body, "application/json")
    return body


def only_published(number: int = 1) -> float:
    return float(BITS_ONLY_PUBLISHED.labels(str(number))._value.get())
