"""The formats in which a credential is handed in: JSON, or inside of a PNG, SVG or PDF."""

from __future__ import annotations

from typing import Any

import msgspec

from services.verifier.files.baking import PNG_SIGNATURE, Unbaked, unbake_png, unbake_svg
from services.verifier.files.pdf import without_pdf
from shared.credentials.content import Document
from shared.errors import Unreadable

MAX_BYTES = 128 * 1024
"""Of a JSON document. A credential of ours has about 3 KB, with both proofs and a long path under 8."""


def read_document(content: bytes) -> Document:
    """The credential in a file of any of these formats. Unreadable for everything else.

    TryLater while too many PDFs are being read.
    """
    content = without_pdf(content)
    if content.startswith(PNG_SIGNATURE):
        return read_json(_credential_in(unbake_png(content)))
    if content[:64].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        return read_json(_credential_in(unbake_svg(content)))
    return read_json(content)


def read_json(content: bytes) -> Document:
    """A JSON object. Unreadable, with got and expected, for everything else."""
    if len(content) > MAX_BYTES:
        raise Unreadable(f"got {len(content)} bytes, expected at most {MAX_BYTES}")
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"got {len(content)} bytes that are no JSON object: {error}") from error


def _credential_in(unbaked: Unbaked) -> bytes:
    if unbaked.credential is None:
        holds = "an Open Badges 2.0 assertion only" if unbaked.assertion is not None else "no badge"
        raise Unreadable(f"got a picture with {holds}, expected an Open Badges 3.0 credential in it")
    return unbaked.credential
