"""The state of anchoring on each network: for /metrics, the log, and `akashi anchor status`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime

from services.anchor import metrics
from services.anchor.domain.anchoring import STATES, Deployment
from services.anchor.domain.costs import ETHER, LOW_BALANCE_ROOTS, roots_paid_for
from services.anchor.handlers import Ports
from services.anchor.network.sender import NetworkConnection
from services.anchor.store import AnchoringCounts, AnchorTransaction, UncoveredBadges, WaitingLeaves
from shared.chain.networks import GWEI, Network
from shared.clock import japan_date
from shared.errors import TryLater
from shared.runtime.log import logger
from shared.runtime.pace import Seldom

log = logger("anchor")

Look = Callable[[], UncoveredBadges]

LOW_BALANCE = "low balance"
"""How the warning about it begins."""


@dataclass(frozen=True)
class ChainStatus:
    """What a network says of itself and of our account. Amounts in wei."""

    balance: int
    base_fee: int
    finalized_block: int
    finality_seconds: int


@dataclass(frozen=True)
class NetworkStatus:
    """`chain`: None when too few endpoints answer or agree; `away` says why."""

    connection: NetworkConnection
    chain: ChainStatus | None
    away: str
    sound: int
    counts: AnchoringCounts
    uncovered: UncoveredBadges
    warnings: tuple[str, ...]

    @property
    def pays_for(self) -> int | None:
        """The number of roots that the balance pays for at the highest fee."""
        return None if self.chain is None else roots_paid_for(self.chain.balance, self.connection.network.max_fee_gwei)


@dataclass(frozen=True)
class AnchorStatus:
    at: datetime
    waiting: WaitingLeaves
    closed: int
    undecided: int
    networks: tuple[NetworkStatus, ...]


@dataclass
class StatusMonitor:
    """The networks that are measured, and the current warnings: each is logged when it begins."""

    ports: Ports
    connections: tuple[NetworkConnection, ...]
    logged: set[str] = field(default_factory=set)
    uncovered: dict[str, tuple[Seldom, UncoveredBadges]] = field(default_factory=dict)

    def look(self, network: str, read: Look) -> UncoveredBadges:
        """What `read` says of a network's badges, or said: it reads all of them, so it is asked seldom."""
        seldom, known = self.uncovered.get(network) or (Seldom(), UncoveredBadges(0, None))
        found = seldom.run(read) or known
        self.uncovered[network] = (seldom, found)
        return found


def _at_once(network: str, read: Look) -> UncoveredBadges:
    return read()


def status(
    ports: Ports,
    connections: tuple[NetworkConnection, ...],
    look: Callable[[str, Look], UncoveredBadges] = _at_once,
) -> AnchorStatus:
    """All networks and all rows. Raises only when the database is unavailable, not for a network that is."""
    now = ports.now()
    with ports.store.transaction() as tx:
        waiting, batches = tx.leaves.waiting(), tx.batches.counts()
        rows = [_rows_of(tx, connection, connections, look) for connection in connections]
    networks = tuple(_network_status(*row, now) for row in rows)
    return AnchorStatus(now, waiting, batches.closed, batches.undecided, networks)


def status_of(ports: Ports, connection: NetworkConnection, connections: tuple[NetworkConnection, ...]) -> NetworkStatus:
    """One of the networks, so that another one that hangs doesn't hold it up. Raises as `status`."""
    with ports.store.transaction() as tx:
        rows = _rows_of(tx, connection, connections, _at_once)
    return _network_status(*rows, ports.now())


def _rows_of(
    tx: AnchorTransaction,
    connection: NetworkConnection,
    connections: tuple[NetworkConnection, ...],
    look: Callable[[str, Look], UncoveredBadges],
) -> tuple[NetworkConnection, AnchoringCounts, UncoveredBadges]:
    counts = tx.anchorings.counts(connection.deployment)
    if not connection.network.ends_on:
        return connection, counts, UncoveredBadges(0, None)
    lasting = _lasting(connection, connections)

    def read() -> UncoveredBadges:
        return tx.leaves.uncovered(connection.deployment, connection.network.last_day, lasting)

    return connection, counts, look(connection.network.id, read)


def measure(monitor: StatusMonitor) -> int:
    """Any time. Set the gauges, and log each new warning."""
    found = status(monitor.ports, monitor.connections, monitor.look)
    metrics.WAITING.set(found.waiting.count)
    metrics.WAITING_SECONDS.set((found.at - found.waiting.oldest_at).total_seconds() if found.waiting.oldest_at else 0)
    with monitor.ports.store.transaction() as tx:
        metrics.UNPROVED.set(tx.leaves.at_fault())
    for each in found.networks:
        _set_gauges(each, found.at)
    warnings = {f"{each.connection.network.id}: {warning}" for each in found.networks for warning in each.warnings}
    metrics.WARNINGS.set(len(warnings))
    for warning in sorted(warnings - monitor.logged):
        log.warning("waiting", part="chain", cause=warning)
    monitor.logged = warnings
    return 0


def _network_status(
    connection: NetworkConnection, counts: AnchoringCounts, uncovered: UncoveredBadges, now: datetime
) -> NetworkStatus:
    chain, away = None, ""
    try:
        finality = connection.sender.finality()
        chain = ChainStatus(
            connection.sender.balance(),
            connection.sender.gas_price().base,
            finality.block_number,
            max(finality.seconds, 0),
        )
    except TryLater as error:
        away = str(error)
    warnings = _warnings(connection.network, connection.sender.address, chain, away, counts, uncovered, japan_date(now))
    sound = connection.sender.registry.node.sound()
    return NetworkStatus(connection, chain, away, sound, counts, uncovered, warnings)


def _warnings(
    network: Network,
    account: str,
    chain: ChainStatus | None,
    away: str,
    counts: AnchoringCounts,
    uncovered: UncoveredBadges,
    today: date,
) -> tuple[str, ...]:
    found = []
    if away and not network.retired:
        found.append(f"no agreed answer ({away})")
    roots = roots_paid_for(chain.balance, network.max_fee_gwei) if chain is not None else None
    if roots is not None and not network.retired and roots < LOW_BALANCE_ROOTS:
        found.append(
            f"{LOW_BALANCE}: pays for {roots} roots at {network.max_fee_gwei} gwei,"
            f" expected at least {LOW_BALANCE_ROOTS}; send ether to {account}"
        )
    if chain is not None and chain.base_fee > network.max_fee_gwei * GWEI:
        found.append(f"base fee above max_fee_gwei ({network.max_fee_gwei}): nothing is sent")
    if uncovered.count and network.ends_on and uncovered.until:
        found.append(
            f"ends on {network.ends_on}: {uncovered.count} badges stand on no network that lasts, the last of them"
            f" valid until {uncovered.until}; configure a successor and run `akashi anchor migrate --to`"
        )
    if network.ends_on and network.ends_on <= today and not network.retired:
        found.append(f"ended on {network.ends_on}: set retired = true")
    if network.retired and counts.states.get("sent", 0) + counts.states.get("signed", 0):
        found.append("retired with transactions on their way")
    return tuple(found)


def _lasting(connection: NetworkConnection, connections: tuple[NetworkConnection, ...]) -> list[Deployment]:
    """Deployments on networks that end later, or have no announced end."""
    end = connection.network.ends_on or date.max
    return [other.deployment for other in connections if (other.network.ends_on or date.max) > end]


def _set_gauges(each: NetworkStatus, now: datetime) -> None:
    network = each.connection.network
    for state in STATES:
        metrics.ANCHORINGS.labels(network.id, state).set(each.counts.states.get(state, 0))
    metrics.CHAIN_UP.labels(network.id).set(each.chain is not None)
    metrics.SOUND.labels(network.id).set(each.sound)
    metrics.ENDPOINTS.labels(network.id).set(len(network.rpc_urls))
    metrics.OUTLIVING.labels(network.id).set(each.uncovered.count)
    if network.ends_on:
        metrics.ENDS_IN.labels(network.id).set((network.ends_on - japan_date(now)).days)
    if each.chain is not None and each.pays_for is not None:
        metrics.BASE_FEE.labels(network.id).set(each.chain.base_fee / GWEI)
        metrics.BALANCE.labels(network.id).set(each.chain.balance / ETHER)
        metrics.PAYS_FOR.labels(network.id).set(each.pays_for)
        metrics.LOW.labels(network.id).set(each.pays_for < LOW_BALANCE_ROOTS)
        metrics.FINALITY_LAG.labels(network.id).set(each.chain.finality_seconds)
        metrics.FINALIZED.labels(network.id).set(each.chain.finalized_block)
