"""`akashi`: one command for all parts. Each part registers its own by the entry-point group `akashi.commands`.

A part's module is imported when its command is used or listed. One that can't be imported affects no other command.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click

from services.ops.commands.cohorts import hold_cohort, reissue, resume_cohort, undo
from services.ops.commands.dead_letters import dead_letters
from services.ops.commands.erase import erase
from services.ops.commands.letters import hold, resend
from services.ops.commands.letters import resume as resume_letters
from services.ops.commands.office import office
from services.ops.commands.orders import correct, correct_address, decisions, resume, revoke
from services.ops.commands.orders import hold as hold_registrations
from services.ops.commands.paper import paper
from services.ops.commands.rebuild import rebuild
from services.ops.commands.rehearse import rehearse
from services.ops.commands.rejected import rejected
from services.ops.commands.restores import restores
from services.ops.commands.scrub import scrub
from services.ops.commands.sessions import end_sessions
from services.ops.commands.status import find, people, status
from shared.errors import AkashiError
from shared.plain_text import shown
from shared.runtime.commands import say

GROUP = "akashi.commands"
LETTERS = "akashi.letters"


_OWN = (
    status,
    people,
    find,
    revoke,
    erase,
    correct,
    correct_address,
    hold_registrations,
    resume,
    undo,
    reissue,
    hold_cohort,
    resume_cohort,
    end_sessions,
    decisions,
    dead_letters,
    paper,
    rejected,
    rehearse,
    rebuild,
    restores,
    scrub,
    office,
)


class Commands(click.Group):
    """The commands given here, and those of the installed parts: the entry points of the group `parts`."""

    def __init__(self, *args: Any, parts: str = GROUP, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._group = parts

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            ctx.fail(_unknown(args[0], self.list_commands(ctx)))
        return super().resolve_command(ctx, args)

    @cached_property
    def _parts(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self._group)}

    def invoke(self, ctx: click.Context) -> Any:
        """An error of ours ends the command with its text, never with a traceback.

        It may repeat what was typed or what a server answered: it is printed as plain text, too.
        """
        try:
            return super().invoke(ctx)
        except AkashiError as error:
            raise click.ClickException(shown(str(error))) from error
        except click.ClickException as error:
            error.message = shown(error.message)
            raise

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self._parts})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        own = super().get_command(ctx, cmd_name)
        point = self._parts.get(cmd_name)
        if own is not None or point is None:
            return own
        try:
            loaded = point.load()
        except Exception as error:  # whatever an import raises, the other commands work
            return _broken(cmd_name, f"{type(error).__name__}: {error}")
        if not isinstance(loaded, click.Command):
            return _broken(cmd_name, f"{point.value} is not a command")
        return loaded


def _unknown(name: str, known: Sequence[str]) -> str:
    """The error for an unknown command, with similar ones."""
    close = get_close_matches(name, known, n=3)
    ja = f"もしかして：{'、'.join(close)}。" if close else ""
    en = f" Did you mean {' or '.join(close)}?" if close else ""
    return (
        f"{name} というコマンドはありません。{ja}一覧は akashi --help で出ます。"
        f" / There is no command {name}.{en} akashi --help lists them."
    )


def _broken(name: str, cause: str) -> click.Command:
    """In place of a command whose part can't be imported: listed as such; says why when it is used."""

    @click.command(name, add_help_option=False, context_settings={"ignore_unknown_options": True})
    @click.argument("rest", nargs=-1)
    def command(rest: tuple[str, ...]) -> None:
        say(
            f"akashi {name}: 読み込めません。インストールし直してください（make setup）。"
            f" / can't be loaded, install again: {cause}",
            err=True,
        )
        raise SystemExit(2)

    command.short_help = "（読み込めません / can't be loaded）"
    return command


@click.group("letters", cls=Commands, parts=LETTERS)
def letters() -> None:
    """お知らせのメール。 / The letters to the holders."""


for order in (resend, hold, resume_letters):
    letters.add_command(order)


def akashi() -> Commands:
    """The command with the parts that are installed."""

    @click.group("akashi", cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
    @click.version_option(package_name="akashi")
    def group() -> None:
        """証（あかし）の操作。 / Operate Akashi: registration certificates as Open Badges.

        各コマンドの説明は akashi コマンド --help で出ます。

        `akashi COMMAND --help` explains each command.
        """

    assert isinstance(group, Commands)
    for command in (*_OWN, letters):
        group.add_command(command)
    return group


main = akashi()
