"""A date of birth as people in Japan write it: 昭和45年3月1日, S45.3.1, 1970/3/1, 19700301, 1 March 1970; pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from itertools import zip_longest

from services.registration.domain.eras import ERAS

_LAST = 99  # of the present era


def _spans() -> Iterator[tuple[str, tuple[int, int]]]:
    """Each name of an era, with the year before its first and the number of its last year. NFKC makes 昭和 of ㍼."""
    for era, after in zip_longest(ERAS, ERAS[1:]):
        last = _LAST if after is None else after.begins_on.year - era.begins_on.year + 1
        for name in (era.letter.lower(), era.name, era.name[0]):
            yield name, (era.begins_on.year - 1, last)


_SPANS = dict(_spans())
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_ERA = rf"(?P<era>{'|'.join(sorted(_SPANS, key=len, reverse=True))})?"
_BETWEEN = r"[-./,、。・‐‑‒–—―−ー_]"
_PARTED = re.compile(rf"{_ERA}{_BETWEEN}?(?P<y>\d{{1,4}}){_BETWEEN}(?P<m>\d{{1,2}}){_BETWEEN}(?P<d>\d{{1,2}})")
_RUN_TOGETHER = re.compile(rf"{_ERA}(?P<y>\d{{4}}|\d{{2}})(?P<m>\d{{2}})(?P<d>\d{{2}})")
_DAY_FIRST = re.compile(r"(?P<d>\d{1,2})(?:st|nd|rd|th)?[ .,-]*(?P<name>[a-z]{3,9})[ .,-]*(?P<y>\d{4})")
_MONTH_FIRST = re.compile(r"(?P<name>[a-z]{3,9})[ .,-]*(?P<d>\d{1,2})(?:st|nd|rd|th)?[ .,-]+(?P<y>\d{4})")
_LONGEST = 40


def read_birth_date(text: str) -> date | None:
    """The day that `text` names; None for none, and for what could be more than one (70/3/1, 3/1/1970).

    Full-width digits, spaces, 元年, and a second year in brackets are read. An era may be used in any month of its
    first and last year, as people do.
    """
    if len(text) > _LONGEST:
        return None
    plain = re.sub(r"\([^()]*\)", "", unicodedata.normalize("NFKC", text).casefold()).strip()
    if named := _DAY_FIRST.fullmatch(plain) or _MONTH_FIRST.fullmatch(plain):
        month = next((n for name, n in _MONTHS.items() if named["name"].startswith(name)), 0)
        return _day(int(named["y"]), month, int(named["d"]))
    plain = re.sub(r"\s", "", plain).replace("元年", "1年")
    plain = re.sub(r"(?:日|日生|日生まれ|生|生まれ)$", "", plain)
    plain = re.sub(r"[年月]", "-", plain)
    found = _PARTED.fullmatch(plain) or _RUN_TOGETHER.fullmatch(plain)
    if found is None:
        return None
    year, era = int(found["y"]), found["era"]
    if era is None:
        return _day(year, int(found["m"]), int(found["d"])) if len(found["y"]) == 4 else None
    before, last = _SPANS[era]
    if len(found["y"]) > 2 or not 1 <= year <= last:
        return None
    return _day(before + year, int(found["m"]), int(found["d"]))


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
