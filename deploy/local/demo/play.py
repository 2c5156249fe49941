"""`akashi play`: plays the holders of a running local stack, who read letter 1 and receive their badges."""

from __future__ import annotations

import click

from deploy.local.demo.holders import HolderStuck, play
from deploy.local.demo.letters import Inbox, Letter
from deploy.local.environment import Place
from shared.runtime.commands import plain_console


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
    inbox = Inbox(Place.from_environment().inbox)

    def received(letter: Letter) -> None:
        console.print(f"受領 {letter.name}（{letter.to}）")

    try:
        done = play(inbox, people=people, seconds=seconds, received=received)
    except HolderStuck as error:
        raise click.ClickException(f"受領できませんでした: {error}") from error
    console.print(f"{done} 通を受領しました。")
