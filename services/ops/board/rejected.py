"""Rows of deliveries that could not be read, and the words for what is wrong with them; pure."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from services.ops.board.wording import FIELDS
from shared.programme import Bilingual

DISMISS: Final = "dismiss"


class Problem(msgspec.Struct, frozen=True):
    """A field of a rejected row. `got` is None where the field is personal."""

    rejection_id: str
    field: str
    expected: str
    got: str | None


class RejectedRow(msgspec.Struct, frozen=True):
    """A row of a delivery that could not be read, with all that is wrong in it.

    `id` is one of its rejection_ids. `by`, `why`, `dismissed_at`: who of the office dismissed it; None: it is open.
    """

    id: str
    source: str
    row_number: int | None
    noted_at: datetime
    problems: tuple[Problem, ...]
    by: str | None = None
    why: str | None = None
    dismissed_at: datetime | None = None


_DATE = Bilingual("日付として受け取れません。例：2026-04-01", "not taken as a day, such as 2026-04-01")
_NAME = Bilingual("氏名として受け取れない文字や値があります。", "holds what is no name")
_NUMBER = Bilingual("番号として受け取れません。", "not taken as a number")
_ID = Bilingual("IDとして受け取れません。", "not taken as an id")
_ADDRESS = Bilingual("メールアドレスとして受け取れません。", "not taken as an e-mail address")

REJECTED: dict[str, tuple[Bilingual, Bilingual]] = {
    "registration_id": (Bilingual("登録ID", "Registration id"), _ID),
    "person_id": (Bilingual("個人ID", "Person id"), _ID),
    "qualification": (
        Bilingual("資格", "Qualification"),
        Bilingual("この学会の資格ではありません。", "no qualification of this society"),
    ),
    "kind": (
        Bilingual("区分", "Kind"),
        Bilingual("新規か更新のどちらかではありません。", "neither new nor renewal"),
    ),
    "pass_number": (FIELDS["pass_number"], _NUMBER),
    "registration_number": (FIELDS["registration_number"], _NUMBER),
    "previous_registration_id": (Bilingual("前回登録ID", "Previous registration id"), _ID),
    "family_name": (FIELDS["family_name"], _NAME),
    "given_name": (FIELDS["given_name"], _NAME),
    "family_name_kana": (Bilingual("氏カナ", "Family name (kana)"), _NAME),
    "given_name_kana": (Bilingual("名カナ", "Given name (kana)"), _NAME),
    "family_name_latin": (FIELDS["family_name_latin"], _NAME),
    "given_name_latin": (FIELDS["given_name_latin"], _NAME),
    "birth_date": (Bilingual("生年月日", "Birth date"), _DATE),
    "email": (FIELDS["email"], _ADDRESS),
    "contact_email": (Bilingual("指定連絡先メールアドレス", "Contact address"), _ADDRESS),
    "phone": (Bilingual("電話番号", "Phone"), _NUMBER),
    "completed_on": (Bilingual("手続完了日", "Completed on"), _DATE),
    "valid_from": (FIELDS["valid_from"], _DATE),
    "valid_until": (FIELDS["valid_until"], _DATE),
    "row": (
        Bilingual("行", "Row"),
        Bilingual("行として読み取れません。列の数と引用符を確かめます。", "can't be read: see its cells and quotes"),
    ),
    "heads": (
        Bilingual("見出し", "Heads"),
        Bilingual("見出しの行が違います。", "the first line does not hold the expected heads"),
    ),
    "encoding": (
        Bilingual("文字コード", "Encoding"),
        Bilingual(
            "文字を読み取れません。「CSV UTF-8」で保存し直します。", "can't be read as text: save it as CSV UTF-8"
        ),
    ),
    "delivery": (
        Bilingual("ファイル", "File"),
        Bilingual("登録データのファイルではありません。", "no file of registrations"),
    ),
}
"""What a rejected field is called, and what is wrong with it in plain words; the exact values stand beside."""


def rejected_words(field: str) -> tuple[Bilingual, Bilingual]:
    """The name of a field, and what is wrong with it."""
    unknown = Bilingual("受け取れない値です。", "not taken")
    return REJECTED.get(field, (Bilingual(field, field), unknown))
