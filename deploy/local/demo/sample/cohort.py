"""The sample cohort: about forty fictional registrants, at least one for each rule of registration.

In two forms, as of an office and of a system: `registrations.csv` in CP932 with Japanese column names and spreadsheet
dates, `registrations.jsonl` in UTF-8 with characters that CP932 lacks. All dates derive from the cohort's year, and
everybody is confirmed before the deadline, so that the letters are due from April 1 on.

`python -m deploy.local.demo.sample.cohort FOLDER YEAR` writes both files; those beside this module are of 2026.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from services.registration.domain.record import FIELDS, HEADERS
from shared.events import HeldReason

CSV_NAME = "registrations.csv"
JSONL_NAME = "registrations.jsonl"

Fate = Literal["eligible", "duplicate", "rejected"] | HeldReason

_NAMES = {"gishi": "コンクリート技士", "shunin-gishi": "コンクリート主任技士", "shindanshi": "コンクリート診断士"}
_LETTERS = {"gishi": "G", "shunin-gishi": "S", "shindanshi": "D"}
_KINDS = {"new": "新規", "renewal": "更新"}
_YEARS_VALID = 4


@dataclass(frozen=True)
class Expected:
    """The expected result of feeding the whole sample once."""

    eligible: int
    held_by_reason: Mapping[str, int]
    rejected: int  # rows, each with one wrong field
    unchanged: int  # rows that repeat an earlier one

    @property
    def accepted(self) -> int:
        return self.eligible + sum(self.held_by_reason.values())


@dataclass(frozen=True)
class Person:
    """A fictional person; `number` makes the ids."""

    number: int
    family: str
    given: str
    family_kana: str
    given_kana: str
    email: str | None
    family_latin: str | None = None
    given_latin: str | None = None


@dataclass(frozen=True)
class Row:
    """A registration as delivered, and its expected outcome."""

    fields: Mapping[str, str | None]
    fate: Fate


# Family names are words of the concrete trade, given names the commonest there are: nobody is called so.
_ORDINARY: tuple[tuple[str, str, str, str, str], ...] = (
    ("骨材", "太郎", "コツザイ", "タロウ", "kotsuzai.taro@mail.example.jp"),
    ("打設", "花子", "ダセツ", "ハナコ", "dasetsu.hanako@example.com"),
    ("養生", "一郎", "ヨウジョウ", "イチロウ", "yojo.ichiro@mail.example.jp"),
    ("型枠", "桜", "カタワク", "サクラ", "katawaku.sakura@example.com"),
    ("配筋", "次郎", "ハイキン", "ジロウ", "haikin.jiro@mail.example.jp"),
    ("水和", "葵", "スイワ", "アオイ", "suiwa.aoi@example.jp"),
    ("練混", "三郎", "ネリマゼ", "サブロウ", "nerimaze.saburo@example.com"),
    ("目地", "楓", "メジ", "カエデ", "meji.kaede@mail.example.jp"),
    ("早強", "健", "ソウキョウ", "ケン", "sokyo.ken@example.jp"),
    ("湿潤", "百合", "シツジュン", "ユリ", "shitsujun.yuri@example.com"),
    ("脱型", "誠", "ダッケイ", "マコト", "dakkei.makoto@mail.example.jp"),
    ("圧縮", "茜", "アッシュク", "アカネ", "asshuku.akane@example.jp"),
    ("支保", "豊", "シホ", "ユタカ", "shiho.yutaka@example.com"),
    ("締固", "恵", "シメカタメ", "メグミ", "shimekatame.megumi@mail.example.jp"),
    ("乾燥", "学", "カンソウ", "マナブ", "kanso.manabu@example.jp"),
    ("細骨", "静", "サイコツ", "シズカ", "saikotsu.shizuka@example.com"),
    ("空隙", "勇", "クウゲキ", "イサム", "kugeki.isamu@mail.example.jp"),
    ("単位", "光", "タンイ", "ヒカリ", "tani.hikari@example.jp"),
)


def write_sample(folder: Path, cohort: str) -> Expected:
    """Write both files of a cohort ("2026") into `folder`, made if need be; what must come of them.

    The same cohort gives the same bytes.
    """
    office, system = _office(int(cohort)), _system(int(cohort))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CSV_NAME).write_bytes(_csv(row.fields for row in office))
    (folder / JSONL_NAME).write_bytes(_jsonl(row.fields for row in system))
    return _expected([*office, *system])


def _office(year: int) -> list[Row]:
    """What the office exports from its spreadsheet."""
    people = [Person(number, *who) for number, who in enumerate(_ORDINARY, 1)]
    each = [("gishi", "new"), ("gishi", "renewal"), ("shunin-gishi", "new"), ("shunin-gishi", "renewal")]
    each += [("shindanshi", "new"), ("shindanshi", "renewal")]
    rows = [_row(year, person, *each[at % len(each)]) for at, person in enumerate(people)]
    rows += [
        # forms of kanji that a system must not "correct"
        _row(year, Person(21, "髙橋", "一", "タカハシ", "ハジメ", "takahashi.h@example.jp"), "gishi", "renewal"),
        _row(year, Person(22, "山﨑", "標", "ヤマサキ", "シルベ", "yamasaki.s@example.com"), "shunin-gishi", "renewal"),
        # a name in Latin letters
        _row(
            year,
            Person(23, "Example", "Anna", "エグザンプル", "アンナ", "anna@example.com", "Example", "Anna"),
            "shindanshi",
            "new",
        ),
    ]
    twice = Person(24, "中性", "実", "チュウセイ", "ミノル", "chusei.minoru@mail.example.jp")
    rows += [_row(year, twice, "shunin-gishi", "renewal"), _row(year, twice, "shindanshi", "new")]
    # colleagues who gave the address of their workplace, one with capitals, one typed in full width
    for number, family, given, kana, address in (
        (31, "共有", "甲", "コウ", "concrete-team@office.example.jp"),
        (32, "共用", "乙", "オツ", "Concrete-Team@Office.Example.JP"),
        (33, "共同", "丙", "ヘイ", "ｃｏｎｃｒｅｔｅ－ｔｅａｍ＠ｏｆｆｉｃｅ．ｅｘａｍｐｌｅ．ｊｐ"),
    ):
        person = Person(number, family, given, "キョウ", kana, address)
        rows.append(_row(year, person, "gishi", "renewal", fate="shared-address"))
    rows += [
        _row(year, Person(34, "未届", "静香", "ミトドケ", "シズカ", None), "gishi", "new", fate="missing-address"),
        _row(
            year,
            Person(35, "途中", "進", "トチュウ", "ススム", "tochu.susumu@example.jp"),
            "shunin-gishi",
            "renewal",
            fate="not-completed",
            completed_on=None,
        ),
        _row(
            year,
            Person(36, "来年", "望", "ライネン", "ノゾミ", "rainen.nozomi@example.com"),
            "shindanshi",
            "new",
            fate="not-this-cycle",
            valid_from=f"{year + 1}-04-01",
            valid_until=f"{year + 1 + _YEARS_VALID}-03-31",
        ),
        _row(  # no such day
            year,
            Person(37, "暦外", "如月", "レキガイ", "キサラギ", "rekigai@example.jp"),
            "gishi",
            "renewal",
            fate="rejected",
            birth_date="1979-02-30",
        ),
        _row(  # a character of the office's own (外字), that no other machine knows
            year, Person(38, "外\ue000", "文字", "ガイ", "モジ", "gaiji@example.jp"), "gishi", "new", fate="no-glyph"
        ),
    ]
    return [*rows, replace(rows[0], fate="duplicate")]


def _system(year: int) -> list[Row]:
    """What a system delivers; the names are beyond CP932."""
    return [
        _row(year, Person(41, "𠮷野", "家", "ヨシノ", "イエ", "yoshino.ie@example.jp"), "gishi", "new"),
        _row(year, Person(42, "辻\U000e0100", "渡", "ツジ", "ワタル", "tsuji.wataru@example.com"), "gishi", "renewal"),
        _row(year, Person(43, "森", "鷗", "モリ", "カモメ", "mori.kamome@mail.example.jp"), "shunin-gishi", "renewal"),
        _row(
            year,
            Person(44, "Müster", "José", "ミュスター", "ホセ", "jose@example.com", "Müster", "José"),
            "shunin-gishi",
            "new",
        ),
        _row(
            year,
            Person(45, "葛\U000e0100城", "蓮", "カツラギ", "レン", "katsuragi@example.jp"),
            "shindanshi",
            "renewal",
        ),
        _row(  # no font of ours has this character
            year,
            Person(46, "\U00030ede", "麵子", "ビャン", "メンコ", "biang@example.jp"),
            "gishi",
            "new",
            fate="no-glyph",
        ),
    ]


def _row(
    year: int,
    person: Person,
    qualification: str,
    kind: str,
    *,
    fate: Fate = "eligible",
    **unlike: str | None,
) -> Row:
    """A registration of the cohort in its ordinary form, but for what is `unlike`."""
    number = f"{person.number:04d}"
    letter = _LETTERS[qualification]
    completed = date(year, 1, 9) + timedelta(days=person.number % 45)  # by February 22 at the latest
    fields: dict[str, str | None] = {
        "registration_id": f"R{year}-{letter}{number}",
        "person_id": f"P{number}",
        "qualification": qualification,
        "kind": kind,
        "pass_number": f"{(year - (1 if kind == 'new' else 5)) % 100:02d}-{letter}{number}",
        "registration_number": f"{year % 100:02d}{letter}{person.number:05d}",
        "previous_registration_id": f"R{year - _YEARS_VALID}-{letter}{number}" if kind == "renewal" else None,
        "family_name": person.family,
        "given_name": person.given,
        "family_name_kana": person.family_kana,
        "given_name_kana": person.given_kana,
        "family_name_latin": person.family_latin,
        "given_name_latin": person.given_latin,
        "birth_date": f"{year - 28 - person.number % 30}-{person.number % 12 + 1:02d}-{person.number % 28 + 1:02d}",
        "email": person.email,
        "contact_email": f"contact{number}@office.example.jp",
        "phone": f"090-0000-{number}",
        "completed_on": completed.isoformat(),
        "valid_from": f"{year}-04-01",
        "valid_until": f"{year + _YEARS_VALID}-03-31",
    }
    return Row({**fields, **unlike}, fate)


def _csv(rows: Iterable[Mapping[str, str | None]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(HEADERS)
    for row in rows:
        writer.writerow(_as_exported(field, row[field]) for field in FIELDS)
    return text.getvalue().encode("cp932")


def _as_exported(field: str, value: str | None) -> str:
    """A cell as a spreadsheet writes it: words for ids, 2026/4/1 for a day."""
    if value is None:
        return ""
    if field in ("birth_date", "completed_on", "valid_from", "valid_until"):
        year, month, day = value.split("-")
        return f"{year}/{int(month)}/{int(day)}"
    if field == "qualification":
        return _NAMES[value]
    return _KINDS[value] if field == "kind" else value


def _jsonl(rows: Iterable[Mapping[str, str | None]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _expected(rows: Sequence[Row]) -> Expected:
    fates = Counter(row.fate for row in rows)
    return Expected(
        eligible=fates.pop("eligible"),
        unchanged=fates.pop("duplicate"),
        rejected=fates.pop("rejected"),
        held_by_reason={str(reason): number for reason, number in fates.items()},
    )


if __name__ == "__main__":
    print(write_sample(Path(sys.argv[1]), sys.argv[2]))
