"""Fonts that an operator may add, made from ours."""

from __future__ import annotations

from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont, newTable
from fontTools.ttLib.tables._c_m_a_p import cmap_format_14

from shared.glyphs import SERIF
from tests.worlds.press import FONTS


def font_with_variant(path: Path, base: str, selector: str) -> None:
    """A small font that has one variation sequence, drawn with the glyph of its base character."""
    with TTFont(FONTS / SERIF) as font:
        keep(font, base)
        glyph = font.getBestCmap()[ord(base)]
        variants = cmap_format_14(14)
        variants.platformID, variants.platEncID, variants.language, variants.length = 0, 5, 0, 0
        variants.cmap, variants.uvsDict = {}, {ord(selector): [(ord(base), glyph)]}
        kept = [table for table in font["cmap"].tables if table.format in (4, 12)]
        font["cmap"] = newTable("cmap")
        font["cmap"].tableVersion, font["cmap"].tables = 0, [variants, *kept]
        font.save(path)


def keep(font: TTFont, text: str) -> None:
    """Leave only the glyphs of a text."""
    subsetter = Subsetter(Options(layout_features=[], name_IDs=["*"]))
    subsetter.populate(text=text)
    subsetter.subset(font)
