"""What the board shows of the machinery: services, chains, object storage, prepared for the template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.ops.board import wording
from services.ops.board.answers import BoardStatus
from services.ops.board.chain import NetworkFigures
from services.ops.board.health import ServiceHealth, Trouble, troubles_of
from services.ops.board.outages import Since
from services.ops.board.scrubs import ScrubLine
from shared.office_events import ScrubCount
from shared.programme import Bilingual


@dataclass(frozen=True)
class ServiceRow:
    """A service in figures. `messages` None: how many it has still to read is not known."""

    name: Bilingual
    messages: int | None
    health: ServiceHealth | None


@dataclass(frozen=True)
class TroubleRow:
    """What a service reports, each with since when it is seen."""

    name: Bilingual
    troubles: Sequence[tuple[Trouble, datetime | None]]


@dataclass(frozen=True)
class ChainRow:
    network: str
    figures: NetworkFigures


@dataclass(frozen=True)
class ScrubRow:
    name: Bilingual
    line: ScrubLine
    counts: Sequence[tuple[Bilingual, ScrubCount]]
    left: Sequence[tuple[str, Bilingual, Bilingual | None]]  # key, what is wrong, and why it is left


def service_rows(status: BoardStatus) -> list[ServiceRow]:
    """All services that have a lag or figures, in the order of the lag."""
    names = [*status.lag, *(name for name in status.services if name not in status.lag)]
    return [
        ServiceRow(wording.words_for(wording.SERVICES, name), status.lag.get(name), status.services.get(name))
        for name in names
    ]


def trouble_rows(status: BoardStatus, since: Since) -> list[TroubleRow]:
    return [
        TroubleRow(
            wording.words_for(wording.SERVICES, service),
            [(trouble, since(service, trouble.code)) for trouble in troubles],
        )
        for service, health in status.services.items()
        if (troubles := troubles_of(service, health))
    ]


def chain_rows(status: BoardStatus) -> list[ChainRow]:
    return [
        ChainRow(network, figures)
        for health in status.services.values()
        for network, figures in health.networks.items()
    ]


def scrub_row(line: ScrubLine) -> ScrubRow:
    return ScrubRow(
        name=wording.words_for(wording.SERVICES, line.service),
        line=line,
        counts=[(wording.words_for(wording.OBJECTS, count.kind), count) for count in line.counts],
        left=[
            (
                fault.key,
                wording.words_for(wording.FOUND, fault.found),
                None if fault.outcome is None else wording.words_for(wording.NOT_REPAIRED, fault.outcome),
            )
            for fault in line.left
        ],
    )
