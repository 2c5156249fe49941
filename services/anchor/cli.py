"""`akashi contract`: the key and the contract of a network, set up once."""

from __future__ import annotations

from pathlib import Path

import click

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group("contract")
def command() -> None:
    """The registry contract on chain, and the key that writes to it."""


@command.command()
@click.option("--rpc-url", envvar="CHAIN_RPC_URL", required=True, help="The node. [CHAIN_RPC_URL]")
@click.option("--keystore", envvar="CHAIN_KEYSTORE_FILE", required=True, type=_FILE, help="[CHAIN_KEYSTORE_FILE]")
@click.option("--password-file", envvar="CHAIN_PASSWORD_FILE", required=True, type=_FILE, help="[CHAIN_PASSWORD_FILE]")
@click.option(
    "--out", envvar="CONTRACT_ADDRESS_FILE", type=_FILE, help="Write the address here. [CONTRACT_ADDRESS_FILE]"
)
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
