"""What a running stack has used: CPU time and memory of each process, and what its stores keep. Used by the benches."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import psycopg

from deploy.local.environment import Place, database_url
from deploy.local.parts.catalogue import PARTS
from deploy.local.stack import Stack
from shared.topics import SERVICES

_MB = 2**20


def cpu_of(stack: Stack) -> dict[str, float]:
    """CPU seconds so far of each part and service, with those of its children, also of the ended ones."""
    return {name: sum(map(_cpu, _family(pid))) for name, pid in _pids(stack).items()}


def memory_of(stack: Stack) -> dict[str, float]:
    """MB of each part and service with its children: a page that n processes share counts an n-th in each (PSS)."""
    return {name: sum(map(_memory, _family(pid))) for name, pid in _pids(stack).items()}


def cpu_of_process(pid: int) -> float:
    """CPU seconds so far of this process, with those of its children, also of the ended ones."""
    return sum(map(_cpu, _family(pid)))


def _pids(stack: Stack) -> dict[str, int]:
    return {name: stack.pid(name) for name in (*PARTS, *SERVICES)}


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    ended = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return float(times.user + times.system + ended)


def _memory(process: psutil.Process) -> float:
    try:
        told: Any = process.memory_full_info()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0.0
    return float(getattr(told, "pss", told.rss)) / _MB  # only Linux tells shares


class MemoryPeaks(threading.Thread):
    """Peak memory of each part and service in MB, sampled every five seconds."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(name="memory", daemon=True)
        self._stack = stack
        self._ended = threading.Event()
        self.peaks: dict[str, float] = {}

    def run(self) -> None:
        while not self._ended.wait(5.0):
            for name, memory in memory_of(self._stack).items():
                self.peaks[name] = max(self.peaks.get(name, 0.0), memory)

    def stop(self) -> None:
        self._ended.set()
        self.join(10)


def stored_by(place: Place) -> Mapping[str, float]:
    """Bytes that each store of a running stack keeps; "PostgreSQL, written ahead" is what went through its log."""
    with psycopg.connect(database_url(place, "ops")) as connection:
        row = connection.execute(
            "select pg_database_size(current_database()), pg_current_wal_lsn() - '0/0'::pg_lsn"
        ).fetchone()
    kept, written = row or (0, 0)
    return {
        "PostgreSQL, tables and indexes": float(kept),
        "PostgreSQL, written ahead": float(written),
        "Kafka": _bytes_in(place.data / "kafka", "*.log"),
        "object storage": _bytes_in(place.data / "s3", "*"),
    }


def _bytes_in(folder: Path, pattern: str) -> float:
    return float(sum(path.stat().st_size for path in folder.rglob(pattern) if path.is_file()))
