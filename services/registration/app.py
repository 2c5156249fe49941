"""The edge of registration: which messages it consumes, which ticks it runs, where records are delivered."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from services.registration import handlers
from services.registration.config import Config
from services.registration.handlers import Ports
from services.registration.office import orders
from services.registration.office.office_api import office_routes
from services.registration.office.outlook import cohort_readiness
from services.registration.people import address_screen, recovery
from services.registration.people.ports import DeskPorts
from services.registration.store import RegistrationTransaction
from services.registration.web.desk_site import desk_site
from services.registration.web.intake import intake_site
from shared.erasure_events import PersonErased
from shared.events import (
    AddressCorrected,
    AssertionIssued,
    Event,
    IssuanceRefused,
    RegistrationHeld,
    RegistrationRejected,
    RegistrationReleased,
    RegistrationRenewed,
)
from shared.letter_events import DeskLetterRequested
from shared.office_events import CohortHoldChanged, DecisionSettled, OfficeDecided
from shared.recovery_events import AddressRecoveryBegun, AddressRecoverySettled
from shared.runtime.process import Process
from shared.runtime.recall import Recall
from shared.topics import UPSTREAM_REGISTRATIONS

_CYCLE_SECONDS = 60.0  # a cycle begins once a year: no need for the eager tick
_FORGET_SECONDS = 600.0
_RECOVERIES_SECONDS = 30.0

MIGRATIONS = Path(__file__).parent / "migrations"

RECALLS: Mapping[type[Event], Recall] = {
    RegistrationRejected: RegistrationTransaction.take_back_rejected,
    RegistrationHeld: RegistrationTransaction.take_back_held,
    RegistrationReleased: RegistrationTransaction.take_back_released,
    RegistrationRenewed: RegistrationTransaction.take_back_renewed,
    DeskLetterRequested: RegistrationTransaction.take_back_letters,
    AddressCorrected: RegistrationTransaction.take_back_addresses,
    AddressRecoveryBegun: RegistrationTransaction.take_back_recoveries,
    AddressRecoverySettled: RegistrationTransaction.take_back_settled_recoveries,
    CohortHoldChanged: RegistrationTransaction.take_back_cohort_holds,
    DecisionSettled: RegistrationTransaction.take_back_settled,
    PersonErased: RegistrationTransaction.take_back_erased,
}
"""After a restore, in this order: who was erased is erased last, with what was taken back of them."""


def build(config: Config, ports: Ports) -> Process:
    process = Process(config.runtime, ports.store, MIGRATIONS)
    for event, take_back in RECALLS.items():
        process.recall(event, take_back)
    process.at_start(handlers.judge_failed, ports)
    process.consume_raw(UPSTREAM_REGISTRATIONS, handlers.accept_messages, ports)
    process.consume(AssertionIssued, handlers.note_issued, ports)
    process.note(IssuanceRefused, RegistrationTransaction.note_refused)
    process.consume(OfficeDecided, orders.carry_out, ports, predicate=orders.is_ours)
    process.tick("release", handlers.release, ports)
    process.tick("begin_cycle", handlers.begin_cycle, ports, every=_CYCLE_SECONDS)
    office = office_routes(ports, config.office_key) if config.office_key is not None else ()
    process.ready("cohort", lambda _, to: cohort_readiness(to), ports)
    site = intake_site(ports, config.upstream_key, config.upload_limit, process.wake, config.runtime.access, office)
    process.serve(site, host=config.web_host, port=config.web_port)
    desk = desk_ports(config, ports, process)
    process.tick("recoveries", recovery.move_due, desk, every=_RECOVERIES_SECONDS)
    process.tick("forget", address_screen.forget, desk, every=_FORGET_SECONDS)
    process.serve(desk_site(desk, config.desk.access, ports.foreground), host=config.web_host, port=config.desk.port)
    return process


def desk_ports(config: Config, ports: Ports, process: Process) -> DeskPorts:
    return DeskPorts(
        store=ports.store,
        programme=config.runtime.programme,
        cycle=config.cycle,
        now=config.runtime.clock,
        secret=config.desk.secret,
        desk_url=config.desk.url,
        ops_url=config.desk.ops_url,
        new_token=lambda: secrets.token_urlsafe(24),
        wake=process.wake,
        recovery_wait=timedelta(days=config.desk.recovery_days),
    )
