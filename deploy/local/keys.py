"""The secrets of a local stack: generated at its first start into AKASHI_HOME/secrets, readable by the owner only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from deploy.local.environment import Place
from deploy.local.parts import postgres
from shared.topics import SERVICES

_SCRYPT_ROUNDS = 4096
"""scrypt's n for the chain key. Its password is random and stored beside it; more would only slow down each start."""


def create_secrets(place: Place) -> None:
    """Generate the missing ones. Existing ones stay: with another issuer key, every credential would be invalid."""
    place.secrets.mkdir(parents=True, exist_ok=True)
    place.secrets.chmod(0o700)
    generated = ("id.secret", "link.secret", "desk.secret", "upstream.key", "ops.key", "office.key", "paper.key")
    for name in (*generated, "readiness.key"):
        _write_once(place.secrets / name, secrets.token_urlsafe(32) + "\n")
    _write_once(
        place.secrets / "s3-credentials",
        "[default]\n"
        f"aws_access_key_id = {secrets.token_hex(10)}\n"
        f"aws_secret_access_key = {secrets.token_urlsafe(30)}\n",
    )
    place.passwords.mkdir(mode=0o700, exist_ok=True)
    for role in (postgres.SUPERUSER, *SERVICES):
        _write_once(place.password_file(role), f"*:*:*:{role}:{secrets.token_urlsafe(24)}\n")
    if not (place.secrets / "issuer.pem").exists():
        from services.issuer.signing.key_files import create_key

        create_key(place.secrets / "issuer.pem")
    keystore, password, public = (
        place.secrets / name for name in ("chain-keystore.json", "chain.password", "chain-public.jwk")
    )
    if not (keystore.exists() and password.exists() and public.exists()):
        from services.anchor.network.keystore import create_keystore  # eth_account takes half a second to load

        create_keystore(keystore, password, public, rounds=_SCRYPT_ROUNDS)


def _write_once(file: Path, text: str) -> None:
    """If we die in the middle, the file is still absent."""
    if file.exists():
        return
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    draft.rename(file)
