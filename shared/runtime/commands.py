"""What the commands of all services share. Used by the `cli.py` and `commands/` of each service and by `deploy`."""

from __future__ import annotations

import click

json_option = click.option("--json", "as_json", is_flag=True, help="JSON で出力します。 / Print JSON.")
"""The one `--json`: the command's function gets `as_json`."""
