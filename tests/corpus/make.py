"""Writes the files of the corpus: `.venv/bin/python -m tests.corpus.make`. The same each time but for one."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from struct import pack

import pikepdf

HERE = Path(__file__).parent
CREDENTIAL = (HERE.parent / "golden" / "credential-new.json").read_bytes()
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:openbadges="https://purl.imsglobal.org/ob/v3p0">'


def main() -> None:
    folder = HERE / "files"
    folder.mkdir(exist_ok=True)
    for name, content in [*_json(), *_png(), *_svg(), *_pdf()]:
        (folder / name).write_bytes(content)


def _json() -> Iterator[tuple[str, bytes]]:
    yield "empty.json", b""
    yield "depth-10000-arrays.json", b"[" * 10_000 + b"]" * 10_000
    yield "depth-10000-objects.json", b'{"a":' * 10_000 + b"1" + b"}" * 10_000
    deep = b'{"proof":' + b"[" * 5_000 + b"]" * 5_000 + b"}"
    yield "depth-in-a-field.json", CREDENTIAL.rstrip()[:-1] + b',"x":' + deep + b"}"
    yield "array.json", b"[" + CREDENTIAL + b"]"
    yield "cut.json", CREDENTIAL[:-40]
    yield "not-utf-8.json", CREDENTIAL.replace("髙橋".encode(), b"\xff\xfe")
    yield "lone-surrogate.json", CREDENTIAL.replace("髙橋".encode(), b"\\ud800")
    yield "utf-16.json", CREDENTIAL.decode().encode("utf-16")
    yield "huge-number.json", CREDENTIAL.rstrip()[:-1] + b',"x":' + b"9" * 5_000 + b"}"
    yield "nan.json", CREDENTIAL.rstrip()[:-1] + b',"x":NaN}'
    twins = [{"type": ["Achievement"]} for _ in range(200)]
    yield "symmetry.json", json.dumps({**json.loads(CREDENTIAL), "evidence": twins}).encode()
    for name, proof in (("no-proof", None), ("proofs-1000", [{}] * 1000), ("proof-text", "none")):
        yield f"{name}.json", json.dumps({**json.loads(CREDENTIAL), "proof": proof}).encode()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))


def _png() -> Iterator[tuple[str, bytes]]:
    head = _SIGNATURE + _chunk(b"IHDR", pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    tail = _chunk(b"IDAT", zlib.compress(b"\0\0")) + _chunk(b"IEND", b"")
    text = _chunk(b"iTXt", b"openbadgecredential\0\0\0\0\0" + CREDENTIAL)
    bomb = zlib.compress(b"\0" * 60_000_000, 9)
    yield "only-signature.png", _SIGNATURE
    yield "no-credential.png", head + tail
    yield "another-issuer.png", head + text + tail
    yield "cut-in-a-chunk.png", (head + text)[:-500]
    yield "cut-before-the-end.png", head + text
    yield "cut-in-the-head.png", head[:20]
    yield "length-of-4-gb.png", head + b"\xff\xff\xff\xff" + text[4:] + tail
    yield "wrong-checksum.png", head + text[:-1] + bytes([text[-1] ^ 1]) + tail
    yield "two-credentials.png", head + text + text + tail
    yield "bomb.png", head + _chunk(b"iTXt", b"openbadgecredential\0\1\0\0\0" + bomb) + tail
    yield "broken-compression.png", head + _chunk(b"iTXt", b"openbadgecredential\0\1\0\0\0" + bomb[:50] + b"x") + tail
    yield "no-fields.png", head + _chunk(b"iTXt", b"openbadgecredential\0") + tail
    yield "15000-chunks.png", head + _chunk(b"tEXt", b"") * 15_000 + text + tail


def _svg() -> Iterator[tuple[str, bytes]]:
    told = f"<openbadges:credential><![CDATA[{CREDENTIAL.decode()}]]></openbadges:credential>"
    script = '<script>fetch("http://127.0.0.1/")</script><a onclick="alert(1)"/><image href="file:///etc/passwd"/>'
    yield "script.svg", f"{_SVG}{script}{told}</svg>".encode()
    yield (
        "script-in-the-credential.svg",
        (f"{_SVG}<openbadges:credential><script>alert(1)</script></openbadges:credential></svg>".encode()),
    )
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    yield "billion-laughs.svg", f'<!DOCTYPE svg [<!ENTITY l0 "ha">{laughs}]>{_SVG}&l11;{told}</svg>'.encode()
    yield (
        "file-entity.svg",
        (
            f'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>{_SVG}'
            "<openbadges:credential>&x;</openbadges:credential></svg>"
        ).encode(),
    )
    yield "outer-doctype.svg", f'<!DOCTYPE svg SYSTEM "http://127.0.0.1/x.dtd">{_SVG}{told}</svg>'.encode()
    yield "depth-10000.svg", (_SVG + "<g>" * 10_000 + told + "</g>" * 10_000 + "</svg>").encode()
    yield "utf-16.svg", f"{_SVG}{told}</svg>".encode("utf-16")
    yield "two-credentials.svg", f"{_SVG}{told}{told}</svg>".encode()
    yield "not-closed.svg", f"{_SVG}{told}".encode()
    yield "page.html", f"<!doctype html><html><body>{told}</body></html>".encode()


def attached(credential: bytes, **save: object) -> bytes:
    out = io.BytesIO()
    with pikepdf.new() as document:
        document.add_blank_page()
        if credential:
            spec = pikepdf.AttachedFileSpec(  # type: ignore[call-arg]  # its stub asks for what has defaults
                document, credential, mime_type="application/ld+json"
            )
            document.attachments["credential.json"] = spec
        document.save(out, **save)  # type: ignore[arg-type]
    return out.getvalue()


def _pdf() -> Iterator[tuple[str, bytes]]:
    good = attached(CREDENTIAL, static_id=True)
    yield "only-header.pdf", b"%PDF-1.7\n"
    yield "no-credential.pdf", attached(b"", static_id=True)
    yield "another-issuer.pdf", good
    yield "broken-xref.pdf", good.replace(b"startxref\n", b"startxref\n9")
    yield "no-xref.pdf", good[: good.index(b"xref\n")]
    yield "cut.pdf", good[: len(good) // 2]
    yield "bomb.pdf", attached(b"\0" * 200_000_000, static_id=True)
    yield "bomb-of-400-kb.pdf", attached(b" " * 400_000 + CREDENTIAL, static_id=True)
    yield "locked.pdf", attached(CREDENTIAL, encryption=pikepdf.Encryption(owner="a", user="b"))
    yield "name-tree-of-itself.pdf", _looped()
    yield "object-stream-bomb.pdf", _stream_bomb()
    yield "deep.pdf", b"%PDF-1.7\n1 0 obj\n" + b"[" * 100_000 + b"\nendobj\ntrailer << /Root 1 0 R >>\n"


def _looped() -> bytes:
    return (
        b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R /Names << /EmbeddedFiles 3 0 R >> >>\nendobj\n"
        b"2 0 obj\n<< /Type /Pages /Kids [2 0 R] /Count 1 >>\nendobj\n"
        b"3 0 obj\n<< /Kids [3 0 R 3 0 R] >>\nendobj\ntrailer << /Root 1 0 R /Size 4 >>\n"
    )


def _stream_bomb() -> bytes:
    """All its objects in a stream that unpacks to 300 MB."""
    inside = b"1 0 " + b" " * 300_000_000 + b"<< /Type /Catalog >>"
    packed = zlib.compress(inside, 9)
    head = f"<< /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length {len(packed)} >>".encode()
    body = b"%PDF-1.7\n2 0 obj\n" + head + b"\nstream\n" + packed + b"\nendstream\nendobj\n"
    at = len(body)
    index = pack(">BHB", 0, 0, 0) + pack(">BHB", 2, 2, 0) + pack(">BHB", 1, 9, 0) + pack(">BHB", 1, at & 0xFFFF, 0)
    head = f"<< /Type /XRef /Size 4 /W [1 2 1] /Root 1 0 R /Length {len(index)} >>".encode()
    return body + b"3 0 obj\n" + head + b"\nstream\n" + index + b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % at


if __name__ == "__main__":
    main()
