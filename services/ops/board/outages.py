"""What is down: which service or part, since when, and what waits for it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from services.ops.board.answers import BoardStatus
from services.ops.board.counts import Stage
from services.ops.board.wording import SERVICES, STAGES, words_for
from shared.programme import Bilingual

WORK: dict[str, tuple[Stage, ...]] = {
    "registration": (),
    "issuer": (Stage.ISSUED,),
    "mailer": (Stage.NOTIFIED, Stage.COMPLETED),
    "wallet": (Stage.RECEIVED,),
    "anchor": (Stage.ANCHORED,),
    "renderer": (Stage.RENDERED,),
    "verifier": (),
    "ops": (),
}
"""Service → the stages to which it brings people."""


def chain_away(network: str) -> str:
    """The code, beside those of `Trouble`, of a network that can't be reached."""
    return f"chain-away/{network}"


Since = Callable[[str, str], datetime | None]
"""Since when a service is in this trouble (`HealthMeter.since`)."""


@dataclass(frozen=True)
class Outage:
    """`since` None: from before this board was started. `waits`: what goes on once it is back."""

    name: Bilingual
    since: datetime | None
    waits: tuple[Bilingual, ...]


def outages_of(status: BoardStatus, kafka_since: datetime | None, since: Since) -> list[Outage]:
    """Kafka first, then the chains, then the services in their order."""
    return [*_kafka(status, kafka_since), *_chains(status, since), *_services(status, since)]


def _kafka(status: BoardStatus, since: datetime | None) -> Iterator[Outage]:
    if since is None:
        return
    rows = sum(health.outbox_rows for health in status.services.values())
    waits = Bilingual(f"送信を待つ知らせ {rows:,}件", f"{rows:,} events to be published")
    yield Outage(Bilingual("Kafka", "Kafka"), since, (waits,))


def _chains(status: BoardStatus, since: Since) -> Iterator[Outage]:
    for service, health in status.services.items():
        for network, figures in health.networks.items():
            if not figures.up:
                waits = Bilingual(
                    f"束を待つバッジ {health.waiting_leaves:,}個、確定を待つ取引 {figures.pending:,}件",
                    f"{health.waiting_leaves:,} badges for a batch, {figures.pending:,} transactions for finality",
                )
                name = Bilingual(f"チェーン {network}", f"Chain {network}")
                yield Outage(name, since(service, chain_away(network)), (waits,))


def _services(status: BoardStatus, since: Since) -> Iterator[Outage]:
    for service, health in status.services.items():
        if health.unknown is None:
            continue
        waits = []
        if messages := status.lag.get(service):
            waits.append(Bilingual(f"読むメッセージ {messages:,}件", f"{messages:,} messages to read"))
        for stage in WORK.get(service, ()):
            missing = status.people_missing.get(stage.word)
            if missing is not None and missing.count:
                name = STAGES[stage.word]
                waits.append(
                    Bilingual(f"「{name.ja}」を待つ人 {missing.count:,}人", f"{missing.count:,} people for {name.en}")
                )
        yield Outage(words_for(SERVICES, service), since(service, "unknown"), tuple(waits))
