"""A stack of a bench's own, and registrations handed in to it. Used by the benches."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy.local.demo.run import feed
from deploy.local.ports import free_base
from deploy.local.stack import Stack


@contextmanager
def own_stack(settings: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """A new stack with all services. Its home is in a temporary folder (`stack.home.parent`), which is removed."""
    with (
        tempfile.TemporaryDirectory(prefix="akashi-bench-") as folder,
        Stack(Path(folder) / "home", free_base(), settings=settings) as stack,
    ):
        yield stack


def without_holders(smtp_port: int) -> dict[str, str]:
    """Settings: badges are anchored as soon as they are issued; letters go to the mail server on this port."""
    return {"ANCHOR_ON": "issue", "SMTP_PORT": str(smtp_port)}


def hand_in(stack: Stack, records: bytes) -> None:
    """Deliver these registrations, NDJSON, over HTTP."""
    key = (stack.place.secrets / "upstream.key").read_bytes().strip()
    feed(stack.urls["registration"], key, records, "application/x-ndjson")
