"""`akashi issuer`: the issuer's key, and what the issuer publishes."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from services.issuer.handlers import Ports

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group("issuer")
def command() -> None:
    """発行者の鍵と公開文書。 / The issuer's key, and the documents that it publishes."""


@command.group()
def key() -> None:
    """発行者の鍵。 / The issuer's key."""


@key.command()
@click.argument("file", type=_FILE)
def new(file: Path) -> None:
    """新しい署名鍵を FILE に作る。 / Make a new signing key in FILE.

    Ed25519, readable by you alone. A file that is there is never overwritten. Prints the public key.
    """
    from services.issuer.signing.keys import create_key

    try:
        click.echo(create_key(file))
    except OSError as error:
        raise click.ClickException(str(error)) from error


@command.command()
@click.option(
    "--add-key", type=_FILE, help="この鍵の公開部分も載せる（署名に使う前に）。 / List this key before it signs."
)
@click.option("--json", "as_json", is_flag=True, help="JSON で出力する。")
def publish(add_key: Path | None, as_json: bool) -> None:
    """did.json、発行者情報、バッジの種類と絵、失効リストを公開する。 / Publish all documents of the issuer, now.

    Takes the settings of the issuer (services/issuer/config.py) from the environment. The service does the same at its
    start. No key is ever taken out of did.json: what it signed stays valid.
    """
    from services.issuer.config import read_config
    from services.issuer.signing.signer import load_key
    from services.issuer.wiring import ports_of
    from shared.credentials.credential import public_key_multibase
    from shared.errors import AkashiError
    from shared.runtime.db import UNAVAILABLE
    from shared.runtime.log import configure
    from shared.runtime.migrate import migrate

    configure("auto")
    try:
        config = read_config(os.environ)
        more = [] if add_key is None else [public_key_multibase(load_key(add_key).public_key())]
        migrate(config.runtime.database_url, config.runtime.service, Path(__file__).parent / "migrations")
        ports = ports_of(config)
        try:
            found = _publish(ports, more)
        finally:
            ports.store.close()
    except (AkashiError, ValueError, OSError, *UNAVAILABLE) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(asdict(found), ensure_ascii=False))
    else:
        _tell(found, add_key)
    if found.failed:
        raise SystemExit(1)


@dataclass(frozen=True)
class Told:
    """What was published: object keys, and the names of documents that could not be written."""

    did: str
    keys: list[str]
    written: list[str]
    failed: list[str]


def _publish(ports: Ports, more: list[str]) -> Told:
    from services.issuer.handlers import list_keys, publish_one

    names = list_keys(ports, more)
    objects = {name: publish_one(name, ports, due_or_not=True) for name in names}
    with ports.store.transaction() as tx:
        keys = tx.listed_keys()
    written = [key for each in objects.values() for key in each or ()]
    failed = [name for name, each in objects.items() if each is None]
    return Told(ports.facts.issuer.did, keys, written, failed)


def _tell(found: Told, add_key: Path | None) -> None:
    for object_key in found.written:
        click.echo(object_key)
    for name in found.failed:
        click.echo(f"書けません（サービスがあとで書きます） / not written, the service will: {name}", err=True)
    click.echo(f"{found.did} の鍵 / keys:")
    for listed in found.keys:
        click.echo(f"  {listed}")
    if add_key is not None and not found.failed:
        click.echo(
            f"この鍵で署名を始めるには ISSUER_KEY_FILE={add_key} として発行サービスを再起動してください。"
            " / To sign with it, set ISSUER_KEY_FILE to it and restart the issuer."
        )
