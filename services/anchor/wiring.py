"""Constructs anchor from its settings: for the service itself and for its commands."""

from __future__ import annotations

from eth_account.signers.local import LocalAccount

from services.anchor.app import build
from services.anchor.config import AnchorSettings, Config
from services.anchor.domain.costs import FeeRules
from services.anchor.domain.proving import TreeCache
from services.anchor.handlers import Ports
from services.anchor.network.keystore import key_name, open_keystore
from services.anchor.network.network_status import StatusMonitor
from services.anchor.network.sender import NetworkConnection, Sender
from services.anchor.network.submission import NetworkPorts
from services.anchor.store import AnchorTransaction, Store
from shared.chain.networks import GWEI
from shared.chain.registry import Registry
from shared.chain.rpc import NoContract
from shared.clock import Clock
from shared.credentials.did import chain_key_of, did_of
from shared.errors import RefuseToStart, TryLater
from shared.runtime.log import logger
from shared.runtime.objects import Objects
from shared.runtime.process import Process


def wire(config: Config) -> Process:
    runtime, settings = config.runtime, config.anchor
    ticks = 4 * len(settings.networks) + 9  # each may hold a connection
    store = Store(runtime.database_url, runtime.service, AnchorTransaction, runtime.clock, pool=ticks)
    connections = connections_of(settings)
    for connection in connections:
        _check(connection)
    ports = ports_of(settings, connections, store, runtime.clock)
    networks = network_ports_of(settings, connections, store, runtime.clock)
    return build(config, ports, networks, StatusMonitor(ports, connections))


def connections_of(settings: AnchorSettings) -> tuple[NetworkConnection, ...]:
    """The networks with our account on each. RefuseToStart when the keystore can't be opened."""
    account: LocalAccount = open_keystore(settings.keystore_file, settings.password_file)
    return tuple(NetworkConnection(network, Sender(Registry.of(network), account)) for network in settings.networks)


def ports_of(settings: AnchorSettings, connections: tuple[NetworkConnection, ...], store: Store, clock: Clock) -> Ports:
    return Ports(
        store=store,
        objects=Objects(settings.objects),
        trees=TreeCache(),
        now=clock,
        deployments=tuple(each.deployment for each in connections if not each.network.retired),
        retired=tuple(each.deployment for each in connections if each.network.retired),
        batch_rules=settings.batch_rules,
        verification_method=_verification_method(settings, connections[0].sender.address),
    )


def _verification_method(settings: AnchorSettings, address: str) -> str:
    did = did_of(settings.public_url)
    if settings.public_key_file is None:
        return chain_key_of(did)
    return chain_key_of(did, key_name(address, settings.public_key_file))


def network_ports_of(
    settings: AnchorSettings, connections: tuple[NetworkConnection, ...], store: Store, clock: Clock
) -> tuple[NetworkPorts, ...]:
    deciding = next(each.deployment for each in connections if not each.network.retired)
    return tuple(
        NetworkPorts(
            store=store,
            sender=each.sender,
            deployment=each.deployment,
            deciding=deciding,
            takes_new=not each.network.retired,
            now=clock,
            fees=FeeRules(cap=each.network.max_fee_gwei * GWEI, stuck_after=settings.stuck_after),
            poll=settings.poll,
        )
        for each in connections
    )


def _check(connection: NetworkConnection) -> None:
    try:
        connection.sender.check()
    except NoContract as error:
        if not connection.network.retired:
            raise RefuseToStart(str(error)) from error
    except TryLater as error:
        # Endpoints that are unavailable, or on another chain, don't keep us from starting: leaves are noted, batches
        # closed, and sent once the endpoints are back. Until then none of their answers is believed.
        logger("anchor").warning("waiting", part="chain", network=connection.network.id, cause=str(error))
