"""The programme of a society: who issues, what is awarded, how it is called. Read by every service from one TOML file.

Another society uses the product by writing another file; nothing of a society is in code.
"""

from __future__ import annotations

import tomllib
from datetime import date
from typing import Any

import msgspec


class Bilingual(msgspec.Struct, frozen=True):
    """The same text in Japanese and in English."""

    ja: str
    en: str


class Society(msgspec.Struct, frozen=True, kw_only=True):
    name: Bilingual
    short_name: str
    url: str
    president: str  # title and name as the certificate shows them
    email: str


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """An office desk that answers for some qualifications."""

    name: str
    email: str


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """From whom all letters come, and where bounces go."""

    name: str
    address: str
    bounce_domain: str


class Qualification(msgspec.Struct, frozen=True, kw_only=True):
    name: Bilingual
    desk: str
    criteria: Bilingual
    description: Bilingual
    colour: str  # of its badge: "#00118f"
    accent: str
    certificate_text: tuple[str, ...]  # the lines of the 証書 between name and qualification


class Cycle(msgspec.Struct, frozen=True, kw_only=True):
    """The year's calendar, all in Japan days."""

    begins: str  # "04-01": validity of a cohort begins on this day
    confirm_until: str  # "02-end": addresses confirmed by then are notified on the first day
    delayed_days: int  # later ones: the next multiple of so many days after the cohort's first


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    certificate_title: Bilingual  # 登録証
    details_title: Bilingual  # 内容詳細
    award_subject: str
    completion_subject: str
    correction_subject: str | None = None  # None: the society's name, and that its badge was corrected


class Programme(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    society: Society
    sender: Sender
    cycle: Cycle
    texts: Texts
    desks: dict[str, Desk]
    qualifications: dict[str, Qualification]

    def qualification(self, id: str) -> Qualification:
        """ValueError, naming the known ones, for an unknown id."""
        found = self.qualifications.get(id)
        if found is None:
            raise ValueError(f"got qualification {id!r}, expected one of {', '.join(self.qualifications)}")
        return found

    def edition(self, valid_from: date) -> str:
        """The 年度 that names badge art and cohort: the year in which the period begins."""
        return str(valid_from.year)

    def cohort_begins_on(self, cohort: str) -> date:
        month, day = self.cycle.begins.split("-")
        return date(int(cohort), int(month), int(day))


def parse_programme(text: str) -> Programme:
    """The programme in a TOML text. ValueError says which field, got and expected."""
    try:
        raw: dict[str, Any] = tomllib.loads(text)
        programme = msgspec.convert(raw, Programme)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ValueError(str(error)) from error
    for id, qualification in programme.qualifications.items():
        if qualification.desk not in programme.desks:
            raise ValueError(
                f"qualifications.{id}.desk: got {qualification.desk!r}, expected one of {', '.join(programme.desks)}"
            )
    return programme
