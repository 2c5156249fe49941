"""What the issuer does, in order: one function a message or tick."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Protocol

from services.issuer.domain.issuance import assertion_for, credential_key
from services.issuer.domain.publication import (
    AGAIN,
    DID_KEY,
    IMAGE,
    ISSUER,
    JSON,
    Facts,
    Published,
    always_expected,
    badge_name,
    class_objects,
    current_year,
    image_object,
    issuer_objects,
    status_name,
    status_number,
    status_objects,
)
from services.issuer.domain.revocation import outcomes, revocation_by, revocation_by_correction, settled
from services.issuer.drawing import editions_of, picture_of_issuer
from services.issuer.metrics import (
    DOCUMENTS,
    ISSUED,
    NOT_ISSUED,
    NOT_PUBLISHED,
    NOT_REVOKED,
    NOT_STORED,
    REVOKED,
    STORED,
)
from services.issuer.signing.keys import keys_in, refuse_unlisted
from services.issuer.signing.signer import Signer
from services.issuer.store import Issued, IssuerTransaction, Signed, Store, Version
from shared.clock import Clock
from shared.credentials.credential import DoNotSign
from shared.errors import NotFound, TryLater
from shared.events import OfficeDecided, RegistrationRenewed
from shared.retry import next_try
from shared.runtime.db import UNAVAILABLE
from shared.runtime.log import logger

_AT_ONCE = 100  # credentials a run of the tick
_SIDE_BY_SIDE = 8  # puts
_LATEST_PUT = timedelta(seconds=60)  # a put that we gave up may still land so long after it began
_PAUSE = 1.0  # seconds between looks for a storage that is away at our start
_NONE = Version(0, None)

log = logger("issuer")


class Objects(Protocol):
    def put(self, key: str, body: bytes, content_type: str) -> None:
        """When this returns, the object is durable. TryLater while the storage is away."""

    def get(self, key: str) -> bytes:
        """NotFound when there is no such object. TryLater while the storage is away."""


@dataclass(frozen=True)
class Ports:
    store: Store
    objects: Objects
    facts: Facts
    signer: Signer
    secret: bytes  # that assertion ids are derived with
    random: Random
    now: Clock


def begin(ports: Ports) -> None:
    """Before anything is signed: our key is one that others know, and everything of the issuer is published (again).

    Waits for a storage or database that is away. RefuseToStart with a key that the published did.json doesn't hold.
    """
    while True:
        try:
            list_keys(ports, [])
            return
        except (TryLater, *UNAVAILABLE) as error:
            log.warning("waiting", part="object storage and database", cause=str(error)[:200])
            time.sleep(_PAUSE)


def list_keys(ports: Ports, more: Sequence[str]) -> list[str]:
    """List our key and `more` in did.json, which is due then, like all documents; the documents' names.

    What the published did.json holds stays listed, also if our table doesn't know it (a new database).
    RefuseToStart when our key is new, but others are listed: only they may list another.
    """
    now, own = ports.now(), ports.facts.key.public
    try:
        published = keys_in(ports.objects.get(DID_KEY))
    except NotFound:
        published = []
    with ports.store.transaction() as tx:
        refuse_unlisted(own, published or tx.listed_keys())
        tx.list_keys([*published, own], now)
        tx.list_keys([key for key in more if key not in published], now)
        _expect(tx, ports, now)
        tx.expect_again(None, now)
        # Committed: did.json holds the keys as soon as the storage takes it, and none of them leaves it any more.
        return tx.documents()


def issue(events: Sequence[RegistrationRenewed], ports: Ports) -> None:
    """Step 3. Sign one credential for each version of a registration, however often its event arrives."""
    now = ports.now()
    with ports.store.transaction() as tx:
        batch = _sign(tx.claim(events), tx, ports, now)
        tx.save(batch, now)
        tx.expect_documents(_needed(batch), ports.facts.fingerprint, now)
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
    """Step 3. Put signed credentials into object storage, then tell the others; a correction makes its former void."""
    now = ports.now()
    with ports.store.transaction() as tx:
        waiting = tx.take_signed(_AT_ONCE, now)
        stored, failed = _put_credentials(waiting, ports.objects)
        # If we die here, objects are there that nobody was told of; the next run puts the same bytes again. Anchor,
        # which adds its proof to the object, is told only by the commit below, so nothing of its is ever overwritten.
        tx.mark_stored([each.assertion_id for each in stored], now)
        tx.announce(*(each.announcement for each in stored))
        # Who was revoked before anybody knew of it: issued first, then revoked.
        tx.announce(*(each.revocation.announcement for each in stored if each.revocation is not None))
        corrected = [
            revocation_by_correction(void, each.assertion_id, each.correction, now)
            for each in stored
            for void in each.voids
        ]
        tx.revoke(corrected, now)
        tx.announce(*(each.announcement for each in corrected))
        for unstored, error in failed:
            tx.mark_not_stored(unstored.assertion_id, str(error), next_try(unstored.attempts + 1, now))
    STORED.inc(len(stored))
    REVOKED.labels("correction").inc(len(corrected))
    for each in stored:
        log.info("stored", assertion_id=each.assertion_id)
    for void in corrected:
        log.info("revoked", assertion_id=void.assertion_id, replaced_by=void.replaced_by)
    return len(stored)


def revoke(orders: Sequence[OfficeDecided], ports: Ports) -> None:
    """Any time. Revoke what the office ordered to, each assertion once; say of each order what became of it."""
    now = ports.now()
    with ports.store.transaction() as tx:
        orders = tx.claim(orders)
        standing = tx.standing(order.subject for order in orders)
        results = list(zip(orders, outcomes(orders, standing), strict=True))
        revoked = {order.subject: revocation_by(order, now) for order, outcome in results if outcome == "done"}
        tx.revoke(list(revoked.values()), now)
        for order, outcome in results:
            # Of one that waits to be stored nobody knows yet: store() says that it is issued, then that it is revoked.
            if outcome == "done" and standing[order.subject].stored:
                tx.announce(revoked[order.subject].announcement, cause=order)
            tx.announce(settled(order, outcome, now), cause=order)
    # Committed: the bits are set in the table and their lists are due; publish() signs them.
    for order, outcome in results:
        if outcome == "done":
            REVOKED.labels("office").inc()
            log.info("revoked", assertion_id=order.subject, decision_id=order.decision_id)
        else:
            NOT_REVOKED.labels(outcome).inc()
            log.info("skipped", assertion_id=order.subject, decision_id=order.decision_id, cause=outcome)


def publish(ports: Ports) -> int:
    """Step 3. Publish what credentials point to (issuer, badge classes, status lists) till it is there, then daily."""
    now = ports.now()
    with ports.store.transaction() as tx:
        _expect(tx, ports, now)
        names = tx.due(_AT_ONCE, now)
    return sum(publish_one(name, ports) is not None for name in names)


def publish_one(name: str, ports: Ports, *, due_or_not: bool = False) -> list[str] | None:
    """Publish a document if it is still due (or at any rate); its object keys. None if it wasn't due, or failed."""
    unsure_until = ports.now() + _LATEST_PUT
    with ports.store.transaction() as tx:
        others_until = tx.begin_publishing(name, unsure_until)
    # If we die from here on, or lose the database with a put on its way, that put may land after a newer one. Whoever
    # publishes next finds our note, and publishes once more when nothing of ours can land any more.
    with ports.store.transaction() as tx:
        due, now, kind = tx.take_turn(name), ports.now(), name.partition("/")[0]
        if due is None or not (due_or_not or due.next_try_at <= now):
            return None
        try:
            objects = _objects_of(name, tx, ports, now)
            for each in objects:
                ports.objects.put(each.key, each.body, each.content_type)
        except (TryLater, ValueError) as error:
            tx.mark_not_published(name, str(error), next_try(due.attempts + 1, now))
            NOT_PUBLISHED.labels(kind).inc()
            log.warning("deferred", document=name, cause=str(error))
            return None
        # If we die here, the document is there and stays due: it is published again, nothing else.
        again = others_until if others_until is not None and others_until > now else now + AGAIN
        tx.mark_published(due, unsure_until, now, again)
    DOCUMENTS.labels(kind).inc()
    return [each.key for each in objects]


def _sign(events: Sequence[RegistrationRenewed], tx: IssuerTransaction, ports: Ports, now: datetime) -> list[Issued]:
    """DoNotSign, naming the field, for the first event that must not become a credential."""
    events, newest = _not_issued(events, tx)
    editions = editions_of((_class_of(event, ports) for event in events), tx, ports.facts, now)
    batch = []
    for event, place in zip(events, tx.reserve(len(events), ports.random), strict=True):
        award = event.award
        former = newest.get(award.previous_registration_id or "", _NONE)
        assertion = assertion_for(
            event,
            secret=ports.secret,
            now=now,
            status=place,
            edition=editions[_class_of(event, ports)],
            replaces=former.assertion_id,
            corrects=newest.get(award.registration_id, _NONE).assertion_id,
        )
        newest[award.registration_id] = Version(event.version, assertion.assertion_id)
        sealed = ports.signer.sign(assertion, now)
        batch.append(Issued(assertion, sealed.body, sealed.leaf, event.correction))
    return batch


def _not_issued(
    events: Sequence[RegistrationRenewed], tx: IssuerTransaction
) -> tuple[list[RegistrationRenewed], dict[str, Version]]:
    """Without those that have a credential, of their version or a later one; and the newest versions that we issued.

    The inbox may forget an event, the assertions never do. A version that comes after its correction (played again from
    the dead letters) is void already.
    """
    ids = {event.award.registration_id for event in events}
    former = {event.award.previous_registration_id for event in events} - {None}
    newest = tx.newest([*ids, *(id for id in former if id is not None)])
    numbers = {id: each.number for id, each in newest.items()}
    fresh = []
    for event in events:
        issued = numbers.get(event.award.registration_id, 0)
        if event.version > issued:
            numbers[event.award.registration_id] = event.version
            fresh.append(event)
        else:
            NOT_ISSUED.labels("issued-before" if event.version == issued else "corrected-before").inc()
    return fresh, newest


def _class_of(event: RegistrationRenewed, ports: Ports) -> tuple[str, str]:
    """The qualification and the year of its badge class. DoNotSign for a qualification that the programme hasn't."""
    programme, award = ports.facts.issuer.programme, event.award
    if award.qualification not in programme.qualifications:
        known = ", ".join(programme.qualifications)
        raise DoNotSign(f"qualification: got {award.qualification!r}, expected one of {known}")
    return award.qualification, programme.edition(award.valid_from)


def _needed(batch: Sequence[Issued]) -> set[str]:
    """The documents that these credentials point to."""
    assertions = [each.assertion for each in batch]
    lists = {status_name(each.status.number) for each in assertions}
    return lists | {badge_name(each.award.qualification, each.edition) for each in assertions}


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


def _expect(tx: IssuerTransaction, ports: Ports, now: datetime) -> None:
    """Make due what was made from something else, and what isn't there though nobody was awarded anything."""
    facts = ports.facts
    programme = facts.issuer.programme
    year = current_year(programme, now)
    editions = editions_of(((id, year) for id in programme.qualifications), tx, facts, now)
    badges = [badge_name(id, edition) for (id, _), edition in editions.items()]
    # Two releases side by side do this in turns, until the former has stopped: the one that goes on has the last word.
    tx.expect_changes(facts.fingerprint, now)
    tx.expect_documents([*always_expected(), *badges], facts.fingerprint, now)


def _objects_of(name: str, tx: IssuerTransaction, ports: Ports, now: datetime) -> list[Published]:
    facts = ports.facts
    number = status_number(name)
    if number is not None:
        return status_objects(facts, number, tx.revoked(number), now)
    if name == ISSUER:
        return issuer_objects(facts, tx.listed_keys())
    if name == IMAGE:
        return [image_object(picture_of_issuer(tx, facts, now))]
    _, qualification, edition = name.split("/")
    kept = tx.badge_class(qualification, edition)
    if kept is None:
        raise ValueError(f"document {name}: no such edition")
    return class_objects(kept)
