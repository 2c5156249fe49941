"""How anchoring is getting on, on each network: for /metrics, the log, and `akashi anchor status`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from services.anchor import metrics
from services.anchor.chain import Chain
from services.anchor.domain.anchoring import STATES
from services.anchor.domain.proving import Place
from services.anchor.handlers import Ports
from services.anchor.store import Outliving, Waiting
from services.anchor.store_anchorings import PlaceStatus
from shared.chain.networks import GWEI, Network
from shared.clock import japan_date
from shared.errors import TryLater
from shared.runtime.log import logger

log = logger("anchor")

ROOT_GAS = 52_000
"""Units of gas that anchoring one root takes at most, whatever the batch's size."""

LOW_ROOTS = 30
"""The alarm: the balance pays for fewer roots than this at the highest fee, a month of nightly batches."""

ETHER = 10**18


@dataclass(frozen=True)
class NetworkView:
    """A network as the operator looks at it."""

    network: Network
    chain: Chain

    @property
    def place(self) -> Place:
        return Place(self.network.id, self.network.chain_id, self.network.contract)


@dataclass(frozen=True)
class ChainFigures:
    """What a network says of itself and of our account; amounts in wei."""

    balance: int
    base_fee: int
    finalized_block: int
    finality_seconds: int


@dataclass(frozen=True)
class NetworkStatus:
    """`chain`: None with `away` saying why, when its endpoints don't answer or don't agree."""

    view: NetworkView
    chain: ChainFigures | None
    away: str
    sound: int
    rows: PlaceStatus
    outliving: Outliving
    warnings: tuple[str, ...]

    @property
    def pays_for(self) -> int | None:
        """How many roots the balance pays for at the highest fee."""
        return None if self.chain is None else pays_for(self.chain.balance, self.view.network)


@dataclass(frozen=True)
class Status:
    at: datetime
    waiting: Waiting
    closed: int
    undecided: int
    networks: tuple[NetworkStatus, ...]


@dataclass
class Watch:
    """The networks that are measured, and what was warned of already: each warning is logged when it begins."""

    ports: Ports
    views: tuple[NetworkView, ...]
    said: set[str] = field(default_factory=set)


def pays_for(balance: int, network: Network) -> int:
    return balance // (ROOT_GAS * network.max_fee_gwei * GWEI)


def status(ports: Ports, views: tuple[NetworkView, ...]) -> Status:
    """All networks and all rows. Networks that are away say so; raises only when the database is."""
    now = ports.now()
    with ports.store.transaction() as tx:
        waiting, counts = tx.waiting(), tx.batch_counts()
        rows = [
            (
                view,
                tx.status_of(view.place),
                tx.outliving(view.place, _last_day(view.network), _lasting(view, views))
                if view.network.ends_on
                else Outliving(0, None),
            )
            for view in views
        ]
    networks = tuple(_network_status(*row, now) for row in rows)
    return Status(now, waiting, counts.closed, counts.undecided, networks)


def measure(watch: Watch) -> int:
    """Any time. The gauges, and a line in the log for each warning that is new."""
    found = status(watch.ports, watch.views)
    metrics.WAITING.set(found.waiting.count)
    for each in found.networks:
        _show(each, found.at)
    warnings = {f"{each.view.network.id}: {warning}" for each in found.networks for warning in each.warnings}
    for warning in sorted(warnings - watch.said):
        log.warning("waiting", part="chain", cause=warning)
    watch.said = warnings
    return 0


def _network_status(view: NetworkView, rows: PlaceStatus, outliving: Outliving, now: datetime) -> NetworkStatus:
    chain, away = None, ""
    try:
        finality = view.chain.finality()
        chain = ChainFigures(
            view.chain.balance(), view.chain.market().base, finality.block_number, max(finality.seconds, 0)
        )
    except TryLater as error:
        away = str(error)
    warnings = _warnings(view.network, chain, away, rows, outliving, japan_date(now))
    return NetworkStatus(view, chain, away, view.chain.registry.node.sound(), rows, outliving, warnings)


def _warnings(
    network: Network, chain: ChainFigures | None, away: str, rows: PlaceStatus, outliving: Outliving, today: date
) -> tuple[str, ...]:
    found = []
    if away and not network.retired:
        found.append(f"no agreed answer ({away})")
    if chain is not None and not network.retired and pays_for(chain.balance, network) < LOW_ROOTS:
        found.append(
            f"low balance: pays for {pays_for(chain.balance, network)} roots at {network.max_fee_gwei} gwei,"
            f" expected at least {LOW_ROOTS}; fund the account"
        )
    if chain is not None and chain.base_fee > network.max_fee_gwei * GWEI:
        found.append(f"base fee above max_fee_gwei ({network.max_fee_gwei}): nothing is sent")
    if outliving.count and network.ends_on and outliving.until:
        found.append(
            f"ends on {network.ends_on}: {outliving.count} badges stand on no network that lasts, the last of them"
            f" valid until {outliving.until}; configure a successor and run `akashi anchor migrate --to`"
        )
    if network.ends_on and network.ends_on <= today and not network.retired:
        found.append(f"ended on {network.ends_on}: set retired = true")
    if network.retired and rows.states.get("sent", 0) + rows.states.get("signed", 0):
        found.append("retired with transactions on their way")
    return tuple(found)


def _last_day(network: Network) -> date:
    return network.ends_on - timedelta(days=1) if network.ends_on else date.max


def _lasting(view: NetworkView, views: tuple[NetworkView, ...]) -> list[Place]:
    """Networks that end later, or not that anybody knows."""
    end = view.network.ends_on or date.max
    return [other.place for other in views if (other.network.ends_on or date.max) > end]


def _show(each: NetworkStatus, now: datetime) -> None:
    network = each.view.network
    for state in STATES:
        metrics.ANCHORINGS.labels(network.id, state).set(each.rows.states.get(state, 0))
    metrics.CHAIN_UP.labels(network.id).set(each.chain is not None)
    metrics.SOUND.labels(network.id).set(each.sound)
    metrics.OUTLIVING.labels(network.id).set(each.outliving.count)
    if network.ends_on:
        metrics.ENDS_IN.labels(network.id).set((network.ends_on - japan_date(now)).days)
    if each.chain is not None and each.pays_for is not None:
        metrics.BASE_FEE.labels(network.id).set(each.chain.base_fee / GWEI)
        metrics.BALANCE.labels(network.id).set(each.chain.balance / ETHER)
        metrics.PAYS_FOR.labels(network.id).set(each.pays_for)
        metrics.LOW.labels(network.id).set(each.pays_for < LOW_ROOTS)
        metrics.FINALIZED.labels(network.id).set(each.chain.finalized_block)
