"""What commands print, whoever wrote it."""

from __future__ import annotations

import ast
import io
import json
from pathlib import Path

import pytest
from rich.live import Live
from rich.table import Table
from rich.text import Text

from shared.runtime.commands import plain_console, say, say_json, say_row

EVIL = ["\x1b[2Jgone", "\u202egnorw", "a\x9b31m", "\u2066x", "tab\tbed", "two\nlines", "\x07", "\u200b"]


@pytest.mark.parametrize("evil", EVIL)
def test_neither_lines_nor_cells_nor_json_hold_a_hidden_character(
    evil: str, capsys: pytest.CaptureFixture[str]
) -> None:
    say(evil)
    say_row("id", evil, None, evil)
    say_json({"why": evil})
    say_json([evil], indent=2)
    line, *rest = capsys.readouterr().out.splitlines() if "\n" not in evil else ["", *_after_lines(capsys)]
    assert all(letter.isprintable() or letter in "\t " for text in (line, *rest) for letter in text)
    assert rest[0].split("\t")[::2] == ["id", "-"] and len(rest[0].split("\t")) == 4
    assert json.loads(rest[1]) == {"why": evil}
    assert json.loads("".join(rest[2:])) == [evil]


def _after_lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()[2:]


def test_a_console_writes_hidden_characters_out_in_texts_and_tables_and_keeps_its_own_codes() -> None:
    out = io.StringIO()
    console = plain_console(file=out, force_terminal=True, width=200)
    table = Table()
    table.add_column("\x1b[31mhead")
    table.add_row(Text("\u202ecell", style="red"))
    console.print("\x9b2J", table)
    with Live(Text("\x1b]0;t"), console=console):
        pass
    printed = out.getvalue()
    for raw in ("\x1b[31mhead", "\u202e", "\x9b", "\x1b]0"):
        assert raw not in printed
    for written in ("\\x1b[31mhead", "\\u202e", "\\x9b", "\\x1b]0;t"):
        assert written in printed
    assert "\x1b[31m" in printed  # the red of its own


def test_every_command_prints_through_these_helpers() -> None:
    """Bare `click.echo`, `print`, `sys.stdout` and rich's `Console` are for the helpers alone."""
    allowed = {"echo": {"services/anchor/commands/anchor.py", "services/anchor/commands/contract.py"}}
    allowed["echo"] |= {"services/issuer/cli.py"}  # paths, keys and JSON that is plain already
    found = []
    for path in [*Path("services").rglob("*.py"), *Path("deploy/local").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            owner = getattr(getattr(node.func, "value", None), "id", "")
            if (owner, name) == ("click", "echo") and str(path) not in allowed["echo"]:
                found.append(f"{path}:{node.lineno} click.echo")
            if name == "Console" or (owner, name) == ("stdout", "write"):
                found.append(f"{path}:{node.lineno} {name}")
    assert found == []
