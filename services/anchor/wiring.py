"""Constructs anchor from its settings: for the service itself and for its commands."""

from __future__ import annotations

from eth_account.signers.local import LocalAccount

from services.anchor.app import build
from services.anchor.chain import Chain
from services.anchor.config import Anchoring, Config
from services.anchor.domain.anchoring import FeeRules
from services.anchor.domain.proving import Trees
from services.anchor.handlers import Ports
from services.anchor.keystore import open_keystore
from services.anchor.measuring import NetworkView, Watch
from services.anchor.store import AnchorTransaction, Store
from services.anchor.submitting import NetworkPorts
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
    runtime, anchoring = config.runtime, config.anchoring
    ticks = 4 * len(anchoring.networks) + 8  # each may hold a connection
    store = Store(runtime.database_url, runtime.service, AnchorTransaction, runtime.clock, pool=ticks)
    views = views_of(anchoring)
    for view in views:
        _check(view)
    ports = ports_of(anchoring, views, store, runtime.clock)
    return build(config, ports, network_ports_of(anchoring, views, store, runtime.clock), Watch(ports, views))


def views_of(anchoring: Anchoring) -> tuple[NetworkView, ...]:
    """The networks with our account on each. RefuseToStart when the keystore can't be opened."""
    account: LocalAccount = open_keystore(anchoring.keystore_file, anchoring.password_file)
    return tuple(NetworkView(network, Chain(Registry.of(network), account)) for network in anchoring.networks)


def ports_of(anchoring: Anchoring, views: tuple[NetworkView, ...], store: Store, clock: Clock) -> Ports:
    return Ports(
        store=store,
        objects=Objects(anchoring.objects),
        trees=Trees(),
        now=clock,
        places=tuple(view.place for view in views if not view.network.retired),
        retired=tuple(view.place for view in views if view.network.retired),
        batches=anchoring.batches,
        ready_at_issue=anchoring.anchor_on == "issue",
        verification_method=chain_key_of(did_of(anchoring.public_url)),
    )


def network_ports_of(
    anchoring: Anchoring, views: tuple[NetworkView, ...], store: Store, clock: Clock
) -> tuple[NetworkPorts, ...]:
    first = next(view.place for view in views if not view.network.retired)
    return tuple(
        NetworkPorts(
            store=store,
            chain=view.chain,
            place=view.place,
            first=first,
            takes_new=not view.network.retired,
            now=clock,
            fees=FeeRules(cap=view.network.max_fee_gwei * GWEI, stuck_after=anchoring.stuck_after),
            poll=anchoring.poll,
        )
        for view in views
    )


def _check(view: NetworkView) -> None:
    try:
        view.chain.check()
    except NoContract as error:
        if not view.network.retired:
            raise RefuseToStart(str(error)) from error
    except TryLater as error:
        # Endpoints that are away, or on another chain, are no reason not to start: leaves are noted, batches closed,
        # and sent when the endpoints are back. Nothing of what they say meanwhile is believed.
        logger("anchor").warning("waiting", part="chain", network=view.network.id, cause=str(error))
