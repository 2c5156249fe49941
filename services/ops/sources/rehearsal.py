"""The sources of a rehearsal: registration for its cohort, each service for its readiness, and the checks of ops.

Nothing is changed. All are asked in parallel, each with a timeout.
"""

from __future__ import annotations

import json
import shutil
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import msgspec

from services.ops.rehearsal.judgement import Answered
from services.ops.sources.topics import topics_report, wanted_from
from shared.clock import Clock, system_clock
from shared.errors import NotFound, cause_of
from shared.office_answers import CohortAnswer
from shared.readiness import FaultCode, Finding, Question, ReadinessAnswer, Report, fault, not_asked, ok
from shared.runtime.kafka_access import KafkaAccess
from shared.runtime.readiness import SECONDS, Checks, ending, peer_certificate_ends
from shared.topics import PARTITIONS

_COHORT_SECONDS = 60.0
"""Registration judges everybody: 20 000 people take some seconds."""
_GIGABYTE = 10**9
_BYTES_A_BADGE = 500_000
"""Of database, object storage and Kafka together, with a margin: docs/recovery.md measured 220 000 for 500 badges."""
_LEAST_FREE = 0.1  # of a disk
_BACKUP_AGE = timedelta(hours=26)


class Surroundings:
    """The outside of a rehearsal. `asked`: the checks of ops itself."""

    def __init__(
        self, settings: RehearsalSettings | None = None, kafka: KafkaAccess | None = None, clock: Clock = system_clock
    ) -> None:
        self._settings = settings or RehearsalSettings()
        self._clock = clock
        self._own = Checks()
        if kafka is not None:
            wanted = wanted_from(self._settings.partitions)
            self._own.add("topics", lambda _: topics_report(kafka, wanted))
        self._own.add("pages", lambda _: Report(findings=self._pages()))
        self._own.add("disks", lambda asked: Report(findings=self._disks(asked.badges)))
        self._own.add("backup", lambda _: Report(findings=(self._backup(),)))

    def cohort(self, cohort: str | None) -> CohortAnswer | Finding:
        """The dry run of `cohort`, or of registration's own. NotFound for one that the calendar doesn't have."""
        url, key = self._settings.registration_url, self._settings.office_key
        if url is None or key is None:
            return fault("cohort", "cohort-unknown", cause="REGISTRATION_URL, OFFICE_KEY_FILE")
        try:
            answer = httpx.get(
                f"{url}/api/v1/office/cohort",
                params={"cohort": cohort} if cohort else {},
                headers=_bearer(key),
                timeout=_COHORT_SECONDS,
                trust_env=False,
            )
            if answer.status_code == 422:
                raise NotFound(_error_of(answer.content))
            if answer.status_code == 200:
                return msgspec.json.decode(answer.content, type=CohortAnswer)
            cause = str(answer.status_code)
        except (httpx.HTTPError, msgspec.DecodeError) as error:
            cause = type(error).__name__
        return fault("cohort", "cohort-unknown", cause=cause)

    def services(self, question: Question) -> list[Answered]:
        """What each endpoint of METRICS_URLS answers, all asked at once."""
        endpoints = [(service, url) for service, urls in self._settings.endpoints.items() for url in urls]
        key = self._settings.readiness_key
        if key is None or not endpoints:
            return [Answered("ops", None, self._clock(), fault("answer", "not-set-up"))]
        with ThreadPoolExecutor(len(endpoints), "readiness") as threads:
            return list(threads.map(lambda each: self._answer(each[0], each[1], question, key), endpoints))

    def own(self, question: Question) -> list[Finding]:
        return [finding for report in self._own.ask(question) for finding in report.findings]

    def _answer(self, service: str, url: str, question: Question, key: bytes) -> Answered:
        def instead(code: FaultCode, cause: str = "") -> Answered:
            return Answered(service, None, self._clock(), fault("answer", code, urlsplit(url).netloc, cause=cause))

        try:
            answer = httpx.post(
                f"{url.removesuffix('/metrics')}/readiness",
                content=msgspec.json.encode(question),
                headers=_bearer(key),
                timeout=httpx.Timeout(2 * SECONDS, connect=3.0),
                trust_env=False,
            )
            at = self._clock()
            if answer.status_code in (401, 404):
                return instead("not-allowed" if answer.status_code == 401 else "not-set-up")
            answer.raise_for_status()
            return Answered(service, msgspec.json.decode(answer.content, type=ReadinessAnswer), at)
        except (httpx.HTTPError, httpx.InvalidURL, msgspec.DecodeError) as error:
            return instead("no-answer", type(error).__name__)

    def _pages(self) -> tuple[Finding, ...]:
        pages = self._settings.pages
        if not pages:
            return (not_asked("pages", "no-pages"),)
        with ThreadPoolExecutor(len(pages), "pages") as threads:
            return tuple(threads.map(_page, pages))

    def _disks(self, badges: int) -> tuple[Finding, ...]:
        return tuple(_disk(folder, badges) for folder in self._settings.disks) or (not_asked("disks", "no-disks"),)

    def _backup(self) -> Finding:
        folder = self._settings.backups
        if folder is None:
            return not_asked("backup", "no-backup-folder")
        found = [at for file in folder.glob("*/manifest.json") if (at := _ended_at(file)) is not None]
        if not found:
            return fault("backup", "backup-none", folder.name)
        age = datetime.now(UTC) - max(found)
        hours = round(age.total_seconds() / 3600)
        return fault("backup", "backup-old", hours=hours) if age > _BACKUP_AGE else ok("backup", hours=hours)


@dataclass(frozen=True)
class RehearsalSettings:
    """None and empty: not asked, and the rehearsal says so."""

    registration_url: str | None = None
    office_key: bytes | None = None
    readiness_key: bytes | None = None
    endpoints: Mapping[str, Sequence[str]] = field(default_factory=dict)
    pages: tuple[str, ...] = ()  # public URLs
    disks: tuple[Path, ...] = ()  # folders, each on a disk to look at
    backups: Path | None = None  # the folder of backups
    partitions: int = PARTITIONS  # of each topic, at least


def _bearer(key: bytes) -> dict[str, str]:
    return {"authorization": f"Bearer {key.decode()}"}


def _error_of(content: bytes) -> str:
    try:
        return str(json.loads(content)["error"])
    except (ValueError, KeyError, TypeError):
        return "an unknown cohort"


def _page(url: str) -> Finding:
    """Whether it answers, and until when its certificate is valid. Our own trust is the system's."""
    parts = urlsplit(url)
    try:
        status = httpx.get(url, timeout=5.0, trust_env=False, follow_redirects=True).status_code
        if status >= 400:
            return fault("pages", "page-answers", url, status=status)
        if parts.scheme != "https":
            return ok("pages", url)
        ends = _certificate_ends(parts.hostname or "", parts.port or 443)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        untrusted = "CERTIFICATE_VERIFY_FAILED" in str(error)
        return fault("pages", "certificate-untrusted" if untrusted else "page-away", url, cause=type(error).__name__)
    return ending("pages", url, ends, datetime.now(UTC))


def _certificate_ends(host: str, port: int) -> datetime:
    context = ssl.create_default_context()
    with (
        closing(socket.create_connection((host, port), timeout=5.0)) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        return peer_certificate_ends(secured)


def _disk(folder: Path, badges: int, usage: Callable[[Path], tuple[int, int, int]] = shutil.disk_usage) -> Finding:
    try:
        total, _, free = usage(folder)
    except OSError as error:
        return fault("disks", "disk-unreadable", str(folder), cause=cause_of(error, 80))
    needed = max(badges * _BYTES_A_BADGE, round(total * _LEAST_FREE))
    facts = {"free": f"{free / _GIGABYTE:.1f}", "needed": f"{needed / _GIGABYTE:.1f}"}
    return fault("disks", "disk-full", str(folder), **facts) if free < needed else ok("disks", str(folder), **facts)


def _ended_at(manifest: Path) -> datetime | None:
    """When the backup beside this file was whole; None for one that says nothing of it."""
    try:
        at = datetime.fromisoformat(json.loads(manifest.read_bytes())["ended_at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return at if at.tzinfo is not None else None
