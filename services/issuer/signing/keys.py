"""Making the issuer's key, and what a published DID document says of keys."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from shared.credentials.credential import public_key_multibase
from shared.errors import RefuseToStart


def create_key(file: Path) -> str:
    """Draw an Ed25519 key into a new file, PKCS #8 PEM, mode 0600 from its first byte; the public key (Multikey).

    FileExistsError when the file is there: no key is ever overwritten. Dying in the middle leaves no such file.
    """
    if file.exists():
        raise FileExistsError(f"{file} is there; a key is never overwritten")
    key = Ed25519PrivateKey.generate()
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            opened.flush()
            os.fsync(opened.fileno())
        os.link(draft, file)  # unlike a rename, this fails when somebody made the file meanwhile
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
    return public_key_multibase(key.public_key())


def keys_in(did_document: bytes) -> list[str]:
    """The Multikeys in a published `did.json`, in its order. RefuseToStart when it can't be read."""
    try:
        document: Any = msgspec.json.decode(did_document)
        methods = document["verificationMethod"]
        return [method["publicKeyMultibase"] for method in methods if method["type"] == "Multikey"]
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise RefuseToStart(
            f"object issuer/did.json: got {did_document[:40]!r}, expected a DID document ({type(error).__name__}); "
            "put the right one back: it says which keys may sign"
        ) from error


def refuse_unlisted(key: str, listed: Collection[str]) -> None:
    """RefuseToStart unless `key` is among the `listed` ones, or none is listed yet.

    What an unlisted key signs, no verifier would accept.
    """
    if listed and key not in listed:
        raise RefuseToStart(
            f"setting ISSUER_KEY_FILE: got the key {key}, expected one that the published did.json holds "
            f"({', '.join(listed)}); list it first, with the former key still set: "
            "akashi issuer publish --add-key FILE"
        )
