"""How a document is put together from what many share and what is its own: pdf/page.py."""

from __future__ import annotations

import io

import pikepdf
import pypdfium2
from PIL import Image, ImageChops

from services.renderer.domain.certificate import Press
from services.renderer.pdf.layer import Layer
from services.renderer.pdf.metadata import DocumentInfo
from services.renderer.pdf.page import make_document, make_template
from services.renderer.pdf.structure import Tag, figure
from tests.worlds.press import CERTIFICATE, CREDENTIAL, FONTS, PROGRAMME, badge, printed

INFO = DocumentInfo("title", "author", "subject", CERTIFICATE.issued_on, CERTIFICATE.verification_url)
WAVE = "n 10 10 m " + " ".join(f"{10 + x} {10 + x * x % 7} l" for x in range(1, 60)) + "\nS"
SIZE = (100.0, 100.0)


def page_of(*paths: str) -> bytes:
    """The paths one above the other, each in another colour."""
    layer = Layer("S")
    moved = (f"1 0 0 1 0 {15 * number} cm\n{number / 9} 0 0 RG\n{path}" for number, path in enumerate(paths))
    layer.ornament("q\n" + "\n".join(moved) + "\nQ")
    template = make_template(SIZE, layer)
    return make_document(template, template.layer(), INFO).content


def seen(pdf: bytes) -> Image.Image:
    image: Image.Image = pypdfium2.PdfDocument(io.BytesIO(pdf))[0].render(scale=3).to_pil()
    return image


def forms(pdf: bytes) -> list[bytes]:
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert document.check_pdf_syntax() == []
        drawn = document.pages[0].Resources.XObject.values()
        return [each.read_bytes() for each in drawn if each.Subtype == "/Form"]


def test_a_path_that_is_drawn_several_times_is_written_once_and_looks_the_same_each_time() -> None:
    once = page_of(WAVE, WAVE, WAVE)
    apart = page_of(WAVE, WAVE.replace("10 m", "10.000 m"), WAVE.replace("10 m", "10.0 m"))
    assert forms(once) == [WAVE.encode()]
    assert forms(apart) == []
    assert ImageChops.difference(seen(once), seen(apart)).getbbox() is None


def test_documents_with_the_same_elements_have_their_structure_in_the_same_bytes() -> None:
    one, other = printed(holder="見本 太郎").details, printed(holder="鉄筋 健一").details
    same = next(at for at, (mine, theirs) in enumerate(zip(one, other, strict=False)) if mine != theirs)
    with pikepdf.open(io.BytesIO(one)) as document:
        assert str(document.Root.StructTreeRoot.K.K[0].S) == "/H1"
    assert one[:same].count(b"/Type /ObjStm") == 2  # of the template, and of the structure
    assert b"/Type /StructElem /S /Table" not in one


def test_a_figures_text_is_that_of_its_own_document() -> None:
    layer = Layer("S")
    template = make_template(SIZE, layer)

    def alternative(text: str) -> str:
        own = template.layer()
        own.figure(figure((1,), text, (0, 0, 9, 9)), "0 0 9 9 re f")
        with pikepdf.open(io.BytesIO(make_document(template, own, INFO).content)) as document:
            return str(document.Root.StructTreeRoot.K.K[0].Alt)

    assert [alternative("one"), alternative("another"), alternative("one")] == ["one", "another", "one"]


def test_however_many_kinds_of_pages_there_were_a_page_has_its_own_elements() -> None:
    template = make_template(SIZE, Layer("S"))
    for count in [*range(1, 12), 3]:
        own = template.layer()
        for number in range(count):
            own.figure(Tag((number,), "P"), "0 0 9 9 re f")
        with pikepdf.open(io.BytesIO(make_document(template, own, INFO).content)) as document:
            assert len(document.Root.StructTreeRoot.K.K) == count


def test_the_order_in_which_people_come_changes_no_byte() -> None:
    people = [printed(), printed(holder="勅使河原寿限無五劫之擦切海砂利水魚 水行末雲来末"), printed(latin_name=None)]
    press = Press(PROGRAMME, FONTS)
    assert press.print(CERTIFICATE, badge("gishi"), CREDENTIAL) == people[0]


def test_the_files_are_small() -> None:
    both = printed()
    assert len(both.certificate) < 100_000
    assert len(both.details) < 100_000
