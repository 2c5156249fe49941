"""A made-up message of each letter, for the preview; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime

from services.mailer.domain.letters import LETTERS, Message, Writable
from services.mailer.domain.requested import FACTS, LANGUAGES, RequestedLetter, request_id
from shared.clock import JST
from shared.programme import Programme

_ID = "EXAMPLEEXAMPLEEXAMPLE23456"


_VALUES = {
    "name": "見本 太郎",
    "link": "https://wallet.example.jp/link/example",
    "deadline": "2026-02-28",
    "notice_date": "2026-04-01",
    "hours": "48",
    "days": "7",
    "old_masked": "t***@example.jp",
    "new_masked": "h***@example.org",
    "changed_on": "2026-03-02",
    "kind": "メールアドレスの変更",
    "number": "Q-2026-0042",
    "body": "見本 太郎です。\n勤め先が変わりました。\n\n新しいアドレスは、上のとおりです。",
    "answer_days": "7",
    "what": "password-changed",
    "at": "2026-04-01T09:30:00+09:00",
    "items": "登録証（紙） 1通\nカード 1枚",
    "total": "3,300円（税・送料込み）",
    "how_to_pay": "見本銀行 本店 普通 1234567\nお振込名義の前に、申込番号を付けてください。",
    "order_number": "P-2026-0007",
    "shipper": "見本運輸",
    "tracking": "1234-5678-9012",
}
"""A value of each fact; `qualification` and `desk` are those of the programme."""


def sample_messages(programme: Programme) -> Iterator[tuple[str, Writable]]:
    """Name of the file and message, for each letter, in each of its languages, and for each text that one can have."""
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
    for badge_letter in LETTERS:
        yield badge_letter, replace(message, letter=badge_letter)
    yield "award-renewal", replace(message, kind="renewal")
    yield "award-corrected", replace(message, corrects=True)
    facts = {**_VALUES, "qualification": message.qualification, "desk": next(iter(programme.desks))}
    for letter, needed in FACTS.items():
        for language in LANGUAGES:
            yield (
                letter if language == "ja" else f"{letter}-{language}",
                RequestedLetter(
                    letter=letter,
                    request_id=request_id("example"),
                    letter_id="example",
                    email=message.email,
                    facts={name: facts[name] for name in needed},
                    language=language,
                    reply_to="hanako@example.org" if letter == "enquiry" else None,
                    ends_at=datetime(2026, 4, 2, 9, 30, tzinfo=JST) if "hours" in needed else None,
                ),
            )
