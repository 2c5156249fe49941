"""Which edition of a badge class is the current one, and the pictures: drawn only when they would look otherwise.

An edition is kept with its bytes, so what a credential points to never changes. A process of another release, with
other art, finds the edition that it would draw: two releases side by side issue in two editions and make no third.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from services.issuer.domain.publication import (
    Facts,
    badge_name,
    digest_of,
    draw_class,
    draw_image,
    in_edition,
    next_edition,
)
from services.issuer.store import IssuerTransaction
from shared.runtime.log import logger

log = logger("issuer")


def editions_of(
    classes: Iterable[tuple[str, str]], tx: IssuerTransaction, facts: Facts, now: datetime
) -> dict[tuple[str, str], str]:
    """The current edition of each class (qualification, year): the one that is as we would make it now.

    Where there is none it is drawn and kept, which others see when this transaction commits. ValueError for a
    qualification that the programme doesn't have, or a name that the fonts can't draw.
    """
    made_from = {each: facts.class_made_from(*each) for each in dict.fromkeys(classes)}
    known = tx.editions(made_from.values())
    if len(known) < len(made_from):
        tx.lock_drawing()
        known = tx.editions(made_from.values())  # another process may have drawn it meanwhile
    for (qualification, year), made in made_from.items():
        if made not in known:
            known[made] = _draw(qualification, year, tx, facts, now)
            tx.save_drawing(made, qualification, known[made])
    return {each: known[made] for each, made in made_from.items()}


def picture_of_issuer(tx: IssuerTransaction, facts: Facts, now: datetime) -> bytes:
    made_from = facts.image_made_from()
    png = tx.image(made_from)
    if png is None:
        png = draw_image(facts)
        tx.save_image(made_from, png, now)
    return png


def _draw(qualification: str, year: str, tx: IssuerTransaction, facts: Facts, now: datetime) -> str:
    """The edition of the year that is just so, or a new one."""
    drawn = draw_class(facts, qualification, year)
    digest, editions = digest_of(drawn), tx.editions_of(qualification, year)
    if digest in editions:
        return editions[digest]
    edition = next_edition(year, editions.values())
    tx.save_class(in_edition(facts, drawn, edition), digest, now)
    log.info("drawn", document=badge_name(qualification, edition))
    return edition
