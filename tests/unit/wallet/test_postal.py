"""Postal addresses and the list for the shipper: domain/postal.py, domain/shipping.py."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.wallet.domain.postal import PREFECTURES, PostalAddress, postal_problems, tidied
from services.wallet.domain.shipping import HEADS, NotInCp932, ShippingLine, shipping_csv

ADDRESS = PostalAddress("髙橋 一郎", "102-0082", "東京都", "千代田区一番町1-2 見本ビル3階", "03-0000-0000")
LINE = ShippingLine("12345678", "card", "printed", "20260501-card-0123456789ab", ADDRESS)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("1020082", "102-0082"),
        ("１０２−００８２", "102-0082"),
        ("〒102 - 0082 ", "102-0082"),
        ("102ー0082", "102-0082"),
        ("102‐0082", "102-0082"),
    ],
)
def test_a_postcode_is_read_as_people_type_it(typed: str, kept: str) -> None:
    address = tidied(replace(ADDRESS, postcode=typed))
    assert address.postcode == kept and not postal_problems(address)


@pytest.mark.parametrize(
    ("field", "typed", "problem"),
    [
        ("postcode", "", "postcode"),
        ("postcode", "102-008", "postcode"),
        ("postcode", "102-00822", "postcode"),
        ("postcode", "九段-0082", "postcode"),
        ("prefecture", "", "prefecture"),
        ("prefecture", "東京", "prefecture"),
        ("prefecture", "Tōkyō", "prefecture"),
        ("addressee", "　", "missing"),
        ("addressee", "名" * 61, "long"),
        ("addressee", "髙橋\n一郎", "unprintable"),
        ("line", "", "missing"),
        ("line", "千代田区\u202e一番町", "unprintable"),
        ("line", "千代田区\ue000", "unprintable"),
        ("line", "千" * 121, "long"),
        ("phone", "03", "phone"),
        ("phone", "夜だけ", "phone"),
        ("phone", "+" * 12, "phone"),
    ],
)
def test_what_no_parcel_can_be_sent_to_is_refused_by_field(field: str, typed: str, problem: str) -> None:
    problems = postal_problems(tidied(replace(ADDRESS, **{field: typed})))
    assert {name: word for name, word in vars(problems).items() if word} == {field: problem}


@pytest.mark.parametrize("phone", ["", "０３（００００）００００", "090-0000-0000", "+81 3 0000 0000"])
def test_a_telephone_number_may_be_given_in_any_usual_form(phone: str) -> None:
    assert not postal_problems(tidied(replace(ADDRESS, phone=phone)))


def test_the_prefectures_are_the_47() -> None:
    assert len(set(PREFECTURES)) == 47 and PREFECTURES[0] == "北海道" and PREFECTURES[-1] == "沖縄県"


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(texts, texts, texts)
def test_every_cell_is_one_text_that_no_spreadsheet_calculates(addressee: str, line: str, phone: str) -> None:
    address = PostalAddress(addressee, "102-0082", "東京都", line, phone)
    content = shipping_csv([replace(LINE, address=address)], "utf-8").decode("utf-8-sig")
    heads, row = csv.reader(io.StringIO(content, newline=""))
    assert tuple(heads) == HEADS and len(row) == len(HEADS)
    assert not any(cell.startswith(tuple("=+@＝＋＠\t\r")) for cell in row)
    assert not any(cell.startswith(("-", "－")) and cell != "-" for cell in row)


@pytest.mark.parametrize(
    ("line", "kept"), [("1〜3階", "1～3階"), ("1−2", "1－2"), ("髙層ビル﨑", "髙層ビル﨑"), ("①号館", "①号館")]
)
def test_cp932_has_the_usual_signs_under_its_own_code_points(line: str, kept: str) -> None:
    content = shipping_csv([replace(LINE, address=replace(ADDRESS, line=line))], "cp932")
    assert kept in content.decode("cp932")


@pytest.mark.parametrize("name", ["𠮷野 花子", "辻\U000e0100 健", "김 철수", "Müller"])
def test_a_name_that_cp932_lacks_is_neither_left_out_nor_written_otherwise(name: str) -> None:
    lines = [LINE, replace(LINE, order_id="87654321", address=replace(ADDRESS, addressee=name))]
    with pytest.raises(NotInCp932, match=r"87654321.*utf-8"):
        shipping_csv(lines, "cp932")
    assert name in shipping_csv(lines, "utf-8").decode("utf-8-sig")


def test_an_order_without_an_address_has_empty_cells() -> None:
    row = shipping_csv([replace(LINE, address=None)], "utf-8").decode("utf-8-sig").splitlines()[1]
    assert row == "12345678,card,,,,,,printed,20260501-card-0123456789ab"
