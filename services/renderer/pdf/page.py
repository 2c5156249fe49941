"""PDF/A-3b documents of one page, assembled from bytes: what many share is made once, the rest is added to it.

A template holds the shared objects with their offsets; a document is the template, its own objects and the table of all
offsets (ISO 32000-1, 7.5). Nothing is parsed and nothing depends on time or chance: the same page gives the same bytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from services.renderer.pdf.layer import Layer, SharedFonts, Size
from services.renderer.pdf.metadata import LANGUAGE, PRODUCER, DocumentInfo, information, xmp
from services.renderer.pdf.picture import RasterPicture
from services.renderer.pdf.structure import Marked, Tag, text_string, tree_of
from services.renderer.pdf.typeface import FontSubset

_HEAD = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
_CATALOG, _PAGES, _PAGE, _TREE, _METADATA, _INFO = range(1, 7)
_FIRST = 7  # the first number of the template's own objects
_PROFILE = zlib.compress((Path(__file__).parent / "srgb.icc").read_bytes(), 9)


@dataclass(frozen=True)
class Template:
    """What is the same in many documents: its objects as bytes, and where each of them begins."""

    size: Size
    body: bytes
    digest: Any  # SHA-256 of the body; each document continues a copy, as nine tenths of it are its template
    table: str  # of the objects' offsets
    next_number: int
    profile: int  # number of the colour profile
    content: int
    fonts: str  # the entries of the page's resources
    pictures: str
    marked: tuple[Marked, ...]
    containers: tuple[Tag, ...]
    shared: SharedFonts

    def layer(self) -> Layer:
        """An empty sheet for what is one document's own."""
        return Layer("D", len(self.marked), self.shared)


@dataclass(frozen=True)
class Attachment:
    """A file inside the document (ISO 32000-2, 7.11.4 and 14.13). `name` and `description` are ASCII."""

    name: str
    media_type: str
    description: str
    content: bytes


class Document(NamedTuple):
    """A PDF and its hash in hexadecimal digits."""

    content: bytes
    sha256: str


class _Objects:
    """Objects written one after the other."""

    def __init__(self, start: int, next_number: int) -> None:
        self._bodies: list[bytes] = []
        self._at = start
        self.next_number = next_number
        self.offsets: dict[int, int] = {}

    def add(self, body: str | bytes, number: int | None = None) -> int:
        if number is None:
            number, self.next_number = self.next_number, self.next_number + 1
        if isinstance(body, str):
            whole = f"{number} 0 obj\n{body}\nendobj\n".encode("ascii")
        else:
            whole = b"%d 0 obj\n%b\nendobj\n" % (number, body)
        self.offsets[number] = self._at
        self._at += len(whole)
        self._bodies.append(whole)
        return number

    def stream(self, head: str, deflated: bytes) -> int:
        return self.add(_stream(f"{head} /Filter /FlateDecode", deflated))

    def written(self) -> bytes:
        return b"".join(self._bodies)


def make_template(size: Size, layer: Layer, containers: Sequence[Tag] = ()) -> Template:
    """From what is drawn on `layer`. `containers` are elements of the structure without content of their own."""
    objects = _Objects(len(_HEAD), _FIRST)
    profile = objects.stream("/N 3", _PROFILE)
    pictures = _pictures(objects, layer.pictures)
    fonts = _fonts(objects, layer.fonts())
    content = objects.stream("", zlib.compress(layer.content(), 9))
    body = _HEAD + objects.written()
    return Template(
        size,
        body,
        sha256(body),
        _table(objects.offsets, range(_FIRST, objects.next_number)),
        objects.next_number,
        profile,
        content,
        fonts,
        pictures,
        tuple(layer.marked),
        tuple(containers),
        layer.shared_fonts(),
    )


class SheetPage(NamedTuple):
    """A page of a print sheet: what it shares with others (equal layers are written once), and what is its own."""

    shared: Layer | None
    own: Layer


def make_print_sheet(size: Size, pages: Sequence[SheetPage], title: str) -> bytes:
    """Many pages for a printer's as one document: what is seen and no more, no tags, links or metadata.

    The same pages give the same bytes.
    """
    objects = _Objects(len(_HEAD), _PAGES + 1)
    profile = objects.stream("/N 3", _PROFILE)
    known: dict[int, int] = {}  # pictures by identity
    shared: dict[int, tuple[int, tuple[str, str]]] = {}  # layers by identity: content, resources
    width, height = size
    kids = []
    for page in pages:
        contents, resources = [], []
        for layer in (page.shared, page.own):
            if layer is None:
                continue
            found = shared.get(id(layer))
            if found is None:
                fonts, pictures = _fonts(objects, layer.fonts()), _pictures(objects, layer.pictures, known)
                found = objects.stream("", zlib.compress(layer.content())), (fonts, pictures)
                if layer is page.shared:
                    shared[id(layer)] = found
            contents.append(f"{found[0]} 0 R")
            resources.append(found[1])
        fonts, pictures = (" ".join(entries) for entries in zip(*resources, strict=True))
        kids.append(
            objects.add(
                f"<< /Type /Page /Parent {_PAGES} 0 R /MediaBox [0 0 {width:.3f} {height:.3f}]"
                f" /Contents [{' '.join(contents)}] /Resources << /Font << {fonts} >> /XObject << {pictures} >> >> >>"
            )
        )
    objects.add(f"<< /Type /Pages /Kids [{' '.join(f'{kid} 0 R' for kid in kids)}] /Count {len(kids)} >>", _PAGES)
    info = objects.add(f"<< /Title {text_string(title)} /Producer ({PRODUCER}) >>")
    objects.add(
        f"<< /Type /Catalog /Version /1.7 /Pages {_PAGES} 0 R /ViewerPreferences << /PrintScaling /None >>"
        f" /OutputIntents [{_output_intent(profile)}] >>",
        _CATALOG,
    )
    body = _HEAD + objects.written()
    return body + _end(_table(objects.offsets, range(1, objects.next_number)), info, len(body), sha256(body))


def make_document(
    template: Template, layer: Layer, info: DocumentInfo, attachment: Attachment | None = None
) -> Document:
    """The template with what is drawn on `layer`, which is one of `template.layer()`."""
    objects = _Objects(len(template.body), template.next_number)
    content = objects.stream("", zlib.compress(layer.content()))
    fonts = _fonts(objects, layer.fonts())
    pictures = _pictures(objects, layer.pictures)
    links = {
        tag: objects.add(
            f"<< /Type /Annot /Subtype /Link /Rect [{' '.join(f'{edge:.2f}' for edge in box)}] /Border [0 0 0] /F 4"
            f" /StructParent {key} /P {_PAGE} 0 R /Contents {text_string(address)}"
            f" /A << /S /URI /URI ({_literal(address)}) >> >>"
        )
        for key, (tag, address, box) in enumerate(layer.links, 1)
    }
    tree = tree_of(
        (*template.marked, *layer.marked),
        (*template.containers, *links),
        {tag.place: number for tag, number in links.items()},
        root=_TREE,
        page=_PAGE,
        first_number=objects.next_number,
    )
    objects.next_number = tree.next_number
    for number, body in tree.objects.items():
        objects.add(body, number)

    width, height = template.size
    objects.add(
        f"<< /Type /Page /Parent {_PAGES} 0 R /MediaBox [0 0 {width:.3f} {height:.3f}] /StructParents 0 /Tabs /S"
        f" /Contents [{template.content} 0 R {content} 0 R]"
        f" /Resources << /Font << {template.fonts} {fonts} >> /XObject << {template.pictures} {pictures} >> >>"
        f" /Annots [{' '.join(f'{number} 0 R' for number in links.values())}] >>",
        _PAGE,
    )
    objects.add(f"<< /Type /Pages /Kids [{_PAGE} 0 R] /Count 1 >>", _PAGES)
    objects.add(_stream("/Type /Metadata /Subtype /XML", xmp(info)), _METADATA)
    objects.add(information(info), _INFO)
    objects.add(
        f"<< /Type /Catalog /Version /1.7 /Pages {_PAGES} 0 R /Metadata {_METADATA} 0 R /StructTreeRoot {_TREE} 0 R"
        f" /MarkInfo << /Marked true >> /Lang ({LANGUAGE}) /ViewerPreferences << /DisplayDocTitle true >>"
        f" /OutputIntents [{_output_intent(template.profile)}]"
        f"{_attached(objects, attachment, info) if attachment else ''} >>",
        _CATALOG,
    )
    return _finished(template, objects)


def _finished(template: Template, objects: _Objects) -> Document:
    own, digest = objects.written(), template.digest.copy()
    digest.update(own)
    before, after = range(1, _FIRST), range(template.next_number, objects.next_number)
    table = "".join((_table(objects.offsets, before), template.table, _table(objects.offsets, after)))
    end = _end(table, _INFO, len(template.body) + len(own), digest)
    digest.update(end)
    return Document(b"".join((template.body, own, end)), digest.hexdigest())


def _end(table: str, info: int, length: int, digest: Any) -> bytes:
    """What follows all objects, which are `length` bytes: the lines of their table, and where it begins."""
    count = 1 + table.count("\n")
    identity = digest.hexdigest()[:32]
    return (
        f"xref\n0 {count}\n0000000000 65535 f \n{table}"
        f"trailer\n<< /Size {count} /Root {_CATALOG} 0 R /Info {info} 0 R /ID [<{identity}> <{identity}>] >>\n"
        f"startxref\n{length}\n%%EOF\n"
    ).encode("ascii")


def _output_intent(profile: int) -> str:
    return (
        "<< /Type /OutputIntent /S /GTS_PDFA1 /OutputConditionIdentifier (sRGB IEC61966-2.1)"
        f" /Info (sRGB IEC61966-2.1) /DestOutputProfile {profile} 0 R >>"
    )


def _table(offsets: Mapping[int, int], numbers: range) -> str:
    """The lines of the table of offsets for these objects."""
    return "".join([f"{offsets[number]:010d} 00000 n \n" for number in numbers])


def _stream(head: str, content: bytes) -> bytes:
    return f"<< {head} /Length {len(content)} >>\nstream\n".encode("ascii") + content + b"\nendstream"


def _fonts(objects: _Objects, subsets: Mapping[str, FontSubset]) -> str:
    """Add the five objects of each composite font (ISO 32000-1, 9.7.6); the entries of the page's resources."""
    entries: list[str] = []
    for name, subset in subsets.items():
        file = objects.stream(f"/Length1 {subset.font_length}", subset.font)
        characters = objects.stream("", subset.characters)
        descriptor = objects.add(
            f"<< /Type /FontDescriptor /FontName /{subset.name} {subset.descriptor} /FontFile2 {file} 0 R >>"
        )
        descendant = objects.add(
            f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /{subset.name} /CIDToGIDMap /Identity /DW 1000"
            " /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>"
            f" /W [{subset.widths}] /FontDescriptor {descriptor} 0 R >>"
        )
        font = objects.add(
            f"<< /Type /Font /Subtype /Type0 /BaseFont /{subset.name} /Encoding /Identity-H"
            f" /DescendantFonts [{descendant} 0 R] /ToUnicode {characters} 0 R >>"
        )
        entries.append(f"/{name} {font} 0 R")
    return " ".join(entries)


def _pictures(objects: _Objects, pictures: Mapping[str, RasterPicture], known: dict[int, int] | None = None) -> str:
    """`known`: the numbers of pictures that are written, by identity."""
    entries: list[str] = []
    known = {} if known is None else known
    for name, picture in pictures.items():
        if id(picture) in known:
            entries.append(f"/{name} {known[id(picture)]} 0 R")
            continue
        head = (
            f"/Type /XObject /Subtype /Image /Width {picture.width} /Height {picture.height}"
            " /BitsPerComponent 8 /Interpolate false"
        )
        mask = objects.stream(f"{head} /ColorSpace /DeviceGray", picture.alpha)
        image = objects.stream(f"{head} /ColorSpace {picture.colours} /SMask {mask} 0 R", picture.pixels)
        known[id(picture)] = image
        entries.append(f"/{name} {image} 0 R")
    return " ".join(entries)


def _attached(objects: _Objects, it: Attachment, info: DocumentInfo) -> str:
    """Add the file; the catalog's entries."""
    day = f"{info.created_on:D:%Y%m%d000000+09'00'}"
    file = objects.stream(
        f"/Type /EmbeddedFile /Subtype /{it.media_type.replace('/', '#2F')}"
        f" /Params << /Size {len(it.content)} /ModDate ({day}) >>",
        zlib.compress(it.content),
    )
    entry = objects.add(
        f"<< /Type /Filespec /F ({it.name}) /UF ({it.name}) /Desc ({it.description}) /AFRelationship /Data"
        f" /EF << /F {file} 0 R /UF {file} 0 R >> >>"
    )
    return f" /Names << /EmbeddedFiles << /Names [({it.name}) {entry} 0 R] >> >> /AF [{entry} 0 R]"


def _literal(address: str) -> str:
    """A literal string of ASCII."""
    return address.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
