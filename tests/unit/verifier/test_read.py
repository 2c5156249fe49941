"""Which file holds a credential, whatever its format."""

from __future__ import annotations

import json
import struct
import zlib

import pytest

from services.verifier.files.baking import PNG_SIGNATURE, bake_png, bake_svg
from services.verifier.files.pdf import LeadsElsewhere
from services.verifier.files.read import MAX_BYTES, read_document
from shared.errors import HoldsNothing, Unreadable
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


def test_a_huge_file_is_refused_unparsed() -> None:
    with pytest.raises(Unreadable, match="at most"):
        read_document(b" " * (MAX_BYTES + 1))
