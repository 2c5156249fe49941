"""`akashi bench render`: both PDFs of a person on one core, compared with reportlab and typst; sizes, memory, QR.

Rates are per CPU second of one process: the load of other processes doesn't count. All draw the very same pages, the
others with the pixels of the badge. Ours are measured in a process of their own, in which nothing but the renderer is
loaded.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click
import pypdfium2
from PIL import Image

from deploy.bench.render_ours import CREDENTIAL, FONTS, WARM, certificates, programme, rate
from deploy.bench.report import Report
from deploy.bench.reportlab_sheet import ReportlabSheet
from services.issuer.art.badge_art import badge_png, badge_svg
from services.renderer.domain import certificate, details
from services.renderer.domain.certificate import TALL, WIDE, Press
from services.renderer.domain.facts import Certificate
from services.renderer.pdf.ornament import seal
from services.renderer.pdf.picture import Picture
from services.renderer.pdf.qr import qr_text
from services.renderer.pdf.vector_picture import read_svg
from shared.glyphs import SANS, SERIF
from shared.runtime.commands import json_option

GOAL_REPORTLAB, GOAL_TYPST = 20.0, 10.0  # times
GOAL_MEMORY, GOAL_GROWTH = 150.0, 8.0  # MB
GOAL_SIZES = (350.0, 150.0)  # KB: 証書, 内容詳細
_DPI = 150
_DRAWN_ONCE = (certificate.ground, details.ground, seal)


@click.command()
@click.option("--people", default=20_000, show_default=True, help="描く人数。 / Number of people to print.")
@click.option("--sample", default=20, show_default=True, help="比べる方法で描く人数。 / Number that the others print.")
@click.option("--codes", default=1_000, show_default=True, help="QRコードを読む人数。 / Number whose codes are read.")
@json_option
def render(people: int, sample: int, codes: int, as_json: bool) -> None:
    """PDFを描く速さを、ほかの方法と並べて測る。 / Measure the rate of printing, compared with others.

    1 コアで証書と内容詳細を描き、reportlab、typst と比べる。メモリー、大きさ、QRコードの読み取りも確かめる。
    / Prints both PDFs on one core, compared with reportlab and typst; memory, sizes, and QR codes read by two decoders.
    """
    measure(people, sample, codes).show(as_json=as_json)


def measure(people: int, sample: int, codes: int) -> Report:
    """Ours for all `people`, and once more, for fewer, after the rivals."""
    it = programme()
    badges = {id: badge_png(id, "2026", it, FONTS) for id in it.qualifications}
    press = Press(it, FONTS)
    drawn = {id: badge_svg(id, "2026", it, FONTS) for id in it.qualifications}
    pictures = {id: read_svg(svg) for id, svg in drawn.items()}
    few = list(certificates(sample, "SAMPLE", it))
    with tempfile.TemporaryDirectory(prefix="akashi-bench-") as folder:
        for id, svg in drawn.items():
            (Path(folder) / f"{id}.svg").write_bytes(svg)
        command = [sys.executable, "-m", "deploy.bench.render_ours", folder, str(people)]
        ours = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        rivals: list[tuple[_Reportlab | Typesetter, float | None]] = [
            (_Reportlab(press, badges, pictures), GOAL_REPORTLAB),
            (_Reportlab(press, badges, pictures, keeps=True), None),
            (Typesetter(press, badges, pictures, Path(folder)), GOAL_TYPST),
        ]
        rates = [_rate_of(rival.draw, few) for rival, _ in rivals]
    again = rate(press, pictures, certificates(min(people, 500), "AGAIN", it))

    report = Report("render")
    report.add("printed, both PDFs", ours["rate"], "people/s")
    report.add("the same, after the others", again, "people/s")
    for (rival, goal), theirs in zip(rivals, rates, strict=True):
        report.add(rival.name, theirs, "people/s")
        report.compare(f"ours to {rival.name}", ours["rate"], "people/s", rival.name, theirs, at_least=goal)
    for name, size, most in zip(("証書", "内容詳細"), ours["largest"], GOAL_SIZES, strict=True):
        report.add(f"largest {name}", size / 1000, "KB", at_most=most)
    report.add(f"memory after the first {min(WARM, people)}", ours["early"], "MB")
    report.add(f"memory after all {people}", ours["late"], "MB", at_most=GOAL_MEMORY)
    report.add("memory grown between", ours["late"] - ours["early"], "MB", at_most=GOAL_GROWTH)
    for decoder, count in _decoded(press, pictures, list(certificates(codes, "CODES", it))).items():
        report.add(f"QR codes read by {decoder} at {_DPI} dpi, of {2 * codes}", count, "pages", at_least=2 * codes)
    return report


def _rate_of(draw: Callable[[Certificate], object], people: Sequence[Certificate]) -> float:
    """People a CPU second, after three that read the fonts."""
    for each in people[:3]:
        draw(each)
    began = time.process_time()
    for each in people:
        draw(each)
    return len(people) / (time.process_time() - began)


class _Reportlab:
    """All is drawn for each person; with `keeps` the ornaments are drawn once for all, which one would do next."""

    def __init__(
        self, press: Press, badges: Mapping[str, bytes], pictures: Mapping[str, Picture], *, keeps: bool = False
    ) -> None:
        self.name = "reportlab, ornaments drawn once" if keeps else "plain reportlab"
        self._press, self._badges, self._pictures, self._keeps = press, badges, pictures, keeps

    def draw(self, certificate: Certificate) -> tuple[bytes, bytes]:
        if not self._keeps:
            for drawn_once in _DRAWN_ONCE:
                drawn_once.cache_clear()
        id = certificate.qualification
        wide, tall = ReportlabSheet(WIDE, self._badges[id]), ReportlabSheet(TALL, self._badges[id])
        self._press.draw_static(id, certificate.qualification_name, self._pictures[id], wide, tall)
        self._press.draw_own(certificate, wide, tall)
        return wide.finish(), tall.finish()


class Typesetter:
    name = "typst"

    def __init__(
        self, press: Press, badges: Mapping[str, bytes], pictures: Mapping[str, Picture], folder: Path
    ) -> None:
        from deploy.bench.typst_sheet import Typst, TypstSheet

        self._press, self._sheet = press, TypstSheet
        self._compilers: dict[str, Typst] = {}
        for id, badge in badges.items():
            (folder / id).mkdir()
            fonts = [(FONTS / font).parents[1] for font in (SERIF, SANS)]
            compiler = self._compilers[id] = Typst(folder / id, fonts, badge)
            wide, tall = TypstSheet(WIDE), TypstSheet(TALL)
            press.draw_static(id, programme().qualification(id).name.ja, pictures[id], wide, tall)
            compiler.share("wide", wide)
            compiler.share("tall", tall)

    def draw(self, certificate: Certificate) -> tuple[bytes, bytes]:
        wide, tall = self._sheet(WIDE), self._sheet(TALL)
        self._press.draw_own(certificate, wide, tall)
        compiler = self._compilers[certificate.qualification]
        return compiler.page("wide", wide), compiler.page("tall", tall)


def _decoded(press: Press, pictures: Mapping[str, Picture], people: Sequence[Certificate]) -> dict[str, int]:
    """How many codes each decoder reads rightly, of what a camera would have in its frame."""
    import zxingcpp

    try:
        from pyzbar import pyzbar
    except ImportError as error:
        raise click.ClickException(f"zbar: got none ({error}), expected its library: apt install libzbar0") from error

    places = ((WIDE, certificate.QR), (TALL, details.QR))
    found = {"zbar": 0, "zxing-cpp": 0}
    for each in people:
        expected = qr_text(each.verification_url)
        both = press.print(each, pictures[each.qualification], CREDENTIAL)
        for pdf in (both.certificate, both.details):
            image = _code(pdf, places[pdf is both.details])
            found["zbar"] += [code.data.decode() for code in pyzbar.decode(image)] == [expected]
            found["zxing-cpp"] += [code.text for code in zxingcpp.read_barcodes(image)] == [expected]
    return found


def _code(pdf: bytes, place: tuple[tuple[float, float], tuple[float, float, float]]) -> Image.Image:
    """The code and a centimetre about it, as a raster."""
    (width, height), (x, y, side) = place
    about = 28.0
    edges = (x - about, y - about, width - x - side - about, height - y - side - about)
    document = pypdfium2.PdfDocument(io.BytesIO(pdf))
    try:
        image: Image.Image = document[0].render(scale=_DPI / 72, crop=edges, grayscale=True).to_pil()
    finally:
        document.close()
    return image
