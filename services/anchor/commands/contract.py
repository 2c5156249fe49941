"""`akashi contract`: the chain key, and the registry contract of a network; set up once."""

from __future__ import annotations

from pathlib import Path

import click

_FILE = click.Path(dir_okay=False, path_type=Path)

_keystore = click.option(
    "--keystore",
    envvar="CHAIN_KEYSTORE_FILE",
    required=True,
    type=_FILE,
    help="鍵のファイル（キーストア）。 / Keystore file. [CHAIN_KEYSTORE_FILE]",
)
_password_file = click.option(
    "--password-file",
    envvar="CHAIN_PASSWORD_FILE",
    required=True,
    type=_FILE,
    help="そのパスワードのファイル。 / File with its password. [CHAIN_PASSWORD_FILE]",
)


@click.group("contract")
def contract() -> None:
    """チェーン上のコントラクトと、書き込む鍵。 / The registry contract on chain, and the key that writes to it."""


@contract.command()
@click.option(
    "--rpc-url",
    envvar="CHAIN_RPC_URL",
    required=True,
    help="ネットワークのノードの URL。 / URL of a node of the network. [CHAIN_RPC_URL]",
)
@_keystore
@_password_file
@click.option("--out", type=_FILE, help="アドレスを書き込むファイル。 / Write the address to this file.")
def deploy(rpc_url: str, keystore: Path, password_file: Path, out: Path | None) -> None:
    """コントラクトを配置し、アドレスを表示します。費用は鍵のアカウントが払い、すべての権限を得ます。

    / Deploy AnchorRegistry and print its address. The keystore's account pays for it and gets all roles.
    """
    from services.anchor.network.deploy import deploy_contract
    from shared.errors import AkashiError

    try:
        address = deploy_contract(rpc_url, keystore, password_file)
    except AkashiError as error:
        raise click.ClickException(str(error)) from error
    if out is not None:
        out.write_text(address + "\n", encoding="utf-8")
    click.echo(address)


@contract.command()
@_keystore
@_password_file
@click.option(
    "--public-key",
    envvar="CHAIN_PUBLIC_KEY_FILE",
    required=True,
    type=_FILE,
    help="公開鍵を書き込むファイル。 / Write the public key to this file. [CHAIN_PUBLIC_KEY_FILE]",
)
def key(keystore: Path, password_file: Path, public_key: Path) -> None:
    """鍵がなければ作り、did.json 用の公開鍵を書き出して、アドレスを表示します。

    / Create the chain key unless it exists; write its public key for did.json, print its address.
    """
    from services.anchor.network.keystore import create_keystore
    from shared.errors import AkashiError

    try:
        click.echo(create_keystore(keystore, password_file, public_key))
    except AkashiError as error:
        raise click.ClickException(str(error)) from error
