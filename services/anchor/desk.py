"""What `akashi anchor` does, put together from the service's own parts: it works beside a running service."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from services.anchor import handlers, measuring, migrating, submitting
from services.anchor.config import CommandConfig
from services.anchor.domain.batching import closes_at
from services.anchor.handlers import Ports
from services.anchor.measuring import NetworkView, Status
from services.anchor.migrating import Plan
from services.anchor.store import AnchorTransaction, Store
from services.anchor.submitting import NetworkPorts
from services.anchor.wiring import network_ports_of, ports_of, views_of
from shared.chain.networks import GWEI
from shared.credentials.merkle import longest_path
from shared.errors import NotFound, TryLater

_PAUSE = 0.2


@dataclass(frozen=True)
class Cost:
    """In wei: with the base fee and tip of now, and at the highest fee that is ever offered."""

    gas: int
    now: int
    most: int


@dataclass(frozen=True)
class NetworkForecast:
    """The next batch on one network. `cost` and `final_in`: None while the network is away, which `away` explains."""

    network: str
    cost: Cost | None
    final_in: timedelta | None  # after the batch is closed, if the next blocks are like the last
    balance: int | None
    away: str


@dataclass(frozen=True)
class Forecast:
    leaves: int
    depth: int  # of the tree: as many steps has a proof
    closes_at: datetime | None  # None without leaves
    networks: tuple[NetworkForecast, ...]


@dataclass(frozen=True)
class Progress:
    """Of the roots that are to stand on a network: how many are final, how many on their way."""

    final: int
    on_the_way: int
    last_error: str | None

    @property
    def line(self) -> str:
        trouble = f" · {self.last_error}" if self.last_error else ""
        return f"{self.final} final, {self.on_the_way} on the way{trouble}"


class Desk:
    """The commands' view of database and chains. All raise TryLater when what they need is away."""

    def __init__(self, ports: Ports, views: tuple[NetworkView, ...], networks: tuple[NetworkPorts, ...]) -> None:
        self._ports = ports
        self._views = views
        self._networks = networks

    def status(self) -> Status:
        return measuring.status(self._ports, self._views)

    def view_of(self, network: str) -> NetworkView:
        """NotFound, naming the ones there are, for a network that isn't configured."""
        for view in self._views:
            if view.network.id == network:
                return view
        names = ", ".join(view.network.id for view in self._views)
        raise NotFound(f"network {network!r}: not in NETWORKS_FILE; expected one of {names}")

    def forecast(self, leaves: int | None) -> Forecast:
        """The next batch, of those leaves that wait or of as many as asked."""
        with self._ports.store.transaction() as tx:
            waiting = tx.waiting()
        count = min(waiting.count, self._ports.batches.size) if leaves is None else leaves
        now = self._ports.now()
        oldest = waiting.oldest_at if leaves is None else now
        return Forecast(
            leaves=count,
            depth=longest_path(count),
            closes_at=closes_at(oldest, now, self._ports.batches) if count and oldest else None,
            networks=tuple(self._forecast(view) for view in self._views if not view.network.retired),
        )

    def plan(self, view: NetworkView, most_gas: int) -> Plan:
        return migrating.plan(self._ports.store, view.chain, view.place, most_gas=most_gas)

    def cost(self, view: NetworkView, gas: int) -> Cost:
        market = view.chain.market()
        return Cost(gas, gas * (market.base + market.tip), gas * view.network.max_fee_gwei * GWEI)

    def progress(self, view: NetworkView) -> Progress:
        with self._ports.store.transaction() as tx:
            rows = tx.status_of(view.place)
        return Progress(rows.roots, rows.pending_roots, rows.last_error)

    def carry_out(self, view: NetworkView, found: Plan, say: Callable[[Progress], None]) -> Progress:
        """Write the plan down and see it through to finality and into the manifests, `say`ing each change.

        Dying anywhere, the next call or the running service goes on: all it does is what the service's ticks do.
        """
        migrating.begin(self._ports.store, view.place, found)
        [network] = [each for each in self._networks if each.place == view.place]
        last: Progress | None = None
        while True:
            done = submitting.submit(network) + submitting.confirm(network) + handlers.list_anchors(self._ports)
            progress = self.progress(view)
            if progress != last:
                say(progress)
                last = progress
            if not progress.on_the_way and not done:
                return progress
            if not done:
                time.sleep(_PAUSE)

    def _forecast(self, view: NetworkView) -> NetworkForecast:
        try:
            # Any root that nobody has anchored costs the same.
            gas = view.chain.gas_for(sha256(str(self._ports.now()).encode()).digest())
            finality = timedelta(seconds=view.chain.finality().seconds)
            return NetworkForecast(view.network.id, self.cost(view, gas), finality, view.chain.balance(), "")
        except TryLater as error:
            return NetworkForecast(view.network.id, None, None, None, str(error))


@contextmanager
def open_desk(config: CommandConfig) -> Iterator[Desk]:
    """TryLater while the database is away."""
    store = Store(config.database_url, "anchor", AnchorTransaction, config.clock)
    views = views_of(config.anchoring)
    try:
        yield Desk(
            ports_of(config.anchoring, views, store, config.clock),
            views,
            network_ports_of(config.anchoring, views, store, config.clock),
        )
    except (OperationalError, PoolTimeout) as error:
        raise TryLater(f"database away ({type(error).__name__}); is DATABASE_URL right, does it run?") from error
    finally:
        store.close()
