"""PDF/A-3b documents of one page, assembled from bytes: what many share is made once, the rest is added to it.

A template holds the shared objects; a document is the template, the structure that it shares with documents of the same
elements, its own objects, and the table of all (ISO 32000-1, 7.5). Nothing is parsed and nothing depends on time or
chance: the same page gives the same bytes.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from services.renderer.pdf.layer import Layer, SharedFonts, Size
from services.renderer.pdf.metadata import LANGUAGE, PRODUCER, DocumentInfo, information, xmp
from services.renderer.pdf.objects import HEAD, SMALLEST, Objects, end_of
from services.renderer.pdf.picture import Picture
from services.renderer.pdf.structure import Marked, Place, Tag, text_string, tree_of
from services.renderer.pdf.typeface import FontSubset
from services.renderer.pdf.vector_picture import VectorPicture

_CATALOG, _PAGES, _PAGE, _TREE, _METADATA, _INFO = range(1, 7)
_FIRST = 7  # the first number of the template's own objects
_OWN_CONTENT, _OWN_FONTS, _ATTACHED, _SHEET = 1, 0, 6, 6
"""Levels of zlib. To put a KB costs 7 µs. Level 6 saves 0.4 KB more than 1 of a person's content, in 45 µs, and 1.2 KB
of the fonts, as outlines of a few glyphs hardly deflate, in 100 µs; but 2 KB of the attached credential."""
_PROFILE = zlib.compress((Path(__file__).parent / "srgb.icc").read_bytes(), 9)


@dataclass(frozen=True)
class Template:
    """What is the same in many documents: its objects as bytes, and where each of them begins."""

    size: Size
    body: bytes
    digest: Any  # SHA-256 of the body; each document continues a copy, as nine tenths of it are its template
    entries: Mapping[int, bytes]  # of the table of objects
    next_number: int
    profile: int  # number of the colour profile
    content: int
    fonts: str  # the entries of the page's resources
    drawn: str  # pictures and forms
    marked: tuple[Marked, ...]
    containers: tuple[Tag, ...]
    shared: SharedFonts
    frames: dict[_Elements, _Frame] = field(default_factory=dict, init=False)

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


def make_template(size: Size, layer: Layer, containers: Sequence[Tag] = ()) -> Template:
    """From what is drawn on `layer`. `containers` are elements of the structure without content of their own."""
    objects = Objects(len(HEAD), _FIRST, packs=True)
    profile = objects.deflated("/N 3", _PROFILE)
    pictures = _pictures(objects, layer.pictures)
    fonts = _fonts(objects, layer.fonts(), SMALLEST)
    drawn, forms = _with_forms(objects, layer.content())
    content = objects.stream("", drawn, SMALLEST)
    body = HEAD + objects.written()
    return Template(
        size,
        body,
        sha256(body),
        objects.entries,
        objects.next_number,
        profile,
        content,
        fonts,
        f"{pictures} {forms}",
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
    objects = Objects(len(HEAD), _PAGES + 1)
    profile = objects.deflated("/N 3", _PROFILE)
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
                fonts, pictures = _fonts(objects, layer.fonts(), _SHEET), _pictures(objects, layer.pictures, known)
                found = objects.stream("", layer.content(), _SHEET), (fonts, pictures)
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
    body = HEAD + objects.written()
    return body + end_of(
        [objects.entries[each] for each in range(1, objects.next_number)], _CATALOG, info, len(body), sha256(body)
    )


def make_document(
    template: Template, layer: Layer, info: DocumentInfo, attachment: Attachment | None = None
) -> Document:
    """The template with what is drawn on `layer`, which is one of `template.layer()`."""
    frame = _frame_of(template, layer)
    objects = Objects(len(template.body) + len(frame.body), frame.next_number)
    content = objects.stream("", layer.content(), _OWN_CONTENT)
    fonts = _fonts(objects, layer.fonts(), _OWN_FONTS)
    pictures = _pictures(objects, layer.pictures)
    links = range(template.next_number, template.next_number + len(layer.links))
    for number, (_, address, box) in zip(links, layer.links, strict=True):
        objects.add(
            f"<< /Type /Annot /Subtype /Link /Rect [{' '.join(f'{edge:.2f}' for edge in box)}] /Border [0 0 0] /F 4"
            f" /StructParent {1 + number - links.start} /P {_PAGE} 0 R /Contents {text_string(address)}"
            f" /A << /S /URI /URI ({_literal(address)}) >> >>",
            number,
        )
    attributes = {each.tag.place: each.tag.attributes for each in layer.marked}
    for place, number, before, after in frame.own:
        objects.add(f"{before}{attributes[place]}{after}", number)

    width, height = template.size
    objects.add(
        f"<< /Type /Page /Parent {_PAGES} 0 R /MediaBox [0 0 {width:.3f} {height:.3f}] /StructParents 0 /Tabs /S"
        f" /Contents [{template.content} 0 R {content} 0 R]"
        f" /Resources << /Font << {template.fonts} {fonts} >> /XObject << {template.drawn} {pictures} >> >>"
        f" /Annots [{' '.join(f'{number} 0 R' for number in links)}] >>",
        _PAGE,
    )
    objects.add(f"<< /Type /Pages /Kids [{_PAGE} 0 R] /Count 1 >>", _PAGES)
    objects.plain("/Type /Metadata /Subtype /XML", xmp(info), _METADATA)
    objects.add(information(info), _INFO)
    objects.add(
        f"<< /Type /Catalog /Version /1.7 /Pages {_PAGES} 0 R /Metadata {_METADATA} 0 R /StructTreeRoot {_TREE} 0 R"
        f" /MarkInfo << /Marked true >> /Lang ({LANGUAGE}) /ViewerPreferences << /DisplayDocTitle true >>"
        f" /OutputIntents [{_output_intent(template.profile)}]"
        f"{_attached(objects, attachment, info) if attachment else ''} >>",
        _CATALOG,
    )
    return _finished(template, frame, objects)


_Elements = tuple[tuple[Any, ...], ...]
"""What makes the structure of a document: place, kind and presence of attributes of its own pieces, and its links."""

_MOST_FRAMES = 8  # of a template: there are as many as ways to break a name and an address into lines


@dataclass(frozen=True)
class _Frame:
    """What documents of one template share that have the same elements: the structure, written once."""

    body: bytes  # what follows the template's
    digest: Any  # SHA-256 of both
    entries: Sequence[bytes]  # of the table of objects, from object 1 on; empty for one that is a document's own
    own: Sequence[tuple[Place, int, str, str]]  # elements with attributes of a document: the text before and after
    next_number: int


def _frame_of(template: Template, layer: Layer) -> _Frame:
    elements = (
        *((place, kind, bool(attributes)) for (place, kind, attributes), _ in layer.marked),
        *((tag,) for tag, _, _ in layer.links),
    )
    found = template.frames.get(elements)
    if found is None:
        if len(template.frames) >= _MOST_FRAMES:
            template.frames.clear()
        found = template.frames[elements] = _framed(template, layer)
    return found


_OWN = "\0"  # in place of a document's own attributes


def _framed(template: Template, layer: Layer) -> _Frame:
    marked = [
        each._replace(tag=each.tag._replace(attributes=_OWN if each.tag.attributes else "")) for each in layer.marked
    ]
    links = {tag.place: number for number, (tag, _, _) in enumerate(layer.links, template.next_number)}
    tree = tree_of(
        (*template.marked, *marked),
        (*template.containers, *(tag for tag, _, _ in layer.links)),
        links,
        root=_TREE,
        page=_PAGE,
        first_number=template.next_number + len(links),
    )
    objects = Objects(len(template.body), tree.next_number, packs=True)
    own: list[tuple[Place, int, str, str]] = []
    for number, (place, element) in tree.objects.items():
        before, is_own, after = element.partition(_OWN)
        if is_own:
            own.append((place, number, before, after))
        else:
            objects.add(element, number)
    body, digest = objects.written(), template.digest.copy()
    digest.update(body)
    known = {**template.entries, **objects.entries}
    entries = [known.get(number, b"") for number in range(1, objects.next_number)]
    return _Frame(body, digest, entries, own, objects.next_number)


def _finished(template: Template, frame: _Frame, objects: Objects) -> Document:
    own, digest, known = objects.written(), frame.digest.copy(), objects.entries
    digest.update(own)
    entries = [entry or known[number] for number, entry in enumerate(frame.entries, 1)]
    entries += [known[number] for number in range(frame.next_number, objects.next_number)]
    end = end_of(entries, _CATALOG, _INFO, len(template.body) + len(frame.body) + len(own), digest)
    digest.update(end)
    return Document(b"".join((template.body, frame.body, own, end)), digest.hexdigest())


def _output_intent(profile: int) -> str:
    return (
        "<< /Type /OutputIntent /S /GTS_PDFA1 /OutputConditionIdentifier (sRGB IEC61966-2.1)"
        f" /Info (sRGB IEC61966-2.1) /DestOutputProfile {profile} 0 R >>"
    )


def _fonts(objects: Objects, subsets: Mapping[str, FontSubset], level: int) -> str:
    """Add the five objects of each composite font (ISO 32000-1, 9.7.6); the entries of the page's resources."""
    entries: list[str] = []
    for name, subset in subsets.items():
        file = objects.stream(f"/Length1 {len(subset.font)}", subset.font, level)
        characters = objects.stream("", subset.characters, level)
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


def _pictures(objects: Objects, pictures: Mapping[str, Picture], known: dict[int, int] | None = None) -> str:
    """`known`: the numbers of pictures that are written, by identity."""
    entries: list[str] = []
    known = {} if known is None else known
    for name, picture in pictures.items():
        if id(picture) not in known:
            known[id(picture)] = _picture(objects, picture)
        entries.append(f"/{name} {known[id(picture)]} 0 R")
    return " ".join(entries)


def _picture(objects: Objects, picture: Picture) -> int:
    """Add it as a unit square, which a page scales and places: pixels, or a form (ISO 32000-1, 8.9.5 and 8.10)."""
    if isinstance(picture, VectorPicture):
        unit = f"{1 / picture.side:.12f}"
        return objects.deflated(
            f"/Type /XObject /Subtype /Form /BBox [0 0 {picture.side} {picture.side}]"
            f" /Matrix [{unit} 0 0 -{unit} 0 1] /Resources << /Shading << {picture.shadings} >> >>",
            picture.operators,
        )
    head = (
        f"/Type /XObject /Subtype /Image /Width {picture.width} /Height {picture.height}"
        " /BitsPerComponent 8 /Interpolate false"
    )
    mask = objects.deflated(f"{head} /ColorSpace /DeviceGray", picture.alpha)
    return objects.deflated(f"{head} /ColorSpace {picture.colours} /SMask {mask} 0 R", picture.pixels)


_PATH = re.compile(rb"^n [^\n]{200,}\n[Sf]$", re.MULTILINE)  # as reportlab writes one, with the operator that paints it


def _with_forms(objects: Objects, content: bytes) -> tuple[bytes, str]:
    """The content, in which each path that comes several times is a form (ISO 32000-1, 8.10), written once; the
    entries of the page's resources. A form is painted with the colour, width and place of where it stands."""
    times = Counter(_PATH.findall(content))
    names = {path: f"R{number}" for number, path in enumerate(path for path in times if times[path] > 1)}
    head = "/Type /XObject /Subtype /Form /BBox [-2000 -2000 2000 2000] /Resources << >>"  # larger than any page
    entries = [f"/{name} {objects.stream(head, path, SMALLEST)} 0 R" for path, name in names.items()]
    return _PATH.sub(lambda found: _form_or_path(found[0], names), content), " ".join(entries)


def _form_or_path(path: bytes, names: Mapping[bytes, str]) -> bytes:
    return f"/{names[path]} Do".encode("ascii") if path in names else path


def _attached(objects: Objects, it: Attachment, info: DocumentInfo) -> str:
    """Add the file; the catalog's entries."""
    day = f"{info.created_on:D:%Y%m%d000000+09'00'}"
    file = objects.stream(
        f"/Type /EmbeddedFile /Subtype /{it.media_type.replace('/', '#2F')}"
        f" /Params << /Size {len(it.content)} /ModDate ({day}) >>",
        it.content,
        _ATTACHED,
    )
    entry = objects.add(
        f"<< /Type /Filespec /F ({it.name}) /UF ({it.name}) /Desc ({it.description}) /AFRelationship /Data"
        f" /EF << /F {file} 0 R /UF {file} 0 R >> >>"
    )
    return f" /Names << /EmbeddedFiles << /Names [({it.name}) {entry} 0 R] >> >> /AF [{entry} 0 R]"


def _literal(address: str) -> str:
    """A literal string of ASCII."""
    return address.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
