"""The chain key: an encrypted keystore (Web3 Secret Storage, version 3) and its password, both in files."""

from __future__ import annotations

import base64
import json
import os
import secrets
from pathlib import Path
from typing import cast

from eth_account import Account
from eth_account.signers.local import LocalAccount

from shared.errors import RefuseToStart


def open_keystore(keystore_file: Path, password_file: Path) -> LocalAccount:
    """The account in the keystore. RefuseToStart when it isn't a keystore or the password is wrong."""
    try:
        password = password_file.read_text(encoding="utf-8").strip()
        key = Account.decrypt(json.loads(keystore_file.read_text(encoding="utf-8")), password)
        return cast(LocalAccount, Account.from_key(key))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RefuseToStart(
            f"setting CHAIN_KEYSTORE_FILE: {keystore_file} can't be opened with the password in {password_file}:"
            f" {type(error).__name__}; expected an encrypted keystore (version 3) and its password"
        ) from error


def create_keystore(keystore_file: Path, password_file: Path, public_key_file: Path, *, rounds: int = 262_144) -> str:
    """Create a key and write keystore, password and public key (a JWK for did.json); existing files are kept.

    Returns the address. `rounds` is scrypt's n: 262 144 takes about a second at each start of the service.
    """
    if not password_file.exists():
        _write_secret(password_file, secrets.token_urlsafe(32))
    if not keystore_file.exists():
        created = Account.create()
        password = password_file.read_text(encoding="utf-8").strip()
        _write_secret(keystore_file, json.dumps(Account.encrypt(created.key, password, iterations=rounds)))
    account = open_keystore(keystore_file, password_file)
    public_key_file.write_text(json.dumps(public_jwk(account), indent=1) + "\n", encoding="utf-8")
    return str(account.address)


def public_jwk(account: LocalAccount) -> dict[str, str]:
    """The public key as verifiers of merkle-proof-2019 read it in a DID document. Source: RFC 8812, section 3.1."""
    point = account._key_obj.public_key.to_bytes()  # eth_account has no public name for it
    return {"kty": "EC", "crv": "secp256k1", "x": _base64url(point[:32]), "y": _base64url(point[32:])}


def _base64url(number: bytes) -> str:
    return base64.urlsafe_b64encode(number).rstrip(b"=").decode()


def _write_secret(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
        opened.write(text + "\n")
