"""Print sheets of certificates and cards: domain/card.py, the press, pdf/page.py."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pikepdf
import pypdfium2
import pytest

from services.renderer.domain.card import EACH, HEIGHT, QR, WIDTH, Card, place_of
from services.renderer.domain.typesetting import A4, MM
from services.renderer.pdf.qr import qr_text
from tests.worlds.press import CERTIFICATE, PROGRAMME, badge, press
from tests.worlds.qr_codes import qr_codes_in

NAMES = (
    "見本 太郎",
    "一 一",
    "𠮷野 花子",
    "辻\U000e0100 健",
    "김 철수",
    "O’Neill-Smith Alexander",
    "勅使河原寿限無五劫之擦切海砂利水魚 水行末雲来末風来末食寝処住処藪裏柑子",
    "Wolfeschlegelsteinhausenbergerdorff Hubert Blaine Alexander Christopher Maximilian",
    "髙橋﨑 一郎",
)


def cards(names: Sequence[str] = NAMES) -> list[Card]:
    qualifications = list(PROGRAMME.qualifications)
    found = []
    for number, name in enumerate(names):
        id = qualifications[number % 3]
        certificate = replace(
            CERTIFICATE,
            holder=name,
            qualification=id,
            qualification_name=PROGRAMME.qualifications[id].name.ja,
            registration_number=f"26-{number:05}",
            verification_url=f"https://badges.example.jp/V/{'ABCDEFGHIJ'[number]}{'2' * 25}",
        )
        found.append(Card(f"1234567{number}", certificate, badge(id)))
    return found


@contextmanager
def opened(pdf: bytes) -> Iterator[pypdfium2.PdfDocument]:
    document = pypdfium2.PdfDocument(pdf)
    try:
        yield document
    finally:
        document.close()


@pytest.fixture(scope="module")
def certificates() -> tuple[bytes, int, list[str]]:
    return press().print_certificates(cards())


@pytest.fixture(scope="module")
def sheet() -> tuple[bytes, int, list[str]]:
    return press().print_cards(cards())


def test_a_certificate_is_a_page_of_its_own_with_the_name_and_the_registration_number(
    certificates: tuple[bytes, int, list[str]],
) -> None:
    pdf, pages, left_out = certificates
    assert (pages, left_out) == (len(NAMES), [])
    with opened(pdf) as document:
        assert len(document) == len(NAMES)
        for number, page in enumerate(document):
            text = page.get_textpage().get_text_range().replace("\r\n", "")
            assert f"26-{number:05}" in text
            assert NAMES[number].replace(" ", "") in text.replace(" ", ""), NAMES[number]


def test_paper_has_nothing_that_only_a_screen_has(
    certificates: tuple[bytes, int, list[str]], sheet: tuple[bytes, int, list[str]]
) -> None:
    for pdf, _, _ in (certificates, sheet):
        with pikepdf.open(io.BytesIO(pdf)) as document:
            assert "/Annots" not in document.pages[0] and "/Names" not in document.Root
            assert not document.attachments and "/AF" not in document.Root
            assert document.Root.ViewerPreferences.PrintScaling == "/None"  # or a card is not 85.6 mm wide
            assert not document.check_pdf_syntax()


def test_eight_cards_of_85_6_by_54_mm_stand_on_a_sheet_and_none_touches_another_or_the_edge() -> None:
    assert (round(WIDTH / MM, 3), round(HEIGHT / MM, 3)) == (85.6, 54.0)
    places = [place_of(number) for number in range(EACH)]
    room = 4.75 * MM  # what stands outside of a card: its marks
    for x, y in places:
        assert room <= x and x + WIDTH + room <= A4[0] and room <= y and y + HEIGHT + room <= A4[1]
    for one in range(EACH):
        for other in range(one):
            across = abs(places[one][0] - places[other][0]) >= WIDTH + 2 * room
            along = abs(places[one][1] - places[other][1]) >= HEIGHT + 2 * room
            assert across or along, (one, other)


def test_each_card_has_its_own_code_which_a_reader_reads_from_paper(sheet: tuple[bytes, int, list[str]]) -> None:
    pdf, pages, left_out = sheet
    assert (pages, left_out) == (2, [])
    with opened(pdf) as document:
        found = [
            each.text for page in document for each in qr_codes_in(page.render(scale=300 / 72, grayscale=True).to_pil())
        ]
    assert sorted(found) == sorted(qr_text(card.certificate.verification_url) for card in cards())
    assert QR[2] / MM > 18


def test_no_text_of_a_card_leaves_it(sheet: tuple[bytes, int, list[str]]) -> None:
    with opened(sheet[0]) as document:
        text = document[0].get_textpage()
        for number in range(text.count_chars()):
            if not text.get_text_range(number, 1).strip():
                continue
            left, bottom, right, top = text.get_charbox(number)
            inside = [
                x + MM <= left and right <= x + WIDTH - 2 * MM and y - 5 * MM <= bottom and top <= y + HEIGHT
                for x, y in map(place_of, range(EACH))
            ]
            assert any(inside), (number, text.get_text_range(max(0, number - 3), 7), left, right)


def test_the_same_cards_give_the_same_bytes(sheet: tuple[bytes, int, list[str]]) -> None:
    assert press().print_cards(cards()) == sheet


@pytest.mark.parametrize("name", ["山田 😀", "\u0634 太郎", "見本 \u200b太郎"])
def test_what_no_font_holds_is_left_out_and_named(name: str) -> None:
    people = cards((NAMES[0], name, NAMES[2]))
    for draw in (press().print_certificates, press().print_cards):
        pdf, pages, left_out = draw(people)
        assert left_out == [people[1].number]
        with opened(pdf) as document:
            assert len(document) == pages == (2 if draw == press().print_certificates else 1)


def test_what_many_pages_share_is_in_the_file_once(certificates: tuple[bytes, int, list[str]]) -> None:
    one = press().print_certificates(cards(NAMES[:3]))[0]
    nine = certificates[0]
    assert len(nine) - len(one) < 6 * 25_000
    assert nine.count(b"/Subtype /Form") == 3  # the picture of each qualification
