"""deploy/bench/render.py, typst_sheet.py: the rivals draw the pages that they are measured with."""

from __future__ import annotations

from pathlib import Path

from deploy.bench.render import Typesetter
from deploy.bench.render_ours import certificates, programme
from services.issuer.art.badge_art import badge_png
from tests.worlds.press import FONTS, PROGRAMME, badge, press, text_of


def test_typst_sets_the_texts_that_we_set(tmp_path: Path) -> None:
    png = badge_png("gishi", "2026", PROGRAMME, FONTS)
    rival = Typesetter(press(), {"gishi": png}, {"gishi": badge("gishi")}, tmp_path)
    (person,) = certificates(1, "TEST", programme())
    ours = press().print(person, badge("gishi"), b"{}")
    for mine, theirs in zip((ours.certificate, ours.details), rival.draw(person), strict=True):
        set_by_typst = "".join(text_of(theirs).split())
        lines = text_of(mine).replace("殿", "\n").splitlines()
        assert len(lines) > 10
        for line in lines:
            assert all("".join(word.split()) in set_by_typst for word in line.split())
