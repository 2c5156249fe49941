"""The issuer's keys: what did.json lists, who may sign, and the commands; with real database, storage and processes."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.issuer import handlers
from services.issuer.cli import command
from services.issuer.handlers import Ports
from services.issuer.signing.key_files import create_key, load_key
from services.issuer.signing.keys import SigningKey
from shared.credentials.credential import key_of, verify_proof
from shared.errors import RefuseToStart
from tests.worlds.credentials import KEY, ROOT, SECRET, SOURCES, renewed
from tests.worlds.issuer import World, id_of


@pytest.fixture
def new_key(tmp_path: Path) -> tuple[Path, SigningKey]:
    file = tmp_path / "next.pem"
    create_key(file)
    return file, SigningKey(load_key(file), KEY.did)


def with_key(world: World, key: SigningKey) -> Ports:
    return world.ports_with(replace(SOURCES, key=key))


def listed(world: World) -> list[str]:
    return [each["publicKeyMultibase"] for each in world.shelf.json("issuer/did.json")["verificationMethod"]]


def settings(world: World, tmp_path: Path, key_file: Path | None = None) -> dict[str, str]:
    """The environment of an issuer of this world."""

    def secret(name: str, content: bytes) -> str:
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
        return str(tmp_path / name)

    own = secret("own.pem", KEY.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return {
        "DATABASE_URL": world.url,
        "KAFKA_BOOTSTRAP": "127.0.0.1:9",
        "PROGRAMME_FILE": str(ROOT / "deploy" / "programmes" / "jci.toml"),
        "S3_ENDPOINT": world.bucket.endpoint,
        "S3_BUCKET": world.bucket.bucket,
        "S3_CREDENTIALS_FILE": str(world.bucket.credentials_file),
        "PUBLIC_URL": SOURCES.issuer.public_url,
        "ISSUER_KEY_FILE": own if key_file is None else str(key_file),
        "ID_SECRET_FILE": secret("id.secret", SECRET),
        "FONT_FOLDER": str(SOURCES.font_folder),
        "LOG_FORMAT": "json",
    }


def akashi(environment: dict[str, str], *words: str) -> Result:
    return CliRunner().invoke(command, words, env=environment)


# ── who may sign ───────────────────────────────────────────────────────────────────────────────────────


def test_the_first_key_is_listed_without_another(world: World) -> None:
    handlers.begin(world.ports)
    world.publish()
    assert listed(world) == [KEY.public]
    handlers.begin(world.ports)


def test_a_key_that_the_published_document_does_not_hold_refuses_the_start(
    world: World, new_key: tuple[Path, SigningKey]
) -> None:
    handlers.begin(world.ports)
    with pytest.raises(RefuseToStart, match=r"ISSUER_KEY_FILE: got the key .*publish --add-key"):
        handlers.begin(with_key(world, new_key[1]))  # listed, though the storage doesn't have it yet
    world.publish()
    with pytest.raises(RefuseToStart, match=r"ISSUER_KEY_FILE: got the key .*publish --add-key"):
        handlers.begin(with_key(world, new_key[1]))
    world.publish()
    assert listed(world) == [KEY.public]


def test_after_a_rotation_both_keys_verify_what_they_signed(world: World, new_key: tuple[Path, SigningKey]) -> None:
    handlers.begin(world.ports)
    world.issue(renewed(1))
    handlers.list_keys(world.ports, [new_key[1].public])
    world.publish()
    assert listed(world) == [KEY.public, new_key[1].public]
    later = with_key(world, new_key[1])
    handlers.begin(later)
    handlers.issue([renewed(2)], later)
    world.issue()
    while handlers.publish(later):
        pass
    did = world.shelf.json("issuer/did.json")
    methods = set()
    for document in (world.credential(id_of(1)), world.credential(id_of(2)), world.shelf.json("status/1.json")):
        verify_proof(document, key_of(document, did))
        methods.add(document["proof"][0]["verificationMethod"].partition("#")[2])
    assert methods == {KEY.public, new_key[1].public}


def test_keys_that_the_database_lost_are_read_from_the_published_document(
    world: World, new_key: tuple[Path, SigningKey]
) -> None:
    handlers.list_keys(world.ports, [new_key[1].public])
    world.publish()
    with world.ports.store.transaction() as tx:
        tx.cursor.execute("delete from signing_keys")
    handlers.begin(with_key(world, new_key[1]))
    while handlers.publish(with_key(world, new_key[1])):
        pass
    assert set(listed(world)) == {KEY.public, new_key[1].public}


def test_a_start_without_storage_waits_for_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "_PAUSE", 0.01)
    world.shelf.away = True
    starting = Thread(target=handlers.begin, args=(world.ports,))
    starting.start()
    starting.join(0.3)
    assert starting.is_alive()
    world.shelf.away = False
    starting.join(30)
    assert not starting.is_alive()
    assert handlers.publish(world.ports) == 6


def test_a_service_with_an_unlisted_key_ends_with_the_reason_and_what_to_do(
    world: World, tmp_path: Path, new_key: tuple[Path, SigningKey]
) -> None:
    handlers.begin(world.ports)
    world.publish()
    environment = settings(world, tmp_path, new_key[0])
    ended = subprocess.run(
        [sys.executable, "-m", "services.issuer"], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 78
    last = json.loads(ended.stderr.splitlines()[-1])
    assert last["action"] == "refused"
    assert "akashi issuer publish --add-key" in last["cause"]


# ── the commands ───────────────────────────────────────────────────────────────────────────────────────


def test_a_new_key_is_readable_by_its_owner_only_and_an_existing_file_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "issuer.pem"
    made = akashi({}, "key", "new", str(file))
    assert made.exit_code == 0
    assert made.output.strip() == SigningKey(load_key(file), "did:web:x").public
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    again = akashi({}, "key", "new", str(file))
    assert again.exit_code == 1
    assert "never overwritten" in again.output
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_publish_writes_every_document_and_lists_the_next_key_before_it_signs(
    world: World, tmp_path: Path, new_key: tuple[Path, SigningKey]
) -> None:
    environment = settings(world, tmp_path)
    first = akashi(environment, "publish", "--json")
    assert first.exit_code == 0, first.output
    printed = json.loads(first.stdout)
    assert printed["keys"] == [KEY.public]
    assert (printed["did"], printed["failed"]) == (SOURCES.issuer.did, [])
    assert set(printed["written"]) >= {"issuer/did.json", "issuer/profile.json", "issuer/image.png", "status/1.json"}
    assert all(world.shelf.get(key) for key in printed["written"])
    assert akashi(settings(world, tmp_path, new_key[0]), "publish").exit_code == 1
    second = akashi(environment, "publish", "--add-key", str(new_key[0]))
    assert second.exit_code == 0, second.output
    assert "issuer/did.json" in second.output.splitlines()
    assert listed(world) == [KEY.public, new_key[1].public]
    assert akashi(settings(world, tmp_path, new_key[0]), "publish").exit_code == 0


def test_publish_names_an_invalid_setting(world: World, tmp_path: Path) -> None:
    environment = settings(world, tmp_path)
    missing = akashi({**environment, "PUBLIC_URL": ""}, "publish")
    assert missing.exit_code == 1
    assert "setting PUBLIC_URL: missing" in missing.output
    away = akashi({**environment, "S3_ENDPOINT": "http://127.0.0.1:9"}, "publish")
    assert away.exit_code == 1
    assert "storage away" in away.output
    (tmp_path / "open.pem").write_bytes(Path(environment["ISSUER_KEY_FILE"]).read_bytes())
    (tmp_path / "open.pem").chmod(0o644)
    opened = akashi(environment, "publish", "--add-key", str(tmp_path / "open.pem"))
    assert opened.exit_code == 1
    assert "chmod 600" in opened.output
