"""Badges in pictures: the credential and its Open Badges 2.0 assertion inside a PNG or SVG, and back; pure.

Nothing is drawn or compressed again: the texts are inserted between the bytes of the picture, and everything else in it
stays the same to the byte. The place is found once for each picture and cached, so baking for one more person is
copying and checksums only.

Sources: 1EdTech Open Badges 3.0, section 5.3 (Baked Badge); IMS Open Badges 2.0 Baking Specification; PNG (Third
Edition), sections 5.3 (chunk layout) and 11.3.3.4 (iTXt); Namespaces in XML 1.0; XML 1.0, sections 2.2 and 2.7.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from struct import Struct
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

import msgspec

from shared.errors import Unreadable

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_FILE_BYTES = 1024 * 1024
"""Of a file that is read. A picture of ours has about 60 KB."""

_MAX_TEXT_BYTES = 128 * 1024  # of one document in it, unpacked: the limit for a decompression bomb
_MAX_CHUNKS = 10_000
_MAX_ELEMENTS = 50_000

_CREDENTIAL, _ASSERTION = b"openbadgecredential", b"openbadges"
_OB3, _OB2 = "https://purl.imsglobal.org/ob/v3p0", "http://openbadges.org"
_PARTS = {f"{_OB3} credential": _CREDENTIAL, f"{_OB2} assertion": _ASSERTION}


@dataclass(frozen=True)
class Unbaked:
    """What was found in a picture, byte for byte as it was baked in (in SVG without white space around it).

    None: not there. `verify` is the URL of the assertion that an SVG gives beside it.
    """

    credential: bytes | None = None
    assertion: bytes | None = None
    verify: str | None = None


# ── PNG ────────────────────────────────────────────────────────────────────────────────────────────────

_LENGTH = Struct(">I")
_HEAD = Struct(">I4s")
# keyword, then: not compressed, method 0, no language, no translated keyword
_STARTS = {name: b"iTXt" + name + b"\0\0\0\0\0" for name in (_CREDENTIAL, _ASSERTION)}
_SUMS = {name: zlib.crc32(start) for name, start in _STARTS.items()}


def bake_png(png: bytes, *, credential: bytes, assertion: bytes | None) -> bytes:
    """The picture with a badge in it, which replaces one that it may hold. Texts are UTF-8.

    Directly after IHDR, the credential first: a well-known wallet scans the raw bytes for the first keyword. Unreadable
    when `png` is no PNG.
    """
    head, tail = _cut_png(png)
    parts = [head, *_text_chunk(_CREDENTIAL, credential)]
    if assertion is not None:
        parts += _text_chunk(_ASSERTION, assertion)
    parts.append(tail)
    return b"".join(parts)


def unbake_png(png: bytes) -> Unbaked:
    """What a PNG holds. Unreadable when it is no PNG, is cut off or damaged, or holds two badges.

    A badge in a chunk of older bakers counts as another: readers of 2.0 would show that one.
    """
    _refuse_large(png)
    found: dict[bytes, bytes] = {}
    for kind, start, end in _chunks(png):
        if kind != b"iTXt" and _is_badge(kind, png[start + 8 : end - 4]):
            raise Unreadable(f"got a badge in a chunk {kind.decode()}, expected it in iTXt only")
        if kind == b"iTXt":
            keyword, _, rest = png[start + 8 : end - 4].partition(b"\0")
            if keyword in _STARTS:
                if keyword in found:
                    raise Unreadable(f"got two chunks {keyword.decode()}, expected at most one")
                if zlib.crc32(png[start + 4 : end - 4]) != _LENGTH.unpack_from(png, end - 4)[0]:
                    raise Unreadable(f"got a damaged chunk {keyword.decode()}, expected the checksum to fit")
                found[keyword] = _text_in(rest)
    return Unbaked(found.get(_CREDENTIAL), found.get(_ASSERTION))


@lru_cache(maxsize=32)
def _cut_png(png: bytes) -> tuple[bytes, bytes]:
    """Everything up to the end of IHDR, and the rest without any badge."""
    chunks = list(_chunks(png))
    kept = [png[start:end] for kind, start, end in chunks[1:] if not _is_badge(kind, png[start + 8 : end - 4])]
    return png[: chunks[0][2]], b"".join(kept)


def _text_chunk(name: bytes, text: bytes) -> tuple[bytes, ...]:
    start = _STARTS[name]
    return _LENGTH.pack(len(start) - 4 + len(text)), start, text, _LENGTH.pack(zlib.crc32(text, _SUMS[name]))


def _chunks(png: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(type, start, end) of each chunk, IHDR to IEND. Unreadable when the file doesn't consist of chunks."""
    if not png.startswith(PNG_SIGNATURE):
        raise Unreadable("got no PNG signature, expected a PNG")
    start = len(PNG_SIGNATURE)
    for number in range(_MAX_CHUNKS):
        if start + 12 > len(png):
            raise Unreadable(f"got a PNG that ends after {len(png)} bytes, expected IEND")
        length, kind = _HEAD.unpack_from(png, start)
        end = start + 12 + length
        if end > len(png) or (number == 0) != (kind == b"IHDR"):
            raise Unreadable(f"got a chunk {kind!r} of {length} bytes at {start}, expected a whole PNG")
        yield kind, start, end
        if kind == b"IEND":
            return
        start = end
    raise Unreadable(f"got more than {_MAX_CHUNKS} chunks, expected fewer")


def _is_badge(kind: bytes, data: bytes) -> bool:
    """Older bakers wrote tEXt chunks."""
    return kind in (b"iTXt", b"tEXt", b"zTXt") and data.partition(b"\0")[0] in _STARTS


def _text_in(rest: bytes) -> bytes:
    """The text of an iTXt chunk after its keyword. Compressed ones aren't allowed, but read."""
    fields = rest[2:].split(b"\0", 2)
    if len(rest) < 4 or len(fields) < 3 or rest[0] > 1 or rest[1]:
        raise Unreadable("got an iTXt chunk that ends too early, expected a text")
    text = fields[2]
    if rest[0] == 1:
        unpacker = zlib.decompressobj()
        try:
            text = unpacker.decompress(text, _MAX_TEXT_BYTES + 1)
        except zlib.error as error:
            raise Unreadable(f"got a compressed text that is broken: {error}") from error
    return _bounded(text)


# ── SVG ────────────────────────────────────────────────────────────────────────────────────────────────

_W3C_DTD = re.compile(r"https?://www\.w3\.org/[!-~]*|about:legacy-compat|[\w.-]+\.dtd", re.ASCII)
# In a well-formed document, attributes are quoted and hold no "<".
_START_TAG = re.compile(rb"""<([^\s/>]+)((?:[^'">]|"[^"]*"|'[^']*')*?)(/?)>""")
# Two characters of Unicode that JSON allows, inside of strings, and XML doesn't.
_NOT_XML = ((b"\xef\xbf\xbe", b"\\ufffe"), (b"\xef\xbf\xbf", b"\\uffff"))


@dataclass
class _Seen:
    """What one pass over an SVG found."""

    root: int = 0  # the byte at which the root's start tag begins
    elements: int = 0
    depth: int = 0
    open_part: tuple[bytes, int, int] | None = None  # name, byte at which it begins, depth
    texts: dict[bytes, list[str]] = field(default_factory=dict)
    verify: dict[bytes, str] = field(default_factory=dict)  # the attributes of this name
    spans: list[tuple[int, int]] = field(default_factory=list)  # of the badges' elements


def bake_svg(svg: bytes, *, credential: bytes, assertion: bytes | None) -> bytes:
    """The picture with a badge in it, which replaces one that it may hold. Texts are JSON in UTF-8.

    Both standards use the prefix `openbadges`, each for its own namespace: that of 3.0 is declared on the root, as it
    requires, that of 2.0 on its element. Unreadable when `svg` is no SVG in UTF-8.
    """
    head, prefixed, tail = _cut_svg(svg)
    declared = b"" if prefixed else b' xmlns:openbadges="%s"' % _OB3.encode()
    parts = [head, b"<openbadges:credential", declared, b">", *_cdata(credential), b"</openbadges:credential>"]
    if assertion is not None:
        parts += [b'<openbadges:assertion xmlns:openbadges="%s" verify=' % _OB2.encode(), _id_in(assertion), b">"]
        parts += [*_cdata(assertion), b"</openbadges:assertion>"]
    parts.append(tail)
    return b"".join(parts)


def unbake_svg(svg: bytes) -> Unbaked:
    """What an SVG holds. Unreadable when it is no SVG in UTF-8, declares anything, or holds two badges.

    Nothing of the picture is run, drawn or fetched.
    """
    _refuse_large(svg)
    seen = _seen(svg)
    if _CREDENTIAL in seen.verify:
        raise Unreadable("got a second credential in the attribute verify, expected one in the element only")
    found = {name: _bounded("".join(texts).strip().encode()) for name, texts in seen.texts.items()}
    return Unbaked(found.get(_CREDENTIAL) or None, found.get(_ASSERTION) or None, seen.verify.get(_ASSERTION))


@lru_cache(maxsize=32)
def _cut_svg(svg: bytes) -> tuple[bytes, bool, bytes]:
    """All up to the end of the root's start tag; whether that declares 3.0's namespace; the rest without a badge."""
    seen = _seen(svg)
    tag = _start_tag(svg, seen.root)
    name, attributes, closed = tag.groups()
    others = b"xmlns:openbadges" in attributes  # for another namespace: then ours is declared on our element
    declared = b"" if others else b' xmlns:openbadges="%s"' % _OB3.encode()
    kept, at = [], tag.end()
    for start, end in seen.spans:
        kept.append(svg[at:start])
        at = end
    rest = b"</%s>%s" % (name, svg[tag.end() :]) if closed else b"".join(kept) + svg[at:]
    ours = re.search(rb"""xmlns:openbadges\s*=\s*["']%s["']""" % _OB3.encode(), attributes) is not None
    return svg[: tag.start()] + b"<" + name + declared + attributes + b">", ours or not others, rest


def _seen(svg: bytes) -> _Seen:
    """One pass of expat, which doesn't recurse and fetches nothing.

    A document type is allowed as drawing programs write it: it declares nothing, and its outer part is W3C's or none.
    """
    seen = _Seen()
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.buffer_text = True

    def doctype(_: str, system: str | None, public: str | None, __: bool) -> None:
        if system is not None and not _W3C_DTD.fullmatch(system):
            raise Unreadable(f"got a document type of {system[:200]!r}, expected one of W3C, or none")

    def declared(*_: object) -> None:
        raise Unreadable("got a document type that declares something, expected one that doesn't, or none")

    def unhandled(data: str) -> None:
        if data.startswith("%") and seen.depth == 0:  # a parameter entity: white space is the only other text there
            declared()

    def start(name: str, attributes: dict[str, str]) -> None:
        seen.elements += 1
        if seen.elements > _MAX_ELEMENTS:
            raise Unreadable(f"got more than {_MAX_ELEMENTS} elements, expected fewer")
        if seen.depth == 0:
            if name not in ("svg", "http://www.w3.org/2000/svg svg"):
                raise Unreadable(f"got a root {name[-80:]}, expected svg")
            seen.root = parser.CurrentByteIndex
        part = _PARTS.get(name)
        if part is not None and seen.open_part is None and seen.depth > 0:
            if part in seen.texts:
                raise Unreadable(f"got two elements {part.decode()}, expected at most one")
            if "verify" in attributes:
                seen.verify[part] = attributes["verify"]
            seen.texts[part] = []
            seen.open_part = (part, parser.CurrentByteIndex, seen.depth)
        seen.depth += 1

    def end(_: str) -> None:
        seen.depth -= 1
        if seen.open_part is not None and seen.open_part[2] == seen.depth:
            begins, at = seen.open_part[1], parser.CurrentByteIndex
            # Both events of <a/> have the same byte index.
            ends = _start_tag(svg, begins).end() if at == begins else svg.index(b">", at) + 1
            seen.spans.append((begins, ends))
            seen.open_part = None

    def text(data: str) -> None:
        if seen.open_part is not None:
            seen.texts[seen.open_part[0]].append(data)

    parser.StartDoctypeDeclHandler = doctype
    parser.EntityDeclHandler = parser.AttlistDeclHandler = parser.ElementDeclHandler = declared
    parser.DefaultHandler = unhandled
    parser.NotationDeclHandler = parser.SkippedEntityHandler = declared
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    try:
        svg.decode()  # expat would read UTF-16, too
        parser.Parse(svg, True)
    except (UnicodeDecodeError, expat.ExpatError) as error:
        raise Unreadable(f"got XML that is not well-formed: {error}") from error
    return seen


def _start_tag(svg: bytes, at: int) -> re.Match[bytes]:
    found = _START_TAG.match(svg, at)
    if found is None:
        raise Unreadable(f"got no start tag at byte {at}, expected one")
    return found


def _cdata(text: bytes) -> tuple[bytes, bytes, bytes]:
    for character, escaped in _NOT_XML:
        text = text.replace(character, escaped)
    return b"<![CDATA[", text.replace(b"]]>", b"]]]]><![CDATA[>"), b"]]>"


class _Named(msgspec.Struct):
    id: str = ""


def _id_in(assertion: bytes) -> bytes:
    """The assertion's URL, quoted, for the attribute `verify`."""
    return quoteattr(msgspec.json.decode(assertion, type=_Named).id).encode()


def _refuse_large(content: bytes) -> None:
    if len(content) > MAX_FILE_BYTES:
        raise Unreadable(f"got {len(content)} bytes, expected at most {MAX_FILE_BYTES}")


def _bounded(text: bytes) -> bytes:
    if len(text) > _MAX_TEXT_BYTES:
        raise Unreadable(f"got a text of more than {_MAX_TEXT_BYTES} bytes, expected fewer")
    return text
