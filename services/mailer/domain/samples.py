"""A made-up message of each letter, for the preview; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from services.mailer.domain.letters import LETTERS, Message
from shared.programme import Programme

_ID = "EXAMPLEEXAMPLEEXAMPLE23456"


def sample_messages(programme: Programme) -> Iterator[tuple[str, Message]]:
    """Name of the file and message, for each letter and for each text that an award letter can have."""
    message = Message(
        letter="award",
        assertion_id=_ID,
        email="taro@example.jp",
        family_name="見本",
        given_name="太郎",
        qualification=next(iter(programme.qualifications)),
        kind="new",
        valid_from=date(2026, 4, 1),
        valid_until=date(2030, 3, 31),
        reason="登録の取り下げ",
    )
    for letter in LETTERS:
        yield letter, replace(message, letter=letter)
    yield "award-renewal", replace(message, kind="renewal")
    yield "award-corrected", replace(message, corrects=True)
