"""PDFs with a signature inside, as pyHanko and OpenSSL see them: pdf/signature.py."""

from __future__ import annotations

import io
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from asn1crypto import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from services.renderer.domain.certificate import Printed
from services.renderer.pdf.signature import CertificateEnded, SignatureFiles, Signer
from tests.worlds.press import CREDENTIAL, printed, text_of
from tests.worlds.signing import PASSPHRASE, Signing, signing

NAME = "公益社団法人 見本"


@pytest.fixture(scope="module")
def plain() -> Printed:
    return printed()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("signing")


@pytest.fixture(scope="module")
def documents(plain: Printed, folder: Path) -> dict[str, bytes]:
    """Signed with a key in each form that there is."""
    elliptic, plain_rsa = signing("ec"), signing("rsa")
    key, certificates = plain_rsa.pem(folder, passphrase=PASSPHRASE)
    signers = {
        "PKCS #12": Signer(SignatureFiles(elliptic.p12(folder), None, PASSPHRASE), NAME),
        "PEM": Signer(SignatureFiles(key, certificates, PASSPHRASE), NAME),
    }
    now = datetime.now(UTC)
    return {
        "PKCS #12": signers["PKCS #12"].sign(plain.details, now),
        "PEM": signers["PEM"].sign(plain.certificate, now),
    }


def of(name: str) -> Signing:
    return signing("ec" if name == "PKCS #12" else "rsa")


def status(pdf: bytes, authority: Any) -> Any:
    trust = x509.Certificate.load(authority.public_bytes(Encoding.DER))
    (signature,) = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
    return validate_pdf_signature(signature, ValidationContext(trust_roots=[trust], allow_fetching=False))


def cms_of(pdf: bytes) -> tuple[bytes, bytes]:
    """What is signed, and the signature, by the byte range of the document."""
    found = re.search(rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\]", pdf)
    assert found is not None
    start, length, second, rest = map(int, found.groups())
    contents = pdf[start + length + 1 : second - 1]
    return pdf[start : start + length] + pdf[second : second + rest], bytes.fromhex(contents.decode())


@pytest.mark.parametrize("name", ["PKCS #12", "PEM"])
def test_pyhanko_finds_a_trusted_signature_over_the_whole_document(documents: dict[str, bytes], name: str) -> None:
    found = status(documents[name], of(name).authority)
    assert found.valid and found.intact and found.trusted and found.bottom_line, found.pretty_print_details()
    assert found.coverage.name == "ENTIRE_FILE"
    with pikepdf.open(io.BytesIO(documents[name])) as document:
        (field,) = document.Root.AcroForm.Fields
        assert field.V.SubFilter == "/ETSI.CAdES.detached" and str(field.V.Name) == NAME


@pytest.mark.parametrize("name", ["PKCS #12", "PEM"])
def test_openssl_finds_it_too(documents: dict[str, bytes], name: str, tmp_path: Path) -> None:
    content, cms = cms_of(documents[name])
    (tmp_path / "content").write_bytes(content)
    (tmp_path / "cms").write_bytes(cms)
    (tmp_path / "ca.pem").write_bytes(of(name).authority.public_bytes(Encoding.PEM))
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "cms", "-content", "content"]
    done = subprocess.run(
        [*command, "-CAfile", "ca.pem", "-purpose", "any", "-out", "/dev/null"], cwd=tmp_path, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    (tmp_path / "content").write_bytes(content.replace(b"/Title", b"/Titel", 1))
    assert subprocess.run([*command, "-noverify", "-out", "/dev/null"], cwd=tmp_path, capture_output=True).returncode


def test_another_authority_makes_nobody_trust_it_and_a_changed_byte_breaks_it(documents: dict[str, bytes]) -> None:
    pdf = documents["PEM"]
    assert not status(pdf, signing("ec").authority).trusted
    at = pdf.index(b"stream\n", 5000) + 20
    changed = pdf[:at] + bytes([pdf[at] ^ 1]) + pdf[at + 1 :]
    assert not status(changed, of("PEM").authority).intact


def test_the_document_under_the_signature_is_the_one_without_it_and_reads_the_same(
    documents: dict[str, bytes], plain: Printed
) -> None:
    assert documents["PKCS #12"].startswith(plain.details) and documents["PEM"].startswith(plain.certificate)
    assert text_of(documents["PKCS #12"]) == text_of(plain.details)
    assert len(documents["PEM"]) - len(plain.certificate) < 50_000
    with pikepdf.open(io.BytesIO(documents["PKCS #12"])) as document:
        assert document.attachments["credential.json"].get_file().read_bytes() == CREDENTIAL


def test_nothing_is_signed_outside_of_the_certificates_time(plain: Printed, folder: Path) -> None:
    ended = Signer(SignatureFiles(signing("ec", days=-1).p12(folder), None, PASSPHRASE), NAME)
    with pytest.raises(CertificateEnded, match=r"valid from .* to .*, not now"):
        ended.sign(plain.details, datetime.now(UTC))
    with pytest.raises(CertificateEnded):
        Signer(SignatureFiles(signing("ec").p12(folder), None, PASSPHRASE), NAME).sign(
            plain.details, datetime(2000, 1, 1, tzinfo=UTC)
        )


def test_a_key_that_cannot_sign_is_refused_with_its_cause(tmp_path: Path) -> None:
    key, certificates = signing("rsa").pem(tmp_path)
    (tmp_path / "others").mkdir()
    _, others = signing("ec").pem(tmp_path / "others")
    broken = tmp_path / "broken.pem"
    broken.write_text("no key")
    for files, cause in (
        (SignatureFiles(signing("ec").p12(tmp_path), None, b"another"), "assword|PKCS"),
        (SignatureFiles(key, None, None), "SIGNING_CERTIFICATES_FILE"),
        (SignatureFiles(key, others, None), "another key"),
        (SignatureFiles(broken, certificates, None), "."),
        (SignatureFiles(key, broken, None), "."),
    ):
        with pytest.raises(ValueError, match=cause):
            Signer(files, NAME)
