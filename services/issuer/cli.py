"""`akashi issuer`: the issuer's key and the documents that it publishes."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shared.runtime.commands import json_option, say, say_json

if TYPE_CHECKING:
    from services.issuer.handlers import Ports

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group("issuer")
def command() -> None:
    """発行者の鍵と公開文書。 / The issuer's key and the documents that it publishes."""


@command.group()
def key() -> None:
    """発行者の鍵。 / The issuer's key."""


@key.command()
@click.argument("file", type=_FILE)
def new(file: Path) -> None:
    """新しい署名鍵を FILE に作る。 / Make a new signing key in FILE.

    Ed25519。所有者だけが読める。すでにあるファイルは上書きしない。公開鍵を表示する。
    / Ed25519, readable by its owner only. An existing file is never overwritten. Prints the public key.
    """
    from services.issuer.signing.key_files import create_key

    try:
        click.echo(create_key(file))
    except OSError as error:
        raise click.ClickException(str(error)) from error


@command.command()
@click.option(
    "--add-key", type=_FILE, help="署名に使う前に、この鍵の公開部分も載せる。 / Also list this key, before it signs."
)
@json_option
def publish(add_key: Path | None, as_json: bool) -> None:
    """did.json、発行者情報、バッジの種類と絵、失効リストをすぐ公開する。 / Publish all documents of the issuer now.

    設定は発行サービスと同じ環境変数から読む（services/issuer/config.py）。サービスも起動時に同じことをする。
    署名済みの証明が有効であり続けるように、did.json の鍵は減らさない。
    / Reads the issuer's settings from the environment (services/issuer/config.py). The service does the same at its
    start. No key is ever removed from did.json, so that what it signed stays valid.
    """
    from services.issuer.app import MIGRATIONS
    from services.issuer.config import read_config
    from services.issuer.signing.key_files import load_key
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
        migrate(config.runtime.database_url, config.runtime.service, MIGRATIONS)
        ports = ports_of(config)
        try:
            report = _publish(ports, more)
        finally:
            ports.store.close()
    except (AkashiError, ValueError, OSError, *UNAVAILABLE) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        say_json(asdict(report))
    else:
        _print(report, add_key)
    if report.failed:
        raise SystemExit(1)


@dataclass(frozen=True)
class PublishReport:
    """The listed public keys, the object keys written, and the names of documents that could not be written."""

    did: str
    keys: list[str]
    written: list[str]
    failed: list[str]


def _publish(ports: Ports, more: list[str]) -> PublishReport:
    from services.issuer.handlers import list_keys, publish_one

    names = list_keys(ports, more)
    objects = {name: publish_one(name, ports, even_if_not_due=True) for name in names}
    with ports.store.transaction() as tx:
        keys = tx.listed_keys()
    written = [key for each in objects.values() for key in each or ()]
    failed = [name for name, each in objects.items() if each is None]
    return PublishReport(ports.sources.issuer.did, keys, written, failed)


def _print(report: PublishReport, add_key: Path | None) -> None:
    for object_key in report.written:
        say(object_key)
    for name in report.failed:
        say(f"書けません（サービスがあとで書きます） / not written, the service will: {name}", err=True)
    say(f"{report.did} の鍵 / keys:")
    for listed in report.keys:
        say(f"  {listed}")
    if add_key is not None and not report.failed:
        say(
            f"この鍵で署名を始めるには ISSUER_KEY_FILE={add_key} として発行サービスを再起動してください。"
            " / To sign with it, set ISSUER_KEY_FILE to it and restart the issuer."
        )
