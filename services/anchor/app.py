"""The edge of anchor: which events and ticks lead to which handler."""

from __future__ import annotations

from services.anchor import handlers
from services.anchor.config import Config
from services.anchor.handlers import Ports
from shared.events import AssertionIssued, AssertionRevoked, BadgeReceived
from shared.runtime.process import Process

_MEASURE_SECONDS = 15.0


def build(config: Config, ports: Ports) -> Process:
    process = Process(config.runtime, ports.store)
    process.consume(AssertionIssued, handlers.note_issued, ports)
    process.consume(BadgeReceived, handlers.note_received, ports)
    process.consume(AssertionRevoked, handlers.note_revoked, ports)
    process.tick("close_batch", handlers.close_batch, ports)
    process.tick("submit", handlers.submit, ports)
    process.tick("confirm", handlers.confirm, ports)
    process.tick("prove", handlers.prove, ports)
    process.tick("measure", handlers.measure, ports, every=_MEASURE_SECONDS)
    return process
