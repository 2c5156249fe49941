"""Whether a service is ready: checks side by side, each for a bounded time, none of which changes anything.

Used by every process (`/readiness` beside `/metrics`) and by ops for what it asks itself.
"""

from __future__ import annotations

import hmac
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from shared.clock import Clock
from shared.errors import NotFound, TryLater, cause_of
from shared.readiness import (
    ENDS_SOON,
    BatchesForecast,
    Finding,
    Question,
    ReadinessAnswer,
    Report,
    fault,
    not_asked,
    ok,
)
from shared.runtime.db import Database
from shared.runtime.migrate import versions
from shared.runtime.objects import ReadableObjects

SECONDS = 8.0
"""That all checks of a service together may take: what has not answered by then is named."""

_SLOW = 1.0  # seconds for a question to the database that takes a millisecond
_SKEW = 2.0  # seconds between two clocks that are said to be the same
_OUTBOX_SECONDS = 120.0
_CAUSE = 160  # characters

Ask = Callable[[Question], Report]
"""Changes nothing. An exception and a timeout are faults of this check alone."""


class Checks:
    """The checks of one process, by name. Thread-safe."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._asks: dict[str, Ask] = {}
        self._running: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()

    def add(self, name: str, ask: Ask) -> None:
        self._asks[name] = ask

    def ask(self, question: Question) -> list[Report]:
        """What each check says, in the order in which they were added, after `seconds` at the most."""
        found: dict[str, Report] = {}

        def run(name: str, ask: Ask) -> None:
            try:
                report = ask(question)
            except Exception as error:
                report = Report(findings=(fault(name, "raised", cause=cause_of(error, _CAUSE)),))
            found.setdefault(name, report)

        with self._lock:  # one question at a time
            for name, ask in self._asks.items():
                if name in self._running and self._running[name].is_alive():
                    found[name] = _late(name, self._seconds)  # it still hangs from an earlier question
                    continue
                self._running[name] = threading.Thread(target=run, args=(name, ask), daemon=True)
                self._running[name].start()
            until = time.monotonic() + self._seconds
            for name, thread in self._running.items():
                if name not in found:
                    thread.join(max(until - time.monotonic(), 0.0))
            return [found.setdefault(name, _late(name, self._seconds)) for name in self._asks]


def _late(name: str, seconds: float) -> Report:
    return Report(findings=(fault(name, "late", seconds=f"{seconds:g}"),))


class Readiness:
    """The page `/readiness`: POST a Question, with `key` in Authorization: Bearer."""

    def __init__(self, service: str, clock: Clock, key: bytes, checks: Checks) -> None:
        self._service, self._clock, self._key, self._checks = service, clock, key, checks

    def allows(self, authorization: str) -> bool:
        scheme, _, given = authorization.partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self._key)

    def answer(self, body: bytes) -> bytes:
        """The answer as JSON. msgspec.DecodeError for a body that is no question."""
        reports = self._checks.ask(msgspec.json.decode(body, type=Question))
        return msgspec.json.encode(
            ReadinessAnswer(
                service=self._service,
                at=self._clock(),
                findings=tuple(finding for report in reports for finding in report.findings),
                letters=next((report.letters for report in reports if report.letters), None),
                batches=_joined([report.batches for report in reports if report.batches is not None]),
            )
        )


def _joined(parts: Sequence[BatchesForecast]) -> BatchesForecast | None:
    """Each network is asked by a check of its own."""
    if not parts:
        return None
    return msgspec.structs.replace(parts[0], networks=tuple(each for part in parts for each in part.networks))


# ── what every process asks ────────────────────────────────────────────────────────────────────────────


def database_report(database: Database[Any], migrations: Path) -> Report:
    """Reached in time, its tables of this release, its clock ours, and nothing stuck in the outbox."""
    began = time.monotonic()
    try:
        with database.transaction() as tx:
            tx.cursor.execute("set transaction read only")
            rows = tx.cursor.execute(
                "select clock_timestamp(), (select min(announced_at) from outbox), (select count(*) from refused)"
            ).fetchall()
            [(server, oldest, refused)] = rows
            seconds = time.monotonic() - began
            real = datetime.now(UTC)
            tables = versions(tx.connection, migrations)
            waited = (tx.now() - oldest).total_seconds() if oldest is not None else 0.0
    except psycopg.Error as error:
        return Report(findings=(fault("database", "database-away", cause=cause_of(error, _CAUSE)),))
    findings = [
        fault("database", "database-slow", seconds=f"{seconds:.1f}")
        if seconds > _SLOW
        else ok("database", milliseconds=round(seconds * 1000)),
        *_schema(tables),
        _clock(database.now(), real, server),
    ]
    if refused:
        findings.append(fault("outbox", "outbox-refused", rows=refused))
    elif waited > _OUTBOX_SECONDS:
        findings.append(fault("outbox", "outbox-old", seconds=round(waited)))
    else:
        findings.append(ok("outbox"))
    return Report(findings=tuple(findings))


def _schema(found: Sequence[tuple[str, str | None, str]]) -> list[Finding]:
    wrong = [(table, got, expected) for table, got, expected in found if got != expected]
    if not wrong:
        return [ok("migrations", versions="/".join(expected for _, _, expected in found))]
    return [
        fault("migrations", "schema-newer" if (got or "") > expected else "schema-older", got=got, expected=expected)
        for _, got, expected in wrong
    ]


def _clock(now: datetime, real: datetime, server: datetime) -> Finding:
    """Ours compared with that of the database's machine. A clock that is set by AKASHI_CLOCK is not compared."""
    if abs((now - real).total_seconds()) > _SKEW:
        return not_asked("clock", "clock-played", at=now.isoformat(timespec="seconds"))
    skew = abs((real - server).total_seconds())
    if skew > _SKEW:
        return fault("clock", "clock-differs", about="database", seconds=f"{skew:.1f}")
    return ok("clock", seconds=f"{skew:.1f}")


def certificates_report(files: Iterable[Path], now: Callable[[], datetime]) -> Report:
    """The certificates in these PEM files: of authorities that are trusted, and our own."""
    found = [certificate_finding("certificates", file, now()) for file in files]
    return Report(findings=tuple(found) or (not_asked("certificates", "no-tls"),))


def certificate_finding(check: str, file: Path, now: datetime) -> Finding:
    from cryptography.x509 import load_pem_x509_certificates  # 9 MB: only when it is needed

    try:
        ends = min(each.not_valid_after_utc for each in load_pem_x509_certificates(file.read_bytes()))
    except (OSError, ValueError) as error:
        return fault(check, "certificate-unreadable", file.name, cause=type(error).__name__)
    return ending(check, file.name, ends, now)


def ending(check: str, about: str, ends: datetime, now: datetime, **facts: object) -> Finding:
    """Of a certificate that is valid until `ends`."""
    days = (ends - now).days
    if ends <= now:
        return fault(check, "certificate-ended", about, on=f"{ends:%Y-%m-%d}", **facts)
    if ends - now < ENDS_SOON:
        return fault(check, "certificate-ends", about, on=f"{ends:%Y-%m-%d}", days=days, **facts)
    return ok(check, about, on=f"{ends:%Y-%m-%d}", days=days, **facts)


def peer_certificate_ends(secured: ssl.SSLSocket) -> datetime:
    """Until when the certificate of the other side, which was verified, is valid."""
    certificate = secured.getpeercert() or {}
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)


def storage_report(objects: ReadableObjects, key: str) -> Report:
    """Whether object storage answers us. It is read only: whether we may write shows when something is put."""
    try:
        read(objects, key)
    except TryLater as error:
        return Report(findings=(fault("object-storage", "storage-away", cause=cause_of(error, _CAUSE)),))
    return Report(findings=(ok("object-storage"),))


def read(objects: ReadableObjects, key: str) -> bytes | None:
    """None when there is no such object. TryLater while the storage is away."""
    try:
        return objects.get(key)
    except NotFound:
        return None
