"""Files of signing keys: PKCS #8 (RFC 5958) in PEM, readable by their owner and its group at most."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from shared.credentials.credential import public_key_multibase

_FORBIDDEN_MODE = 0o027  # group may read (mounted secrets); others have no access


def create_key(file: Path) -> str:
    """Write a new Ed25519 key to a new file, PKCS #8 PEM, mode 0600 from its first byte; the public key (Multikey).

    FileExistsError when the file exists: a key is never overwritten. If we die in the middle, there is no such file.
    """
    if file.exists():
        raise FileExistsError(f"{file} exists; a key is never overwritten")
    key = Ed25519PrivateKey.generate()
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            opened.flush()
            os.fsync(opened.fileno())
        os.link(draft, file)  # unlike a rename, this fails when another process made the file in the meantime
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
    return public_key_multibase(key.public_key())


def load_key(path: Path) -> Ed25519PrivateKey:
    """The key in a PKCS #8 PEM file. ValueError when others can read the file, or it holds another kind of key."""
    mode = path.stat().st_mode & 0o777
    if mode & _FORBIDDEN_MODE:
        raise ValueError(f"the file's mode is {mode:04o}, expected 0600 or 0640; run chmod 600 on it")
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError("expected an unencrypted PKCS #8 key in PEM") from error
    if isinstance(key, Ed25519PrivateKey):
        return key
    raise ValueError(f"got a {type(key).__name__.strip('_')}, expected an Ed25519 key")
