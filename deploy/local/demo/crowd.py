"""Any number of fictional registrants, for benches and stories: all eligible, each with an address of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

_FAMILIES = ("佐藤", "鈴木", "髙橋", "田中", "渡邊", "伊藤", "山﨑", "中村", "𠮷野", "加藤", "齋藤", "コンクリート")
_GIVENS = ("太郎", "花子", "一郎", "恵子", "健", "美咲", "大輔", "直美", "翔", "陽子", "剛", "さくら", "德一")
_QUALIFICATIONS = ("gishi", "shunin-gishi", "shindanshi")


def crowd(size: int, *, cohort: str, prefix: str) -> Iterator[dict[str, Any]]:
    """`size` upstream records whose ids begin with `prefix`; every third one is a renewal."""
    year = int(cohort)
    for n in range(size):
        renewal = n % 3 == 2
        yield {
            "registration_id": f"{prefix}-{n:06d}",
            "person_id": f"P-{prefix}-{n:06d}",
            "qualification": _QUALIFICATIONS[n % len(_QUALIFICATIONS)],
            "kind": "renewal" if renewal else "new",
            "pass_number": f"{year - 1 - (4 if renewal else 0)}-{prefix}-{n:06d}",  # numbers are one person's
            "registration_number": f"{year}-{prefix}-{n:06d}",
            "previous_registration_id": f"{prefix}-OLD-{n:06d}" if renewal else None,
            "family_name": _FAMILIES[n % len(_FAMILIES)],
            "given_name": _GIVENS[n % len(_GIVENS)],
            "family_name_kana": None,
            "given_name_kana": None,
            "family_name_latin": None,
            "given_name_latin": None,
            "birth_date": date(1960 + n % 40, 1 + n % 12, 1 + n % 28).isoformat(),
            "email": f"{prefix.lower()}.{n:06d}@crowd.example.jp",
            "contact_email": None,
            "phone": None,
            "completed_on": f"{year}-02-10",
            "valid_from": f"{year}-04-01",
            "valid_until": f"{year + 4}-03-31",
        }


def ndjson(records: Iterator[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records)
