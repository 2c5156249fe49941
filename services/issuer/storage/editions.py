"""The current edition of a badge class and the issuer's picture: found in the table, or drawn and saved there.

An edition is saved with its bytes, so what a credential points to never changes. A process of another release, with
other art, finds the edition that it would draw: two releases side by side issue in two editions and never make a third.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from services.issuer.art.badge_paint import close_fonts
from services.issuer.domain.publication import (
    BadgeClassEdition,
    DocumentSources,
    as_first_edition,
    badge_name,
    digest_of,
    draw_class,
    draw_image,
    in_edition,
)
from services.issuer.domain.selection import ClassYear, next_edition
from services.issuer.storage.published import read_edition
from services.issuer.store import IssuerTransaction
from shared.runtime.log import logger
from shared.runtime.memory import give_back
from shared.runtime.objects import ReadableObjects

log = logger("issuer")


def current_editions(
    classes: Iterable[ClassYear],
    tx: IssuerTransaction,
    sources: DocumentSources,
    objects: ReadableObjects,
    now: datetime,
) -> dict[ClassYear, str]:
    """The current edition of each class: the one with the text and art that we would publish now.

    A missing one is drawn and saved; other processes see it when this transaction commits. ValueError for a
    qualification that the programme doesn't have, or a name that the fonts can't draw. TryLater when one is missing
    and the storage is away: an edition that is published already, and that a restored database doesn't know, is taken
    from there.
    """
    made_from = {each: sources.class_made_from(*each) for each in dict.fromkeys(classes)}
    known = tx.editions_made_from(made_from.values())
    if len(known) < len(made_from):
        tx.lock_editions()
        known = tx.editions_made_from(made_from.values())  # another process may have drawn it in the meantime
    missing = [(each, made) for each, made in made_from.items() if made not in known]
    for (qualification, year), made in missing:
        known[made] = _draw(qualification, year, tx, sources, objects, now)
        tx.save_edition_source(made, qualification, known[made])
    if missing:
        _put_away()
    return {each: known[made] for each, made in made_from.items()}


def issuer_picture(tx: IssuerTransaction, sources: DocumentSources, now: datetime) -> bytes:
    made_from = sources.image_made_from()
    png = tx.issuer_image(made_from)
    if png is None:
        png = draw_image(sources)
        _put_away()
        tx.save_issuer_image(made_from, png, now)
    return png


def _put_away() -> None:
    """After a picture, which seldom is followed by another one."""
    close_fonts()
    give_back()


def published_edition(
    qualification: str, edition: str, tx: IssuerTransaction, objects: ReadableObjects, now: datetime
) -> BadgeClassEdition | None:
    """The edition as storage holds it, saved with its bytes; None if it isn't there. TryLater while storage is away.

    ValueError when another edition of the year has the same content.
    """
    found = read_edition(qualification, edition, objects)
    if found is None:
        return None
    digest = digest_of(as_first_edition(found))
    if other := tx.editions_by_digest(qualification, found.year).get(digest):
        raise ValueError(f"document {badge_name(qualification, edition)}: got the content of edition {other}")
    tx.save_edition(found, digest, now)
    log.warning("adopted", document=badge_name(qualification, edition))
    return found


def _draw(
    qualification: str,
    year: str,
    tx: IssuerTransaction,
    sources: DocumentSources,
    objects: ReadableObjects,
    now: datetime,
) -> str:
    """The edition of the year with the same bytes as the drawn one, or a new edition that isn't published yet."""
    drawn = draw_class(sources, qualification, year)
    digest = digest_of(drawn)
    while True:
        editions = tx.editions_by_digest(qualification, year)
        if digest in editions:
            return editions[digest]
        edition = next_edition(year, editions.values())
        if published_edition(qualification, edition, tx, objects, now) is None:
            tx.save_edition(in_edition(sources, drawn, edition), digest, now)
            log.info("drawn", document=badge_name(qualification, edition))
            return edition
