"""docs/credentials.md: its example is what the issuer makes, its commands print what it says."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.doc_example import FOLDER, example, files

TEXT = Path("docs/credentials.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^```sh\n(.*?)^```\n```text\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def test_the_example_files_are_what_the_issuer_makes() -> None:
    made = files()
    assert {path.name for path in FOLDER.iterdir()} == made.keys()
    for name in (
        "credential.json",
        "did.json",
    ):  # status.json has packed bytes in it, which another zlib may pack otherwise
        assert (FOLDER / name).read_bytes() == made[name], "run python -m tests.doc_example"


def test_the_annotated_example_is_the_file_with_notes() -> None:
    (annotated,) = (text for language, text in BLOCK.findall(TEXT) if language == "jsonc")
    assert json.loads(re.sub(r"  // .*$", "", annotated, flags=re.MULTILINE)) == example()


@pytest.mark.parametrize(("command", "expected"), COMMANDS)
def test_each_command_prints_the_output_beside_it(command: str, expected: str) -> None:
    ran = subprocess.run(["bash", "-euo", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, expected, "")


def test_every_command_has_its_output_beside_it() -> None:
    assert len(COMMANDS) == TEXT.count("```sh\n") == 6
