"""Putting credentials into object storage, where those from before a restore of the database may lie already."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from services.issuer.domain.adoption import AdoptedCredential, adopted
from services.issuer.domain.publication import JSON
from services.issuer.metrics import NOT_STORED
from services.issuer.storage.only_stored import OnlyStored
from services.issuer.store import PendingCredential
from shared import object_keys
from shared.errors import NotFound, TryLater, Unreadable
from shared.runtime.log import logger
from shared.runtime.metrics import ROWS_ASIDE
from shared.runtime.objects import ObjectStorage

_CONCURRENT_PUTS = 8

log = logger("issuer")


@dataclass
class Puts:
    """What became of credentials that were to be put. `adopted`: those of `stored` that storage had already."""

    stored: list[PendingCredential] = field(default_factory=list)
    adopted: list[AdoptedCredential] = field(default_factory=list)
    failed: list[tuple[PendingCredential, Exception]] = field(default_factory=list)
    is_away: bool = False


def put_credentials(
    waiting: Sequence[PendingCredential], objects: ObjectStorage, keys: Sequence[str], only_stored: OnlyStored
) -> Puts:
    """Put those that storage doesn't have. After a TryLater no put begins: the rest stay due."""
    puts = Puts()

    def put(each: PendingCredential) -> None:
        if puts.is_away:
            return
        try:
            found = None
            if only_stored.may_hold(each.assertion_id):
                found = _put_or_find(each, objects, keys)
            else:
                objects.put(object_keys.credential(each.assertion_id), each.credential, JSON)
            if found is not None:
                each = replace(each, announcement=found.announcement)
                puts.adopted.append(found)
            puts.stored.append(each)
        except Exception as error:  # of whatever kind, it costs this credential only
            puts.is_away |= isinstance(error, TryLater)
            if not isinstance(error, TryLater):
                ROWS_ASIDE.labels("store").inc()
            puts.failed.append((each, error))
            NOT_STORED.inc()
            log.warning("deferred", assertion_id=each.assertion_id, cause=str(error))

    with ThreadPoolExecutor(_CONCURRENT_PUTS) as pool:
        list(pool.map(put, waiting))
    return puts


def _put_or_find(each: PendingCredential, objects: ObjectStorage, keys: Sequence[str]) -> AdoptedCredential | None:
    """Put the credential, or find the one that was stored before the database was restored; None if it is this one.

    When this returns, storage holds the one or the other. DoNotReplace for what a person must look at. The read before
    the put is what keeps an anchored credential whole whatever was restored.
    """
    key = object_keys.credential(each.assertion_id)
    try:
        there = objects.get(key)
        if there == each.credential:
            return None
        found = adopted(there, each.announcement, keys)
        return found if found.credential != each.credential else None
    except NotFound:
        pass
    except Unreadable as error:
        log.error("failed", assertion_id=each.assertion_id, cause=f"the stored object is replaced: {error}"[:300])
    objects.put(key, each.credential, JSON)
    return None
