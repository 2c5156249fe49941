"""Every command that documents, pages, letters and messages name exists, with its options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from services.ops.cli import main

ROOT = Path(__file__).parents[3]
FOLDERS = ("docs", "services", "shared", "deploy")
SUFFIXES = (".md", ".py", ".html", ".txt")
# `akashi NAME [NAME] …`, and the options that follow on the line, up to the end of the code, quote or sentence.
NAMED = re.compile(
    r"(?<![\w./@-])akashi (?P<words>[a-z][a-z-]*(?: [a-z][a-z-]*)?)(?P<rest>(?: [^\s`\"'#|;,)（）。、<&]+)*)"
)
OPTION = re.compile(r" (--[a-z][a-z-]*)")


def named() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Place, words and options."""
    files = [ROOT / "README.md", *(f for folder in FOLDERS for f in sorted((ROOT / folder).rglob("*")))]
    for file in files:
        if file.suffix not in SUFFIXES or "node_modules" in file.parts:
            continue
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            for found in NAMED.finditer(line):
                yield f"{file.relative_to(ROOT)}:{number}", found["words"], tuple(OPTION.findall(found["rest"]))


def command_of(words: str) -> click.Command | None:
    """None if the first word is no command. A second word may be an argument."""
    context = click.Context(main)
    first, _, second = words.partition(" ")
    command = main.get_command(context, first)
    if isinstance(command, click.Group) and second:
        return command.get_command(click.Context(command), second)
    return command


def fault(words: str, options: tuple[str, ...]) -> str | None:
    command = command_of(words)
    if command is None:
        return f"akashi {words}: no such command"
    known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)} | {"--help"}
    wrong = [option for option in options if option not in known]
    return f"akashi {words}: no option {wrong[0]}" if wrong else None


def test_every_command_and_option_that_is_named_exists() -> None:
    mentions = list(named())
    assert len(mentions) > 200
    assert [f"{place}: {text}" for place, words, options in mentions if (text := fault(words, options))] == []


@pytest.mark.parametrize(
    ("words", "options"), [("mend", ()), ("anchor mend", ()), ("scrub", ("--repair", "--never")), ("anchor", ("--to",))]
)
def test_one_that_does_not_exist_is_found(words: str, options: tuple[str, ...]) -> None:
    assert fault(words, options)
