"""A restore of ops' database: one copy goes on, the other is what the backup holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.ops.app import MIGRATIONS
from services.ops.ports import Ports
from services.ops.sources.lag import LagMeter
from services.ops.store.events import OpsTransaction, Store
from shared.events import Event
from shared.office_events import OfficeDecided, RebuildOrdered
from shared.runtime.migrate import migrate
from shared.runtime.recall import Recall
from tests.worlds.cohorts import NOON, at
from tests.worlds.ops import NoBroker
from tests.worlds.postgres import Databases
from tests.worlds.recalled import announced, take_back

RECALLS: dict[type[Event], Recall] = {
    OfficeDecided: OpsTransaction.take_back_decided,
    RebuildOrdered: OpsTransaction.take_back_rebuilds,
}


class Restored:
    """Two copies of one database: `lived` goes on, `backup` is what is restored."""

    def __init__(self, databases: Databases, before: Callable[[Ports], object]) -> None:
        url = databases.fresh()
        migrate(url, "ops", MIGRATIONS)
        store = Store(url, "ops", OpsTransaction, lambda: NOON)
        before(ports_of(store))
        store.close()
        self.backup = ports_of(Store(databases.copy(url), "ops", OpsTransaction, lambda: NOON))
        self.lived = ports_of(Store(url, "ops", OpsTransaction, lambda: at(5)))

    def take_back(self) -> int:
        return take_back(self.backup.store, RECALLS, announced(self.lived.store))

    def same(self, query: str) -> list[Any]:
        """The rows, which are those of the database that was not restored."""
        rows = rows_of(self.backup, query)
        assert rows == rows_of(self.lived, query)
        return rows


def ports_of(store: Store) -> Ports:
    return Ports(store=store, lag=LagMeter(NoBroker()), now=store.now)


def rows_of(ports: Ports, query: str) -> list[Any]:
    with ports.store.transaction() as tx:
        return tx.cursor.execute(query).fetchall()
