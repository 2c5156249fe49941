"""`python -m services.verifier` runs the service."""

from __future__ import annotations

from services.verifier.app import build
from services.verifier.config import Config, read_config
from services.verifier.handlers import Ports
from services.verifier.sources import Chain
from services.verifier.store import Store, VerifierTransaction
from shared.runtime.objects import Objects
from shared.runtime.process import Process, start
from shared.runtime.registry import Registry


def wire(config: Config) -> Process:
    runtime, chain = config.runtime, config.chain
    registry = Registry(chain.rpc_url, chain.registry, chain.chain_id)
    return build(
        config,
        Ports(
            store=Store(runtime.database_url, runtime.service, VerifierTransaction, runtime.clock),
            site=Objects(config.objects),
            chain=Chain(chain.network, chain.chain_id, chain.registry, registry),
            public_url=config.public_url,
            now=runtime.clock,
        ),
    )


def main() -> None:
    start(read_config, wire)


if __name__ == "__main__":
    main()
