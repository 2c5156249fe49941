"""The table of docs/operations.md that says what the board and the command line can do, against both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from services.ops.board.decisions import Bulk
from services.ops.cli import main
from services.ops.config import Links
from services.ops.ports import Ports
from services.ops.sources.lag import LagMeter
from services.ops.store.events import OpsTransaction, Store
from services.ops.web.cohorts import ORDER_WORDS
from shared.clock import system_clock
from tests.worlds.ops import NoBroker
from tests.worlds.ops_site import site_of

DOC = Path("docs/operations.md")
HEAD = "## What the board and the command line can do"
NOT_PAGES = ("/static/", "/healthz", "/api/")
_WHOLE = ("issuer key", "bench")
"""Groups that the table names as one."""


@cache
def rows() -> list[list[str]]:
    """The cells of each line of the table."""
    text = DOC.read_text(encoding="utf-8").partition(HEAD)[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def named(column: int) -> list[str]:
    return [word for row in rows() for word in re.findall(r"`([^`]+)`", row[column])]


def commands(group: click.Group, words: str = "") -> Iterator[str]:
    """All commands below `group`, by their words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command, path = group.get_command(context, name), f"{words} {name}".strip()
        if isinstance(command, click.Group) and path not in _WHOLE:
            yield from commands(command, path)
        else:
            yield path


@cache
def pages() -> set[str]:
    """The paths of all pages of the site."""
    store = Store("postgresql://nowhere", "ops", OpsTransaction, system_clock)
    site = site_of(Ports(store=store, lag=LagMeter(NoBroker()), now=system_clock), Links(None, None, None))
    return {route.path for route in site.routes if not route.path.startswith(NOT_PAGES)}  # type: ignore[attr-defined]


def test_every_page_of_the_board_is_in_the_table_and_every_page_in_the_table_is_there() -> None:
    assert set(named(1)) == pages()


def test_every_command_is_in_the_table_and_every_command_in_the_table_is_there() -> None:
    assert {word.removeprefix("akashi ") for word in named(2)} == set(commands(main))


def test_what_only_the_board_or_only_the_command_line_can_do_says_why() -> None:
    assert len(rows()) > 20
    for what, board, command, why in rows():
        assert bool(board and command) != bool(why), what


@pytest.mark.parametrize("path", ["/undo", "/feed", "/accounts"])
def test_a_page_that_the_table_lacks_is_found(path: str) -> None:
    assert path in pages() and path in named(1)


@pytest.mark.parametrize("act", sorted(ORDER_WORDS))
def test_the_reason_of_an_order_for_a_cohort_is_called_public_by_the_command_as_on_the_board(act: Bulk) -> None:
    command = main.get_command(click.Context(main), act)
    assert command is not None
    (reason,) = (each for each in command.params if each.name == "why")
    assert isinstance(reason, click.Option) and reason.help
    assert ("public page" in reason.help) is ORDER_WORDS[act].is_public
