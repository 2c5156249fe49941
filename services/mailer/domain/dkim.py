"""DKIM signatures over our own letters; pure and deterministic.

Sources: RFC 6376 (DKIM), RFC 8463 (Ed25519), RFC 8301 (RSA of 2048 bits, SHA-256). Both parts are canonicalised
"relaxed". Our letters are ASCII with short lines, so a relay on the way has nothing to change. The domain is that of
From, so DMARC sees it as aligned.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_CRLF = "\r\n"
_SIGNED = (
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "auto-submitted",
    "content-language",
    "reply-to",
    "content-type",
)
_OVERSIGNED = ("from", "to", "subject")  # named once more than they occur: nobody can add a second one
_SELECTOR = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_SHORTEST_RSA = 2048


@dataclass(frozen=True)
class DkimKey:
    """A private key and the selector under which DNS has its public half."""

    selector: str
    key: Ed25519PrivateKey | RSAPrivateKey

    @property
    def algorithm(self) -> str:
        return "ed25519-sha256" if isinstance(self.key, Ed25519PrivateKey) else "rsa-sha256"

    @property
    def record(self) -> str:
        """The TXT record at `<selector>._domainkey.<domain>`."""
        public = self.key.public_key()
        if isinstance(self.key, Ed25519PrivateKey):
            raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            return f"v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode()}"
        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"

    def sign(self, data: bytes) -> bytes:
        if isinstance(self.key, Ed25519PrivateKey):
            return self.key.sign(hashlib.sha256(data).digest())
        return self.key.sign(data, PKCS1v15(), hashes.SHA256())


def read_key(selector: str, pem: bytes) -> DkimKey:
    """A key in PEM. ValueError for a selector that is no DNS label, or another kind of key."""
    if not _SELECTOR.fullmatch(selector):
        raise ValueError(f"got selector {selector!r}, expected letters, digits and hyphens, as in mail-2026")
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(f"{selector}: {error}; expected a key without a password") from error
    if isinstance(key, Ed25519PrivateKey) or (isinstance(key, RSAPrivateKey) and key.key_size >= _SHORTEST_RSA):
        return DkimKey(selector, key)
    raise ValueError(f"{selector}: got another kind of key, expected Ed25519, or RSA of {_SHORTEST_RSA} bits or more")


def parse_keys(setting: str) -> tuple[DkimKey, ...]:
    """`selector:file,selector:file`. ValueError or OSError when one can't be read."""
    keys = []
    for each in setting.split(","):
        selector, colon, file = each.strip().partition(":")
        if not colon:
            raise ValueError(f"got {each.strip()!r}, expected selector:file")
        keys.append(read_key(selector, Path(file).read_bytes()))
    return tuple(keys)


def signed(message: bytes, keys: Sequence[DkimKey], domain: str, date: datetime) -> bytes:
    """`message` with one DKIM-Signature for each key before its own headers. Equal arguments give equal bytes.

    `message` is ASCII with CRLF lines, as `compose` gives it.
    """
    head, _, body = message.partition(b"\r\n\r\n")
    fields = _fields(head.decode("ascii"))
    digest = base64.b64encode(hashlib.sha256(_relaxed_body(body)).digest()).decode()
    signatures = (_signature(key, fields, digest, domain, date) for key in keys)
    return "".join(f"{signature}{_CRLF}" for signature in signatures).encode() + message


def _signature(key: DkimKey, fields: dict[str, str], digest: str, domain: str, date: datetime) -> str:
    present = [name for name in _SIGNED if name in fields]
    names = [*present, *_OVERSIGNED]
    unsigned = _CRLF.join(
        (
            f"DKIM-Signature: v=1; a={key.algorithm}; c=relaxed/relaxed; d={domain};",
            f" s={key.selector}; t={int(date.timestamp())};",
            *_list(names),
            f" bh={digest};",
            " b=",
        )
    )
    data = "".join(f"{name}:{fields[name]}{_CRLF}" for name in present)
    value = unsigned.partition(":")[2]
    signature = base64.b64encode(key.sign(f"{data}dkim-signature:{_relaxed(value)}".encode())).decode()
    lines = [signature[start : start + 70] for start in range(0, len(signature), 70)]
    return unsigned + f"{_CRLF}  ".join(lines)


def _list(names: Sequence[str]) -> list[str]:
    """The tag h=, folded."""
    lines, line = [], " h="
    for number, name in enumerate(names):
        piece = name + (":" if number + 1 < len(names) else ";")
        if len(line) + len(piece) > 76:
            lines.append(line)
            line = "  "
        line += piece
    return [*lines, line]


def _fields(head: str) -> dict[str, str]:
    """Each header in its relaxed form, by its name in lower case. Ours have each only once."""
    unfolded = re.sub(r"\r\n(?=[ \t])", "", head)
    pairs = (line.partition(":") for line in unfolded.split(_CRLF))
    return {name.strip().lower(): _relaxed(value) for name, _, value in pairs}


def _relaxed(value: str) -> str:
    """RFC 6376, 3.4.2: unfolded, white space made one space, none at the ends."""
    return re.sub(r"[ \t]+", " ", value.replace(_CRLF, "")).strip(" ")


def _relaxed_body(body: bytes) -> bytes:
    """RFC 6376, 3.4.4: white space made one space and none at line ends, no empty lines at the end."""
    lines = re.sub(rb"[ \t]+", b" ", body).split(b"\r\n")
    text = b"\r\n".join(line.rstrip(b" ") for line in lines).rstrip(b"\r\n")
    return text + b"\r\n" if text else b""
