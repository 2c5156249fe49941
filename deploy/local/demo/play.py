"""`akashi play`: plays the holders of a running local stack, who read letter 1 and receive their badges."""

from __future__ import annotations

from typing import NoReturn

import click

from deploy.local.demo.holders import HolderStuck, play
from deploy.local.demo.letters import Inbox, Letter
from deploy.local.environment import Place
from shared.runtime.commands import plain_console, say


@click.command(name="play", short_help="待っている人に受領させる。 / Play the waiting holders.")
@click.option("--people", type=click.IntRange(min=1), help="受領させる手紙の数。 / Number of letters.")
@click.option(
    "--all",
    "everybody",
    is_flag=True,
    help="届いている手紙すべて（指定がなければこれ）。 / All letters in the inbox (default).",
)
@click.option(
    "--seconds", default=3.0, show_default=True, help="新しい手紙を待つ秒数。 / Seconds to wait for new letters."
)
def play_command(people: int | None, everybody: bool, seconds: float) -> None:
    """受信箱の「授与のお知らせ」を開き、アカウントを作って受領する。何度やっても同じです。

    Reads letter 1 in the local inbox, creates the account over HTTP, and receives the badge. Idempotent.
    """
    if everybody and people is not None:
        raise click.UsageError("--all と --people は同時に使えません。 / --all and --people cannot be combined.")
    console = plain_console()
    folder = Place.from_environment().inbox
    if not folder.is_dir():
        _end(
            f"{folder} に受信箱がありません。make run か akashi up で起動してください。"
            " / There is no inbox: start the stack with make run or akashi up."
        )
    inbox = Inbox(folder)

    def received(letter: Letter) -> None:
        console.print(f"受領 received {letter.name}（{letter.to}）")

    try:
        done = play(inbox, people=people, seconds=seconds, received=received)
    except HolderStuck as error:
        _end(
            f"受領できませんでした。一式が動いているか、確かめてください（akashi status）。"
            f" / Could not receive; is the stack running? {error}"
        )
    console.print(f"{done.received} 通を受領しました。 / Received: {done.received}")
    if done.left:
        console.print(
            f"受領済みか、受領できなくなったもの {done.left} 通は、そのままです。"
            f" / Left alone, received before or gone: {done.left}"
        )
    elif not done.received:
        console.print("受領を待つ手紙はありません。 / No letter waits.")


def _end(text: str) -> NoReturn:
    say(f"akashi play: {text}", err=True)
    raise SystemExit(2)
