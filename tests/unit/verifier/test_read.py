"""Which file holds a credential, whatever its format."""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.verifier.files.pdf import LeadsElsewhere
from services.verifier.files.read import MAX_BYTES, read_document, read_json
from shared.credentials.baking import PNG_SIGNATURE, bake_png, bake_svg
from shared.errors import HoldsNothing, Unreadable
from tests.corpus.make import attached
from tests.worlds.credentials import credential
from tests.worlds.pdfs import printed

ASSERTION = b'{"type":"Assertion","id":"https://a.example/assertions/1.json"}'
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"/>'


def png(*texts: bytes) -> bytes:
    """The chunks of a PNG, with these iTXt chunks; its pixels don't matter."""
    chunks = [(b"IHDR", b"\0" * 13), *((b"iTXt", text) for text in texts), (b"IEND", b"")]
    made = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return PNG_SIGNATURE + b"".join(made)


def test_a_file_is_known_by_its_first_bytes() -> None:
    document = credential(1)
    text = json.dumps(document, ensure_ascii=False).encode()
    for content in (
        text,
        b" \n" + text,
        bake_png(png(), credential=text, assertion=ASSERTION),
        bake_svg(SVG, credential=text, assertion=ASSERTION),
        b"\xef\xbb\xbf" + bake_svg(b"<svg/>", credential=text, assertion=None),
    ):
        assert read_document(content) == document
    for content, got in ((png(), "no badge"), (SVG, "no badge"), (b"%PDF-1.7", "a PDF that is broken")):
        with pytest.raises(Unreadable, match=got):
            read_document(content)
    with pytest.raises(Unreadable, match="assertion only"):
        read_document(png(b"openbadges\0\0\0\0\0" + ASSERTION))


def test_a_whole_file_without_a_badge_is_not_called_broken() -> None:
    photo = b"\xff\xd8\xff\xe0" + b"\0" * 300_000  # JPEG, larger than any credential
    for content in (photo, b"", b"\0\0\0\x18ftypheic", b"GIF89a", b"dear all,", png(), SVG, "証明書".encode()):
        with pytest.raises(HoldsNothing):
            read_document(content)
    for broken in (b'{"@context": [', b"\xef\xbb\xbf{", png()[:-4], b'<svg xmlns="http://www.w3.org/2000/svg">'):
        with pytest.raises(Unreadable) as told:
            read_document(broken)
        assert not isinstance(told.value, HoldsNothing)


PAGE = f"https://badges.example.jp/V/{'A' * 26}"


def test_a_pdf_without_a_credential_names_the_addresses_that_it_leads_to() -> None:
    others = printed("https://jci.example.jp/", PAGE.upper(), pages=2)
    for content, named in ((printed(identifier=PAGE), {PAGE}), (others, {"https://jci.example.jp/", PAGE.upper()})):
        with pytest.raises(LeadsElsewhere) as told:
            read_document(content)
        assert set(told.value.addresses) == named


def test_a_pdf_that_names_nothing_holds_nothing_and_is_not_broken() -> None:
    unreadable = printed(identifier=PAGE).replace(b"<x:xmpmeta", b"&x:xmpmeta<")
    for content in (printed("mailto:a@example.jp", "https://x/" + "a" * 400, identifier=" "), unreadable):
        with pytest.raises(HoldsNothing) as told:
            read_document(content)
        assert not isinstance(told.value, LeadsElsewhere), told.value


MARKS = [
    lambda text: b"\xef\xbb\xbf" + text,
    lambda text: b"\xff\xfe" + text.decode().encode("utf-16-le"),
    lambda text: b"\xfe\xff" + text.decode().encode("utf-16-be"),
]


@pytest.mark.parametrize("marked", MARKS)
def test_a_byte_order_mark_is_no_part_of_a_document(marked: Callable[[bytes], bytes]) -> None:
    document = credential(1)
    text = json.dumps(document, ensure_ascii=False).encode()
    svg = bake_svg(SVG, credential=text, assertion=None)
    for content in (
        marked(text),
        marked(b"\r\n" + text),
        marked(svg),
        marked(b'<?xml version="1.0" encoding="UTF-16"?>\n<!-- made by hand -->\n' + svg),
        bake_png(png(), credential=marked(text), assertion=ASSERTION),
        attached(marked(text)),
    ):
        assert read_document(content) == document


@pytest.mark.parametrize(
    "content", [b"\xff\xfe{", b"\xfe\xff", b"\xff\xfe\0\xd8", b"\xef\xbb\xbf", b"\xef\xbb{}", b"\xff\xfe<\0"]
)
def test_a_mark_before_nothing_readable_is_unreadable(content: bytes) -> None:
    with pytest.raises(Unreadable):
        read_document(content)


TEXT = json.dumps(credential(1), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("at", "doubled"),
    [
        (b'"issuer"', b'"issuer": {"id": "did:web:other.example"}'),
        (b'"issuer"', b'"iss\\u0075er": {"id": "did:web:other.example"}'),
        (b'"licenseNumber"', b'"licenseNumber": "26-99999"'),
        (b'"identityHash"', b'"identityHash": "x"'),
        (b'"achievementType"', b'"achievementType": "License"'),
        (b'"proofValue"', b'"proofValue": "z1"'),
        (b'"statusListIndex"', b'"statusListIndex": "1"'),
    ],
)
def test_a_member_twice_in_one_object_is_refused_at_any_depth(at: bytes, doubled: bytes) -> None:
    name = doubled.partition(b":")[0]
    for content in (
        TEXT.replace(at, doubled + b", " + at, 1),
        re.sub(at + rb": (\"[^\"]*\"|\{)", lambda found: found[0], TEXT, count=1).replace(at, doubled + b"," + at, 1),
    ):
        assert name in content
        with pytest.raises(Unreadable, match="twice in one object"):
            read_document(content)


NESTED = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=2), NESTED, max_size=4))
def test_a_document_whose_members_are_there_once_is_read_as_it_is(document: dict[str, Any]) -> None:
    assert read_json(json.dumps(document).encode()) == document


W3C = b'PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd"'
PLAIN = [
    b"<!DOCTYPE svg>",
    b"<!DOCTYPE svg " + W3C + b">",
    b"<!DOCTYPE svg " + W3C.replace(b'"', b"'").replace(b" ", b"\n") + b" >",
    b'<!DOCTYPE svg SYSTEM "https://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">',
    b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.0//EN" "svg10.dtd">',
    b'<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n<!-- Created with Inkscape -->\n<!DOCTYPE svg '
    + W3C
    + b">",
    b"<!DOCTYPE svg " + W3C + b" [ ]>",
    b"<!DOCTYPE svg [<!-- nothing --> <?x y?>]>",
]
DECLARING = [
    b'<!DOCTYPE svg [<!ENTITY a "b">]>',
    b"<!DOCTYPE svg " + W3C + b' [<!ENTITY ns_svg "http://www.w3.org/2000/svg">]>',
    b"<!DOCTYPE svg " + W3C + b' [<!ENTITY % x SYSTEM "http://b.example/x.dtd"> %x;]>',
    b"<!DOCTYPE svg " + W3C + b" [%x;]>",
    b"<!DOCTYPE svg [<!ATTLIST svg onload CDATA 'alert(1)'>]>",
    b"<!DOCTYPE svg [<!ELEMENT svg ANY>]>",
    b'<!DOCTYPE svg [<!NOTATION x SYSTEM "y">]>',
    b'<!DOCTYPE svg SYSTEM "http://127.0.0.1/x.dtd">',
    b'<!DOCTYPE svg SYSTEM "file:///etc/passwd">',
    b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://b.example/svg11.dtd">',
]


@pytest.mark.parametrize("doctype", PLAIN)
def test_a_document_type_that_declares_nothing_is_no_part_of_the_picture(doctype: bytes) -> None:
    svg = bake_svg(SVG, credential=TEXT, assertion=ASSERTION)
    for content in (doctype + svg, doctype + b"\n<!-- x -->" + svg, b"\xef\xbb\xbf" + doctype + svg):
        assert read_document(content) == credential(1)


@pytest.mark.parametrize("doctype", DECLARING)
def test_a_document_type_that_declares_something_is_refused(doctype: bytes) -> None:
    with pytest.raises(Unreadable):
        read_document(doctype + bake_svg(SVG, credential=TEXT, assertion=ASSERTION))


@pytest.mark.parametrize("doctype", PLAIN)
def test_an_entity_that_nobody_declared_is_refused(doctype: bytes) -> None:
    svg = bake_svg(SVG, credential=TEXT, assertion=ASSERTION).replace(b"<openbadges", b"&other;<openbadges", 1)
    with pytest.raises(Unreadable):
        read_document(doctype + svg)


def test_a_huge_file_is_refused_unparsed() -> None:
    with pytest.raises(Unreadable, match="at most"):
        read_document(b" " * (MAX_BYTES + 1))
