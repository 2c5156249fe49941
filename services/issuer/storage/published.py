"""What object storage holds of the issuer's documents already: status lists and editions of badge classes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from hashlib import sha256

from services.issuer.domain.adoption import PublishedList, published_list
from services.issuer.domain.publication import BadgeClassEdition, DocumentSources, status_name
from services.issuer.metrics import BITS_ONLY_PUBLISHED
from services.issuer.store import IssuerTransaction
from shared import object_keys
from shared.errors import NotFound, Unreadable
from shared.object_keys import BadgeFile
from shared.runtime.log import logger
from shared.runtime.objects import ReadableObjects

log = logger("issuer")


def own_keys(tx: IssuerTransaction, sources: DocumentSources) -> list[str]:
    """The Multikeys of all keys that may have signed what is in storage."""
    return [*tx.listed_keys(), sources.key.public]


def read_list(number: int, objects: ReadableObjects, keys: Collection[str]) -> PublishedList | None:
    """The published list, None without one. TryLater while the storage is away.

    One that is broken or not signed by one of `keys` counts as none, and is logged: the next publication replaces it.
    """
    try:
        return published_list(objects.get(object_keys.status_list(number)), number, keys)
    except NotFound:
        return None
    except Unreadable as error:
        log.error("failed", document=status_name(number), cause=f"the published list is replaced: {error}"[:300])
        return None


def read_lists(known: Iterable[int], objects: ReadableObjects, keys: Collection[str]) -> dict[int, PublishedList]:
    """The published ones of the `known` lists, and those that follow the last of them in storage."""
    found = {number: each for number in known if (each := read_list(number, objects, keys)) is not None}
    number = max(known, default=0) + 1
    while (following := read_list(number, objects, keys)) is not None:
        found[number] = following
        number += 1
    return found


def mark_of(published: Mapping[int, PublishedList]) -> str | None:
    """The last of the `published` lists in short: its number and a hash of its set bits. None without any."""
    if not published:
        return None
    number = max(published)
    bits = ",".join(map(str, sorted(published[number].bits)))
    return f"{number}:{sha256(bits.encode()).hexdigest()[:12]}"


def bits_to_publish(number: int, tx: IssuerTransaction, objects: ReadableObjects, keys: Collection[str]) -> list[int]:
    """The bits that the table or the published list has: a published fact never goes back.

    Of a published list that is gone or broken, those of the last one that we published. TryLater when the published
    list can't be read: then nothing is published.
    """
    revoked = set(tx.revoked_indexes(number))
    published = [read_list(number, objects, keys), kept_list(number, tx, keys)]
    lost = frozenset(index for each in published if each is not None for index in each.bits if index not in revoked)
    BITS_ONLY_PUBLISHED.labels(str(number)).set(len(lost))
    if lost:
        tx.reserve_bits((number, index) for index in lost)
        cause = "set in the published list, not revoked in the tables; they stay set"
        log.error("kept", document=status_name(number), bits=sorted(lost)[:20], count=len(lost), cause=cause)
    return sorted(revoked | lost)


def lists_in_question() -> list[int]:
    """Lists of which this process found published bits that the tables lack. Another may have put that right since."""
    samples = (sample for metric in BITS_ONLY_PUBLISHED.collect() for sample in metric.samples)
    return [int(sample.labels["list"]) for sample in samples if sample.value]


def kept_list(number: int, tx: IssuerTransaction, keys: Collection[str]) -> PublishedList | None:
    """The list as we published it last, as far as the table knows; None: never."""
    kept = tx.kept_object(object_keys.status_list(number))
    return None if kept is None else published_list(kept.body, number, keys)


def read_edition(qualification: str, edition: str, objects: ReadableObjects) -> BadgeClassEdition | None:
    """An edition of a badge class with its pictures, as it is published; None unless all of it is there."""

    def read(form: BadgeFile) -> bytes:
        return objects.get(object_keys.badge_file(qualification, edition, form))

    try:
        return BadgeClassEdition(qualification, edition, read("json"), read("png"), read("svg"))
    except NotFound:
        return None
