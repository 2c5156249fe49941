"""PostgreSQL of a running stack set back to a backup, while Kafka, object storage, chain and mail go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from deploy.local.recovery.backup import take_backup
from deploy.local.recovery.restore import replace_data
from deploy.local.stack import Stack
from shared.topics import SERVICES


def backed_up(stack: Stack, folder: Path) -> Path:
    """A backup of the running stack; what is committed now is in it."""
    take_backup(stack.place, folder)
    return folder


def set_back(
    stack: Stack, backup: Path, *, before_start: Callable[[], None] = lambda: None, forgotten: Sequence[str] = ()
) -> None:
    """Stop the services and PostgreSQL, restore PostgreSQL alone, start them; when this returns, all answer.

    The `forgotten` services are not stopped: they find out by themselves, later.

    The verifier starts first: so it answers strangers while the others have still to find out.
    `before_start` is called when the data has been replaced and no service runs yet.
    """
    services = [name for name in SERVICES if name in stack.services and name not in forgotten]
    stack.halt(*services, "postgres")
    replace_data(stack.place, backup, only=["postgres"])
    stack.resume("postgres")
    before_start()
    stack.resume("verifier")
    stack.resume(*(name for name in services if name != "verifier"))
