from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from shared.runtime.web.assets import Assets


def served(assets: Assets, name: str) -> tuple[str, str]:
    url = assets.url(name)
    asset = assets.get(url.rpartition("/")[2])
    assert asset is not None and gzip.decompress(asset.zipped) == asset.body
    return url, asset.body.decode()


@pytest.mark.parametrize("colour", ["#1f4e79", "#FFFFFF", "#00118f"])
def test_the_style_of_all_pages_carries_the_societys_colour_under_a_name_of_its_own(
    tmp_path: Path, colour: str
) -> None:
    (tmp_path / "app.min.css").write_text("a{color:red}\n")
    (tmp_path / "drop.css").write_text("b{color:red}\n")
    plain, coloured = Assets([tmp_path]), Assets([tmp_path], colour)
    assert served(plain, "app.css")[1] == "a{color:red}\n"
    assert served(coloured, "app.css")[1] == f"a{{color:red}}\n:root{{--accent:{colour}}}\n"
    assert served(plain, "app.css")[0] != served(coloured, "app.css")[0]
    assert served(plain, "drop.css") == served(coloured, "drop.css")
