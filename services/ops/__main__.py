"""`python -m services.ops` runs the service."""

from __future__ import annotations

from services.ops.app import build
from services.ops.config import Config, read_config
from services.ops.ports import Ports
from services.ops.sources.health import HealthMeter
from services.ops.sources.intake import HttpIntake, Intake, NoIntake
from services.ops.sources.lag import KafkaBroker, LagMeter
from services.ops.sources.registration import NoRegistration, Registration, RegistrationApi
from services.ops.sources.rehearsal import RehearsalSettings, Surroundings
from services.ops.store.events import OpsTransaction, Store
from shared.runtime.process import Process
from shared.runtime.start import start


def wire(config: Config) -> Process:
    runtime = config.runtime
    return build(
        config,
        Ports(
            store=Store(runtime.database_url, runtime.service, OpsTransaction, runtime.clock),
            lag=LagMeter(KafkaBroker(runtime.kafka), now=runtime.clock),
            now=runtime.clock,
            registration=_registration(config),
            intake=_intake(config),
            health=HealthMeter(config.metrics_urls, now=runtime.clock),
            around=Surroundings(_rehearsal(config), runtime.kafka, runtime.clock),
        ),
    )


def _registration(config: Config) -> Registration:
    if config.links.registration is None or config.office_key is None:
        return NoRegistration()
    return RegistrationApi(config.links.registration, config.office_key)


def _intake(config: Config) -> Intake:
    if config.links.registration is None or config.upstream_key is None:
        return NoIntake()
    return HttpIntake(config.links.registration, config.upstream_key)


def _rehearsal(config: Config) -> RehearsalSettings:
    return RehearsalSettings(
        registration_url=config.links.registration,
        office_key=config.office_key,
        readiness_key=config.runtime.readiness_key,
        endpoints=config.metrics_urls,
        pages=config.pages,
        disks=config.disks,
        backups=config.backups,
        partitions=config.partitions,
    )


def main() -> None:
    start(read_config, wire)


if __name__ == "__main__":
    main()
