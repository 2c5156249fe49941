"""Whether each part and service answers. Polled by the stack while it starts."""

from __future__ import annotations

import httpx
import psutil

from deploy.local.environment import OFFSETS, Place
from deploy.local.loopback import ask
from deploy.local.parts import chain, postgres, storage
from deploy.local.parts.catalogue import PARTS
from deploy.local.parts.topics import broker_answers
from deploy.local.ports import takes_connections
from shared.runtime.kafka_access import KafkaAccess


def part_answers(place: Place, name: str) -> bool:
    """Whether the part serves a request, not only listens."""
    if not PARTS[name].answers(place):
        return False
    match name:
        case "kafka":
            return broker_answers(KafkaAccess(place.address("kafka")))
        case "postgres":
            return postgres.answers(place)
        case "s3":
            return storage.answers(place)
        case "chain":
            return chain.answers(place)
    return True


def service_answers(pid: int, place: Place, name: str) -> bool:
    """Whether the process serves its metrics and, if it has pages, takes connections for them.

    An extra worker chooses its ports itself: all those on which it listens are tried.
    """
    metrics = f"{name} metrics"
    if metrics not in OFFSETS:
        return any(_serves_metrics(port) for port in _listens_on(pid))
    return _serves_metrics(place.port(metrics)) and (name not in OFFSETS or takes_connections(place.port(name)))


def has_refused(log_tail: str) -> bool:
    """Whether a service has logged that it refuses to start, so that waiting is useless."""
    return '"action": "refused"' in log_tail.rsplit("\n", 1)[-1]


def _listens_on(pid: int) -> list[int]:
    try:
        connections = psutil.Process(pid).net_connections("inet")
    except psutil.Error:
        return []
    return [connection.laddr.port for connection in connections if connection.status == psutil.CONN_LISTEN]


def _serves_metrics(port: int) -> bool:
    try:
        return ask.get(f"http://127.0.0.1:{port}/metrics", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False
