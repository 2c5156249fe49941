"""What the issuer does, in order: one function per message, tick or start."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from services.issuer import metrics
from services.issuer.domain.issuance import StatusPlace, assertion_for
from services.issuer.domain.publication import (
    IMAGE,
    ISSUER,
    REPUBLISH_AFTER,
    DocumentSources,
    PublishedObject,
    badge_name,
    class_objects,
    image_object,
    issuer_objects,
    status_name,
    status_number,
    status_objects,
)
from services.issuer.domain.refusal import refusal_of
from services.issuer.domain.revocation import decision_settled, outcomes, revocation_by, revocation_by_correction
from services.issuer.domain.selection import (
    ClassYear,
    IssuedVersion,
    class_of,
    current_classes,
    documents_always,
    documents_for,
    not_issued,
    registrations_in,
    renewed_by,
)
from services.issuer.signing.keys import keys_in, refuse_unlisted
from services.issuer.signing.signer import Signer
from services.issuer.storage.credential_storage import put_credentials
from services.issuer.storage.editions import current_editions, issuer_picture, published_edition
from services.issuer.storage.only_stored import OnlyStored, id_of
from services.issuer.storage.published import (
    bits_to_publish,
    lists_in_question,
    mark_of,
    own_keys,
    read_lists,
)
from services.issuer.store import IssuerTransaction, SignedCredential, Store
from shared import object_keys
from shared.clock import Clock
from shared.credentials.credential import DoNotSign
from shared.errors import NotFound, TryLater, cause_of
from shared.events import IssuanceRefused, RegistrationRenewed
from shared.office_events import OfficeDecided
from shared.retry import is_due, next_try
from shared.runtime.db import UNAVAILABLE, is_unavailable
from shared.runtime.log import logger
from shared.runtime.metrics import ROWS_ASIDE
from shared.runtime.objects import LATEST_PUT, MOST_LISTED, ErasableObjects
from shared.runtime.restored import Storage

_PER_RUN = 100  # credentials or documents per run of a tick
_PAUSE = 1.0  # seconds between attempts while database or storage is away at our start

log = logger("issuer")


@dataclass(frozen=True)
class Ports:
    store: Store
    objects: ErasableObjects
    sources: DocumentSources
    signer: Signer
    secret: bytes  # assertion ids are derived with it
    random: Random
    now: Clock
    statement_pause: timedelta = timedelta(minutes=10)  # the least time between two statements of the count
    only_stored: OnlyStored = field(default_factory=OnlyStored)


def check_key(ports: Ports) -> None:
    """At each start, before we wait for Kafka: RefuseToStart with a key that the published did.json doesn't hold.

    Without an answer from the storage nothing is checked; `begin` waits for it, and checks again.
    """
    with suppress(TryLater, NotFound):
        refuse_unlisted(ports.sources.key.public, keys_in(ports.objects.get(object_keys.DID_DOCUMENT)))


def begin(ports: Ports) -> None:
    """At each start, before anything is signed: check and list our key, make every document due, settle a restore.

    Waits while storage or database are away. RefuseToStart with a key that the published did.json doesn't hold.
    """
    while True:
        try:
            list_keys(ports, [])
            settle_restore(ports)
            return
        except (TryLater, *UNAVAILABLE) as error:
            log.warning("waiting", part="object storage and database", cause=str(error)[:200])
            time.sleep(_PAUSE)


def list_keys(ports: Ports, more: Sequence[str]) -> list[str]:
    """List our key and `more` in did.json and make every document due; the names of all documents.

    Keys in the published did.json stay listed, also those that our table doesn't have (a new database).
    RefuseToStart when other keys are listed but ours is not: a new key is listed with a listed one.
    """
    now, own = ports.now(), ports.sources.key.public
    try:
        published = keys_in(ports.objects.get(object_keys.DID_DOCUMENT))
    except NotFound:
        published = []
    with ports.store.transaction() as tx:
        refuse_unlisted(own, published or tx.listed_keys())
        tx.list_keys([*published, own], now)
        tx.list_keys([key for key in more if key not in published], now)
        _update_documents(tx, ports, now)
        tx.make_due(None, now)
        # Committed: did.json holds the keys as soon as it is put into storage, and no key ever leaves it again.
        return tx.document_names()


def compare_storage(ports: Ports) -> Storage:
    """The status lists as published and as in the tables. Ahead: bits, and lists, that only storage has.

    A publication is noted before its put, and a bit is published after its commit: so neither is ahead unless the
    database was restored. TryLater while the storage is away.
    """
    with ports.store.transaction() as tx:
        known, keys = tx.status_lists(), own_keys(tx, ports.sources)
    published = read_lists(known, ports.objects, keys)
    with ports.store.transaction() as tx:  # read after storage: what others put meanwhile is noted by now
        known = tx.status_lists()
        lost = [each.bits.difference(tx.revoked_indexes(number)) for number, each in published.items()]
    ahead = [number for number, each in published.items() if (at := known.get(number)) is None or each.valid_from > at]
    return Storage(
        marks={"status_lists": len(known), "published_lists": len(published), "last_list": mark_of(published)},
        ahead={"status_bits": sum(map(len, lost)), "newer_lists": len(ahead)},
    )


def settle_restore(ports: Ports) -> None:
    """If the database was restored: announce what follows from what was taken back; draw bits from a new list.

    Our own announcements are taken back already. What they leave open: a correction whose former version is not
    revoked, a revocation known by its order only. Bits that only a published list has are never drawn. Nor are those of
    credentials in storage that nothing else tells of: their lists are not drawn from any more.
    """
    with ports.store.transaction() as tx:
        known, keys = tx.status_lists(), own_keys(tx, ports.sources)
    published = read_lists(known, ports.objects, keys)
    with ports.store.transaction() as tx:
        now, known = ports.now(), tx.status_lists()  # read after storage: what others put meanwhile is noted by now
        for number, each in published.items():
            tx.reserve_bits((number, index) for index in each.bits)
        tx.add_documents([status_name(number) for number in published], ports.sources.fingerprint, now)
        is_newer = any((at := known.get(number)) is None or each.valid_from > at for number, each in published.items())
        first_list = tx.begin_new_list({**known, **published}, now, restored=is_newer)
        revoked = tx.forget_applied()
        corrected = tx.superseded(now)
        tx.revoke(corrected, now)
        tx.announce(*(each.announcement for each in (*revoked, *corrected)))
    # Committed: dying before, the next start does the same; after it, there is nothing left to do.
    if first_list is not None or revoked or corrected:
        log.warning("recalled", first_list=first_list, revoked=len(revoked), corrected=len(corrected))


def issue(events: Sequence[RegistrationRenewed], ports: Ports) -> None:
    """Step 3. Sign one credential per version of a registration, however often its event arrives.

    What must not be signed is announced with the field at fault: registration then takes an amended version.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        batch, refused = _sign(tx.claim(events), tx, ports, now)
        tx.save(batch, now)
        tx.add_documents(documents_for([each.assertion for each in batch]), ports.sources.fingerprint, now)
        tx.announce(*refused)
    # Committed: the credentials exist but are not announced; store() announces them when they can be fetched.
    for each in batch:
        metrics.ISSUED.labels(each.assertion.award.qualification).inc()
        log.info(
            "issued",
            assertion_id=each.assertion.assertion_id,
            registration_id=each.assertion.award.registration_id,
            leaf=each.leaf,
        )
    for refusal in refused:
        metrics.REFUSED.labels(refusal.field).inc()
        log.error("refused", registration_id=refusal.registration_id, version=refusal.version, field=refusal.field)


def list_credentials(ports: Ports) -> int:
    """At each start, page by page: list the credentials in storage; how many. Until it is done, `store` reads each."""
    if ports.only_stored.is_listed:
        return 0
    keys = ports.objects.list_keys(object_keys.CREDENTIALS, ports.only_stored.after, MOST_LISTED)
    with ports.store.transaction() as tx:  # read after storage: what others put meanwhile is named at worst
        stored = tx.stored([id_of(key) for key in keys])
    ports.only_stored.note(keys, stored)
    return len(keys)


def store(ports: Ports) -> int:
    """Step 3. Put signed credentials into object storage, then announce them; a correction revokes what it corrects.

    One that storage has already, from before the database was restored, is not put: that one is adopted.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        waiting = tx.take_pending(_PER_RUN, now)
        if not waiting:
            return 0
        puts = put_credentials(waiting, ports.objects, own_keys(tx, ports.sources), ports.only_stored)
        stored = puts.stored
        tx.adopt(puts.adopted, ports.sources.fingerprint, now)
        # If we die here, there are objects that were not announced; the next run puts the same bytes again. Anchor,
        # which adds its proof to the object, learns of it by the commit below only, so its proof is never overwritten.
        tx.mark_stored([each.assertion_id for each in stored], now)
        tx.announce(*(each.announcement for each in stored))
        # What was revoked before it was stored is announced as issued first, then as revoked.
        tx.announce(*(each.revocation.announcement for each in stored if each.revocation is not None))
        corrected = [
            revocation_by_correction(former, each.assertion_id, each.correction, now)
            for each in stored
            for former in each.supersedes
        ]
        tx.revoke(corrected, now)
        tx.announce(*(each.announcement for each in corrected))
        for unstored, error in puts.failed:
            tx.mark_not_stored(unstored.assertion_id, str(error), next_try(unstored.attempts + 1, now))
    metrics.STORED.inc(len(stored))
    metrics.REVOKED.labels("correction").inc(len(corrected))
    metrics.ADOPTED.inc(len(puts.adopted))
    for each in stored:
        log.info("stored", assertion_id=each.assertion_id)
    for found in puts.adopted:
        log.warning("adopted", assertion_id=found.announcement.assertion_id, leaf=found.announcement.leaf)
    for revocation in corrected:
        log.info("revoked", assertion_id=revocation.assertion_id, replaced_by=revocation.replaced_by)
    return len(stored)


def revoke(orders: Sequence[OfficeDecided], ports: Ports) -> None:
    """Any time. Revoke what the office ordered, each assertion once; announce the outcome of each order."""
    now = ports.now()
    with ports.store.transaction() as tx:
        orders = tx.claim(orders)
        states = tx.states_of(order.subject for order in orders)
        results = list(zip(orders, outcomes(orders, states), strict=True))
        revoked = {order.subject: revocation_by(order, now) for order, outcome in results if outcome == "done"}
        tx.revoke(list(revoked.values()), now)
        for order, outcome in results:
            # One that isn't stored yet has not been announced: store() announces it as issued, then as revoked.
            if outcome == "done" and states[order.subject].stored:
                tx.announce(revoked[order.subject].announcement, cause=order)
            tx.announce(decision_settled(order, outcome, now), cause=order)
    # Committed: the bits are set in the table and their lists are due; publish() signs them.
    for order, outcome in results:
        if outcome == "done":
            metrics.REVOKED.labels("office").inc()
            log.info("revoked", assertion_id=order.subject, decision_id=order.decision_id)
        else:
            metrics.NOT_REVOKED.labels(outcome).inc()
            log.info("skipped", assertion_id=order.subject, decision_id=order.decision_id, cause=outcome)


def publish(ports: Ports) -> int:
    """Step 3. Publish what credentials point to: issuer, badge classes, status lists; again daily."""
    now = ports.now()
    try:
        with ports.store.transaction() as tx:
            _update_documents(tx, ports, now)
    except Exception as error:  # of one badge class: what is due already goes out all the same
        if is_unavailable(error):
            raise
        metrics.NOT_PUBLISHED.labels("editions").inc()
        log.warning("deferred", part="editions", cause=cause_of(error, 300))
    with ports.store.transaction() as tx:
        names = tx.due_documents(_PER_RUN, now)
    return sum(publish_one(name, ports) is not None for name in names)


def look_again(ports: Ports) -> int:
    """Any time. Measure again what this process found to be wrong: another may have published since. Always 0."""
    for number in lists_in_question():
        with ports.store.transaction() as tx:
            bits_to_publish(number, tx, ports.objects, own_keys(tx, ports.sources))
    return 0


def publish_one(name: str, ports: Ports, *, even_if_not_due: bool = False) -> list[str] | None:
    """Publish a document if it is still due, or in any case; its object keys. None if it wasn't due, or failed."""
    unsure_until = ports.now() + LATEST_PUT
    with ports.store.transaction() as tx:
        others_until = tx.begin_publishing(name, unsure_until)
    # If we die from here on, or lose the database during a put, that put may take effect after a newer one. The next
    # process that publishes finds this note, and publishes once more when no put of ours can take effect any more.
    with ports.store.transaction() as tx:
        due, now, kind = tx.lock_document(name), ports.now(), name.partition("/")[0]
        if due is None or not (even_if_not_due or is_due(due.next_try_at, now, REPUBLISH_AFTER)):
            return None
        try:
            with tx.savepoint():
                objects = _objects_of(name, tx, ports, now)
            for each in objects:
                ports.objects.put(each.key, each.body, each.content_type)
        except Exception as error:  # of whatever kind, it costs this document only
            if is_unavailable(error):
                raise
            if not isinstance(error, TryLater):
                ROWS_ASIDE.labels("publish").inc()
            tx.mark_not_published(name, str(error), next_try(due.attempts + 1, now))
            metrics.NOT_PUBLISHED.labels(kind).inc()
            log.warning("deferred", document=name, cause=str(error))
            return None
        # If we die here, the document is in storage but still due: it is published again, nothing else happens.
        next_at = others_until if others_until is not None and others_until > now else now + REPUBLISH_AFTER
        tx.mark_published(due, unsure_until, now, next_at)
        tx.keep_published(name, objects, now)
    metrics.DOCUMENTS.labels(kind).inc()
    return [each.key for each in objects]


def _sign(
    events: Sequence[RegistrationRenewed], tx: IssuerTransaction, ports: Ports, now: datetime
) -> tuple[list[SignedCredential], list[IssuanceRefused]]:
    """One at fault costs one: it is refused, its bit goes back."""
    newest = tx.newest_versions(registrations_in(events))
    events, reasons = not_issued(events, newest)
    for reason in reasons:
        metrics.NOT_ISSUED.labels(reason).inc()
    sound: list[tuple[RegistrationRenewed, ClassYear]] = []
    refused: list[IssuanceRefused] = []
    for event in events:
        try:
            sound.append((event, class_of(event, ports.sources.issuer.programme)))
        except DoNotSign as error:
            refused.append(refusal_of(event, error, newest.get(event.award.registration_id), now))
    editions = current_editions([of for _, of in sound], tx, ports.sources, ports.objects, now)
    batch: list[SignedCredential] = []
    unused: list[StatusPlace] = []
    for (event, of), place in zip(sound, tx.reserve(len(sound), ports.random), strict=True):
        award = event.award
        corrected = newest.get(award.registration_id)
        assertion = assertion_for(
            event,
            secret=ports.secret,
            now=now,
            status=place,
            edition=editions[of],
            replaces=renewed_by(event, newest),
            corrects=corrected.assertion_id if corrected else None,
        )
        try:
            sealed = ports.signer.sign(assertion, now)
        except DoNotSign as error:
            refused.append(refusal_of(event, error, corrected, now))
            unused.append(place)
            continue
        newest[award.registration_id] = IssuedVersion(event.version, assertion.assertion_id, event.holder.person_id)
        batch.append(SignedCredential(assertion, sealed.body, sealed.leaf, event.correction))
    tx.give_back(unused)
    return batch, refused


def _update_documents(tx: IssuerTransaction, ports: Ports, now: datetime) -> None:
    """Make due what was made from other sources, and add the documents that exist without any credential."""
    sources = ports.sources
    classes = current_classes(sources.issuer.programme, now)
    editions = current_editions(classes, tx, sources, ports.objects, now)
    badges = [badge_name(qualification, edition) for (qualification, _), edition in editions.items()]
    # Two releases side by side do this in turns until the former one stops; then the remaining one has the last word.
    tx.make_changed_due(sources.fingerprint, now)
    tx.add_documents([*documents_always(), *badges], sources.fingerprint, now)


def _objects_of(name: str, tx: IssuerTransaction, ports: Ports, now: datetime) -> list[PublishedObject]:
    sources = ports.sources
    if (number := status_number(name)) is not None:
        bits = bits_to_publish(number, tx, ports.objects, own_keys(tx, sources))
        return status_objects(sources, number, bits, now)
    if name == ISSUER:
        return issuer_objects(sources, tx.listed_keys())
    if name == IMAGE:
        return [image_object(issuer_picture(tx, sources, now))]
    _, qualification, edition = name.split("/")
    saved = tx.badge_class(qualification, edition) or published_edition(qualification, edition, tx, ports.objects, now)
    if saved is None:
        raise ValueError(f"document {name}: no such edition")
    return class_objects(saved)
