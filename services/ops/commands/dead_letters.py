"""The dead letters: `akashi dead-letters list`, `replay`, `discard`."""

from __future__ import annotations

import getpass

import click

from shared.runtime.commands import json_option, say, say_json, say_row


@click.group("dead-letters", short_help="処理できなかったメッセージ / Messages that could not be handled")
def dead_letters() -> None:
    """処理できなかったメッセージを一覧し、再投入または破棄します。

    List, replay or discard the messages that a service could not handle.
    """


@dead_letters.command("list", short_help="一覧 / List them")
@click.option(
    "--state",
    type=click.Choice(["open", "replayed", "discarded", "all"]),
    default="open",
    show_default=True,
    help="この状態のものだけ。 / Only dead letters in this state.",
)
@json_option
def list_(state: str, as_json: bool) -> None:
    """番号・状態・トピック・位置・サービス・原因を出します。--json では1行に1件です。

    One line each: id, state, topic, partition/offset, service, cause. With --json one JSON object a line.
    """
    from services.ops.board.answers import DeadLetterLine
    from services.ops.commands.client import fetch

    found = fetch("/api/v1/dead-letters", list[DeadLetterLine], state=state)
    for letter in found:
        if as_json:
            say_json(letter)
        else:
            place = "-" if letter.offset is None else f"{letter.partition}/{letter.offset}"
            cut = "" if letter.size is None else f" [{letter.size} bytes, cut, SHA-256 {letter.sha256}]"
            say_row(letter.id, letter.state, letter.topic, place, letter.consumer, f"{letter.cause}{cut}")
    if not found and not as_json:
        say("ありません。 / None.", err=True)


def _decision(name: str, done: str, help: str, short: str, reason: str | None = None) -> click.Command:
    @dead_letters.command(name, help=help, short_help=short)
    @click.argument("ids", nargs=-1)
    @click.option("--all", "everything", is_flag=True, help="未対応のすべて。 / All open ones.")
    @click.option("--topic", help="--all のうち、このトピックだけ。 / Of all, only those of this topic.")
    @click.option(
        "--cause",
        help="--all のうち、原因がこの種類のものだけ。 / Of all, only those with this kind of cause, as on the page.",
    )
    @click.option(
        "--reason",
        "why",
        required=reason is None,
        default=reason,
        help="理由。記録に残ります。 / Reason; stays on record.",
    )
    @click.option(
        "--by", default=getpass.getuser, help="担当者（指定がなければ利用者名）。 / Author (default: your user name)."
    )
    def command(
        ids: tuple[str, ...], everything: bool, topic: str | None, cause: str | None, why: str, by: str
    ) -> None:
        from services.ops.board.answers import DeadLetterLine
        from services.ops.board.dead_events import is_among
        from services.ops.commands.client import fetch, order

        if (topic or cause) and not everything:
            raise click.UsageError("--topic と --cause は --all と使います。 / --topic and --cause go with --all.")
        if bool(ids) == everything:
            raise click.UsageError("番号か --all のどちらかを指定してください。 / Give either ids or --all.")
        chosen = list(ids)
        if everything:
            letters = [
                letter
                for letter in fetch("/api/v1/dead-letters", list[DeadLetterLine])
                if is_among(letter.topic, letter.cause, topic=topic, cause=cause)
            ]
            cut = [letter.id for letter in letters if name == "replay" and letter.size is not None]
            chosen = [letter.id for letter in letters if letter.id not in cut]
            for id in cut:
                say(f"一部しか残っていないため再投入できません / cut, can't be replayed: {id}", err=True)
        still_open = set(chosen)
        for id in chosen:
            if everything and id not in still_open:
                continue  # closed together with another one: several services had failed on one message
            order(f"/api/v1/dead-letters/{id}/{name}", {"by": by, "why": why})
            say(f"{done} {id}")
            if everything:
                still_open = {letter.id for letter in fetch("/api/v1/dead-letters", list[DeadLetterLine])}

    return command


replay = _decision(
    "replay",
    "再投入 replayed",
    "もとのトピックへ、もとのまま再び流します。処理済みのサービスでは二重になりません。"
    "\n\nSends the message to its topic again, unchanged; a service that has handled it drops it.",
    "再投入 / Replay",
    reason="理由の記入なし / no reason given",
)
discard = _decision(
    "discard",
    "破棄 discarded",
    "理由を残して破棄します。\n\nCloses the dead letter without sending it; the reason stays on record.",
    "破棄 / Discard",
)
