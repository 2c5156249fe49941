"""A stack for one run of a bench."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy.local.ports import free_base
from deploy.local.stack import Stack


@contextmanager
def own_stack(settings: Mapping[str, str] | None = None, folder: Path | None = None) -> Iterator[Stack]:
    """A new stack with all services. Its home is in a temporary folder (`stack.home.parent`), which is removed.

    With `folder` it is inside, and stays. For minutes after files were removed ext4 takes up to thirty times as long to
    create one (it looks for an inode that was not removed lately), and the next run would be slower by a tenth.
    """
    with _home(folder) as home, Stack(home, free_base(), settings=settings) as stack:
        yield stack


@contextmanager
def _home(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield Path(tempfile.mkdtemp(prefix="akashi-bench-", dir=folder)) / "home"
    else:
        with tempfile.TemporaryDirectory(prefix="akashi-bench-") as made:
            yield Path(made) / "home"


def without_holders(smtp_port: int) -> dict[str, str]:
    """Settings: badges are anchored as soon as they are issued; letters go to the mail server on this port.

    The public count, which reads every badge, has production's pause and not the demo's.
    """
    return {
        "ANCHOR_ON": "issue",
        "SMTP_PORT": str(smtp_port),
        "SMTP_CONNECTIONS": "16",
        "STATEMENT_PAUSE_SECONDS": "600",
    }
