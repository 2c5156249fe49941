"""Letters that another service asks for (`LetterRequested`): which facts each of them needs; pure.

A request that lacks one is refused whole, so that no letter leaves with a gap in it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from shared.clock import JST
from shared.letter_events import LetterRequested
from shared.programme import Bilingual

Language = Literal["ja", "en"]
LANGUAGES: tuple[Language, ...] = ("ja", "en")

FACTS: Mapping[str, tuple[str, ...]] = {
    "confirm-address": ("name", "qualification", "link", "deadline", "notice_date", "hours"),
    "recover-address": ("name", "qualification", "link", "hours", "days"),
    "recovery-begun": ("name", "new_masked", "deadline", "link"),
    "address-changed": ("name", "qualification", "old_masked", "new_masked", "changed_on", "desk"),
    "enquiry": ("kind", "number", "body", "link"),
    "enquiry-copy": ("kind", "number", "body", "desk", "answer_days"),
    "verify-address": ("name", "link", "hours"),
    "reset-password": ("name", "link", "hours"),
    "account-recovery": ("name", "link", "hours"),
    "account-notice": ("name", "what", "at"),
    "new-link": ("name", "qualification", "link", "hours"),
    "paper-received": ("name", "items", "total", "how_to_pay", "order_number"),
    "paper-sent": ("name", "items", "order_number", "shipper", "tracking"),
}
"""Letter → the facts that it needs. More than these are ignored."""

_MAY_BE_EMPTY = {("enquiry", "link"), ("paper-sent", "shipper"), ("paper-sent", "tracking")}

LINES = frozenset({"body", "items", "how_to_pay"})
"""Facts of several lines; every other one is a line."""

MOMENTS = frozenset({"deadline", "notice_date", "changed_on", "at"})
"""Facts that are days or moments: in ISO 8601, or in words, which stay as they are."""

WHAT: Mapping[str, Bilingual] = {
    "password-changed": Bilingual("パスワードが変わりました", "The password was changed"),
    "address-added": Bilingual("メールアドレスが追加されました", "An e-mail address was added"),
    "address-removed": Bilingual("メールアドレスが削除されました", "An e-mail address was removed"),
    "passkey-added": Bilingual("パスキーが追加されました", "A passkey was added"),
    "account-deleted": Bilingual("アカウントが削除されました", "The account was deleted"),
}
"""What an account-notice tells of."""

_LINK = re.compile(r"https?://[^\s<>\"]+")


@dataclass(frozen=True)
class RequestedLetter:
    """One letter to one person, as another service asked for it."""

    letter: str
    request_id: str
    letter_id: str
    email: str
    facts: Mapping[str, str]
    language: Language
    reply_to: str | None = None
    ends_at: datetime | None = None
    """When its link ends."""

    @property
    def subject(self) -> str:
        return self.request_id


def request_id(letter_id: str) -> str:
    """26 characters of base32 (130 bits): a Message-ID and a return path hold them, whatever stands in `letter_id`."""
    return base64.b32encode(hashlib.sha256(f"letter/{letter_id}".encode()).digest()).decode()[:26]


def request_problem(request: LetterRequested) -> str | None:
    """Why the letter can't be written whole: got and expected, without any fact's value. None if it can."""
    needed = FACTS.get(request.letter)
    if needed is None:
        return f"letter: got {request.letter[:50]!r}, expected one of {', '.join(FACTS)}"
    missing = [
        name
        for name in needed
        if name not in request.facts or not (request.facts[name].strip() or (request.letter, name) in _MAY_BE_EMPTY)
    ]
    if missing:
        return f"facts of {request.letter}: got no {', '.join(missing)}; expected {', '.join(needed)}"
    if (link := request.facts.get("link")) and "link" in needed and not _LINK.fullmatch(link):
        return f"facts of {request.letter}: link: got {len(link)} characters that are no URL, expected https://…"
    if "what" in needed and request.facts["what"] not in WHAT:
        return f"facts of {request.letter}: what: got another word, expected one of {', '.join(WHAT)}"
    return None


def lasts_in_words(message: RequestedLetter) -> str:
    """How long its link works: until when, since a letter may leave, or arrive, long after it was asked for."""
    language = message.language
    if message.ends_at is None:
        hours = " ".join(message.facts["hours"].split())
        return f"お送りしてから{hours}時間" if language == "ja" else f"for {hours} hours"
    until = moment_in_words(message.ends_at.isoformat(), language)
    return f"{until}まで" if language == "ja" else f"until {until}"


def moment_in_words(text: str, language: Language) -> str:
    """A day, or a moment in Japan time, as the letter says it. What is neither in ISO 8601 stays as it is."""
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            at: Any = read(text)
        except ValueError:
            continue
        at = at.astimezone(JST) if isinstance(at, datetime) and at.tzinfo is not None else at
        is_moment = isinstance(at, datetime)
        if language == "ja":
            return f"{at.year}年{at.month}月{at.day}日{f' {at.hour}時{at.minute:02}分' if is_moment else ''}"
        return f"{at.day} {at:%B} {at.year}{f', {at.hour}:{at.minute:02} (Japan time)' if is_moment else ''}"
    return text
