"""Japanese or English, and how each writes days and moments. Pure; used by every service with pages."""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import lru_cache
from typing import Literal

from budoux import load_default_japanese_parser
from markupsafe import Markup, escape

from shared.clock import JST

Language = Literal["ja", "en"]
LANGUAGES: tuple[Language, ...] = ("ja", "en")

# As one word they are wider than a phone, some of them with large letters only: コンクリート主任技士.
_COMPOUND = re.compile("(?<=オープンバッジ)(?=ウォレット)|(?<=[ァ-ヴー]{5})(?=[一-鿿]{2})")
_WHOLE = re.compile("[A-Za-z0-9]+|ただいま")  # what the parser breaks: UR|Lコピー, ただ|いま

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def language_of(query: str | None, cookie: str | None, accept: str | None) -> Language:
    """What the visitor chose (`?lang=`), chose earlier (cookie), or the browser prefers (RFC 9110, 12.5.4)."""
    for chosen in (query, cookie):
        if chosen == "ja":
            return "ja"
        if chosen == "en":
            return "en"
    weights = {"ja": 0.0, "en": 0.0}
    for part in (accept or "").lower().split(","):
        tag, _, parameters = part.strip().partition(";")
        language = tag.strip().partition("-")[0]
        if language in weights:
            weights[language] = max(weights[language], _weight(parameters))
    return "en" if weights["en"] > weights["ja"] else "ja"


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0


def day_text(day: date, language: Language) -> str:
    """2026年4月1日, 1 April 2026."""
    if language == "ja":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def moment_text(moment: datetime, language: Language) -> str:
    """An aware moment on Japan's clock: 2026年4月1日 9時05分, 1 April 2026, 09:05 JST."""
    here = moment.astimezone(JST)
    if language == "ja":
        return f"{day_text(here.date(), language)} {here.hour}時{here.minute:02d}分"
    return f"{day_text(here.date(), language)}, {here.hour:02d}:{here.minute:02d} JST"


def day_element(day: date, language: Language) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(day.isoformat(), day_text(day, language))


def moment_element(moment: datetime, language: Language) -> Markup:
    """May break between day and hour, nowhere else."""
    here = moment.astimezone(JST)
    day, _, hour = moment_text(moment, language).rpartition(" " if language == "ja" else ", ")
    comma = "" if language == "ja" else ","
    return Markup('<time datetime="{}">{}{}</time> <span class="nb">{}</span>').format(
        here.isoformat(timespec="seconds"), day, comma, hour
    )


@lru_cache(maxsize=2048)
def _phrases(text: str) -> Markup:
    whole = [found.span() for found in _WHOLE.finditer(text)]
    parts: list[str] = []
    begin = 0
    for phrase in load_default_japanese_parser().parse(text):
        for part in _COMPOUND.split(phrase):
            end = begin + len(part)
            if parts and any(first < begin < last for first, last in whole):
                parts[-1] += part
            else:
                parts.append(part)
            begin = end
    return Markup("<wbr>").join(escape(part) for part in parts)


def phrases(text: str) -> Markup:
    """The text with a break allowed between phrases: for headings, buttons, table heads; CSS keeps the words whole."""
    if isinstance(text, Markup) or all(ord(letter) < 0x3000 for letter in text):
        return escape(text)
    return _phrases(text)
