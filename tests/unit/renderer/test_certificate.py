"""Both PDFs as a reader sees them: domain/certificate.py, domain/details.py, pdf/page.py."""

from __future__ import annotations

import io
import re
from dataclasses import fields, replace
from datetime import date
from hashlib import sha256

import msgspec
import pikepdf
import pypdfium2
import pytest
from PIL import Image
from reportlab.lib.pagesizes import A4

from services.renderer.domain import certificate, details
from services.renderer.domain.certificate import WIDE, Press
from services.renderer.domain.facts import Certificate
from services.renderer.domain.typesetting import MM
from services.renderer.pdf.picture import make_picture
from services.renderer.pdf.qr import qr_modules, qr_text
from services.renderer.pdf.typeface import MissingGlyph
from shared.programme import Bilingual
from tests.worlds.press import (
    CERTIFICATE,
    CREDENTIAL,
    FONTS,
    ID,
    PROGRAMME,
    badge,
    press,
    printed,
    seen,
    sheets,
    text_of,
)

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


SHORT = (
    "見本 太郎",
    "一 一",
    "鉄筋 健一",
    "髙橋﨑 一郎",
    "𠮷野 花子",
    "辻\U000e0100 健",
    "王 伟",
    "김 철수",
    "O'Brien Conan",
    "Müller-Lüdenscheidt Hans",
    "Nguyễn Thị Hồng",
    "Łukasz Żółkiewski",
    "Smith 太郎",
    "長谷川・スミス 花子",
)


@pytest.mark.parametrize("holder", SHORT)
def test_a_name_is_copied_out_as_it_was_registered(holder: str) -> None:
    both = printed(holder=holder)
    for pdf in (both.certificate, both.details):
        assert holder in text_of(pdf)


@pytest.mark.parametrize("holder", NAMES.values(), ids=NAMES)
def test_the_hashes_are_those_of_the_documents_and_their_identity_of_all_before_its_table(holder: str) -> None:
    both = printed(holder=holder)
    assert both.certificate_sha256 == sha256(both.certificate).hexdigest()
    assert both.details_sha256 == sha256(both.details).hexdigest()
    for pdf in (both.certificate, both.details):
        table = int(pdf.splitlines()[-2])
        identity = sha256(pdf[:table]).hexdigest()[:32]
        assert f"/ID [<{identity}> <{identity}>]".encode() in pdf


@pytest.mark.parametrize("holder", NAMES.values(), ids=NAMES)
def test_every_character_of_a_name_on_two_lines_is_copied_out(holder: str) -> None:
    both = printed(holder=holder)
    for pdf in (both.certificate, both.details):
        assert squeezed(holder) in squeezed(text_of(pdf))


def test_words_whose_letters_stand_apart_are_copied_out_as_words() -> None:
    both = printed()
    for text in ("登録証", "CERTIFICATE OF REGISTRATION", "Authorized Concrete Engineer", "下記の資格の登録を受けた者"):
        assert text in text_of(both.certificate)
    for text in ("登録内容詳細", "DETAILS OF REGISTRATION", "有効期間の開始日", "この証明書の確認方法"):
        assert text in text_of(both.details)


def test_the_name_in_latin_letters_is_on_both_pages_and_a_badge_without_one_has_none() -> None:
    with_one, without = printed(latin_name="MIHON Taro"), printed(latin_name=None)
    for page in ("certificate", "details"):
        assert "MIHON Taro" in text_of(getattr(with_one, page))
        assert "MIHON" not in text_of(getattr(without, page))


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


def test_the_ornaments_are_what_reportlab_drew_and_the_same_bytes_for_all_holders() -> None:
    it = PROGRAMME.qualifications["gishi"]
    pages = [printed(holder=name) for name in ("見本 太郎", "見本 次郎")]
    for which, ground in (
        ("certificate", certificate.ground(it.colour, it.accent)),
        ("details", details.ground(it.colour, it.accent)),
    ):
        stored = set()
        for both in pages:
            with pikepdf.open(io.BytesIO(getattr(both, which))) as document:
                shared = document.pages[0].Contents[0]
                forms = {name: form.read_bytes() for name, form in document.pages[0].Resources.XObject.items()}
                drawn = shared.read_bytes()
                for name, path in forms.items():
                    drawn = drawn.replace(f"{name} Do\n".encode("ascii"), path + b"\n")
                assert ground.encode("ascii") in drawn
                stored.add(shared.read_raw_bytes())
        assert len(stored) == 1


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


@pytest.mark.parametrize("page", ["certificate", "details"])
def test_a_page_leads_to_its_badge_by_link_and_by_metadata(page: str) -> None:
    pdf = getattr(printed(), page)
    wide = page == "certificate"
    x, y, side = certificate.QR if wide else details.QR
    with pikepdf.open(io.BytesIO(pdf)) as document:
        (link,) = document.pages[0].Annots
        assert [str(link.Subtype), str(link.A.S)] == ["/Link", "/URI"]
        assert str(link.A.URI) == CERTIFICATE.verification_url
        left, bottom, right, top = (float(edge) for edge in link.Rect)
        assert left <= x + 0.1 and right >= x + side - 0.1 and bottom < y and top >= y + side - 0.1
        with document.open_metadata() as xmp:
            assert xmp["dc:identifier"] == CERTIFICATE.verification_url
            assert (xmp["pdfaid:part"], xmp["pdfaid:conformance"]) == ("3", "B")
            assert xmp["dc:title"] == str(document.docinfo["/Title"])
            assert xmp["dc:language"] == {"ja-JP"}
            assert xmp["xmp:CreateDate"] == xmp["xmp:ModifyDate"] == "2026-04-01T00:00:00+09:00"


def test_text_of_a_programme_that_looks_like_markup_stays_text() -> None:
    name = "橋梁 <診断> & 補修"
    pdf = printed(qualification_name=name).certificate
    with pikepdf.open(io.BytesIO(pdf)) as document, document.open_metadata() as xmp:
        assert xmp["dc:description"] == name


@pytest.mark.parametrize(
    "address",
    [
        CERTIFICATE.verification_url,
        f"https://openbadge.jci-net.or.jp/V/{ID}",
        f"https://badges.long-name-of-a-society.example.or.jp/V/{ID}",
    ],
)
@pytest.mark.parametrize("page", ["certificate", "details"])
def test_the_address_stands_below_its_code_large_enough_to_be_typed(page: str, address: str) -> None:
    drawn = sheets(verification_url=address)[page]
    lines = [each for each in drawn.texts if each.tag.kind == "Link"]
    assert "".join(line.text for line in lines) == address
    x, y, side = certificate.QR if page == "certificate" else details.QR
    for line in lines:
        assert line.size >= 8
        assert line.y < y
        assert abs(line.x + line.width / 2 - x - side / 2) < 0.5 or abs(line.x - x) < 0.5
        assert line.x + line.width < (WIDE if page == "certificate" else A4)[0] - 22 * MM


def test_what_is_drawn_on_a_page_is_read_aloud_in_the_order_of_its_facts() -> None:
    with pikepdf.open(io.BytesIO(printed().details)) as document:
        document_element = document.Root.StructTreeRoot.K
        kinds = [str(kid.S) for kid in document_element.K]
        assert kinds[:4] == ["/H1", "/P", "/Figure", "/P"] and kinds[-2:] == ["/Link", "/P"]
        table = next(kid for kid in document_element.K if kid.S == "/Table")
        assert [[str(cell.S) for cell in row.K] for row in table.K] == [["/TH", "/TD"]] * 8
        alternatives = [str(kid.Alt) for kid in document_element.K if kid.S == "/Figure"]
        assert alternatives == ["オープンバッジ「コンクリート技士」"]
    read = [each.text for each in sorted(sheets()["certificate"].texts, key=lambda each: each.tag.place)]
    assert read[:4] == ["登録証", "CERTIFICATE OF REGISTRATION", "見本 太郎", "殿"]
    assert read.index("コンクリート技士") < read.index("発行日　2026年4月1日") < read.index(PROGRAMME.society.name.ja)


def red(pdf: bytes) -> int:
    """Pixels of the colour of a seal."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        image = document[0].render(scale=1).to_pil().convert("RGB")
    finally:
        document.close()
    return sum(r > 150 and g < 90 and b < 90 for r, g, b in zip(*[iter(image.tobytes())] * 3, strict=True))


def test_the_seal_is_made_of_the_name_or_a_picture_or_left_out() -> None:
    def with_seal(seal: str, picture: bytes | None = None) -> bytes:
        society = msgspec.structs.replace(PROGRAMME.society, seal=seal)
        press = Press(msgspec.structs.replace(PROGRAMME, society=society), FONTS, seal=picture)
        return press.print(CERTIFICATE, badge("gishi"), CREDENTIAL).certificate

    square = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 30, 30)).save(square, "PNG")
    drawn, own, none = with_seal("drawn"), with_seal("seal.png", square.getvalue()), with_seal("none")
    assert red(own) > red(drawn) > 300 > red(none) == 0
    assert drawn == printed().certificate
