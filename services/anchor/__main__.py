"""`python -m services.anchor` runs the service."""

from __future__ import annotations

from services.anchor.app import build
from services.anchor.chain import Chain
from services.anchor.config import Config, read_config
from services.anchor.handlers import Ports
from services.anchor.keystore import open_keystore
from services.anchor.proving import Place, Trees
from services.anchor.store import AnchorTransaction, Store
from shared.did import chain_key_of, did_of
from shared.errors import RefuseToStart, TryLater
from shared.runtime.log import logger
from shared.runtime.objects import Objects
from shared.runtime.process import Process, start
from shared.runtime.registry import Registry, WrongChain


def wire(config: Config) -> Process:
    runtime = config.runtime
    chain = Chain(
        Registry(config.rpc_url, config.contract, config.chain_id),
        open_keystore(config.keystore_file, config.password_file),
    )
    _check(chain)
    ports = Ports(
        store=Store(runtime.database_url, runtime.service, AnchorTransaction, runtime.clock, pool=8),
        objects=Objects(config.objects),
        chain=chain,
        trees=Trees(),
        now=runtime.clock,
        place=Place(config.network, config.chain_id, config.contract),
        batches=config.batches,
        fees=config.fees,
        poll=config.poll,
        ready_at_issue=config.anchor_on == "issue",
        verification_method=chain_key_of(did_of(config.public_url)),
    )
    return build(config, ports)


def _check(chain: Chain) -> None:
    try:
        chain.check()
    except WrongChain as error:
        raise RefuseToStart(str(error)) from error
    except TryLater as error:
        # The node being away is no reason not to start: leaves are noted, batches closed, and sent when it is back.
        logger("anchor").warning("waiting", part="chain", cause=str(error))


def main() -> None:
    start(read_config, wire)


if __name__ == "__main__":
    main()
