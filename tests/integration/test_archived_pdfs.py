"""Both PDFs by the rules of PDF/A-3b (to be kept for ever) and PDF/UA-1 (to be read aloud), as veraPDF sees them."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from services.renderer.domain.certificate import Press, Printed
from services.renderer.pdf.picture import make_picture
from services.renderer.pdf.signature import SignatureFiles, Signer
from shared.glyphs import load_glyphs
from tests.verapdf.fetch import verdicts
from tests.worlds.fonts import font_with_variant
from tests.worlds.names import ODD_NAMES
from tests.worlds.press import CERTIFICATE, CREDENTIAL, FONTS, PROGRAMME, printed
from tests.worlds.signing import PASSPHRASE, signing

_FEW = slice(None, None, 14)
"""veraPDF takes a second for a 証書 with its thousand curves, a fifth of it for a 内容詳細 in the same fonts."""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Printed:
    """With a seal, a badge and a font of the society's own."""
    folder = tmp_path_factory.mktemp("own")
    font_with_variant(folder / "own.ttf", "邊", "\U000e0101")
    picture = io.BytesIO()
    Image.new("RGBA", (40, 40), (200, 30, 30, 128)).save(picture, "PNG")
    press = Press(PROGRAMME, FONTS, (folder / "own.ttf",), picture.getvalue())
    return press.print(replace(CERTIFICATE, holder="渡邊\U000e0101 太郎"), make_picture(picture.getvalue()), CREDENTIAL)


def test_every_odd_name_can_be_printed() -> None:
    missing = load_glyphs(FONTS).missing
    assert {name: missing(name) for name in ODD_NAMES if missing(name)} == {}
    assert len(set(ODD_NAMES)) >= 50


def test_verapdf_finds_nothing_in_any_document(own: Printed, tmp_path: Path) -> None:
    both = {
        name: printed(holder=name, latin_name=None if number % 2 else "MIHON Tarō", pass_number=f"第{number}号 №")
        for number, name in enumerate(ODD_NAMES)
    }
    details = {name: each.details for name, each in both.items()}
    certificates = {f"{name} 証書": each.certificate for name, each in list(both.items())[_FEW]}
    signer = Signer(SignatureFiles(signing("ec").p12(tmp_path), None, PASSPHRASE), "society")
    now = datetime.now(UTC)
    signed = {"signed": signer.sign(own.details, now), "signed 証書": signer.sign(own.certificate, now)}
    archived = {**details, **certificates, **signed, "own": own.details, "own 証書": own.certificate}
    read_aloud = {**signed, **dict(list(details.items())[_FEW]), "own 証書": own.certificate}
    found = verdicts(archived, ("3b",), tmp_path) | verdicts(read_aloud, ("ua1",), tmp_path)
    assert len(found) == len(archived) + len(read_aloud) > 60
    assert {place: verdict for place, verdict in found.items() if verdict != "ok"} == {}


def test_verapdf_names_what_a_document_lacks(tmp_path: Path) -> None:
    whole = printed().details
    broken = {
        "no colour profile": whole.replace(b"/OutputIntents", b"/OutputIntentz"),
        "no claim": whole.replace(b"<pdfaid:part>3", b"<pdfaid:part>7"),
        "no fonts": whole.replace(b"/FontFile2", b"/FontFilez"),
        "no relation of the attachment": whole.replace(b"/AFRelationship", b"/AFRelationshiq"),
    }
    found = verdicts(broken, ("3b",), tmp_path)
    assert len(found) == len(broken) and "ok" not in found.values()
