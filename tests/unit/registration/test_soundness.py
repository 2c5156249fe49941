"""What no name and no number is: `soundness.py`, `debris.py`, `mojibake.py`."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain.encoding import is_in_japanese_standards
from services.registration.domain.record import FIELDS, UpstreamRecord, read_record
from services.registration.domain.soundness import implausible_name, implausible_number, trimmed
from shared.soundness import name_fault
from tests.worlds.records import fields, rules

NAMES = (Path(__file__).parents[2] / "worlds/names.txt").read_text(encoding="utf-8").splitlines()
JAPANESE = [name for name in NAMES if "\u3041" <= name[0] < "\uac00"]

DEBRIS = [
    *("2.6E+09", "2.60E+9", "1E+10", "-1.5e+12", "2,6E+09", "２．６Ｅ＋０９", "2.6E9", "2600000001.0"),
    *(
        '="00123"',
        "=1+1",
        "＝Ａ１",
        "=CONCAT(A2,B2)",
        "@SUM(A1:A2)",
        "-SUM(A1)",
        "'00123",
        "’00123",
        "＇00123",
        '"00123"',
    ),
    *("########", "#", "＃＃＃＃", "#N/A", "#NAME?", "#REF!", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!"),
    *("＃Ｎ／Ａ", "#NV", "#ÜBERLAUF!", "#¡REF!", "Err:502", "1.#QNAN", "nan", "NaN", "NULL", "null", "None", "(null)"),
    *("<NA>", "N/A", "undefined", "TRUE", "false", "\\N", "(空白)", "同上", "該当なし", "-", "－", "―", "...", "　-　"),
    *(
        "3月1日",
        "2026年3月1日",
        "2026/3/1",
        "1-Dec",
        "Dec-25",
        "21_x000D_",
        "&#39640;1",
        "%E9%AB%98",
        "\\u9ad8",
        "\\xe9\\xab",
    ),
]
LOST = ["?野", "??", "？田", "〓田", "\ufffd田", "田\ufffd", "□島", "■", "佐藤?", "¿野", "Mu?oz", "髙〓"]


def problems_of(**changes: object) -> dict[str, str]:
    """What was expected instead, by field; empty if the record is accepted."""
    found = read_record(fields(**changes), rules())
    return {} if isinstance(found, UpstreamRecord) else {problem.field: problem.expected for problem in found}


def through(text: str, written: str, read: str) -> str | None:
    """`text` as mojibake; None if it has none in these encodings, or lost characters on the way."""
    try:
        spoiled = text.encode(written).decode(read)
    except UnicodeError:
        return None
    return None if spoiled == text else spoiled


def test_the_usual_names_of_people_are_names() -> None:
    assert len(NAMES) > 450
    assert {name: fault for name in NAMES if (fault := name_fault(name) or implausible_name(name))} == {}


@pytest.mark.parametrize("text", DEBRIS)
def test_what_a_spreadsheet_leaves_is_rejected_on_its_field(text: str) -> None:
    for name in ("registration_id", "person_id", "pass_number", "registration_number", "family_name", "given_name"):
        assert set(problems_of(**{name: text})) == {name}
    for name in ("previous_registration_id", "family_name_kana", "given_name_latin", "phone"):
        assert set(problems_of(**{name: text})) == {name}


@pytest.mark.parametrize("text", ["'taro@example.jp", "=taro@example.jp", "'ｔａｒｏ@example.jp", "#N/A", "NULL"])
def test_what_a_spreadsheet_leaves_is_no_address(text: str) -> None:
    for name in ("email", "contact_email"):
        assert set(problems_of(**{name: text})) == {name}


@pytest.mark.parametrize(
    "number",
    [
        "21-0001",
        "26G00001",
        "第26-10342号",
        "合格 P25-0001（再）",
        "25E-0001",
        "1E10",
        "#12",
        "No.5",
        "２６－１",
        "26/1",
    ],
)
def test_the_usual_numbers_are_numbers(number: str) -> None:
    assert problems_of(pass_number=number, registration_number=number) == {}
    assert problems_of(phone="+81-3-1234-5678") == {}


@pytest.mark.parametrize("text", LOST)
def test_a_text_with_lost_characters_is_rejected_with_the_way_out(text: str) -> None:
    for name in ("family_name", "given_name", "family_name_kana", "pass_number", "registration_id"):
        found = problems_of(**{name: text})
        assert set(found) == {name}
        assert "CSV UTF-8" in found[name]


@pytest.mark.parametrize(
    "text", ["・野", "譫・", "蜊・闡・", "高橋･", "@", "佐藤*", "123", "〇〇", "々", "ー", "''", "()", "㊞", "%20"]
)
def test_what_holds_no_word_is_no_name(text: str) -> None:
    assert set(problems_of(family_name=text)) == {"family_name"}


@pytest.mark.parametrize(
    "text",
    [
        *("菴占陸", "鄙泌､ｪ", "逕ｰ荳ｭ", "螟ｪ驛・", "驤ｴ譛ｨ", "縺ゅｆ縺ｿ", "髢｢繝ｶ蜴"),  # UTF-8 read as CP932
        *("ä½è—¤", "MÃ¼ller", "JosÃ©", "Ã‘uÃ±ez", "NguyÃªn", "é«˜æ©‹"),  # UTF-8 read as Latin
        *("²“¡", "ŽR“c", "»³ÅÄ", "ÅÄÃæ"),  # CP932 and EUC-JP read as Latin
        *("ｺｴﾆ｣", "･｢･・ﾟ", "､ｵ､ｯ､ｱ", "Mﾃｼller", "Josﾃｩ", "$B:4F#", "浣愯棨"),  # EUC-JP as CP932, Latin, JIS, GBK
    ],
)
def test_mojibake_is_no_name(text: str) -> None:
    assert set(problems_of(family_name=text)) == {"family_name"}


@given(
    st.lists(st.sampled_from(JAPANESE), min_size=1, max_size=2).map("".join),
    st.sampled_from(["cp932", "gbk", "euc_jp"]),
)
def test_a_japanese_name_in_utf_8_that_was_read_otherwise_is_no_name(name: str, read: str) -> None:
    is_japanese = all(map(is_in_japanese_standards, name))  # 张 is Chinese only, and what comes of it may be a name
    if (spoiled := through(name, "utf-8", read)) is not None and is_japanese and "〆" not in name:
        assert implausible_name(spoiled)


@given(st.sampled_from(NAMES), st.sampled_from(["cp1252", "latin-1"]))
def test_a_name_in_utf_8_that_was_read_as_latin_is_no_name(name: str, read: str) -> None:
    if (spoiled := through(name, "utf-8", read)) is not None:
        assert name_fault(spoiled) or implausible_name(spoiled)


@given(st.sampled_from(JAPANESE), st.sampled_from(["cp932", "euc_jp"]), st.sampled_from(["cp1252", "latin-1"]))
def test_a_japanese_name_that_was_read_as_latin_is_no_name(name: str, written: str, read: str) -> None:
    if (spoiled := through(name, written, read)) is not None and not name.isascii() and name[0] < "\uff61":
        assert name_fault(spoiled) or implausible_name(spoiled)


@given(
    st.text(
        st.sampled_from(sorted({c for name in JAPANESE for c in name if "\u4e00" <= c <= "\u9fff"})),
        min_size=1,
        max_size=2,
    )
)
def test_one_or_two_kanji_of_names_are_a_name(text: str) -> None:
    assert implausible_name(text) is None


# ── white space ────────────────────────────────────────────────────────────────────────────────────────

SPACES = [chr(point) for point in range(0x3001) if unicodedata.category(chr(point)) == "Zs"]
EDGES = [*SPACES, *"\t\n\r\u2028\u2029\x85\u200b\u200c\u200d\u200e\u2060\ufeff\u00ad\u3164\u2800"]
edges = st.text(st.sampled_from(EDGES), max_size=4)


@given(edges, edges, st.sampled_from(["family_name", "given_name", "pass_number", "person_id", "email", "phone"]))
def test_a_value_is_what_stands_between_white_space_of_any_kind(before: str, after: str, name: str) -> None:
    value = str(fields()[name])
    found = read_record(fields(**{name: before + value + after}), rules())
    assert isinstance(found, UpstreamRecord)
    assert getattr(found, name) == value


@given(st.text(st.sampled_from(EDGES), min_size=1, max_size=6))
def test_white_space_alone_is_no_value(text: str) -> None:
    assert trimmed(text) == ""
    assert set(problems_of(family_name=text)) == {"family_name"}
    assert problems_of(email=text, phone=text, family_name_kana=text) == {}


@pytest.mark.parametrize("text", ["\u00a0", "\u2003", "\ufeff", "\u3164", "\u115f", "a\u3164b", "a\u200bb", "a\u2060b"])
def test_invisible_characters_are_no_name_and_in_no_name(text: str) -> None:
    assert set(problems_of(family_name=text)) == {"family_name"}


@given(st.text())
def test_any_text_is_a_name_and_a_number_or_has_its_fault(text: str) -> None:
    for fault in (implausible_name(text or "x"), implausible_number(text)):
        assert fault is None or (fault.expected and fault.got)


def test_each_field_of_text_is_looked_at() -> None:
    read = {name for name in FIELDS if name not in problems_of(**dict.fromkeys(FIELDS, "#REF!"))}
    assert read == set()
