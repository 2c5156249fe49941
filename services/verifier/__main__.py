"""`python -m services.verifier` runs the service."""

from __future__ import annotations

from services.verifier.app import build
from services.verifier.config import Config, read_config
from services.verifier.handlers import Ports
from services.verifier.networks import AnyNetwork
from services.verifier.store import Store, VerifierTransaction
from shared.runtime.networks import Networks
from shared.runtime.objects import Objects
from shared.runtime.process import Process, start


def wire(config: Config) -> Process:
    runtime = config.runtime
    return build(
        config,
        Ports(
            store=Store(runtime.database_url, runtime.service, VerifierTransaction, runtime.clock),
            site=Objects(config.objects),
            chain=AnyNetwork(Networks(config.networks)),
            public_url=config.public_url,
            now=runtime.clock,
        ),
    )


def main() -> None:
    start(read_config, wire)


if __name__ == "__main__":
    main()
