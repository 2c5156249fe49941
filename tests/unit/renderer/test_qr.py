from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode
from zxingcpp import Barcode

from services.renderer.pdf.qr import QUIET, Modules, qr_modules, qr_operators, qr_text
from tests.worlds.qr_codes import qr_codes_in

ID = "MZXW6YTBOI2DGNBVGY3TQOJQGE"


def by_qrcode(text: str) -> Modules:
    code = QRCode(error_correction=ERROR_CORRECT_M, border=0, mask_pattern=4)
    code.add_data(text)
    code.make()
    return tuple(bytes(module is True for module in row) for row in code.modules)


@settings(deadline=None, max_examples=100)
@given(
    st.one_of(
        st.from_regex(r"HTTPS://[A-Z0-9.-]{1,30}/V/[A-Z2-7]{26}", fullmatch=True),
        st.from_regex(r"https?://[a-z0-9-]{1,20}\.jp(/[a-zA-Z0-9%._-]{0,30}){0,2}", fullmatch=True),
        st.text(max_size=40),
        st.from_regex(r"[A-Z]{0,22}[0-9]{15,40}[a-z]{0,9}", fullmatch=True),
    ).filter(lambda text: text.encode("utf-8", "replace").strip() and text.isprintable())
)
def test_the_modules_that_are_added_up_are_those_that_qrcode_makes(text: str) -> None:
    assert qr_modules(text) == by_qrcode(text)


@pytest.mark.parametrize("length", [1, 14, 15, 38, 39, 61, 62, 90, 91, 92, 122, 200])
def test_at_the_edge_of_each_size_the_code_is_the_same(length: int) -> None:
    assert qr_modules("A" * length) == by_qrcode("A" * length)
    assert qr_modules("a" * length) == by_qrcode("a" * length)
    assert qr_modules("7" * length) == by_qrcode("7" * length)


def test_scheme_and_host_are_written_in_capitals_which_make_the_smaller_code() -> None:
    assert qr_text(f"https://badges.example.jp/V/{ID}") == f"HTTPS://BADGES.EXAMPLE.JP/V/{ID}"
    assert len(qr_modules(f"HTTPS://BADGES.EXAMPLE.JP/V/{ID}")) == 29  # version 3
    assert len(qr_modules(f"https://badges.example.jp/V/{ID}")) > 29


def test_a_path_in_small_letters_is_left_as_it_is() -> None:
    assert qr_text("https://society.example.jp/badges/V/A?b=c#d") == "HTTPS://SOCIETY.EXAMPLE.JP/badges/V/A?b=c#d"


@given(st.integers(1, 200))
def test_the_squares_drawn_are_the_dark_modules(number: int) -> None:
    modules = qr_modules(f"HTTPS://EXAMPLE.JP/V/{number}")
    size = len(modules)
    operators = qr_operators(modules, 0, 0, size + 2 * QUIET)
    dark = set()
    for x, y, width in re.findall(r"^(\d+) (\d+) (\d+) 1 re$", operators, re.MULTILINE):
        dark |= {(int(x) + step, int(y)) for step in range(int(width))}
    assert dark == {(x, y) for y, row in enumerate(modules) for x, module in enumerate(row) if module}


def read(modules: Modules) -> Barcode:
    """What another library than the one that made it reads of a code, its quiet zone added."""
    image = Image.new("L", (len(modules), len(modules)), 255)
    image.putdata([0 if dark else 255 for row in modules for dark in row])
    framed = ImageOps.expand(image, QUIET, 255).resize(((len(modules) + 2 * QUIET) * 4,) * 2, Image.Resampling.NEAREST)
    (found,) = qr_codes_in(framed)
    return found


@pytest.mark.parametrize(
    "address", [f"https://badges.example.jp/V/{ID}", "https://a.jp/b/V/A", f"http://localhost:8603/V/{ID}"]
)
def test_a_code_is_read_back(address: str) -> None:
    found = read(qr_modules(qr_text(address)))
    assert found.text == qr_text(address) and found.ec_level == "M"


@settings(deadline=None, max_examples=30)
@given(
    st.from_regex(r"https?://[a-z0-9-]{1,40}\.example\.jp(:[0-9]{1,5})?(/[a-zA-Z0-9%._-]{0,30}){0,3}", fullmatch=True)
)
def test_a_code_of_any_address_is_read_back(address: str) -> None:
    assert read(qr_modules(address)).text == address


@settings(deadline=None, max_examples=30)
@given(st.from_regex(r"HTTPS://[A-Z]{1,30}\.JP/V/[A-Z2-7]{26}", fullmatch=True))
def test_each_code_has_error_correction_m_and_the_same_mask(text: str) -> None:
    level_and_mask = [dark ^ masked for dark, masked in zip(qr_modules(text)[8], (1, 0, 1, 0, 1), strict=False)]
    assert level_and_mask == [0, 0, 1, 0, 0]  # 00 is M, 100 the mask
