from __future__ import annotations

from urllib.parse import unquote

import pytest

from shared.file_names import attachment, file_title


@pytest.mark.parametrize(
    ("qualification", "title"),
    [
        ("コンクリート技士", "コンクリート技士_2026"),
        ("技士 (1級)/A", "技士_(1級)_A_2026"),
        ('a\\b:c*d?"e<f>g|h', "a_b_c_d_e_f_g_h_2026"),
        ("line\nbreak\t", "line_break__2026"),
    ],
)
def test_a_files_name_holds_nothing_that_a_file_system_refuses(qualification: str, title: str) -> None:
    assert file_title(qualification, "2026") == title


@pytest.mark.parametrize("name", ["コンクリート技士_2026.png", 'a"b;c=d%.pdf', "𠮷.zip"])
def test_a_download_carries_its_real_name_and_a_plain_one_for_old_programs(name: str) -> None:
    plain, _, real = attachment("badge.png", name).partition("; filename*=UTF-8''")
    assert plain == 'attachment; filename="badge.png"'
    assert real.isascii() and not set(real) & set('";, ') and unquote(real) == name
