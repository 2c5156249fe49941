"""The check in the browser: files that carry a credential, and files that are bad. Without a site or a chain."""

from __future__ import annotations

import io
import json
import struct
import zlib
from datetime import timedelta
from typing import Any

import msgspec
import pikepdf
from pikepdf import Dictionary, Name, Pdf

from shared.credentials.multibase import base58, from_base58
from shared.credentials.open_badges_2 import assertion_of
from tests.worlds.browser_check import Answer, Case, ask_browser_check
from tests.worlds.credentials import DID, ISSUER, NOW, credential

NOON = NOW + timedelta(hours=3)
SIGNED = credential(1)
CONTENT = json.dumps(SIGNED, ensure_ascii=False).encode()
PAGE: dict[str, Any] = {
    "did": ISSUER.did,
    "publicUrl": ISSUER.public_url,
    "didDocumentUrl": f"{ISSUER.public_url}/.well-known/did.json",
    "pinned": {"document": DID, "copiedOn": "2026-04-01"},
    "networks": [],
}


def judged(*files: bytes) -> list[Answer]:
    """What is said with the site away: of a genuine badge that its revocation could not be checked."""
    return ask_browser_check(PAGE, *(Case(file, NOON, away=("https://",)) for file in files))


def kinds(*files: bytes) -> list[str]:
    return [answer["kind"] for answer in judged(*files)]


def why(file: bytes) -> str:
    [answer] = judged(file)
    assert answer["kind"] == "not-valid" and not answer["genuine"] and answer["asked"] == []
    return str(answer["checks"][0]["got"])


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def text_chunk(content: bytes, *, packed: bool = False, keyword: bytes = b"openbadgecredential") -> bytes:
    text = zlib.compress(content) if packed else content
    return chunk(b"iTXt", keyword + b"\0" + bytes([packed, 0]) + b"\0\0" + text)


def png(*chunks: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")
    )


def pdf(*attachments: bytes, name: str = "credential.json", **options: Any) -> bytes:
    with Pdf.new() as made:
        made.add_blank_page()
        for number, content in enumerate(attachments):
            made.attachments[f"{number}-{name}"] = content
        file = io.BytesIO()
        made.save(file, **options)
    return file.getvalue()


def test_a_baked_picture_reads_as_its_credential() -> None:
    older = text_chunk(b'{"@context":"https://w3id.org/openbadges/v2"}', keyword=b"openbadges")
    files = [
        CONTENT,
        png(text_chunk(CONTENT)),
        png(text_chunk(CONTENT, packed=True), older),
        png(older, text_chunk(CONTENT)),
    ]
    for answer in judged(*files):
        assert answer["genuine"] and answer["name"] == "髙橋 一郎"
        assert [check["outcome"] for check in answer["checks"]] == ["ok", "ok", "ok", "ok", *["unknown"] * 3]


MARKED = [
    b"\xef\xbb\xbf" + CONTENT,
    CONTENT.decode().encode("utf-16"),
    b"\xfe\xff" + CONTENT.decode().encode("utf-16-be"),
]


def test_a_byte_order_mark_is_no_part_of_the_credential() -> None:
    for answer in judged(*MARKED, *(png(text_chunk(each)) for each in MARKED)):
        assert answer["genuine"] and answer["name"] == "髙橋 一郎"


def half(**changes: Any) -> bytes:
    """The credential's Open Badges 2.0 half as the server bakes it in; None leaves a member out."""
    made = json.loads(msgspec.json.encode(assertion_of(SIGNED, public_url=ISSUER.public_url)))
    return json.dumps({name: value for name, value in {**made, **changes}.items() if value is not None}).encode()


def test_a_picture_whose_halves_agree_is_read() -> None:
    halves = [
        half(),
        half(narrative=None, evidence=None),
        b"\xef\xbb\xbf" + half(),
        json.dumps(json.loads(half()), indent=3).encode(),
    ]
    renewed = credential(2, replaces="B" * 26)
    other = json.dumps(renewed, ensure_ascii=False).encode()
    made = msgspec.json.encode(assertion_of(renewed, public_url=ISSUER.public_url))
    pictures = [png(text_chunk(CONTENT), text_chunk(each, keyword=b"openbadges")) for each in halves]
    for answer in judged(*pictures, png(text_chunk(made, keyword=b"openbadges"), text_chunk(other))):
        assert answer["genuine"], answer["checks"]


def test_a_picture_whose_halves_differ_is_not_valid() -> None:
    recipient = {**json.loads(half())["recipient"], "identity": "sha256$" + "0" * 64}
    changed = [
        half(id="https://b.example/assertions/x.json"),
        half(recipient=recipient),
        half(badge="https://b.example/ob2/badges/gishi/2026.json"),
        half(expires="2099-03-31T23:59:59+09:00"),
        half(issuedOn="2020-04-01T00:00:00+09:00"),
        half(narrative="- 登録番号 / Registration no.: 26-99999"),
        half(evidence=[{"type": "Evidence", "id": "https://b.example/"}]),
        half(verification={"type": "signed"}),
        half(revoked=False),
        half()[:-1] + b',"expires":"2099-03-31T23:59:59+09:00"}',
        b"eyJhbGciOiJub25lIn0.e30.",
        b"https://b.example/assertions/x.json",
    ]
    pictures = [png(text_chunk(CONTENT), text_chunk(each, keyword=b"openbadges")) for each in changed]
    older = [chunk(kind, b"openbadges\0" + half()) for kind in (b"tEXt", b"zTXt")]
    pictures += [png(text_chunk(CONTENT), each) for each in older]
    pictures.append(
        png(text_chunk(CONTENT), text_chunk(half(), keyword=b"openbadges"), text_chunk(half(), keyword=b"openbadges"))
    )
    for answer in judged(*pictures):
        assert (answer["kind"], answer["genuine"]) == ("not-valid", False)


def test_a_member_twice_in_one_object_is_refused_at_any_depth() -> None:
    for name in (b'"issuer"', b'"iss\\u0075er"', b'"achievement"', b'"identityHash"', b'"proofValue"'):
        plain = name.replace(b"\\u0075", b"u")
        twice = CONTENT.replace(plain + b": ", name + b': "x", ' + plain + b": ", 1)
        assert twice != CONTENT
        assert "twice in one object" in why(twice)


def test_a_bad_picture_is_not_valid() -> None:
    whole = png(text_chunk(CONTENT))
    assert "without a credential" in why(png())
    assert "2 credentials" in why(png(text_chunk(CONTENT), text_chunk(CONTENT)))
    assert "cut off" in why(whole[:-12])
    assert "cut off" in why(whole[:500])
    assert "checksum" in why(whole.replace(b"26-00001", b"26-00002"))
    bomb = zlib.compress(b" " * 200_000_000)
    assert "more than" in why(png(chunk(b"iTXt", b"openbadgecredential\0\1\0\0\0" + bomb)))
    assert "another form" in why(png(chunk(b"iTXt", b"openbadgecredential\0\7\0\0\0x")))
    assert "another form" in why(png(chunk(b"iTXt", b"openbadgecredential\0\0")))
    assert "expected deflate" in why(png(chunk(b"iTXt", b"openbadgecredential\0\1\0\0\0no zlib")))


def test_a_credential_in_a_pdf_is_found() -> None:
    files = [
        pdf(CONTENT),
        pdf(b"another file", CONTENT),
        pdf(CONTENT, object_stream_mode=pikepdf.ObjectStreamMode.generate),
        pdf(CONTENT, compress_streams=False),
        pdf(CONTENT, linearize=True),
    ]
    assert all(answer["genuine"] for answer in judged(*files))


def test_a_pdf_without_one_readable_credential_is_not_valid() -> None:
    whole = pdf(CONTENT)
    assert "without a credential" in why(pdf())
    assert "without a credential" in why(pdf(b"{}", b"\0" * 300_000))
    assert "2 credentials" in why(pdf(CONTENT, CONTENT))
    broken = [
        whole[: len(whole) // 2],
        whole.replace(b"startxref", b"startxxxx"),
        b"%PDF-1.7\n" + b"\xff" * 5000,
        b"%PDF-",
    ]
    for answer in judged(*broken):
        assert answer["kind"] in ("not-valid", "could-not-check")
        assert answer["genuine"] == (answer["kind"] == "could-not-check")


def test_an_attachment_that_unpacks_to_100_mb_is_ignored() -> None:
    with Pdf.new() as made:
        made.add_blank_page()
        bomb = pikepdf.Stream(made, zlib.compress(b" " * 100_000_000))
        bomb.stream_dict = Dictionary(Type=Name.EmbeddedFile, Filter=Name.FlateDecode)
        made.Root.Bomb = made.make_indirect(Dictionary(Type=Name.Filespec, EF=Dictionary(F=bomb)))
        file = io.BytesIO()
        made.save(file, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)
    assert "without a credential" in why(file.getvalue())


BAD: list[bytes] = [
    b"",
    b"\0" * 100,
    b"[]",
    b'"text"',
    b"null",
    b"{",
    b"{}",
    b"[" * 10_000 + b"]" * 10_000,
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    b'{"type":["OpenBadgeCredential"]}',
    CONTENT[:-1],
    CONTENT + b"}",
    CONTENT.replace("髙橋".encode(), b"\xff\xfe"),
    CONTENT.replace("髙橋".encode(), b"\\ud800"),
    CONTENT.replace(b'"@context"', b'"__proto__":{"x":1},"@context"'),
    CONTENT.replace(b'"@context"', b'"constructor":"x","@context"'),
    CONTENT.replace(b'{"@context"', b'{"@context":{"toString":1},"x"'),
    CONTENT + b" " * 200_000,
    json.dumps({**SIGNED, "name": "x" * 100_000}).encode(),
    json.dumps({**SIGNED, "evidence": [{"type": ["Evidence"]}] * 500}).encode(),
    json.dumps({**SIGNED, "credentialSubject": {**SIGNED["credentialSubject"], "id": {"toString": 1}}}).encode(),
]


def test_bytes_that_are_no_badge_of_ours_are_not_valid() -> None:
    for content, answer in zip(BAD, judged(*BAD), strict=True):
        assert (answer["kind"], answer["genuine"]) == ("not-valid", False), content[:80]


def test_a_huge_file_is_refused() -> None:
    assert "at most" in why(b" " * (9 * 1024 * 1024))


def test_the_same_content_in_another_order_is_accepted() -> None:
    turned = json.dumps(dict(reversed(SIGNED.items())), indent=3).encode()
    [answer] = judged(turned)
    assert answer["genuine"]


def test_a_signature_that_only_some_libraries_accept_is_refused() -> None:
    """S of a signature plus the order of the group: the same equation, another signature (RFC 8032, 5.1.7)."""
    order = 2**252 + 27742317777372353535851937790883648493
    value = from_base58(SIGNED["proof"][0]["proofValue"])
    shifted = value[:32] + (int.from_bytes(value[32:], "little") + order).to_bytes(32, "little")
    proof = {**SIGNED["proof"][0], "proofValue": base58(shifted)}
    assert kinds(json.dumps({**SIGNED, "proof": [proof]}).encode()) == ["not-valid"]
