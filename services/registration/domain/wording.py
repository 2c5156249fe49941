"""What a sender is told about a row, in Japanese for the office; in English the problems say it themselves. Pure.

A text that is not known here stays English: nothing is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from services.registration.domain.record import HEADERS
from shared.events import HeldReason

_SAVE = "「CSV UTF-8（コンマ区切り）」で保存し直して届けてください"
_FIELDS: Mapping[str, str] = {name: header for header, name in HEADERS.items()} | {
    "encoding": "文字コード",
    "row": "行",
    "heads": "見出し",
    "delivery": "ファイル",
}
_DAY = r"(\d{4}-\d\d-\d\d)"

# Whole texts, as regular expressions; {0} is what the first group found, translated in turn.
_PHRASES: tuple[tuple[str, str], ...] = (
    (r"(.+), found (.+)", "{0}（{1} があります）"),
    (r"(.+); save the file as .+", "{0}。" + _SAVE),
    (r"(.+), as in the other rows", "ほかの行と同じ {0}"),
    (r"(.+); there is no glyph for (.+)", "{0}。次の文字の字形がありません：{1}"),
    (r"a text", "文字列"),
    (r"a value", "値"),
    (r"a qualification of the programme", "資格の名称"),
    (r"one of (.+)", "次のいずれか：{0}"),
    (r"an id", "ID"),
    (
        r"an id of at most (\d+) characters, without spaces and control characters",
        "空白と制御文字のない {0} 字以内の ID",
    ),
    (r"new \(新規\) or renewal \(更新\)", "新規 または 更新"),
    (r"a number", "番号"),
    (r"a name", "氏名"),
    (r"a number of the form (.+) or (.+)", "{0} または {1} の形の番号（0 は数字、A は英大文字）"),
    (r"a number of the form (.+)", "{0} の形の番号（0 は数字、A は英大文字）"),
    (r"a date, YYYY-MM-DD", "日付（2026-04-01、2026/4/1、令和8年4月1日、R8.4.1 のいずれかの形）"),
    (r"a day of the calendar, YYYY-MM-DD", "暦にある日付（2026-04-01 のような形）"),
    (rf"a day from {_DAY} on", "{0} 以後の日付"),
    (rf"a day from {_DAY} to {_DAY}", "{0} から {1} までの日付"),
    (rf"a day not before valid_from, {_DAY}", "有効期間開始日 {0} 以後の日付"),
    (rf"a day not after valid_until, {_DAY}", "有効期間満了日 {0} 以前の日付"),
    (rf"a day not after {_DAY}, (\d+) years from valid_from", "{0} 以前の日付（有効期間は開始日から {1} 年以内）"),
    (rf"{_DAY}, the last day of (\d+) years", "{0}（{1} 年間の最終日）"),
    (r"a day after the person was born", "生年月日より後の日付"),
    (r"a person of (\d+) years when the registration begins", "有効期間開始日に {0} 歳以上になる生年月日"),
    (r"a person of (\d+) years at most when the registration begins", "有効期間開始日に {0} 歳以下になる生年月日"),
    (r"at most (\d+) characters", "{0} 字以内"),
    (r"no control characters", "制御文字のない値"),
    (r"no curly brackets", "波括弧のない値"),
    (r"curly brackets in pairs", "波括弧が対になった値"),
    (r"no invisible characters", "目に見えない文字のない値"),
    (r"characters that the certificate's fonts hold", "登録証の書体にある文字"),
    (r"an address without control characters", "制御文字のないアドレス"),
    (r"an address with one @", "@ が一つだけのアドレス"),
    (r"an address in ASCII letters", "半角英数字のアドレス"),
    (r"an address of at most (\d+) characters, (\d+) before the @", "全体で {0} 字以内、@ の前が {1} 字以内のアドレス"),
    (r"letters, digits, dots or (\S+) before the @", "@ の前は英数字、ピリオド、または {0}"),
    (r"a domain such as example\.jp after the @", "@ の後は example.jp のようなドメイン名"),
    (r"an address without the quotation mark or = of a spreadsheet", "表計算ソフトの引用符や = が付いていないアドレス"),
    (r"a number with letters or digits", "英数字を含む番号"),
    (r"a name with letters", "文字を含む氏名"),
    (r"a name without symbols", "記号を含まない氏名"),
    (r"all characters: some were lost on the way", "すべての文字（途中で失われた文字があります）"),
    (r"a text in the encoding it was written in", "文字化けしていない文字列"),
    (r"the value itself, as a text", "値そのもの（セルの書式は文字列）"),
    (r"another registration", "別の登録の ID"),
    (
        r"the person of the first record of registration (\S+); another person has another id",
        "登録 {0} の最初の記録と同じ方（別の方には別の登録 ID が要ります）",
    ),
    (r"cells between commas, quotes in pairs", "コンマで区切り、引用符を対にしたセル"),
    (r"(\d+) cells, one for each head", "見出しと同じ {0} 個のセル"),
    (r"a head above each cell", "どの値の上にも見出し"),
    (r"heads among (.+)", "次のうちの見出し：{0}"),
    (r"each head once", "同じ見出しは一度だけ"),
    (r"also (.+)", "ほかに次の見出し：{0}"),
    (r"UTF-8 or CP932 \(Shift_JIS of Windows\)", "UTF-8 または シフト JIS"),
    (r"CP932 \(Shift_JIS of Windows\)", "シフト JIS"),
    (r"UTF-8", "UTF-8"),
    (r"JSON in UTF-8", "UTF-8 の JSON"),
    (r"a JSON object of at most (\d+) bytes", "{0} バイト以内の JSON オブジェクト"),
    (r"a JSON object(?: \(.+\))?", "JSON オブジェクト"),
    (r"a JSON object or an array of them(?: \(.+\))?", "JSON オブジェクト、またはその配列"),
    (r"registrations: a CSV with its heads, or JSON objects", "登録データ（見出しのある CSV、または JSON）"),
    (r"U\+[0-9A-F]{4,6}(?: .)?(?:, U\+[0-9A-F]{4,6}(?: .)?)*", "{whole}"),
    (r"\d+", "{whole}"),
    # what a program has left, as `debris.py` and `mojibake.py` name it
    (r"a word for no value", "「なし」を表す語"),
    (r"a cell that was too narrow", "幅の足りないセルの ####"),
    (r"a spreadsheet's error", "表計算ソフトのエラー表示"),
    (r"a number that a spreadsheet shortened", "表計算ソフトが縮めた数"),
    (r"a day that a spreadsheet made of a number", "表計算ソフトが番号から作った日付"),
    (r"a formula", "数式"),
    (r"a quotation mark of a spreadsheet", "表計算ソフトの引用符"),
    (r"a spreadsheet's code for a line break", "表計算ソフトの改行の符号"),
    (r"a character written as a code", "符号で書かれた文字"),
    (r"signs only", "記号だけ"),
    (r"none", "なし"),
    (r"nothing", "なし"),
    (r"\{ or \} alone", "対にならない波括弧"),
    (r"half-width katakana as in no word", "語にならない半角カタカナ"),
    (r"U\+30FB ・ at an edge", "端の ・"),
    (r"([A-Z0-9-]+) read as ([A-Za-z0-9-]+)", "{1} として読まれた {0} の文字"),
)
_PATTERNS = tuple((re.compile(pattern), text) for pattern, text in _PHRASES)

# For each reason: what is needed.
_HELD: Mapping[HeldReason, str] = {
    "not-completed": "手続完了日（登録手続きが済んでいません）",
    "not-this-cycle": "開始日が今回の年度の初日である有効期間（その年度が始まるまで待ちます）",
    "missing-address": "ご本人のメールアドレス",
    "shared-address": "ご本人だけのメールアドレス（ほかの方も同じアドレスです）",
    "address-taken": "ご本人だけのメールアドレス（このアドレスには登録 {first} の方のバッジがあります）",
    "no-glyph": "登録証の書体にある文字（事務局の画面で代わりの表記を決めてください）",
    "office-hold": "事務局の保留の解除",
    "completes-later": "手続完了日が来ること",
    "birth-date-differs": "同じ個人 ID のほかの登録 {first} と同じ生年月日",
    "name-differs": "同じ個人 ID のほかの登録 {first} と同じ氏名",
    "renews-another": "ご本人の前回登録 ID（登録 {first} は別の方のものです）",
    "duplicate-registration-number": "ほかの登録 {first} と異なる登録番号",
    "duplicate-pass-number": "登録 {first} の方と異なる合格番号",
    "look-alike": "見た目の似た別の文字を含まない表記",
    "not-judged": "システム管理者による確認",
}
_HELD_FIELDS: Mapping[HeldReason, str] = {
    "not-completed": "completed_on",
    "completes-later": "completed_on",
    "not-this-cycle": "valid_from",
    "missing-address": "email",
    "shared-address": "email",
    "address-taken": "email",
    "birth-date-differs": "birth_date",
    "renews-another": "previous_registration_id",
    "duplicate-registration-number": "registration_number",
    "duplicate-pass-number": "pass_number",
}
"""The one field that holds, where it is one."""


def field_in_japanese(name: str) -> str:
    """The header of a field, or the word for what is no field."""
    return _FIELDS.get(name, name)


def expected_in_japanese(text: str) -> str:
    """What was expected, as a problem says it in English."""
    for pattern, words in _PATTERNS:
        if found := pattern.fullmatch(text):
            return words.format(*map(expected_in_japanese, found.groups()), whole=text)
    return text


def held_in_japanese(reason: HeldReason, first_registration_id: str | None) -> tuple[str, str]:
    """The field that a hold is about (may be empty), and what is needed."""
    name = _HELD_FIELDS.get(reason)
    needed = _HELD[reason].format(first=first_registration_id or "")
    return field_in_japanese(name) if name else "", needed
