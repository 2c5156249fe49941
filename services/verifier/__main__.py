"""`python -m services.verifier` runs the service."""

from __future__ import annotations

from services.verifier.app import build
from services.verifier.config import Config, read_config
from services.verifier.ports import Ports
from services.verifier.sources.cache import CachedSite
from services.verifier.sources.chains import Chains
from services.verifier.sources.fetch import Fetcher
from services.verifier.store import Store, VerifierTransaction
from shared.chain.lookup import Networks
from shared.runtime.objects import Objects
from shared.runtime.process import Process
from shared.runtime.start import start


def wire(config: Config) -> Process:
    runtime = config.runtime
    return build(
        config,
        Ports(
            store=Store(runtime.database_url, runtime.service, VerifierTransaction, runtime.clock),
            site=CachedSite(Objects(config.objects), runtime.clock),
            chain=Chains(Networks(config.networks)),
            public_url=config.public_url,
            now=runtime.clock,
            fetch=Fetcher(private=config.allow_private_urls),
            page=runtime.programme.public_page,
        ),
    )


def main() -> None:
    start(read_config, wire)


if __name__ == "__main__":
    main()
