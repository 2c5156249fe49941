"""One-page PDFs by reportlab, with what it lacks: our font subsets, and page parts that are made once.

reportlab's own TrueType fonts copy 𠮷 out as another character, draw a box for a missing glyph, and know no variation
sequences. `PageFont` takes their place behind the same interface (reportlab's "dynamic font").
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from types import SimpleNamespace
from typing import Any, cast
from weakref import WeakKeyDictionary

from PIL import Image, UnidentifiedImageError
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.pdfdoc import PDFObject, PDFZCompress, xObjectName
from reportlab.pdfgen.canvas import Canvas

from services.renderer.pdf.typeface import FontSubset, SubsetBuilder, Typeface

Size = tuple[float, float]
"""Of a page in points: width, height."""


class PageFont:
    """A typeface as reportlab's canvas sees it. Each document that uses it gets its own subset."""

    _multiByte = 1  # noqa: N815 (all these names are reportlab's)
    _dynamicFont = 1  # noqa: N815
    shapable = False

    def __init__(self, typeface: Typeface) -> None:
        self.typeface = typeface
        self.fontName = typeface.name
        self.face = SimpleNamespace(builtIn=False, name=typeface.name)
        self._subsets: WeakKeyDictionary[Any, tuple[str, SubsetBuilder]] = WeakKeyDictionary()

    def stringWidth(self, text: str, size: float, encoding: str = "utf8") -> float:  # noqa: N802
        return self.typeface.width(text, size)

    def splitString(self, text: str, doc: Any, encoding: str = "utf8") -> list[tuple[int, bytes]]:  # noqa: N802
        return [(0, self._of(doc)[1].encode(text))]

    def getSubsetInternalName(self, subset: int, doc: Any) -> str:  # noqa: N802
        return f"/{self._of(doc)[0]}"

    def addObjects(self, doc: Any) -> None:  # noqa: N802
        name, builder = self._of(doc)
        doc.idToObject["BasicFonts"].dict[name] = _font_object(builder.build(), doc)

    def _of(self, doc: Any) -> tuple[str, SubsetBuilder]:
        if doc not in self._subsets:
            self._subsets[doc] = (f"F{len(doc.fontMapping) + 1}", SubsetBuilder(self.typeface))
            doc.fontMapping[self.fontName] = f"/{self._subsets[doc][0]}"
            doc.delayedFonts.append(self)
        return self._subsets[doc]

    def subset_of(self, doc: Any) -> FontSubset:
        """What the document has used of this font so far."""
        return self._of(doc)[1].build()


class _RawObject(PDFObject):
    """A PDF object given as its bytes, or as a function that makes them when the document is written."""

    __RefOnly__ = 1

    def __init__(self, body: bytes | Callable[[Any], bytes]) -> None:
        self.body = body

    def format(self, document: Any) -> bytes:
        return self.body if isinstance(self.body, bytes) else self.body(document)


def _stream(head: str, deflated: bytes) -> bytes:
    return f"<< {head} /Filter /FlateDecode /Length {len(deflated)} >>\nstream\n".encode() + deflated + b"\nendstream"


def _font_object(subset: FontSubset, doc: Any) -> Any:
    """Add the five objects of a composite font (ISO 32000-1, 9.7.6) and return the reference to the first."""

    def number(body: bytes | Callable[[Any], bytes]) -> str:
        reference: bytes = doc.Reference(_RawObject(body)).format(doc)
        return reference.decode("ascii")

    file = number(_stream(f"/Length1 {subset.font_length}", subset.font))
    characters = number(_stream("", subset.characters))
    descriptor = number(
        f"<< /Type /FontDescriptor /FontName /{subset.name} {subset.descriptor} /FontFile2 {file} >>".encode()
    )
    descendant = number(
        (
            f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /{subset.name} /CIDToGIDMap /Identity /DW 1000"
            " /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>"
            f" /W [{subset.widths}] /FontDescriptor {descriptor} >>"
        ).encode()
    )
    return doc.Reference(
        _RawObject(
            (
                f"<< /Type /Font /Subtype /Type0 /BaseFont /{subset.name} /Encoding /Identity-H"
                f" /DescendantFonts [{descendant}] /ToUnicode {characters} >>"
            ).encode()
        )
    )


@dataclass(frozen=True)
class PagePart:
    """A part of a page that many documents share: operators, deflated once, and the fonts that they use."""

    size: Size
    operators: bytes
    fonts: Mapping[str, FontSubset]


def make_part(size: Size, fonts: tuple[PageFont, ...], draw: Callable[[Canvas], None]) -> PagePart:
    """What `draw` draws. It may use the given fonts, but no pictures and no other parts."""
    canvas: Any = Canvas(io.BytesIO(), pagesize=size, invariant=1, initialFontName=_first(fonts[0]))
    doc = canvas._doc
    draw(canvas)
    used = {font._of(doc)[0]: font.subset_of(doc) for font in fonts if font.fontName in doc.fontMapping}
    return PagePart(size, zlib.compress("\n".join(canvas._code).encode("latin-1"), 9), used)


@dataclass(frozen=True)
class RasterPicture:
    """A raster picture, deflated once. `colours` is the value of /ColorSpace."""

    width: int
    height: int
    colours: str
    pixels: bytes
    alpha: bytes


def make_picture(png: bytes) -> RasterPicture:
    """From any picture that Pillow reads; palette and transparency are kept. ValueError for anything else."""
    try:
        with Image.open(io.BytesIO(png)) as image:
            image.load()
            alpha = image.convert("RGBA").getchannel("A").tobytes()
            if image.mode == "P":
                palette = bytes(image.getpalette("RGB") or ())
                colours, pixels = f"[/Indexed /DeviceRGB {len(palette) // 3 - 1} <{palette.hex()}>]", image.tobytes()
            else:
                colours, pixels = "/DeviceRGB", image.convert("RGB").tobytes()
            return RasterPicture(*image.size, colours, zlib.compress(pixels, 9), zlib.compress(alpha, 9))
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ValueError(f"badge picture: got {len(png)} bytes, expected a PNG ({error})") from error


@dataclass(frozen=True)
class DocumentInfo:
    """The document information dictionary (ISO 32000-1, 14.3.3)."""

    title: str
    author: str
    subject: str
    created_on: date


class Page:
    """A document of one page: draw on `canvas`, then `finish` it. The same page gives the same bytes."""

    def __init__(self, size: Size, font: PageFont, info: DocumentInfo) -> None:
        self._out = io.BytesIO()
        self.canvas = Canvas(
            self._out,
            pagesize=size,
            pageCompression=0,
            invariant=1,
            initialFontName=_first(font),
            pdfVersion=(1, 7),
            lang="ja-JP",
        )
        self.canvas.setTitle(info.title)
        self.canvas.setAuthor(info.author)
        self.canvas.setSubject(info.subject)
        self.canvas.setCreator(info.author)
        self.canvas.setProducer("Akashi")
        self._doc = cast(Any, self.canvas)._doc
        self._doc.defaultStreamFilters = [PDFZCompress]
        self.canvas.setViewerPreference("DisplayDocTitle", "true")
        self.canvas.setDateFormatter(lambda *_: info.created_on.strftime("D:%Y%m%d000000+09'00'"))

    def place(self, part: PagePart) -> None:
        """Draw a part that was made before over the whole page."""

        def body(doc: Any) -> bytes:
            fonts = " ".join(
                f"/{name} {_font_object(font, doc).format(doc).decode()}" for name, font in part.fonts.items()
            )
            width, height = part.size
            head = f"/Type /XObject /Subtype /Form /BBox [0 0 {width:.3f} {height:.3f}]"
            return _stream(f"{head} /Resources << /Font << {fonts} >> >>", part.operators)

        self._use("part", body)

    def picture(self, picture: RasterPicture, x: float, y: float, side: float) -> None:
        """Draw a picture into a square of `side` points, its lower left corner at x, y."""
        size = f"/Type /XObject /Subtype /Image /Width {picture.width} /Height {picture.height} /BitsPerComponent 8"

        def body(doc: Any) -> bytes:
            mask = (
                doc.Reference(_RawObject(_stream(f"{size} /ColorSpace /DeviceGray", picture.alpha)))
                .format(doc)
                .decode()
            )
            return _stream(f"{size} /ColorSpace {picture.colours} /SMask {mask}", picture.pixels)

        self.canvas.saveState()
        self.canvas.translate(x, y)
        self.canvas.scale(side, side)
        self._use("picture", body)
        self.canvas.restoreState()

    def attach(self, name: str, media_type: str, description: str, content: bytes) -> None:
        """Embed a file as data associated with the whole document (ISO 32000-2, 7.11.4 and 14.13).

        `name` and `description` are ASCII.
        """

        def number(body: bytes) -> str:
            reference: bytes = self._doc.Reference(_RawObject(body)).format(self._doc)
            return reference.decode("ascii")

        head = f"/Type /EmbeddedFile /Subtype /{media_type.replace('/', '#2F')} /Params << /Size {len(content)} >>"
        file = number(_stream(head, zlib.compress(content)))
        entry = number(
            f"<< /Type /Filespec /F ({name}) /UF ({name}) /Desc ({description}) /AFRelationship /Data"
            f" /EF << /F {file} /UF {file} >> >>".encode("ascii")
        )
        catalog = self._doc.Catalog
        catalog.__NoDefault__ = [*catalog.__NoDefault__, "AF"]  # reportlab doesn't know associated files
        catalog.__Refs__ = catalog.__NoDefault__
        catalog.Names = _RawObject(f"<< /EmbeddedFiles << /Names [({name}) {entry}] >> >>".encode("ascii"))
        catalog.AF = _RawObject(f"[{entry}]".encode("ascii"))

    def finish(self) -> bytes:
        self.canvas.showPage()
        self.canvas.save()
        return self._out.getvalue()

    def _use(self, name: str, body: Callable[[Any], bytes]) -> None:
        self._doc.Reference(_RawObject(body), xObjectName(name))
        self.canvas.doForm(name)


def draw_operators(canvas: Canvas, operators: str) -> None:
    """Append PDF operators to the page's content."""
    cast(Any, canvas)._code.append(operators)


def _first(font: PageFont) -> Any:
    """The font that a canvas starts with; reportlab's default is Helvetica, not embedded. Its stubs expect a number."""
    return font.fontName


def register(typeface: Typeface) -> PageFont:
    """Register the typeface in reportlab's table of fonts, which the process shares. Repeating it changes nothing."""
    known = cast(Any, pdfmetrics)._fonts.get(typeface.name)
    if isinstance(known, PageFont) and known.typeface is typeface:
        return known
    font = PageFont(typeface)
    pdfmetrics.registerFont(font)
    return font
