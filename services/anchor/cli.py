"""`akashi contract`: the key and the contract of a network, set up once. `akashi anchor`: roots on their way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from services.anchor.desk import Desk

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group("contract")
def command() -> None:
    """The registry contract on chain, and the key that writes to it."""


@command.command()
@click.option("--rpc-url", envvar="CHAIN_RPC_URL", required=True, help="A node of the network. [CHAIN_RPC_URL]")
@click.option("--keystore", envvar="CHAIN_KEYSTORE_FILE", required=True, type=_FILE, help="[CHAIN_KEYSTORE_FILE]")
@click.option("--password-file", envvar="CHAIN_PASSWORD_FILE", required=True, type=_FILE, help="[CHAIN_PASSWORD_FILE]")
@click.option("--out", type=_FILE, help="Write the address to this file.")
def deploy(rpc_url: str, keystore: Path, password_file: Path, out: Path | None) -> None:
    """Deploy AnchorRegistry and print its address. The account in the keystore pays and gets all roles."""
    from services.anchor.deploy import deploy_contract
    from shared.errors import AkashiError

    try:
        address = deploy_contract(rpc_url, keystore, password_file)
    except AkashiError as error:
        raise click.ClickException(str(error)) from error
    if out is not None:
        out.write_text(address + "\n", encoding="utf-8")
    click.echo(address)


@command.command()
@click.option("--keystore", envvar="CHAIN_KEYSTORE_FILE", required=True, type=_FILE, help="[CHAIN_KEYSTORE_FILE]")
@click.option("--password-file", envvar="CHAIN_PASSWORD_FILE", required=True, type=_FILE, help="[CHAIN_PASSWORD_FILE]")
@click.option("--public-key", envvar="CHAIN_PUBLIC_KEY_FILE", required=True, type=_FILE, help="[CHAIN_PUBLIC_KEY_FILE]")
def key(keystore: Path, password_file: Path, public_key: Path) -> None:
    """Draw the chain key, or take the one that is there; write its public key for did.json, print its address."""
    from services.anchor.keystore import create_keystore
    from shared.errors import AkashiError

    try:
        click.echo(create_keystore(keystore, password_file, public_key))
    except AkashiError as error:
        raise click.ClickException(str(error)) from error


@click.group("anchor")
def anchor() -> None:
    """Roots on their way to the chains."""


@anchor.command("status")
@click.option("--json", "as_json", is_flag=True, help="A stable JSON answer.")
def status(as_json: bool) -> None:
    """Each network: balance, fees, finality, batches by state, and what needs attention. Exit code 1 with warnings."""
    from services.anchor.console import print_status, status_json

    with _desk() as desk:
        found = desk.status()
    click.echo(status_json(found)) if as_json else print_status(found)
    if any(network.warnings for network in found.networks):
        raise SystemExit(1)


@anchor.command("dry-run")
@click.option("--leaves", type=click.IntRange(1, 2**32), help="Reckon with so many, instead of those that wait now.")
@click.option("--json", "as_json", is_flag=True, help="A stable JSON answer.")
def dry_run(leaves: int | None, as_json: bool) -> None:
    """What the next batch would cost and when it would be final. Signs and sends nothing."""
    from services.anchor.console import forecast_json, print_forecast

    with _desk() as desk:
        found = desk.forecast(leaves)
    click.echo(forecast_json(found)) if as_json else print_forecast(found)


@anchor.command("migrate")
@click.option("--to", "network", required=True, metavar="NETWORK", help="A network of NETWORKS_FILE.")
@click.option("--dry-run", "only_plan", is_flag=True, help="Say what would be sent and its fee; send nothing.")
@click.option("--most-gas", default=5_000_000, show_default=True, type=click.IntRange(60_000, 16_000_000))
@click.option("--json", "as_json", is_flag=True, help="A stable JSON answer at the end.")
def migrate(network: str, only_plan: bool, most_gas: int, as_json: bool) -> None:
    """Anchor every root of the past on NETWORK as well. Broken off, the same command goes on where it was."""
    from services.anchor.console import migration_json, print_migration

    with _desk() as desk:
        view = desk.view_of(network)
        found = desk.plan(view, most_gas)
        cost = desk.cost(view, found.gas)
        if not as_json:
            print_migration(view, found, cost)
        if only_plan:
            finished = desk.progress(view)
        else:
            finished = desk.carry_out(view, found, lambda progress: None if as_json else click.echo(progress.line))
    if as_json:
        click.echo(migration_json(view, found, cost, finished, only_plan=only_plan))


@contextmanager
def _desk() -> Iterator[Desk]:
    """What the commands work with. Errors that a person may read end the command with 2."""
    from services.anchor.config import read_command_config
    from services.anchor.desk import open_desk
    from shared.errors import AkashiError
    from shared.runtime.log import configure

    configure(os.environ.get("LOG_FORMAT", "auto"))  # to stderr: what is printed is the answer alone
    try:
        with open_desk(read_command_config(os.environ)) as desk:
            yield desk
    except AkashiError as error:
        click.echo(f"akashi anchor: {error}", err=True)
        raise SystemExit(2) from error
