"""The settings of issuer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.issuer.signing.key_files import load_key
from shared.runtime.settings import ObjectStorageSettings, Runtime, Settings, read_object_storage, read_runtime


@dataclass(frozen=True)
class Config:
    runtime: Runtime
    objects: ObjectStorageSettings
    public_url: str
    key: Ed25519PrivateKey
    secret: bytes
    font_folder: Path
    chain_key: Mapping[str, str] | None  # the public key of the account that sends our transactions, as a JWK


def read_config(environment: Mapping[str, str]) -> Config:
    """RefuseToStart, naming the setting, for a missing or invalid one."""
    settings = Settings(environment)
    chain_key = None
    if settings.text("CHAIN_PUBLIC_KEY_FILE", ""):
        chain_key = settings.read("CHAIN_PUBLIC_KEY_FILE", "the path of a JWK of curve secp256k1", _chain_key)
    return Config(
        runtime=read_runtime("issuer", settings),
        objects=read_object_storage(settings),
        public_url=settings.url("PUBLIC_URL"),
        key=settings.read("ISSUER_KEY_FILE", "the path of an Ed25519 key", lambda path: load_key(Path(path))),
        secret=settings.secret("ID_SECRET_FILE"),
        font_folder=settings.folder("FONT_FOLDER"),
        chain_key=chain_key,
    )


def _chain_key(path: str) -> dict[str, str]:
    key = json.loads(Path(path).read_text(encoding="utf-8"))
    names = ("kty", "crv", "x", "y")
    if not isinstance(key, dict) or key.get("crv") != "secp256k1" or not all(key.get(name) for name in names):
        raise ValueError("not a JWK of curve secp256k1")
    return {name: str(key[name]) for name in names}
