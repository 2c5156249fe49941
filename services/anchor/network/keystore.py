"""The chain key: an encrypted keystore (Web3 Secret Storage, version 3) and its password, both in files."""

from __future__ import annotations

import base64
import json
import os
import secrets
import time
from pathlib import Path
from typing import cast

from eth_account import Account
from eth_account.signers.local import LocalAccount

from shared.credentials.chain_key import FIRST, ChainKey, chain_keys_text, read_chain_keys
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
    """Create a key and write keystore, password and public key (a JWK for did.json); existing secrets are kept.

    The public keys of former keystores stay in their file, behind this one.
    Returns the address. `rounds` is scrypt's n: 262 144 takes about a second at each start of the service.
    """
    if not password_file.exists():
        _write_secret(password_file, secrets.token_urlsafe(32))
    made_at = None
    if not keystore_file.exists():
        made_at = int(time.time())
        created = Account.create()
        password = password_file.read_text(encoding="utf-8").strip()
        _write_secret(keystore_file, json.dumps(Account.encrypt(created.key, password, iterations=rounds)))
    account = open_keystore(keystore_file, password_file)
    keys = _listed(account, public_key_file, made_at)
    public_key_file.write_text(chain_keys_text(keys), encoding="utf-8")
    return str(account.address)


def key_name(address: str, public_key_file: Path) -> str:
    """The name of the account's key in the DID document. RefuseToStart when the file doesn't list it."""
    try:
        return next(key.kid for key in read_chain_keys(public_key_file) if key.address.lower() == address.lower())
    except (OSError, ValueError, StopIteration) as error:
        raise RefuseToStart(
            f"setting CHAIN_PUBLIC_KEY_FILE: {public_key_file} doesn't list the key of {address}"
            f" ({type(error).__name__}); write it with akashi contract key"
        ) from error


def _listed(account: LocalAccount, file: Path, made_at: int | None) -> tuple[ChainKey, ...]:
    """This account's key, then those that the file has besides: what they anchored is still verified by them."""
    mine = _public_key(account)
    known = read_chain_keys(file) if file.exists() else ()
    former = tuple(key for key in known if not key.is_same_as(mine))
    listed = next((key for key in known if key.is_same_as(mine)), None)
    name = f"chain-{account.address[2:10].lower()}" if former else FIRST
    return (listed or ChainKey(mine.x, mine.y, name, made_at), *former)


def _public_key(account: LocalAccount) -> ChainKey:
    point = account._key_obj.public_key.to_bytes()  # eth_account has no public name for it
    return ChainKey(_base64url(point[:32]), _base64url(point[32:]))


def _base64url(number: bytes) -> str:
    return base64.urlsafe_b64encode(number).rstrip(b"=").decode()


def _write_secret(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
        opened.write(text + "\n")
