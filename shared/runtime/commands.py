"""What the commands of all services share. Used by the `cli.py` and `commands/` of each service and by `deploy`."""

from __future__ import annotations

import os
from pathlib import Path

import click

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
