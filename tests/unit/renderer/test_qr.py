from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode
from zxingcpp import read_barcodes

from services.renderer.pdf.qr import QUIET, qr_modules, qr_operators, qr_text

ID = "MZXW6YTBOI2DGNBVGY3TQOJQGE"


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


def by_qrcode(text: str, mask: int) -> tuple[tuple[bool, ...], ...]:
    code = QRCode(error_correction=ERROR_CORRECT_M, border=0, mask_pattern=mask)
    code.add_data(text, optimize=0)
    code.make(fit=True)
    return tuple(tuple(map(bool, row)) for row in code.modules)


@settings(deadline=None, max_examples=30)
@given(
    st.text(st.sampled_from("ABCXYZ0189$%*+-./: "), min_size=1, max_size=120).filter(lambda text: not text.isdigit())
)
def test_a_code_is_one_of_the_eight_that_another_library_makes_of_the_same_text(text: str) -> None:
    assert qr_modules(f"H{text}:") in [by_qrcode(f"H{text}:", mask) for mask in range(8)]


@settings(deadline=None, max_examples=30)
@given(st.text("az/Z9", min_size=1, max_size=120))
def test_a_code_of_small_letters_is_no_larger_than_that_of_another_library(text: str) -> None:
    assert len(qr_modules(text)) <= len(by_qrcode(text, 0))


@pytest.mark.parametrize(
    "address", [f"https://badges.example.jp/V/{ID}", "https://a.jp/b/V/A", f"http://localhost:8603/V/{ID}"]
)
def test_a_code_is_read_back(address: str) -> None:
    modules = qr_modules(qr_text(address))
    image = Image.new("L", (len(modules), len(modules)), 255)
    image.putdata([0 if dark else 255 for row in modules for dark in row])
    framed = ImageOps.expand(image, QUIET, 255).resize(((len(modules) + 2 * QUIET) * 4,) * 2, Image.Resampling.NEAREST)
    (found,) = read_barcodes(framed)
    assert found.text == qr_text(address) and found.ec_level == "M"
