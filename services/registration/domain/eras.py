"""The eras of Japan, as people and offices write years; pure."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple


class Era(NamedTuple):
    letter: str
    name: str
    begins_on: date  # 改元の日


ERAS = (
    Era("M", "明治", date(1868, 10, 23)),
    Era("T", "大正", date(1912, 7, 30)),
    Era("S", "昭和", date(1926, 12, 25)),
    Era("H", "平成", date(1989, 1, 8)),
    Era("R", "令和", date(2019, 5, 1)),
)
"""In order. Source: 元号を改める政令."""
