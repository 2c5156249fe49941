"""`akashi letters preview` (services/mailer/commands/letters.py)."""

from __future__ import annotations

import email
import email.policy
from pathlib import Path

from click.testing import CliRunner

from services.mailer.domain.letters import LETTERS
from services.ops.cli import main
from tests.worlds.records import ROOT

PROGRAMME = str(ROOT / "deploy/programmes/jci.toml")


def test_the_preview_has_three_files_of_each_letter_that_hold_the_same_letter(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["letters", "preview", str(tmp_path), "--programme", PROGRAMME])
    assert done.exit_code == 0, done.output
    assert {path.stem for path in tmp_path.iterdir()} >= set(LETTERS)
    for path in tmp_path.glob("*.eml"):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
        assert text is not None and html is not None
        written = path.with_suffix(".txt").read_text(encoding="utf-8")
        assert written == f"{message['Subject']}\n\n{text.get_content()}".replace("\r\n", "\n")
        assert html.get_content().splitlines() == path.with_suffix(".html").read_text(encoding="utf-8").splitlines()


def test_a_broken_programme_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "programme.toml"
    file.write_text("id = 3\n", encoding="utf-8")
    done = CliRunner().invoke(main, ["letters", "preview", str(tmp_path / "out"), "--programme", str(file)])
    assert done.exit_code == 1
    assert str(file) in done.output and "id" in done.output
