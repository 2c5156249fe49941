"""`akashi anchor`: the state of anchoring, the cost of the next batch, the migration to another network."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from shared.runtime.commands import json_option, say

if TYPE_CHECKING:
    from services.anchor.commands.session import Session


@click.group("anchor")
def anchor() -> None:
    """チェーンへの記録。 / Anchoring on chain."""


@anchor.command("status")
@json_option
def status(as_json: bool) -> None:
    """各ネットワークの残高、手数料、確定したブロック、バッチの状態、注意点。注意点があれば終了コード 1。

    / Each network: balance, fees, finality, batches by state, and warnings. Exit code 1 with warnings.
    """
    from services.anchor.commands.output import print_status, status_json
    from services.anchor.network.network_status import status

    with _session() as session:
        found = status(session.ports, session.connections)
    click.echo(status_json(found)) if as_json else print_status(found)
    if any(network.warnings for network in found.networks):
        raise SystemExit(1)


@anchor.command("dry-run")
@click.option(
    "--leaves",
    type=click.IntRange(1, 2**32),
    help="見積もる件数（省略時: 待っている件数）。 / Number of leaves to estimate for; default: those waiting.",
)
@json_option
def dry_run(leaves: int | None, as_json: bool) -> None:
    """次のバッチの費用と、確定までの時間。署名も送信もしません。

    / The cost of the next batch and the time to finality. Signs and sends nothing.
    """
    from services.anchor.commands.forecast import forecast_batch
    from services.anchor.commands.output import forecast_json, print_forecast

    with _session() as session:
        found = forecast_batch(session, leaves)
    click.echo(forecast_json(found)) if as_json else print_forecast(found)


@anchor.command("migrate")
@click.option(
    "--to",
    "network",
    required=True,
    metavar="NETWORK",
    help="NETWORKS_FILE にあるネットワーク。 / A network of NETWORKS_FILE.",
)
@click.option(
    "--dry-run",
    "only_plan",
    is_flag=True,
    help="送る内容と手数料を表示するだけで、送りません。 / Print what would be sent and its fee; send nothing.",
)
@click.option(
    "--most-gas",
    default=5_000_000,
    show_default=True,
    type=click.IntRange(60_000, 16_000_000),
    help="1 取引あたりのガスの上限。 / Limit of gas for one transaction.",
)
@json_option
def migrate(network: str, only_plan: bool, most_gas: int, as_json: bool) -> None:
    """これまでのすべてのルートを NETWORK にも記録します。中断しても、同じコマンドで続きから進みます。

    / Anchor every past root on NETWORK as well. After an interruption, the same command goes on where it was.
    """
    from services.anchor.commands.migrate import carry_out
    from services.anchor.commands.output import migration_json, print_migration, print_progress
    from services.anchor.domain.costs import cost_of
    from services.anchor.network import migration

    with _session() as session:
        connection = session.connection(network)
        sender, deployment, store = connection.sender, connection.deployment, session.ports.store
        planned = migration.plan(store, sender, deployment, most_gas=most_gas)
        cost = cost_of(planned.gas, sender.gas_price(), connection.network.max_fee_gwei)
        if not as_json:
            print_migration(network, planned, cost)
        if only_plan:
            progress = migration.progress(store, deployment)
        else:
            progress = carry_out(session, connection, planned, (lambda _: None) if as_json else print_progress)
    if as_json:
        click.echo(migration_json(network, planned, cost, progress, only_plan=only_plan))


@contextmanager
def _session() -> Iterator[Session]:
    """What the commands work with. An AkashiError ends the command with exit code 2 and its text."""
    from services.anchor.commands.session import open_session
    from services.anchor.config import read_command_config
    from shared.errors import AkashiError
    from shared.runtime.log import configure

    configure(os.environ.get("LOG_FORMAT", "auto"))  # to stderr: stdout has the answer only
    try:
        with open_session(read_command_config(os.environ)) as session:
            yield session
    except AkashiError as error:
        say(f"akashi anchor: {error}", err=True)
        raise SystemExit(2) from error
