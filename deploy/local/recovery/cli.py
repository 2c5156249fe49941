"""`akashi backup` and `akashi restore`: the data of the local stack."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from deploy.local.environment import Place
from deploy.local.recovery.manifest import PARTS
from deploy.local.terminal import errors_as_messages
from shared.clock import JST, japan_time
from shared.runtime.commands import json_option, say, say_json

_STEPS = {
    "postgres": "PostgreSQL / PostgreSQL",
    "objects": "オブジェクト / objects",
    "keys": "鍵 / keys",
    "check": "ハッシュの確認 / hashes",
}


class _Moment(click.ParamType):
    """A moment in ISO 8601; without a zone it is Japan's."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"got {value!r}, expected a moment like 2027-04-01T09:30 or 2027-04-01T00:30:00Z", param, ctx)
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=JST)


class _Parts(click.ParamType):
    name = "parts"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        parts = tuple(value.split(","))
        if unknown := [part for part in parts if part not in PARTS]:
            self.fail(f"got {', '.join(unknown)!r}, expected some of {','.join(PARTS)}", param, ctx)
        return parts


@click.command(name="backup", short_help="一式のデータを控える。 / Back up the local stack.")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@json_option
def backup_command(folder: Path, as_json: bool) -> None:
    """動いている一式の PostgreSQL・オブジェクト・鍵を DIR に控える。 / Back up the running stack's data into DIR.

    DIR は新しいか空のフォルダー。鍵を含むので、所有者だけが読める。これより後の変更も記録され、akashi restore --to
    で任意の時点に戻せる。 / DIR must be new or empty; it holds the keys. Later changes are archived from now on, for
    `akashi restore --to`.
    """
    from deploy.local.recovery.backup import take_backup

    began = time.monotonic()
    with errors_as_messages():
        manifest = take_backup(Place.from_environment(), folder.expanduser().absolute(), progress=_show)
    if as_json:
        say_json(manifest)
        return
    size, took = manifest.bytes / 1e6, time.monotonic() - began
    say(f"{folder}: {japan_time(manifest.ended_at)}、{size:.1f} MB、オブジェクト {manifest.objects} 個、{took:.1f} 秒")


@click.command(name="restore", short_help="控えたデータに戻す。 / Restore the local stack from a backup.")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--to",
    type=_Moment(),
    help="PostgreSQL をこの時点に戻す。実際の時刻で、地域がなければ日本時間。なければ控えた時点。"
    " / Bring PostgreSQL to this moment of the real time (default: that of the backup).",
)
@click.option(
    "--only",
    type=_Parts(),
    default=PARTS,
    show_default=",".join(PARTS),
    help="戻すもの。コンマで区切る。 / What to restore, with commas.",
)
@json_option
def restore_command(folder: Path, to: datetime | None, only: tuple[str, ...], as_json: bool) -> None:
    """止まっている一式のデータを DIR の控えに置き換える。 / Replace the stopped stack's data by the backup in DIR.

    先にハッシュを確かめる。置き換えられたデータは残し、その場所を表示する。 / Checks the hashes first; keeps what is
    replaced and names its folder.
    """
    from deploy.local.recovery.restore import restore_backup

    began = time.monotonic()
    with errors_as_messages():
        place = Place.from_environment()
        done = restore_backup(place, folder.expanduser().absolute(), to=to, only=only, progress=_show)
    if as_json:
        replaced = str(done.replaced) if done.replaced else None
        say_json({"parts": done.parts, "to": japan_time(done.to), "replaced": replaced})
        return
    took, parts = time.monotonic() - began, ", ".join(done.parts)
    say(f"{place.home}: {japan_time(done.to)} に戻しました（{parts}、{took:.1f} 秒）。")
    if done.replaced:
        say(f"それまでのデータ: {done.replaced}（元に戻すには akashi down のあと、ここから移し戻す）")
    say("起動するには akashi up。")


def _show(step: str) -> None:
    say(f"{_STEPS[step]} …", err=True)
