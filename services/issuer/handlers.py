"""What the issuer does, in order: one function a message or tick."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Protocol

import msgspec

from services.issuer.issuance import assertion_for, assertion_id_of, credential_key, credential_of
from services.issuer.metrics import DOCUMENTS, ISSUED, NOT_ISSUED, NOT_PUBLISHED, NOT_STORED, STORED
from services.issuer.publication import (
    AGAIN,
    ISSUER,
    JSON,
    Facts,
    Published,
    always_expected,
    badge_name,
    badge_objects,
    issuer_objects,
    status_name,
    status_number,
    status_objects,
)
from services.issuer.store import Issued, IssuerTransaction, Signed, Store
from shared.clock import Clock
from shared.errors import TryLater
from shared.events import RegistrationRenewed
from shared.retry import next_try
from shared.runtime.log import logger

_AT_ONCE = 100  # credentials a run of the tick
_SIDE_BY_SIDE = 8  # puts

log = logger("issuer")


class Objects(Protocol):
    def put(self, key: str, body: bytes, content_type: str) -> None:
        """When this returns, the object is durable. TryLater while the storage is away."""


@dataclass(frozen=True)
class Ports:
    store: Store
    objects: Objects
    facts: Facts
    secret: bytes  # that assertion ids are derived with
    random: Random
    now: Clock


def issue(events: Sequence[RegistrationRenewed], ports: Ports) -> None:
    """Step 3. Sign one credential for each renewal, however often its event arrives."""
    now = ports.now()
    with ports.store.transaction() as tx:
        batch = _sign(_not_issued(tx.claim(events), tx, ports), tx, ports, now)
        tx.save(batch, now)
        tx.expect_documents(_needed(batch, ports), ports.facts.fingerprint, now)
    # Committed: each credential exists and is known to nobody; store() says it when others can fetch it.
    for each in batch:
        ISSUED.labels(each.assertion.award.qualification).inc()
        log.info(
            "issued",
            assertion_id=each.assertion.assertion_id,
            registration_id=each.assertion.award.registration_id,
            leaf=each.leaf,
        )


def store(ports: Ports) -> int:
    """Step 3. Put signed credentials into object storage, then tell the others."""
    now = ports.now()
    with ports.store.transaction() as tx:
        waiting = tx.take_signed(_AT_ONCE, now)
        stored, failed = _put_credentials(waiting, ports.objects)
        # If we die here, objects are there that nobody was told of; the next run puts the same bytes again. Anchor,
        # which adds its proof to the object, is told only by the commit below, so nothing of its is ever overwritten.
        tx.mark_stored([each.assertion_id for each in stored], now)
        tx.announce(*(each.announcement for each in stored))
        for each, error in failed:
            tx.mark_not_stored(each.assertion_id, str(error), next_try(each.attempts + 1, now))
    STORED.inc(len(stored))
    for each in stored:
        log.info("stored", assertion_id=each.assertion_id)
    return len(stored)


def publish(ports: Ports) -> int:
    """Step 3. Publish what credentials point to (issuer, badge classes, status lists) till it is there, then daily."""
    now = ports.now()
    published = 0
    with ports.store.transaction() as tx:
        tx.expect_changes(ports.facts.fingerprint, now)
        tx.expect_documents(always_expected(ports.facts.issuer.programme, now), ports.facts.fingerprint, now)
        for due in tx.take_due(_AT_ONCE, now):
            kind = due.name.partition("/")[0]
            try:
                for each in _objects_of(due.name, tx, ports, now):
                    ports.objects.put(each.key, each.body, each.content_type)
            except (TryLater, ValueError) as error:
                tx.mark_not_published(due.name, str(error), next_try(due.attempts + 1, now))
                NOT_PUBLISHED.labels(kind).inc()
                log.warning("deferred", document=due.name, cause=str(error))
                continue
            # If we die here, the document is there and stays due: it is published again, nothing else.
            tx.mark_published(due.name, now, now + AGAIN)
            DOCUMENTS.labels(kind).inc()
            published += 1
    return published


def _not_issued(
    events: Sequence[RegistrationRenewed], tx: IssuerTransaction, ports: Ports
) -> list[RegistrationRenewed]:
    """Without those that have a credential: the inbox may forget an event, the assertions never do."""
    ids = {event.award.registration_id: assertion_id_of(ports.secret, event.award.registration_id) for event in events}
    known = tx.known(ids.values())
    NOT_ISSUED.labels("issued-before").inc(len(known))
    return [event for event in events if ids[event.award.registration_id] not in known]


def _sign(events: Sequence[RegistrationRenewed], tx: IssuerTransaction, ports: Ports, now: datetime) -> list[Issued]:
    facts, secret = ports.facts, ports.secret
    former = (event.award.previous_registration_id for event in events)
    known = tx.known([assertion_id_of(secret, id) for id in former if id is not None])
    batch = []
    for event, place in zip(events, tx.reserve(len(events), ports.random), strict=True):
        edition = facts.issuer.programme.edition(event.award.valid_from)
        former_id = event.award.previous_registration_id
        replaces = assertion_id_of(secret, former_id) if former_id is not None else None
        replaces = replaces if replaces in known else None
        assertion = assertion_for(event, secret=secret, now=now, status=place, edition=edition, replaces=replaces)
        document = credential_of(assertion, facts.issuer, secret=secret)
        signed, leaf = facts.key.sign_with_leaf(document, created=now)
        batch.append(Issued(assertion, msgspec.json.encode(signed), leaf))
    return batch


def _needed(batch: Sequence[Issued], ports: Ports) -> set[str]:
    """The documents that these credentials point to."""
    programme = ports.facts.issuer.programme
    awards = [each.assertion.award for each in batch]
    lists = {status_name(each.assertion.status.number) for each in batch}
    return lists | {badge_name(award.qualification, programme.edition(award.valid_from)) for award in awards}


def _put_credentials(waiting: Sequence[Signed], objects: Objects) -> tuple[list[Signed], list[tuple[Signed, TryLater]]]:
    """Which are in object storage; which failed and why. After the first failure no other is begun: they stay due."""
    stored: list[Signed] = []
    failed: list[tuple[Signed, TryLater]] = []

    def put(each: Signed) -> None:
        if failed:
            return
        try:
            objects.put(credential_key(each.assertion_id), each.credential, JSON)
            stored.append(each)
        except TryLater as error:
            failed.append((each, error))
            NOT_STORED.inc()
            log.warning("deferred", assertion_id=each.assertion_id, cause=str(error))

    if waiting:
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            list(pool.map(put, waiting))  # raises what isn't TryLater
    return stored, failed


def _objects_of(name: str, tx: IssuerTransaction, ports: Ports, now: datetime) -> list[Published]:
    facts = ports.facts
    number = status_number(name)
    if number is not None:
        return status_objects(facts, number, tx.revoked(number), now)
    if name == ISSUER:
        return issuer_objects(facts, tx.signing_keys(facts.key.public, now))
    return badge_objects(facts, name)
