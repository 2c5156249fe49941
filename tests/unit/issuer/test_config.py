from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.issuer.config import read_config
from shared.errors import RefuseToStart
from tests.worlds.credentials import KEY, ROOT, SECRET, SOURCES

JWK = {"kty": "EC", "crv": "secp256k1", "x": "A" * 43, "y": "A" * 43}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Every setting, well."""

    def file(name: str, content: bytes) -> str:
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
        return str(tmp_path / name)

    pem = KEY.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        "DATABASE_URL": "postgresql://issuer@127.0.0.1:1/akashi",
        "KAFKA_BOOTSTRAP": "127.0.0.1:1",
        "PROGRAMME_FILE": str(ROOT / "deploy" / "programmes" / "jci.toml"),
        "S3_ENDPOINT": "http://127.0.0.1:1",
        "S3_BUCKET": "akashi",
        "S3_CREDENTIALS_FILE": file("s3", b"[default]\n"),
        "PUBLIC_URL": "https://badges.example.jp/",
        "ISSUER_KEY_FILE": file("issuer.pem", pem),
        "ID_SECRET_FILE": file("id.secret", SECRET),
        "FONT_FOLDER": str(SOURCES.font_folder),
        "CHAIN_PUBLIC_KEY_FILE": file("chain.jwk", json.dumps(JWK).encode()),
    }


def test_good_settings_are_read(environment: dict[str, str]) -> None:
    config = read_config(environment)
    assert config.public_url == "https://badges.example.jp"
    assert config.key.private_bytes_raw() == KEY.private.private_bytes_raw()
    assert (config.secret, [key.jwk for key in config.chain_keys]) == (SECRET, [JWK])
    assert read_config({**environment, "CHAIN_PUBLIC_KEY_FILE": ""}).chain_keys == ()


@pytest.mark.parametrize("name", ["PUBLIC_URL", "ISSUER_KEY_FILE", "ID_SECRET_FILE", "FONT_FOLDER", "S3_BUCKET"])
def test_a_missing_setting_is_named(environment: dict[str, str], name: str) -> None:
    with pytest.raises(RefuseToStart, match=f"setting {name}: missing"):
        read_config({**environment, name: ""})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", "badges.example.jp"),
        ("ISSUER_KEY_FILE", "/nowhere.pem"),
        ("ISSUER_KEY_FILE", str(ROOT / "LICENSE")),
        ("FONT_FOLDER", "/nowhere"),
        ("CHAIN_PUBLIC_KEY_FILE", "/nowhere.jwk"),
        ("CHAIN_PUBLIC_KEY_FILE", str(ROOT / "package.json")),
    ],
)
def test_an_invalid_setting_is_named_with_what_was_expected(environment: dict[str, str], name: str, value: str) -> None:
    with pytest.raises(RefuseToStart, match=f"setting {name}: got .*expected"):
        read_config({**environment, name: value})


def test_a_key_that_others_can_read_is_refused_by_name(environment: dict[str, str]) -> None:
    Path(environment["ISSUER_KEY_FILE"]).chmod(0o644)
    with pytest.raises(RefuseToStart, match=r"setting ISSUER_KEY_FILE: .*chmod 600"):
        read_config(environment)
