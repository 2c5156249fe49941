"""The parts of the stack (broker, database, object storage, chain, mail): how each is started and stopped."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from deploy.local.environment import Place
from deploy.local.parts import anvil, kafka_node, mail, postgres, storage
from deploy.local.ports import takes_connections


@dataclass(frozen=True)
class Part:
    """How one part runs.

    `ports` are names of `environment.OFFSETS`. `command` gets the place and AKASHI_CLOCK ("" for the real time).
    `prepare` runs before each start by the stack, not before a restart by the supervisor. `stop_signal` stops it
    gracefully; `end_by` ends it when the supervisor has died.
    """

    ports: tuple[str, ...]
    command: Callable[[Place, str], list[str]]
    prepare: Callable[[Place], None]
    stop_signal: str = "SIGTERM"
    end_by: str = "SIGKILL"
    user: str = ""
    settings: Callable[[Place], Mapping[str, str]] = field(default=lambda _: {})

    def answers(self, place: Place) -> bool:
        """Whether all its ports take connections."""
        return all(takes_connections(place.port(port)) for port in self.ports)


PARTS: Mapping[str, Part] = {
    "kafka": Part(
        ports=("kafka", "kafka controller"),
        command=lambda place, _: kafka_node.command(place),
        prepare=kafka_node.prepare,
    ),
    "postgres": Part(
        ports=("postgres",),
        command=lambda place, _: postgres.command(place),
        prepare=postgres.prepare,
        stop_signal="SIGINT",  # fast shutdown; TERM would wait for every client to leave
        end_by="SIGQUIT",  # ends its child processes too; the next start replays the write-ahead log
        user=postgres.OS_USER if os.geteuid() == 0 else "",
    ),
    "s3": Part(
        ports=("s3",),
        command=lambda place, _: storage.command(place),
        prepare=storage.prepare,
        settings=storage.settings,
    ),
    "chain": Part(ports=("chain",), command=anvil.command, prepare=anvil.prepare),
    "mail": Part(ports=("smtp", "inbox"), command=lambda place, _: mail.command(place), prepare=mail.prepare),
}
"""In the order in which they are started: the slowest first."""
