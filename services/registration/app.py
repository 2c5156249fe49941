"""The edge of registration: which messages it consumes, which ticks it runs, where records are delivered."""

from __future__ import annotations

from pathlib import Path

from services.registration import handlers, orders
from services.registration.config import Config
from services.registration.handlers import Ports
from services.registration.store import RegistrationTransaction
from services.registration.web import intake_site
from shared.events import (
    AddressCorrected,
    AssertionIssued,
    IssuanceRefused,
    RegistrationHeld,
    RegistrationRejected,
    RegistrationReleased,
    RegistrationRenewed,
)
from shared.office_events import DecisionSettled, OfficeDecided
from shared.runtime.process import Process
from shared.topics import UPSTREAM_REGISTRATIONS

_CYCLE_SECONDS = 60.0  # a cycle begins once a year: no need for the eager tick

MIGRATIONS = Path(__file__).parent / "migrations"


def build(config: Config, ports: Ports) -> Process:
    process = Process(config.runtime, ports.store, MIGRATIONS)
    process.recall(RegistrationRejected, RegistrationTransaction.take_back_rejected)
    process.recall(RegistrationHeld, RegistrationTransaction.take_back_held)
    process.recall(RegistrationReleased, RegistrationTransaction.take_back_released)
    process.recall(RegistrationRenewed, RegistrationTransaction.take_back_renewed)
    process.recall(AddressCorrected, RegistrationTransaction.take_back_addresses)
    process.recall(DecisionSettled, RegistrationTransaction.take_back_settled)
    process.at_start(handlers.judge_failed, ports)
    process.consume_raw(UPSTREAM_REGISTRATIONS, handlers.accept_messages, ports)
    process.consume(AssertionIssued, handlers.note_issued, ports)
    process.note(IssuanceRefused, RegistrationTransaction.note_refused)
    process.consume(OfficeDecided, orders.carry_out, ports, predicate=orders.is_ours)
    process.tick("release", handlers.release, ports)
    process.tick("begin_cycle", handlers.begin_cycle, ports, every=_CYCLE_SECONDS)
    site = intake_site(ports, config.upstream_key, config.upload_limit, process.wake, config.runtime.access)
    process.serve(site, host=config.web_host, port=config.web_port)
    return process
