"""What the rooms of ops reach outside: its schema, the lag of the services, the clock."""

from __future__ import annotations

from dataclasses import dataclass

from services.ops.lag import LagMeter
from services.ops.store.events import Store
from shared.clock import Clock


@dataclass(frozen=True)
class Ports:
    store: Store
    lag: LagMeter
    now: Clock
