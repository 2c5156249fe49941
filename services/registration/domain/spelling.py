"""How a name that no font can print is written on the certificate, as the person and the office agreed; pure.

The record keeps the name as upstream delivers it. The agreement is about that name: when upstream delivers another one,
it is over.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from services.registration.domain.record import UpstreamRecord
from shared.office_events import Correction
from shared.soundness import MissingGlyphs

NAMES = ("family_name", "given_name", "family_name_latin", "given_name_latin")
"""The fields whose spelling can be agreed."""


class Spelling(msgspec.Struct, frozen=True):
    """`agreed`: field → how it is written. `of`: the names in the record that was looked at; None: any."""

    agreed: dict[str, str]
    of: dict[str, str | None] | None = None

    @classmethod
    def of_text(cls, text: str | None) -> Spelling | None:
        return None if text is None else msgspec.json.decode(text, type=cls)

    def as_text(self) -> str:
        return msgspec.json.encode(self).decode()


def written(record: UpstreamRecord, spelling: Spelling | None) -> UpstreamRecord:
    """The record with its names as they are agreed; as it is where nothing is agreed about the name that it has."""
    if spelling is None:
        return record
    names = {
        field: agreed or None
        for field, agreed in spelling.agreed.items()
        if spelling.of is None or spelling.of.get(field) == getattr(record, field)
    }
    return msgspec.structs.replace(record, **names)


def missing_characters(record: UpstreamRecord, missing: MissingGlyphs) -> dict[str, tuple[str, ...]]:
    """Field → the characters of the name that no font has, as "U+20BB7 𠮷"; fields without any are left out."""
    found = {field: tuple(missing(getattr(record, field) or "")) for field in NAMES}
    return {field: characters for field, characters in found.items() if characters}


def agreed_spelling(record: UpstreamRecord, before: Spelling | None, changes: Mapping[str, str | None]) -> Spelling:
    """`before`, and what is agreed now (None or "": the field is left out) about the names that the record has."""
    kept = {
        field: text
        for field, text in (before.agreed if before else {}).items()
        if before is not None and (before.of is None or before.of.get(field) == getattr(record, field))
    }
    return Spelling(
        agreed={**kept, **{field: text or "" for field, text in changes.items()}},
        of={field: getattr(record, field) for field in NAMES},
    )


def is_about_names(correction: Correction | None) -> bool:
    """Whether an order corrects names only: what may be agreed of a registration that was not released."""
    changes = correction.changes if correction is not None else {}
    return bool(changes) and set(changes) <= set(NAMES)
