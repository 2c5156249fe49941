"""What the commands of all services share. Used by the `cli.py` and `commands/` of each service and by `deploy`.

All that a command prints goes through here: what upstream, the office or a file put into a text can neither steer the
terminal, nor reverse what is read, nor become a formula in a spreadsheet.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from shared import plain_text

if TYPE_CHECKING:
    from rich.console import Console

json_option = click.option("--json", "as_json", is_flag=True, help="JSON で出力します。 / Print JSON.")
"""The one `--json`: the command's function gets `as_json`."""


def file_name(path: Path) -> str:
    """The name of a file as a text that can be printed and sent: UTF-8, else CP932, else with U+FFFD.

    Archives that were made on Windows leave names in CP932; Python keeps such bytes as lone surrogates.
    """
    name = os.fsencode(path.name)
    for encoding in ("utf-8", "cp932"):
        try:
            return name.decode(encoding)
        except UnicodeDecodeError:
            continue
    return name.decode("utf-8", "replace")


def say(text: str, *, err: bool = False) -> None:
    """Print lines of text."""
    click.echo(plain_text.shown(text), err=err)


def say_row(*cells: object) -> None:
    """Print a line of tab-separated cells. None is "-"."""
    click.echo("\t".join("-" if value is None else plain_text.cell(str(value)) for value in cells))


def say_json(value: Any, *, indent: int | None = None) -> None:
    """Print a value as JSON, in one line unless `indent` is given."""
    encoded = msgspec.json.encode(value)
    text = (encoded if indent is None else msgspec.json.format(encoded, indent=indent)).decode()
    click.echo(plain_text.in_json(text))


def plain_console(**settings: Any) -> Console:
    """A rich console that writes hidden characters out, in whatever is printed on it."""
    from rich.console import Console, ConsoleOptions, RenderableType  # 0.1 s: not for each command
    from rich.segment import Segment
    from rich.text import Text

    class PlainConsole(Console):
        def render_str(self, text: str, **settings: Any) -> Text:
            return super().render_str(plain_text.shown(text), **settings)  # before it is measured

        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                yield segment if segment.control else segment._replace(text=plain_text.shown(segment.text))

    return PlainConsole(**settings)
