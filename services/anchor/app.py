"""The edge of anchor: which events and ticks lead to which handler."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from services.anchor import handlers, measuring, submitting
from services.anchor.config import Config
from services.anchor.handlers import Ports
from services.anchor.measuring import Watch
from services.anchor.submitting import NetworkPorts
from shared.events import AssertionIssued, AssertionRevoked, BadgeReceived
from shared.runtime.process import Process

_MEASURE_SECONDS = 15.0

MIGRATIONS = Path(__file__).parent / "migrations"


def build(config: Config, ports: Ports, networks: Sequence[NetworkPorts], watch: Watch) -> Process:
    process = Process(config.runtime, ports.store, MIGRATIONS)
    process.consume(AssertionIssued, handlers.note_issued, ports)
    process.consume(BadgeReceived, handlers.note_received, ports)
    process.consume(AssertionRevoked, handlers.note_revoked, ports)
    process.tick("close_batch", handlers.close_batch, ports)
    for network in networks:
        id = network.place.network
        process.tick(f"submit {id}", submitting.submit, network)
        process.tick(f"confirm {id}", submitting.confirm, network)
        process.tick(f"watch {id}", submitting.watch, network, every=config.anchoring.poll.total_seconds())
    process.tick("prove", handlers.prove, ports)
    process.tick("measure", measuring.measure, watch, every=_MEASURE_SECONDS)
    return process
