"""Both PDFs as a reader sees them: domain/certificate.py, domain/details.py, pdf/page.py."""

from __future__ import annotations

import io
import re
from dataclasses import fields, replace
from datetime import date

import msgspec
import pikepdf
import pytest
from reportlab.lib.pagesizes import A4

from services.renderer.domain import certificate, details
from services.renderer.domain.certificate import Press
from services.renderer.domain.facts import Certificate
from services.renderer.pdf.page import make_picture
from services.renderer.pdf.qr import qr_modules, qr_text
from services.renderer.pdf.typeface import MissingGlyph
from shared.programme import Bilingual
from tests.worlds.press import CERTIFICATE, CREDENTIAL, FONTS, PROGRAMME, badge, press, printed, seen, text_of

NAMES = {
    "kanji": "見本 太郎",
    "髙 and 﨑": "髙橋﨑 一郎",
    "beyond the BMP": "𠮷野 花子",
    "variation sequence": "辻\U000e0100 健",
    "Latin": "O’Neill-Smith Alexander",
    "very long": "勅使河原寿限無五劫之擦切海砂利水魚 水行末雲来末風来末食寝処住処藪裏柑子",
    "very long Latin": "Wolfeschlegelsteinhausenbergerdorff Hubert Blaine Alexander Christopher Maximilian",
}


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize("holder", NAMES.values(), ids=NAMES)
def test_a_name_is_copied_out_as_it_was_registered(holder: str) -> None:
    both = printed(holder=holder)
    for pdf in (both.certificate, both.details):
        assert squeezed(holder) in squeezed(text_of(pdf))


def test_each_page_says_what_belongs_on_it() -> None:
    both = printed()
    wide, tall = text_of(both.certificate), text_of(both.details)
    for text in ("見本 太郎", "コンクリート技士", "2026年4月1日", "2030年3月31日", "発行日", "有効期限"):
        assert text in wide
        assert text in tall
    for text in ("合格番号", "2011-04187", "登録番号", "第26-10342号"):
        assert text in tall
        assert text not in wide


def test_a_certificate_has_no_birth_date_and_no_telephone_number() -> None:
    assert not [field.name for field in fields(Certificate) if "birth" in field.name or "phone" in field.name]


def test_printing_again_gives_the_same_bytes() -> None:
    assert printed() == printed()
    other = Press(PROGRAMME, FONTS)
    assert other.print(CERTIFICATE, badge("gishi"), CREDENTIAL) == printed()


def test_another_name_gives_other_files_and_leaves_nothing_in_the_press() -> None:
    first, second = printed(), printed(holder="見本 次郎")
    assert first.certificate != second.certificate
    assert first.details != second.details
    assert printed() == first  # nothing of the second stayed in the press


@pytest.mark.parametrize("page", ["certificate", "details"])
def test_the_file_is_whole_and_carries_its_fonts(page: str) -> None:
    pdf = getattr(printed(holder="辻\U000e0100 𠮷"), page)
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert document.check_pdf_syntax() == []
        assert str(document.Root.Lang) == "ja-JP"
        assert bool(document.Root.ViewerPreferences.DisplayDocTitle)
        title = "登録証" if page == "certificate" else "登録内容詳細"
        assert str(document.docinfo["/Title"]) == f"{title} コンクリート技士 辻\U000e0100 𠮷"
        assert str(document.docinfo["/CreationDate"]) == "D:20260401000000+09'00'"
        fonts = [
            each for each in document.objects if isinstance(each, pikepdf.Dictionary) and each.get("/Type") == "/Font"
        ]
        for font in fonts:
            assert re.match(r"/[A-Z]{6}\+Noto", str(font.BaseFont))
            if font.Subtype == "/CIDFontType2":
                assert len(font.FontDescriptor.FontFile2.read_bytes()) > 500
        assert fonts
    assert b"Helvetica" not in pdf
    assert len(pdf) < 200_000


@pytest.mark.parametrize("page", ["certificate", "details"])
def test_the_code_on_paper_holds_the_address_of_this_badge(page: str) -> None:
    modules = qr_modules(qr_text(CERTIFICATE.verification_url))
    scale = 3.0
    image = seen(getattr(printed(), page), scale)
    wide = page == "certificate"
    height = A4[0] if wide else A4[1]
    x, y, side = certificate.QR if wide else details.QR
    unit = side / (len(modules) + 8)
    assert side - 8 * unit >= 25 / 25.4 * 72  # the code itself, without its quiet zone, is 25 mm or more

    def dark(column: float, row: float) -> bool:
        pixel = image.getpixel((int((x + column * unit) * scale), int((height - y - side + row * unit) * scale)))
        assert isinstance(pixel, int)
        return pixel < 128

    for row, line in enumerate(modules):
        assert [dark(column + 4.5, row + 4.5) for column in range(len(line))] == list(line)
    edge = [0.5 + step for step in range(len(modules) + 8)]
    quiet = [(near, far) for near in (0.5, 1.5, 2.5, 3.5) for far in edge]
    assert not [place for place in quiet if dark(*place) or dark(place[1], place[0])]


def test_a_character_without_a_glyph_is_refused_by_name() -> None:
    with pytest.raises(MissingGlyph, match=r"U\+1F600"):
        printed(holder="見本 😀")


def test_an_unknown_qualification_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="astronaut"):
        press().print(replace(CERTIFICATE, qualification="astronaut"), badge("gishi"), CREDENTIAL)


def test_bytes_that_are_no_picture_are_refused() -> None:
    with pytest.raises(ValueError, match="expected a PNG"):
        make_picture(b"<svg/>")


@pytest.mark.parametrize("qualification", PROGRAMME.qualifications)
def test_the_band_inside_the_frame_stays_empty(qualification: str) -> None:
    """The band between frame and text is empty, whatever the length of name and qualification."""
    name = PROGRAMME.qualifications[qualification].name.ja
    for holder in NAMES.values():
        image = seen(printed(holder=holder, qualification=qualification, qualification_name=name).certificate, 1)
        for x in (62, 780):  # points from the left, inside the frame and outside all text
            assert min(image.crop((x, 80, x + 2, 360)).tobytes()) > 200


def test_another_society_prints_with_its_own_words() -> None:
    society = msgspec.structs.replace(
        PROGRAMME.society, name=Bilingual("日本橋梁学会", "Bridge Society"), president="理事長　髙橋 花"
    )
    qualification = msgspec.structs.replace(
        PROGRAMME.qualifications["gishi"],
        name=Bilingual(
            "一級橋梁長寿命化修繕計画策定及び点検診断技術管理者", "Certified Engineer for the Longevity of Bridges"
        ),
        certificate_text=("一行目の文章", "二行目の文章", "三行目の文章", "四行目の文章"),
    )
    programme = msgspec.structs.replace(PROGRAMME, society=society, qualifications={"bridge": qualification})
    facts = replace(
        CERTIFICATE,
        qualification="bridge",
        qualification_name=qualification.name.ja,
        valid_until=date(2031, 12, 31),
    )
    both = Press(programme, FONTS).print(facts, badge("gishi"), CREDENTIAL)
    for text in ("日本橋梁学会", "理事長", "四行目の文章", "点検診断技術管理者", "2031年12月31日"):
        assert text in text_of(both.certificate)
    assert "コンクリート" not in text_of(both.certificate) + text_of(both.details)


def test_the_credential_is_attached_to_the_details() -> None:
    with pikepdf.open(io.BytesIO(printed().details)) as document:
        assert list(document.attachments) == ["credential.json"]
        file = document.attachments["credential.json"]
        assert file.relationship == pikepdf.Name.Data and document.Root.AF[0] == file.obj
        assert file.get_file().read_bytes() == CREDENTIAL
        assert file.get_file().mime_type == "application/ld+json"


def test_nothing_is_attached_to_the_certificate() -> None:
    with pikepdf.open(io.BytesIO(printed().certificate)) as document:
        assert not document.attachments
