"""The ports of a stack: which are free, which are taken and by which process."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

from deploy.local.environment import OFFSETS, PORT_BASE, Place
from shared.errors import RefuseToStart


def refuse_taken_ports(place: Place, names: Iterable[str]) -> None:
    """RefuseToStart when one of the ports is in use; the text names each with its owner and what to do."""
    taken = [name for name in names if not _is_free(place.port(name))]
    if not taken:
        return
    owners = _owners()
    lines = [
        f"  {place.port(name)} ({name}): {owners.get(place.port(name), 'a process of another user')}" for name in taken
    ]
    other = place.port_base + 100 if place.port_base + 200 < 65000 else PORT_BASE
    raise RefuseToStart(
        "ports in use:\n" + "\n".join(lines) + "\nEnd that process, or take other ports and another folder:"
        f" AKASHI_PORT_BASE={other} AKASHI_HOME={place.home}-{other}"
    )


def all_free(port_base: int) -> bool:
    """Whether a stack could start at this base now."""
    return all(_is_free(port_base + offset) for offset in OFFSETS.values())


def free_base() -> int:
    """A port base at which a stack could start now; below Linux's ephemeral ports.

    No other process that asks is given the same one while this process lives.
    """
    for _ in range(200):
        base = random.randrange(10_000, 32_000, 100)
        if _reserve(base) and all_free(base):
            return base
    raise RefuseToStart("AKASHI_PORT_BASE: no free range of ports was found from 10000 to 32000")


def _reserve(base: int) -> bool:
    """Whether nobody has it: by a lock that the kernel takes back when this process ends."""
    try:
        file = os.open(Path(tempfile.gettempdir(), f"akashi-ports-{base}.lock"), os.O_CREAT | os.O_RDONLY, 0o644)
    except OSError:  # another user's
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return False
    return True


def free_port() -> int:
    """A port that is not in use at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def takes_connections(port: int) -> bool:
    """Whether something listens on this port of the loopback address."""
    try:
        socket.create_connection(("127.0.0.1", port), 0.5).close()
    except OSError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as asked:
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections in TIME_WAIT do not count
        try:
            asked.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _owners() -> dict[int, str]:
    try:
        connections = psutil.net_connections("inet")
    except psutil.AccessDenied:  # macOS shows other processes' connections to root only
        return {}
    found: dict[int, str] = {}
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.pid is not None and connection.laddr:
            found[connection.laddr.port] = _description_of(connection.pid)
    return found


def _description_of(pid: int) -> str:
    try:
        command = " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return f"process {pid}"
    return f"process {pid}: {command[:100]}"


_LISTENS_ON = ("METRICS_PORT", "WEB_PORT", "DESK_PORT", "BOUNCE_PORT")


def ports_of_replica(environment: Mapping[str, str]) -> dict[str, str]:
    """The settings of another process of a service with this environment: a free port for each on which it listens."""
    return {name: str(free_port()) for name in _LISTENS_ON if name in environment}
