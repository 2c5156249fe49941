"""The settings of issuer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.issuer.signing.key_files import load_key
from shared.credentials.chain_key import ChainKey, read_chain_keys
from shared.runtime.settings import ObjectStorageSettings, Runtime, Settings, read_object_storage, read_runtime


@dataclass(frozen=True)
class Config:
    runtime: Runtime
    objects: ObjectStorageSettings
    public_url: str
    key: Ed25519PrivateKey
    secret: bytes
    font_folder: Path
    chain_keys: tuple[ChainKey, ...]  # of the accounts that send, or sent, our transactions
    statement_pause: timedelta
    key_file: Path  # where `key` was read


def read_config(environment: Mapping[str, str]) -> Config:
    """RefuseToStart, naming the setting, for a missing or invalid one."""
    settings = Settings(environment)
    chain_keys: tuple[ChainKey, ...] = ()
    if settings.text("CHAIN_PUBLIC_KEY_FILE", ""):
        what = "the path of a JWK of curve secp256k1, or of a set of them"
        chain_keys = settings.read("CHAIN_PUBLIC_KEY_FILE", what, lambda path: read_chain_keys(Path(path)))
    return Config(
        runtime=read_runtime("issuer", settings),
        objects=read_object_storage(settings),
        public_url=settings.site("PUBLIC_URL"),
        key=settings.read("ISSUER_KEY_FILE", "the path of an Ed25519 key", lambda path: load_key(Path(path))),
        secret=settings.secret("ID_SECRET_FILE"),
        font_folder=settings.folder("FONT_FOLDER"),
        chain_keys=chain_keys,
        statement_pause=timedelta(seconds=settings.seconds("STATEMENT_PAUSE_SECONDS", 600.0)),
        key_file=settings.file("ISSUER_KEY_FILE"),
    )
