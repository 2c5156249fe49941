"""An optional signature inside the PDFs: PAdES baseline B-B (ETSI EN 319 142-1), by pyHanko with the society's key.

It is appended to the document (ISO 32000-1, 7.5.6), which stays PDF/A-3b and PDF/UA-1. The same document signed twice
gives different bytes: they hold the moment of signing and a random part.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.errors import TryLater

if TYPE_CHECKING:  # cryptography takes 9 MB, pyHanko 30 MB and 0.6 s: only where there is a key
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import Certificate

    PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey

_FIELD = "Signature"
_RESERVED = 16_384  # bytes for the signature with its certificates


class CertificateEnded(TryLater):
    """The certificate of the signing key isn't valid now: nothing is signed until there is another."""


@dataclass(frozen=True)
class SignatureFiles:
    """The key: PKCS #12, or PEM beside `certificates` (PEM, the signer's first, then those above it)."""

    key: Path
    certificates: Path | None
    passphrase: bytes | None


class Signer:
    """Signs documents with one key. Thread-safe."""

    def __init__(self, files: SignatureFiles, name: str) -> None:
        """`name`: the society's, as readers show it. ValueError: no such key, a wrong passphrase, or no pyHanko."""
        try:
            from pyhanko.sign import fields, signers
        except ImportError as error:
            raise ValueError(f"pyHanko is not installed ({error}): pip install 'akashi[pades]'") from error
        key, certificate, chain = _load(files)
        self._validity = (certificate.not_valid_before_utc, certificate.not_valid_after_utc)
        self._sign_pdf = signers.sign_pdf
        self._signer = _signer(key, certificate, chain)
        self._meta = signers.PdfSignatureMetadata(
            field_name=_FIELD, md_algorithm="sha256", subfilter=fields.SigSeedSubFilter.PADES, name=name
        )

    @property
    def valid_until(self) -> datetime:
        """Of the certificate."""
        return self._validity[1]

    def sign(self, document: bytes, now: datetime) -> bytes:
        """The document with a signature appended. CertificateEnded outside of the certificate's time."""
        from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

        begins, ends = self._validity
        if not begins <= now <= ends:
            raise CertificateEnded(f"signing certificate: valid from {begins:%Y-%m-%d} to {ends:%Y-%m-%d}, not now")
        writer = IncrementalPdfFileWriter(io.BytesIO(document))
        signed = self._sign_pdf(writer, self._meta, signer=self._signer, bytes_reserved=_RESERVED)
        return bytes(signed.getvalue())


def _load(files: SignatureFiles) -> tuple[PrivateKey, Certificate, list[Certificate]]:
    """Key, its certificate, and the certificates above it."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates
    from cryptography.x509 import load_pem_x509_certificates

    content = files.key.read_bytes()
    more = load_pem_x509_certificates(files.certificates.read_bytes()) if files.certificates else []
    if files.key.suffix.lower() in (".p12", ".pfx"):
        key, certificate, chain = load_key_and_certificates(content, files.passphrase)
        more = [*chain, *more]
    else:
        key = load_pem_private_key(content, files.passphrase)
        certificate, more = (more[0], more[1:]) if more else (None, [])
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise ValueError(f"{files.key}: got {type(key).__name__}, expected an RSA or an elliptic curve key")
    if certificate is None:
        raise ValueError(
            f"{files.key}: got a key alone, expected PKCS #12 (.p12), or SIGNING_CERTIFICATES_FILE with it"
        )
    if certificate.public_key() != key.public_key():
        raise ValueError(f"{files.key}: got the certificate of another key, expected the signer's certificate first")
    return key, certificate, more


def _signer(key: PrivateKey, certificate: Certificate, chain: list[Certificate]) -> Any:
    from asn1crypto import keys, x509
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from pyhanko.sign.signers import SimpleSigner
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    signing, *above = (x509.Certificate.load(each.public_bytes(Encoding.DER)) for each in (certificate, *chain))
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call] # in pyhanko_certvalidator
    store.register_multiple(above)
    plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return SimpleSigner(signing_cert=signing, signing_key=keys.PrivateKeyInfo.load(plain), cert_registry=store)
