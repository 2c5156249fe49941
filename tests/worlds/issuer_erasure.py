"""A person with several badges who is erased by the issuer, and what is left of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from kafka import TopicPartition

from services.issuer import erasure, handlers
from services.issuer.handlers import Ports
from services.issuer.storage.only_stored import id_of as id_in
from services.issuer.store import IssuerTransaction
from shared import object_keys
from shared.erasure_events import AssertionsErased, PersonErased
from shared.events import RegistrationRenewed
from shared.runtime.log import logger
from shared.runtime.recall import _take_back
from tests.worlds.credentials import NOW, renewed
from tests.worlds.issuer import World, corrected, id_of
from tests.worlds.issuer_restored import COUNT_RECALLS
from tests.worlds.recalled import Fact, announced, back_up

PERSON: dict[str, Any] = {
    "person_id": "person-kenichi",
    "family_name": "鉄筋",
    "given_name": "健一",
    "email": "kenichi@example.jp",
}
THEIRS = (id_of(1), id_of(1, 2), id_of(2))
"""A registration that was corrected, and another one of the same person; the third is somebody else's."""
MINE = object_keys.credential(id_of(1, 2))


def theirs(number: int, version: int = 1, **changes: Any) -> RegistrationRenewed:
    made = {**PERSON, "pass_number": f"P-SECRET-{number}", "registration_number": f"N-SECRET-{number}", **changes}
    return renewed(number, **made) if version == 1 else corrected(number, version, why="鉄筋の誤記", **made)


def person_erased(*numbers: int, decision_id: str = "E1") -> PersonErased:
    ids = tuple(f"R-{number:05}" for number in numbers or (1, 2))
    return PersonErased(decision_id=decision_id, subject=ids[0], registration_ids=ids, erased_at=NOW)


def finish(world: World, ports: Ports | None = None) -> None:
    """What the ticks do until nothing is due but the last deletion."""
    for _ in range(3):
        world.publish()
        erasure.delete_erased(ports or world.ports)


def erase(world: World, *events: PersonErased) -> None:
    erasure.note_erased(events or [person_erased()], world.ports)
    finish(world)


def credentials_of(world: World) -> set[str]:
    """Whose credentials are in the bucket."""
    return {id_in(key) for key in world.shelf.list_keys(object_keys.CREDENTIALS, "", 100)}


def rest(world: World) -> Any:
    """What the rows and the bucket end as, without times."""
    return (
        world.rows(
            "select assertion_id, state, leaf, revoked_at is not null, revocation_reason, replaced_by, correction,"
            " announcement, erased_at is not null, erased_at is not null and credential is null"
            " from assertions order by 1"
        ),
        world.rows("select subject, decision_id from erased order by 1"),
        world.published_bits(),
        sorted(credentials_of(world)),
    )


def personal_in(world: World) -> list[str]:
    """What the tables say of the person, as text or in bytes; all but what is on its way to Kafka."""
    words = ("鉄筋", "健一", "kenichi", "P-SECRET", "N-SECRET")
    everything = b"\n".join(rows for table, rows in back_up(world.ports.store).rows.items() if table != "outbox")
    return [word for word in words if word.encode() in everything or word.encode().hex().encode() in everything]


RECALLS: Any = {**COUNT_RECALLS, AssertionsErased: IssuerTransaction.take_back_erased}


class Topics:
    """What Kafka keeps of what the issuer announced."""

    def __init__(self, world: World) -> None:
        self._world, self.facts = world, dict[Any, Fact]()

    def keep(self) -> None:
        self.facts |= {fact.id: fact for fact in announced(self._world.ports.store) if fact.topic}

    def take_back(self) -> None:
        """As a start does, topic after topic; then the rest of the start."""
        for topic in sorted({fact.topic for fact in self.facts.values()}):
            records = [
                SimpleNamespace(topic=topic, key=fact.key, value=fact.value, offset=offset)
                for offset, fact in enumerate(each for each in self.facts.values() if each.topic == topic)
            ]
            _take_back(records, TopicPartition(topic, 0), self._world.ports.store, RECALLS, logger("issuer"))
        handlers.begin(self._world.ports)
