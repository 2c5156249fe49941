"""Laws and examples of shared/addresses.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.addresses import address_problem, as_mailed, domain_of, same_address_key


@given(st.text())
def test_a_key_is_its_own_key(text: str) -> None:
    assert same_address_key(same_address_key(text)) == same_address_key(text)


@given(st.text(), st.sampled_from(["", " ", "\t", "\u3000", "\n"]))
def test_space_around_makes_no_second_address(text: str, space: str) -> None:
    assert same_address_key(space + text + space) == same_address_key(text)


@given(st.emails())
def test_case_makes_no_second_address(address: str) -> None:
    assert same_address_key(address.upper()) == same_address_key(address.lower()) == same_address_key(address)


@given(st.text(alphabet=[chr(code) for code in range(0x21, 0x7F)]))
def test_full_width_typing_makes_no_second_address(text: str) -> None:
    full_width = "".join(chr(ord(character) + 0xFEE0) for character in text)
    assert same_address_key(full_width) == same_address_key(text)


def test_different_people_stay_different() -> None:
    assert same_address_key("taro@example.jp") != same_address_key("jiro@example.jp")
    assert same_address_key("taro.yamada@example.jp") != same_address_key("taroyamada@example.jp")


@pytest.mark.parametrize(
    "address",
    [
        "taro@example.jp",
        "Taro.Yamada+badge@sub.example.co.jp",
        "ｔａｒｏ＠ｅｘａｍｐｌｅ．ｊｐ",
        " taro@example.jp ",
        "..taro..yamada..@carrier.example.jp",
        "taro.@carrier.example.jp",
        "a@xn--wgv71a119e.example",
    ],
)
def test_a_deliverable_address_is_not_refused(address: str) -> None:
    assert address_problem(address) is None


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("", "one @"),
        ("taro", "one @"),
        ("taro@@example.jp", "one @"),
        ("a@example.jp, b@example.jp", "one @"),
        ("taro@example", "domain"),
        ("taro@-example.jp", "domain"),
        ("taro@example..jp", "domain"),
        ("taro yamada@example.jp", "before the @"),
        ("<taro@example.jp", "before the @"),
        ("@example.jp", "before the @"),
        ("太郎@example.jp", "ASCII"),
        ("taro@example.jp\r\nBcc: all@example.jp", "control"),
        ("taro@exam\u200bple.jp", "control"),
        ("a" * 65 + "@example.jp", "64"),
        ("a@" + "b" * 60 + ("." + "c" * 60) * 4 + ".jp", "254"),
    ],
)
def test_an_address_nobody_could_be_written_at_is_refused(address: str, named: str) -> None:
    problem = address_problem(address)
    assert problem is not None
    assert named in problem


@given(st.text())
def test_what_is_accepted_can_be_put_into_a_header(text: str) -> None:
    if address_problem(text) is None:
        mailed = as_mailed(text)
        assert mailed.isascii()
        assert mailed.isprintable()
        assert " " not in mailed
        assert address_problem(mailed) is None
        assert same_address_key(mailed) == same_address_key(text)


def test_an_address_has_its_domain_in_lower_case() -> None:
    assert domain_of("..taro..@DoCoMo.ne.jp") == "docomo.ne.jp"
