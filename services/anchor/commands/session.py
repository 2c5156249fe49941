"""What each `akashi anchor` command works with: database, object storage and chains. It may run beside the service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from services.anchor.config import CommandConfig
from services.anchor.handlers import Ports
from services.anchor.network.sender import NetworkConnection
from services.anchor.network.submission import NetworkPorts
from services.anchor.store import AnchorTransaction, Store
from services.anchor.wiring import connections_of, network_ports_of, ports_of
from shared.errors import NotFound, TryLater


@dataclass(frozen=True)
class Session:
    ports: Ports
    connections: tuple[NetworkConnection, ...]
    networks: tuple[NetworkPorts, ...]

    def connection(self, network: str) -> NetworkConnection:
        """NotFound, naming the configured ones, for a network that isn't."""
        for each in self.connections:
            if each.network.id == network:
                return each
        names = ", ".join(each.network.id for each in self.connections)
        raise NotFound(f"network {network!r}: not in NETWORKS_FILE; expected one of {names}")


@contextmanager
def open_session(config: CommandConfig) -> Iterator[Session]:
    """TryLater while the database is unavailable, then or later."""
    store = Store(config.database_url, "anchor", AnchorTransaction, config.clock)
    connections = connections_of(config.anchor)
    try:
        yield Session(
            ports_of(config.anchor, connections, store, config.clock),
            connections,
            network_ports_of(config.anchor, connections, store, config.clock),
        )
    except (OperationalError, PoolTimeout) as error:
        raise TryLater(f"database away ({type(error).__name__}); is DATABASE_URL right, does it run?") from error
    finally:
        store.close()
