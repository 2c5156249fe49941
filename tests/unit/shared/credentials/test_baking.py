"""Baking: a badge in a picture, read back whole, once, and without other changes."""

from __future__ import annotations

import json
import struct
import zlib
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from services.verifier.files.read import read_document
from shared.credentials.baking import MAX_FILE_BYTES, PNG_SIGNATURE, bake_png, bake_svg, unbake_png, unbake_svg
from shared.errors import Unreadable

OB3, OB2 = "https://purl.imsglobal.org/ob/v3p0", "http://openbadges.org"
ASSERTION = (
    b'{"@context":"https://w3id.org/openbadges/v2","type":"Assertion","id":"https://a.example/assertions/1.json"}'
)
SVG = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!-- 証 <svg> -->\n'
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"\n  aria-label="5 &gt; 4 > 3"><path d="M0 0h9v9z"/>'
    "<text>証</text></svg>\n"
).encode()

documents = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])), max_size=5
).map(lambda made: json.dumps(made, ensure_ascii=False).encode())


def picture() -> bytes:
    made = BytesIO()
    Image.radial_gradient("L").convert("P").save(made, "PNG", optimize=True)
    return made.getvalue()


PNG = picture()


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 8
    while at < len(png):
        length, kind = struct.unpack_from(">I4s", png, at)
        assert zlib.crc32(png[at + 4 : at + 8 + length]) == struct.unpack_from(">I", png, at + 8 + length)[0]
        found.append((kind, png[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pixels(png: bytes) -> tuple[Any, bytes]:
    with Image.open(BytesIO(png)) as image:
        image.load()
        return (image.size, image.mode, image.getpalette()), image.tobytes()


# ── PNG ────────────────────────────────────────────────────────────────────────────────────────────────


@given(documents, st.none() | documents)
def test_a_png_gives_back_what_was_baked_in(text: bytes, assertion: bytes | None) -> None:
    baked = bake_png(PNG, credential=text, assertion=assertion)
    found = unbake_png(baked)
    assert (found.credential, found.assertion) == (text, assertion)
    assert pixels(baked) == pixels(PNG)


def test_the_credential_is_the_first_text_of_the_picture() -> None:
    baked = bake_png(PNG, credential=b'{"a":1}', assertion=ASSERTION)
    kinds = [(kind, data.partition(b"\0")[0] if kind == b"iTXt" else b"") for kind, data in chunks(baked)]
    assert kinds[:3] == [(b"IHDR", b""), (b"iTXt", b"openbadgecredential"), (b"iTXt", b"openbadges")]
    assert [each for each in chunks(baked) if each[0] != b"iTXt"] == chunks(PNG)
    # not compressed, no language: the form that both standards ask for
    assert chunks(baked)[1][1] == b'openbadgecredential\0\0\0\0\0{"a":1}'


@given(documents, documents)
def test_a_picture_that_held_a_badge_holds_the_new_one_only(former: bytes, text: bytes) -> None:
    once = bake_png(PNG, credential=text, assertion=ASSERTION)
    assert bake_png(bake_png(PNG, credential=former, assertion=former), credential=text, assertion=ASSERTION) == once
    legacy = (
        PNG[:33]
        + chunk(b"tEXt", b"openbadges\0https://a.example/1.json")
        + chunk(b"zTXt", b"openbadges\0\0")
        + PNG[33:]
    )
    assert bake_png(legacy, credential=text, assertion=ASSERTION) == once
    svg = bake_svg(SVG, credential=text, assertion=ASSERTION)
    assert bake_svg(bake_svg(SVG, credential=former, assertion=ASSERTION), credential=text, assertion=ASSERTION) == svg


def test_a_cut_or_changed_picture_is_unreadable() -> None:
    baked = bake_png(PNG, credential=b'{"a":1}', assertion=ASSERTION)
    for length in range(len(baked)):
        with pytest.raises(Unreadable):
            unbake_png(baked[:length])
    changed = baked.replace(b'{"a":1}', b'{"a":2}')
    with pytest.raises(Unreadable, match="damaged"):
        unbake_png(changed)
    twice = baked[:33] + chunk(b"iTXt", b"openbadgecredential\0\0\0\0\0{}") + baked[33:]
    with pytest.raises(Unreadable, match="two"):
        unbake_png(twice)


def with_text(data: bytes) -> bytes:
    return PNG[:33] + chunk(b"iTXt", data) + PNG[33:]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x89PNG",
        PNG_SIGNATURE + PNG_SIGNATURE,
        PNG_SIGNATURE + chunk(b"IEND", b""),
        PNG_SIGNATURE + b"\xff\xff\xff\xffIHDR",
        PNG_SIGNATURE + chunk(b"IHDR", b"") + chunk(b"IDAT", b"") * 20_000,
        with_text(b"openbadgecredential\0"),
        with_text(b"openbadgecredential\0\0\0"),
        with_text(b"openbadgecredential\0\0\0ja"),
        with_text(b"openbadgecredential\0\2\0\0\0{}"),
        with_text(b"openbadgecredential\0\1\0\0\0not packed"),
        with_text(b"openbadgecredential\0\1\0\0\0" + zlib.compress(b" " * 100_000_000)),
        with_text(b"openbadgecredential\0\0\0\0\0" + b" " * 200_000),
        PNG + b"\0" * MAX_FILE_BYTES,
    ],
)
def test_a_hostile_png_is_unreadable(content: bytes) -> None:
    with pytest.raises(Unreadable):
        unbake_png(content)


@settings(deadline=None)  # what begins as a PDF is read by another process
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_unreadable(content: bytes) -> None:
    for read in (unbake_png, unbake_svg, read_document):
        for start in (b"", PNG_SIGNATURE, PNG_SIGNATURE + chunk(b"IHDR", b""), b"<svg>", SVG[:200]):
            try:
                read(start + content)
            except Unreadable:
                continue


def test_a_compressed_text_of_another_baker_is_read() -> None:
    packed = with_text(b"openbadgecredential\0\1\0ja\0\0" + zlib.compress(b'{"a":1}'))
    assert unbake_png(packed).credential == b'{"a":1}'
    assert unbake_png(PNG).credential is None


# ── SVG ────────────────────────────────────────────────────────────────────────────────────────────────


@given(documents, st.none() | st.just(ASSERTION))
def test_an_svg_gives_back_what_was_baked_in(text: bytes, assertion: bytes | None) -> None:
    baked = bake_svg(SVG, credential=text, assertion=assertion)
    found = unbake_svg(baked)
    assert found.credential is not None and json.loads(found.credential) == json.loads(text)
    assert found.assertion == assertion


@given(st.text(alphabet="[]>&<\\\"'a\ufffe\uffff\x7f\x85\u2028𠮷"))
def test_a_text_with_xml_inside_is_read_back_whole(name: str) -> None:
    text = json.dumps({"name": name}, ensure_ascii=False).encode()
    found = unbake_svg(bake_svg(SVG, credential=text, assertion=None))
    assert found.credential is not None and json.loads(found.credential) == {"name": name}


def test_an_svg_is_baked_as_both_standards_require() -> None:
    baked = bake_svg(SVG, credential=b'{"a":"]]>"}', assertion=ASSERTION)
    root = ElementTree.fromstring(baked)
    first, second = root[0], root[1]
    assert f'<svg xmlns:openbadges="{OB3}" xmlns="http://www.w3.org/2000/svg"'.encode() in baked
    assert (first.tag, first.text) == (f"{{{OB3}}}credential", '{"a":"]]>"}')
    assert (second.tag, second.text) == (f"{{{OB2}}}assertion", ASSERTION.decode())
    assert second.get("verify") == "https://a.example/assertions/1.json"
    assert b"<openbadges:credential><![CDATA[{" in baked
    root.remove(first)
    root.remove(second)
    left = ElementTree.tostring(root, encoding="unicode")
    assert ElementTree.canonicalize(left, rewrite_prefixes=True) == ElementTree.canonicalize(
        SVG.decode(), rewrite_prefixes=True
    )


@pytest.mark.parametrize(
    "art",
    [
        b"<svg/>",
        b"\xef\xbb\xbf<svg></svg>",
        b"<s:svg xmlns:s='http://www.w3.org/2000/svg'/>",
        f'<svg xmlns:openbadges="{OB2}"><openbadges:assertion verify="x"/><g/></svg>'.encode(),
        f'<svg xmlns:openbadges="{OB3}"><openbadges:credential verify="x" ></openbadges:credential ></svg>'.encode(),
        f'<svg><g xmlns:b="{OB3}"><b:credential><a/><!-- > --></b:credential></g></svg>'.encode(),
    ],
)
def test_an_unusual_svg_is_baked_without_other_changes(art: bytes) -> None:
    once = bake_svg(art, credential=b'{"a":1}', assertion=ASSERTION)
    found = unbake_svg(once)
    assert (found.credential, found.assertion) == (b'{"a":1}', ASSERTION)
    assert bake_svg(once, credential=b'{"a":1}', assertion=ASSERTION) == once
    ElementTree.fromstring(once)


@pytest.mark.parametrize(
    "content",
    [
        b"<html/>",
        b"<svg>",
        b"<svg></g>",
        "<svg>証</svg>".encode("euc-jp"),
        "<svg/>".encode("utf-16"),
        b'<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg>&b;</svg>',
        b'<!DOCTYPE svg SYSTEM "file:///etc/passwd"><svg/>',
        b"<svg>" + b"<g>" * 60_000 + b"</g>" * 60_000 + b"</svg>",
        f'<svg xmlns:b="{OB3}"><b:credential>{{}}</b:credential><b:credential>{{}}</b:credential></svg>'.encode(),
        f'<svg xmlns:b="{OB3}"><b:credential>{" x" * 100_000}</b:credential></svg>'.encode(),
        b"<svg>" + b" " * MAX_FILE_BYTES + b"</svg>",
    ],
)
def test_a_hostile_svg_is_unreadable(content: bytes) -> None:
    with pytest.raises(Unreadable):
        unbake_svg(content)


def test_art_that_is_no_picture_is_refused() -> None:
    for bake in (bake_png, bake_svg):
        with pytest.raises(Unreadable):
            bake(b"no picture", credential=b"{}", assertion=None)
