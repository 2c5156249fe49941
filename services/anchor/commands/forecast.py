"""What the next batch would cost: asks database and networks, signs and sends nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from services.anchor.commands.session import Session
from services.anchor.domain.costs import Forecast, NetworkForecast, cost_of, forecast
from services.anchor.network.sender import NetworkConnection
from shared.errors import TryLater


def forecast_batch(session: Session, leaves: int | None) -> Forecast:
    """The next batch, of the leaves that wait or of as many as given."""
    ports = session.ports
    now = ports.now()
    with ports.store.transaction() as tx:
        waiting = tx.leaves.waiting()
    networks = [_on_network(each, now) for each in session.connections if not each.network.retired]
    return forecast(waiting.count, waiting.oldest_at, leaves, networks, now, ports.batch_rules)


def _on_network(connection: NetworkConnection, now: datetime) -> NetworkForecast:
    network, sender = connection.network, connection.sender
    try:
        unknown_root = sha256(str(now).encode()).digest()  # every root that isn't anchored yet costs the same
        cost = cost_of(sender.gas_for(unknown_root), sender.gas_price(), network.max_fee_gwei)
        final_in = timedelta(seconds=sender.finality().seconds)
        return NetworkForecast(network.id, cost, final_in, sender.balance(), "")
    except TryLater as error:
        return NetworkForecast(network.id, None, None, None, str(error))
