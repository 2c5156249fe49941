"""What the rooms of ops reach outside: its schema, the services' lag and metrics, registration, the clock."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.ops.sources.health import HealthMeter
from services.ops.sources.intake import Intake, NoIntake
from services.ops.sources.lag import LagMeter
from services.ops.sources.pace import PaceMeter
from services.ops.sources.registration import NoRegistration, Registration
from services.ops.sources.rehearsal import Surroundings
from services.ops.store.events import Store
from shared.clock import Clock


@dataclass(frozen=True)
class Ports:
    store: Store
    lag: LagMeter
    now: Clock
    registration: Registration = field(default_factory=NoRegistration)
    intake: Intake = field(default_factory=NoIntake)
    pace: PaceMeter = field(default_factory=PaceMeter)
    around: Surroundings = field(default_factory=Surroundings)  # who is asked at a rehearsal; here nobody
    health: HealthMeter = field(default_factory=lambda: HealthMeter({}))  # without endpoints it knows of no service
