from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

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
