"""Erasing a person, in order: revoke all badges, publish that, delete the credentials, blank the rows, say so."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from services.issuer import metrics
from services.issuer.domain.issuance import assertion_id_of
from services.issuer.handlers import Ports
from services.issuer.storage.published import kept_list, own_keys
from services.issuer.store import IssuerTransaction
from shared import object_keys
from shared.erasure_events import AssertionsErased, PersonErased
from shared.runtime.deletions import delete_due, delete_with_evidence
from shared.runtime.log import logger

_LATER_VERSIONS = 8
"""Of a registration, behind the highest in the table: a restored one may lack some of which storage has objects."""

log = logger("issuer")


def note_erased(events: Sequence[PersonErased], ports: Ports) -> None:
    """Any time. Revoke all badges of these people; none is signed, stored or announced as issued any more."""
    with ports.store.transaction() as tx:
        claimed = tx.claim_erasures(events)
        revoked = tx.begin_erasures(claimed)
        tx.announce(*(each.announcement for each in revoked))
    # Committed: the bits are set and their lists are due; delete_erased() waits for their publication.
    metrics.REVOKED.labels("erasure").inc(len(revoked))
    for each in revoked:
        log.info("revoked", assertion_id=each.assertion_id, decision_id=each.decision_id)


def delete_erased(ports: Ports) -> int:
    """Any time. Once the published lists say "revoked": delete the credentials, blank their rows, and say so."""

    def delete(tx: IssuerTransaction, event: AssertionsErased) -> bool:
        if not _is_published(tx, event, ports):
            return False
        for id in _ids_of(tx, event, ports):
            delete_with_evidence(ports.objects, object_keys.credential(id))
        return True

    def tell(tx: IssuerTransaction, event: AssertionsErased) -> None:
        now = ports.now()
        tx.erase(event.decision_id, _ids_of(tx, event, ports))
        tx.blank(event.assertion_ids)
        tx.announce(msgspec.structs.replace(event, erased_at=now), event.settled("issuer", now))
        metrics.ERASED.inc(len(event.assertion_ids))

    return delete_due(ports.store, delete, tell, log)


def _ids_of(tx: IssuerTransaction, event: AssertionsErased, ports: Ports) -> list[str]:
    """Whatever may have an object: also versions of which neither table nor topic knows after a restore."""
    highest = {id: each.number for id, each in tx.newest_versions(event.registration_ids).items()}
    derived = [
        assertion_id_of(ports.secret, registration_id, version)
        for registration_id in event.registration_ids
        for version in range(1, highest.get(registration_id, 0) + _LATER_VERSIONS + 1)
    ]
    return list(dict.fromkeys((*event.assertion_ids, *derived)))


def _is_published(tx: IssuerTransaction, event: AssertionsErased, ports: Ports) -> bool:
    """Whether the lists as they were published last have all bits of these assertions.

    So nobody can call a badge valid whose record is gone, whatever copy of it they hold.
    """
    keys = own_keys(tx, ports.sources)
    for number, bits in tx.places_of(event.assertion_ids).items():
        published = kept_list(number, tx, keys)
        if published is None or not bits <= published.bits:
            return False
    return True
