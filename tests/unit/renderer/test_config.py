from __future__ import annotations

from pathlib import Path

import pytest

from services.renderer.__main__ import wire
from services.renderer.config import read_config, usual_workers
from services.renderer.pdf.signature import SignatureFiles
from shared.errors import RefuseToStart
from tests.worlds.press import FONTS
from tests.worlds.signing import PASSPHRASE, signing


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The required settings."""
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id=aa\naws_secret_access_key=bb\n")
    return {
        "DATABASE_URL": "postgresql://renderer@127.0.0.1:1/akashi",
        "KAFKA_BOOTSTRAP": "127.0.0.1:2",
        "PROGRAMME_FILE": "deploy/programmes/jci.toml",
        "S3_ENDPOINT": "http://127.0.0.1:3",
        "S3_BUCKET": "akashi",
        "S3_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "PUBLIC_URL": "https://badges.example.jp/",
        "FONT_FOLDER": str(FONTS),
        "RENDER_WORKERS": "1",  # a test process has threads: it isn't forked
    }


def test_the_required_settings_are_enough(environment: dict[str, str]) -> None:
    config = read_config(environment)
    assert config.public_url == "https://badges.example.jp"
    assert config.font_folder == FONTS


@pytest.mark.parametrize(("name", "value"), [("FONT_FOLDER", "/nowhere"), ("PUBLIC_URL", "badges"), ("S3_BUCKET", "")])
def test_an_impossible_setting_is_named_before_anything_starts(
    environment: dict[str, str], name: str, value: str
) -> None:
    with pytest.raises(RefuseToStart, match=name):
        read_config({**environment, name: value})


def test_fonts_of_the_operator_are_files_separated_by_colons(environment: dict[str, str], tmp_path: Path) -> None:
    own, other = tmp_path / "own.ttf", tmp_path / "other.ttf"
    own.touch()
    other.touch()
    assert read_config(environment).extra_fonts == ()
    assert read_config({**environment, "EXTRA_FONTS": f"{own}:{other}"}).extra_fonts == (own, other)
    with pytest.raises(RefuseToStart, match=r"EXTRA_FONTS.*missing\.ttf"):
        read_config({**environment, "EXTRA_FONTS": f"{own}:{tmp_path / 'missing.ttf'}"})


def with_seal(environment: dict[str, str], folder: Path, seal: str) -> dict[str, str]:
    text = Path(environment["PROGRAMME_FILE"]).read_text("utf-8")
    path = folder / "programme.toml"
    path.write_text(text.replace('short_name = "JCI"', f'short_name = "JCI"\nseal = "{seal}"'), "utf-8")
    return {**environment, "PROGRAMME_FILE": str(path)}


def test_a_seal_is_a_picture_beside_the_programme_file(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "seal.png").write_bytes(b"a picture")
    assert read_config(with_seal(environment, tmp_path, "seal.png")).seal == b"a picture"
    assert read_config(with_seal(environment, tmp_path, "none")).seal is None
    assert read_config(with_seal(environment, tmp_path, "drawn")).seal is None
    assert read_config(environment).seal is None
    with pytest.raises(RefuseToStart, match=r"society\.seal.*lost\.png"):
        read_config(with_seal(environment, tmp_path, "lost.png"))


def test_what_cannot_be_a_seal_or_a_font_is_named_at_the_start(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "seal.png").write_bytes(b"no picture")
    with pytest.raises(RefuseToStart, match=r"PROGRAMME_FILE.*seal.*PNG"):
        wire(read_config(with_seal(environment, tmp_path, "seal.png")))
    (tmp_path / "own.ttf").write_bytes(b"no font")
    with pytest.raises(RefuseToStart, match=r"EXTRA_FONTS.*own\.ttf"):
        wire(read_config({**environment, "EXTRA_FONTS": str(tmp_path / "own.ttf")}))


def test_a_signing_key_is_read_at_the_start_and_one_that_cannot_sign_is_refused(
    environment: dict[str, str], tmp_path: Path
) -> None:
    assert read_config(environment).signature is None
    (tmp_path / "passphrase").write_bytes(PASSPHRASE + b"\n")
    key = {
        "SIGNING_KEY_FILE": str(signing("ec").p12(tmp_path)),
        "SIGNING_PASSPHRASE_FILE": str(tmp_path / "passphrase"),
    }
    signature = read_config({**environment, **key}).signature
    assert signature == SignatureFiles(tmp_path / "signing.p12", None, PASSPHRASE)
    assert wire(read_config({**environment, **key})) is not None
    for wrong in ({"SIGNING_PASSPHRASE_FILE": str(tmp_path / "credentials")}, {"SIGNING_KEY_FILE": "/nowhere"}):
        with pytest.raises(RefuseToStart, match="SIGNING_KEY_FILE"):
            wire(read_config({**environment, **key, **wrong}))


@pytest.mark.parametrize(
    ("cores", "quota", "workers"),
    [
        (1, None, 1),
        (2, "max 100000", 2),
        (64, None, 4),
        (64, "200000 100000", 2),
        (64, "50000 100000", 1),
        (8, "150000 100000", 2),
        (2, "800000 100000", 2),
        (3, "spoiled", 3),
    ],
)
def test_there_is_a_worker_for_each_core_that_the_container_may_use(
    cores: int, quota: str | None, workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(cores)))
    if quota is not None:
        (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert usual_workers(tmp_path / "cpu.max") == workers


@pytest.mark.parametrize("workers", ["0", "65", "two", "1.5"])
def test_an_impossible_number_of_workers_is_named(environment: dict[str, str], workers: str) -> None:
    with pytest.raises(RefuseToStart, match="RENDER_WORKERS"):
        read_config({**environment, "RENDER_WORKERS": workers})
