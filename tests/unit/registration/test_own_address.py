from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mailer.domain.mime import quoted
from services.registration.domain.own_address import OwnAddress, advice, is_role, read_address
from shared.addresses import same_address_key
from shared.soundness import address_fault

WIDE = str.maketrans({chr(n): chr(n + 0xFEE0) for n in range(0x21, 0x7F)})
LOCALS = st.from_regex(r"[a-z0-9][a-z0-9_+-]{0,20}(\.[a-z0-9_-]{1,20})?", fullmatch=True)
DOMAINS = st.from_regex(r"[a-z][a-z0-9]{0,20}(-[a-z0-9]{1,10})?\.(ne\.jp|co\.jp|jp|com)", fullmatch=True)


@pytest.mark.parametrize(
    ("typed", "mailed"),
    [
        ("taro@example.jp", "taro@example.jp"),
        ("  Taro.Yamada@EXAMPLE.JP　", "Taro.Yamada@example.jp"),
        ("ｔａｒｏ＠ｅｘａｍｐｌｅ．ｊｐ", "taro@example.jp"),
        ("taro＠example。jp", "taro@example.jp"),
        ("mailto:taro@example.jp", "taro@example.jp"),
        ("taro @ example.jp", "taro@example.jp"),
        ("taro@例え.jp", "taro@xn--r8jz45g.jp"),
        ("taro@日本語。jp", "taro@xn--wgv71a119e.jp"),
        ("taro+badge@example.jp", "taro+badge@example.jp"),
        ("\u200btaro@example.jp\ufeff", "taro@example.jp"),
        ("ta..ro@docomo.ne.jp", "ta..ro@docomo.ne.jp"),
        ("taro.@ezweb.ne.jp", "taro.@ezweb.ne.jp"),
        ("..taro@i.softbank.ne.jp", "..taro@i.softbank.ne.jp"),
        ("-taro-@docomo.ne.jp", "-taro-@docomo.ne.jp"),
    ],
)
def test_an_address_is_read_as_it_is_mailed_to(typed: str, mailed: str) -> None:
    found = read_address(typed)
    assert found == OwnAddress(mailed)
    assert address_fault(mailed) is None  # as the issuer takes it


def test_smtp_gets_a_quoted_local_part_where_a_carrier_broke_the_standard() -> None:
    for typed in ("ta..ro@docomo.ne.jp", "taro.@ezweb.ne.jp", ".taro@au.com"):
        found = read_address(typed)
        assert isinstance(found, OwnAddress)
        local, _, domain = typed.partition("@")
        assert quoted(found.mailed) == f'"{local}"@{domain}'
        assert "dots" in advice(found, None)


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("", "missing"),
        ("　", "missing"),
        ("taro", "no-at"),
        ("taro@example.jp, jiro@example.jp", "no-at"),
        ("a@b@example.jp", "no-at"),
        ("taro@example", "domain"),
        ("taro@localhost", "domain"),
        ("taro@exa_mple.jp", "domain"),
        ("taro@-example.jp", "domain"),
        ("taro@example..jp", "domain"),
        ("taro@[192.0.2.1]", "domain"),
        ("taro@something.test", "domain"),
        ("太郎@example.jp", "local"),
        ('"ta ro"@example.jp', "local"),
        ("ta,ro@example.jp", "local"),
        ("@example.jp", "local"),
        (f"{'x' * 65}@example.jp", "local"),
        (f"taro@{'x' * 250}.jp", "long"),
        ("ta..ro@example.jp", "dots"),
        ("taro.@gmail.com", "dots"),
        (".taro@notdocomo.ne.jp", "dots"),
        ("taro\u202e@example.jp", "hidden"),
        ("taro@exam\u200bple.jp", "hidden"),
        ("taro\r\nBcc: x@example.jp", "hidden"),
        ("taro@example.jp\x00", "hidden"),
        ("=taro@example.jp", "spreadsheet"),
        ("'taro@example.jp", "spreadsheet"),
    ],
)
def test_what_is_no_address_is_refused_with_what_to_look_at(typed: str, problem: str) -> None:
    assert read_address(typed) == problem


@given(LOCALS, DOMAINS)
def test_every_spelling_of_an_address_is_the_same_address(local: str, domain: str) -> None:
    plain = f"{local}@{domain}"
    spellings = [plain, plain.upper(), plain.translate(WIDE), f" {local}＠{domain}　", f"{local}@{domain.upper()}"]
    read = [read_address(each) for each in spellings]
    assert {each.key if isinstance(each, OwnAddress) else each for each in read} == {same_address_key(plain)}


@given(LOCALS, DOMAINS, LOCALS, DOMAINS)
def test_different_addresses_stay_different(local: str, domain: str, other: str, elsewhere: str) -> None:
    one, two = read_address(f"{local}@{domain}"), read_address(f"{other}@{elsewhere}")
    assert isinstance(one, OwnAddress) and isinstance(two, OwnAddress)
    assert (one.key == two.key) == ((local, domain) == (other, elsewhere))


@given(st.text(max_size=80))
def test_whatever_is_typed_is_an_address_that_can_be_mailed_to_or_a_problem(text: str) -> None:
    found = read_address(text)
    if isinstance(found, OwnAddress):
        assert address_fault(found.mailed) is None
        assert quoted(found.mailed)
        assert read_address(found.mailed) == found


@pytest.mark.parametrize(
    "local", ["info", "INFO", "soumu", "soumu2", "tokyo-soumu", "eigyo.kanto", "info+badge", "no-reply", "office_1"]
)
def test_the_address_of_a_post_is_told(local: str) -> None:
    assert is_role(local)


@pytest.mark.parametrize(
    "local", ["taro", "informatik", "yamada.taro", "mailman.taro", "t-suzuki", "officer", "kojima"]
)
def test_a_persons_address_is_not(local: str) -> None:
    assert not is_role(local)


def test_advice_names_the_difference_from_the_designated_contact() -> None:
    address = OwnAddress("Taro@example.jp")
    assert advice(address, None) == advice(address, "") == advice(address, "ｔａｒｏ@example.jp") == ()
    assert advice(address, "office@company.example.jp") == ("differs",)
    assert advice(OwnAddress("info@example.jp"), "a@example.jp") == ("role", "differs")
