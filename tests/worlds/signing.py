"""A society's signing key with a certificate of a test authority, in files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

PASSPHRASE = b"a passphrase"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Signing:
    key: Key
    certificate: x509.Certificate
    authority: x509.Certificate

    def pem(self, folder: Path, *, passphrase: bytes | None = None) -> tuple[Path, Path]:
        """Files with the key and with the certificates, the signer's first."""
        key, certificates = folder / "signing.pem", folder / "signing-certificates.pem"
        protection = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
        key.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection))
        certificates.write_bytes(
            b"".join(each.public_bytes(Encoding.PEM) for each in (self.certificate, self.authority))
        )
        return key, certificates

    def p12(self, folder: Path) -> Path:
        path = folder / "signing.p12"
        protection = BestAvailableEncryption(PASSPHRASE)
        path.write_bytes(
            pkcs12.serialize_key_and_certificates(b"signing", self.key, self.certificate, [self.authority], protection)
        )
        return path


@lru_cache(maxsize=4)
def signing(kind: Literal["rsa", "ec"] = "ec", *, days: int = 365) -> Signing:
    """`days`: until its certificate ends; less than none: since."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    key: Key = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("Test Authority", authority_key, authority_key, "Test Authority", 3650, is_authority=True)
    return Signing(key, _certificate("公益社団法人 見本", key, authority_key, "Test Authority", days), authority)


def _certificate(
    subject: str, key: Key, issuer_key: Key, issuer: str, days: int, *, is_authority: bool = False
) -> x509.Certificate:
    begin = datetime.now(UTC) - timedelta(days=1000)
    usage = x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=not is_authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(datetime.now(UTC) + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(issuer_key, hashes.SHA256())
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
