from __future__ import annotations

from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from shared.font_file import FontFile
from shared.glyphs import PRINTED_FONTS, SERIF, chain_files
from tests.worlds.fonts import font_with_variant
from tests.worlds.press import FONTS

FILES = chain_files(FONTS, SERIF)


def by_fonttools(font: TTFont) -> tuple[dict[int, int], dict[tuple[int, int], int]]:
    numbers = font.getReverseGlyphMap()
    points = {point: numbers[name] for point, name in font.getBestCmap().items()}
    sequences = {}
    for table in font["cmap"].tables:
        for selector, entries in (table.uvsDict if table.format == 14 else {}).items():
            for point, name in entries:
                glyph = points.get(point) if name is None else numbers[name]
                if glyph is not None:
                    sequences[point, selector] = glyph
    return points, sequences


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_characters_widths_and_outlines_are_those_that_another_reader_finds(path: Path) -> None:
    file = FontFile(path)
    with TTFont(path, lazy=True) as font:
        points, sequences = by_fonttools(font)
        assert dict(file.points) == points and len(file.points) == len(points)
        assert dict(file.sequences) == sequences and len(file.sequences) == len(sequences)
        order, locations, outlines = font.getGlyphOrder(), font["loca"].locations, font.reader["glyf"]
        for glyph in range(0, len(order), 97):
            assert file.advance(glyph) == font["hmtx"].metrics[order[glyph]]
            assert file.outline(glyph) == outlines[locations[glyph] : locations[glyph + 1]]
        assert file.units == font["head"].unitsPerEm


def test_a_character_outside_of_all_runs_is_not_there() -> None:
    file = FontFile(FILES[0])
    for point in (-1, 0, 0xD55C, 0x1F600, 0x10FFFF):
        assert point not in file.points
    assert (0x908A, 0xE0101) not in file.sequences


@pytest.mark.parametrize("font", PRINTED_FONTS)
def test_every_font_of_a_chain_is_there(font: str) -> None:
    assert [path for path in chain_files(FONTS, font) if not path.is_file()] == []


@pytest.mark.parametrize("content", [b"", b"not a font", b"\0\1\0\0" + bytes(60)], ids=["empty", "text", "no tables"])
def test_a_file_that_is_no_font_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "font.ttf"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"font\.ttf"):
        FontFile(path)


def test_half_a_font_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "half.ttf"
    path.write_bytes(FILES[1].read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"half\.ttf"):
        FontFile(path)


@pytest.mark.parametrize(("embedding", "is_allowed"), [(0, True), (2, False), (4, True), (8, True), (0x202, False)])
def test_a_font_that_may_not_be_embedded_is_refused(tmp_path: Path, embedding: int, is_allowed: bool) -> None:
    path = tmp_path / "own.ttf"
    font_with_variant(path, "邊", "\U000e0101")
    with TTFont(path) as font:
        font["OS/2"].fsType = embedding
        font.save(path)
    if is_allowed:
        assert FontFile(path).sequences[0x908A, 0xE0101]
    else:
        with pytest.raises(ValueError, match=r"own\.ttf.*may not be embedded"):
            FontFile(path)


def test_a_font_without_a_map_for_all_of_unicode_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "small.ttf"
    font_with_variant(path, "邊", "\U000e0101")
    with TTFont(path) as font:
        font["cmap"].tables = [table for table in font["cmap"].tables if table.format == 4]
        glyph = font.getReverseGlyphMap()[font.getBestCmap()[0x908A]]
        font.save(path)
    assert dict(FontFile(path).points) == {0x908A: glyph}


def test_a_font_with_other_outlines_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "other.ttf"
    font_with_variant(path, "邊", "\U000e0101")
    with TTFont(path, lazy=True) as font:
        del font["glyf"], font["loca"]
        font.save(path)
    with pytest.raises(ValueError, match=r"other\.ttf.*outlines"):
        FontFile(path)
