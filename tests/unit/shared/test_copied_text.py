"""Ids and links with what programs and people put around them."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.copied_text import assertion_id_in, plain_path, url_in

ID = "SRIH4HCADXFNINWY3JIJ3VNFEZ"
OTHER = "NK2T3PIHMS3E7D5PPJHJUVYINY"
PUNCTUATION = "。、．，」』）】》〉！？：；…‥・～〜“”‘’«»‹›¿¡—–.,;:!?)]}>\"'`*_~|\\/^+=&#@$%-"
SHAPELESS = (
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f\u202a\u202c\u202e\u2066\u2069\u180e\u061c"
    "\ufe0f\u034f\u3164\x00\x1b\x7f"
)
SPACES = " \u3000\u00a0\u2003\u202f\t\n\r\n\u2028\u0085"


@pytest.mark.parametrize("junk", [*PUNCTUATION, *SHAPELESS, *SPACES, "。）", "。\u200b", "をご覧ください", "です。"])
def test_an_id_is_found_whatever_stands_behind_or_before_it(junk: str) -> None:
    for text in (
        ID + junk,
        junk + ID,
        junk + ID + junk,
        f"https://a.example/V/{ID}{junk}",
        f"「https://a.example/V/{ID}」{junk}",
    ):
        assert assertion_id_in(text) == ID
        assert assertion_id_in(quote(text)) == ID
        assert assertion_id_in(quote(quote(text))) == ID


@given(
    st.text(st.characters(categories=["P", "S", "Z", "Cc", "Cf"]), max_size=5),
    st.integers(1, 25),
    st.sampled_from(SHAPELESS),
)
def test_what_is_no_letter_and_no_digit_never_hides_an_id(junk: str, at: int, shapeless: str) -> None:
    assert assertion_id_in(f"{junk} {ID} {junk}") == ID
    assert assertion_id_in(f"{junk} {ID[:at]}{shapeless}{ID[at:]} {junk}") == ID


@pytest.mark.parametrize(
    "text",
    [
        ID.lower(),
        "".join(chr(ord(each) + 0xFEE0) for each in ID),
        "".join(chr(ord(each) + 0xFEE0) for each in ID.lower()),
        f"{ID[:13]}\n{ID[13:]}",
        f"> 番号は {ID[:13]}\n> {ID[13:]} です",
        f"https://a.example/V/{ID[:9]}=\r\n{ID[9:]}",
        f"{ID[:13]}-\n{ID[13:]}",
        f"証明書{ID}を確認してください。",
        f"https://a.example/V/{ID}?lang=en#x",
        f"HTTP://A.EXAMPLE/V/{ID}",
        f"https://a.example/credentials/{ID}.json",
        f"https://a.example/receive/{ID}/{OTHER.lower()}",
        f"<https://a.example/V/{ID}>, https://a.example/V/{ID.lower()}.",
        f"[証明書](https://a.example/V/{ID})",
    ],
)
def test_an_id_is_found_in_small_and_full_width_letters_broken_lines_and_sentences(text: str) -> None:
    assert assertion_id_in(text) == ID


@pytest.mark.parametrize(
    "text",
    ["", "x", ID[:-1], ID + "A", f"{ID}{OTHER}", f"{ID} {OTHER}", ID[:-1] + "1", "。", "/V/", f"/V/{ID}/V/{OTHER}"],
)
def test_what_is_no_single_id_is_none(text: str) -> None:
    assert assertion_id_in(text) is None


@pytest.mark.parametrize("text", ["/V/" + "/" * 60_000, "/V/" * 20_000, "A" * 60_000, "%25" * 20_000, "\n>" * 30_000])
def test_a_long_text_is_read_in_one_pass(text: str) -> None:
    assert assertion_id_in(text) is None
    assert (plain_path(text) or "/").startswith("/")


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        (f"/receive/{ID}/{OTHER.lower()}。", f"/receive/{ID}/{OTHER.lower()}"),
        (f"/receive/{ID}/{OTHER.lower()}).", f"/receive/{ID}/{OTHER.lower()}"),
        (f"/receive/「{ID}」/{OTHER.lower()}%E3%80%82", f"/receive/{ID}/{OTHER.lower()}"),
        (f"/receive/{ID}/\u200b{OTHER.lower()}\u00ad…", f"/receive/{ID}/{OTHER.lower()}"),
        ("/login！", "/login"),
        ("/.well-known/did.json>", "/.well-known/did.json"),
        ("/badges/gishi/2026-2.png\"'", "/badges/gishi/2026-2.png"),
        ("/。", "/"),
        ("//evil.example/。", "/evil.example"),
        ("/\\evil.example", "/evil.example"),
        ("/..%2f../x", "/x"),
        ("/ｌｏｇｉｎ", "/login"),
    ],
)
def test_a_path_is_left_with_its_plain_characters(path: str, plain: str) -> None:
    assert plain_path(path) == plain


@pytest.mark.parametrize("path", ["/people/佐藤-001", "/people/001号", "/people/登録001。", "/V/トークン", "/x/١"])
def test_letters_of_another_script_are_a_part_of_an_id(path: str) -> None:
    assert plain_path(path) is None


def test_a_sentence_that_goes_on_behind_an_id_is_none_of_it() -> None:
    assert plain_path(f"/receive/{ID}/{OTHER.lower()}を開く") == f"/receive/{ID}/{OTHER.lower()}"
    assert plain_path(f"/badges/{ID}です。") == f"/badges/{ID}"


@given(st.text())
def test_a_plain_path_leads_to_no_other_host_and_is_its_own_plain_path(text: str) -> None:
    plain = plain_path(text)
    if plain is None:
        return
    assert plain.startswith("/") and not plain.startswith("//") and "\\" not in plain and plain.isascii()
    assert plain_path(plain) == plain


@pytest.mark.parametrize(
    "junk", ["。", "」", ")", ".", ",", "!", "…", ">", '"', "'", "\u200b", "\u3000次に", " を見る", "！"]
)
def test_a_url_is_found_without_what_stands_around_it(junk: str) -> None:
    url = "https://other.example/a(1)/b.json?x=1"
    assert url_in(f"確認：{url}{junk}") == url
    assert url_in(f"「{url}{junk}") == url


def test_a_text_without_a_scheme_has_no_url() -> None:
    for text in ("", "x", "//127.0.0.1/", "other.example/a.json", "://"):
        assert url_in(text) is None
