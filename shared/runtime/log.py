"""One structured line per message: an action word of a closed list and ids, no personal data. Used by every service."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import structlog

Action = Literal[
    # life of a process
    "started",
    "stopped",
    "waiting",
    "refused",
    "failed",
    "migrated",
    # a message
    "handled",
    "skipped",
    "retried",
    "dead-lettered",
    "kept",  # for the next release
    "gap",  # messages were gone before they were read
    "repositioned",
    "recalled",  # own announcements that a restored database did not know
    "compared",  # tables, offsets and storage, at each start
    "restored",  # they differ: the database was set back
    "rebuilding",
    "scrubbed",  # an object was at fault; a pass over the objects ended
    "published",
    # the cycle
    "accepted",
    "rejected",
    "held",
    "released",
    "issued",
    "drawn",
    "stored",
    "adopted",  # object storage had it already
    "queued",
    "sent",
    "deferred",
    "bounced",
    "suppressed",
    "cancelled",
    "received",
    "closed",
    "signed",
    "submitted",
    "bumped",
    "reorged",
    "finalized",
    "anchored",
    "rendered",
    "revoked",
    "erased",
    "verified",
    "decided",
    # an account
    "logged-in",
    "changed",
    "ordered",
    "listed",
]


class Log:
    """The log of one service. `facts` are ids, counts, times, causes."""

    def __init__(self, service: str) -> None:
        self._log = structlog.get_logger(service=service)  # a proxy: binds at its first line, after configure()

    def info(self, action: Action, **facts: Any) -> None:
        self._log.info(action, **facts)

    def warning(self, action: Action, **facts: Any) -> None:
        self._log.warning(action, **facts)

    def error(self, action: Action, **facts: Any) -> None:
        self._log.error(action, **facts)


def logger(service: str) -> Log:
    return Log(service)


def as_json(line: Mapping[str, Any], **_: Any) -> str:
    """As json.dumps writes it, in a tenth of the time: there is a line for each event that is read."""
    try:
        return msgspec.json.format(msgspec.json.encode(line), indent=0).decode()
    except (TypeError, ValueError):  # a value that JSON lacks, or a lone surrogate
        return json.dumps(line, ensure_ascii=False, default=repr)


def configure(form: str) -> None:
    """Send all logs to stderr: `json`, `pretty`, or `auto` (pretty on a terminal). Libraries speak from WARNING up."""
    pretty = form == "pretty" or (form == "auto" and sys.stderr.isatty())
    renderer: Any = structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer(as_json)
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, *([] if pretty else [structlog.processors.EventRenamer("action")]), renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        # Each line by one write: between two writes a line of another thread could come.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer], foreign_pre_chain=shared
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
