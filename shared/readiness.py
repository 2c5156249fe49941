"""What a service answers when it is asked whether it is ready for a cohort (`akashi rehearse`). Used by all services.

Codes and figures, no sentences: ops has the words. Nothing here is personal, and no key is ever part of an answer.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal

import msgspec

FaultCode = Literal[
    # of every service
    "no-answer",
    "not-allowed",
    "not-set-up",
    "late",
    "raised",
    "database-away",
    "database-slow",
    "schema-newer",
    "schema-older",
    "outbox-old",
    "outbox-refused",
    "clock-differs",
    "certificate-ended",
    "certificate-ends",
    "certificate-unreadable",
    "certificate-untrusted",
    "storage-away",
    # registration
    "cohort-over",
    "cohort-held",
    "cohort-unknown",
    # issuer, anchor: keys
    "key-unreadable",
    "key-replaced",
    "did-unreadable",
    "did-lacks-key",
    # anchor: chains
    "chain-away",
    "chain-warns",
    "balance-low",
    "endpoints-few",
    "contract-refuses",
    "network-ends",
    # mailer: relay and DNS
    "relay-away",
    "relay-refuses",
    "relay-login-refused",
    "relay-no-starttls",
    "relay-no-auth",
    "relay-plain",
    "dns-away",
    "mx-missing",
    "spf-missing",
    "spf-several",
    "spf-allows-nobody",
    "dkim-missing",
    "dkim-differs",
    "dkim-revoked",
    "dmarc-missing",
    "dmarc-unreadable",
    # ops: Kafka, pages, machine
    "kafka-away",
    "topics-missing",
    "topics-without-leader",
    "topics-narrow",
    "topics-retention",
    "page-away",
    "page-answers",
    "disk-full",
    "disk-unreadable",
    "backup-none",
    "backup-old",
]
"""What can be wrong. For each of them `services/ops/rehearsal/faults.py` has the next step."""

Unasked = Literal[
    "clock-played",
    "dns-off",
    "dkim-by-relay",
    "no-tls",
    "no-disks",
    "no-backup-folder",
    "no-signature",
    "no-pages",
    "did-not-yet",
]
"""Why something was not asked, or means nothing here: no fault, and no proof that all is well."""

State = Literal["ok", "fault", "not-asked"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found. `code`: of FaultCode or Unasked; None when all is well. `about`: which one of several.

    `facts` fill in the words: names, hosts, figures as text.
    """

    check: str
    state: State
    code: str | None = None
    about: str = ""
    facts: dict[str, str] = {}


def ok(check: str, about: str = "", **facts: object) -> Finding:
    return Finding(check=check, state="ok", about=about, facts=_texts(facts))


def fault(check: str, code: FaultCode, about: str = "", **facts: object) -> Finding:
    return Finding(check=check, state="fault", code=code, about=about, facts=_texts(facts))


def not_asked(check: str, code: Unasked, about: str = "", **facts: object) -> Finding:
    return Finding(check=check, state="not-asked", code=code, about=about, facts=_texts(facts))


def _texts(facts: dict[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in facts.items()}


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """The coming badges, and letters by mail domain. `letters_per_second`: the mailer's own pace.

    `valid_until`: the last day of the badge that is valid for longest.
    """

    badges: int
    valid_until: date | None = None
    letters: dict[str, int] = {}
    letters_per_second: float = 1.0


class DomainForecast(msgspec.Struct, frozen=True, kw_only=True):
    """Letters to one mail domain, and how many seconds its limits make them take at least. None: no such limit."""

    domain: str
    letters: int
    seconds: float
    connections: int | None = None
    per_second: float | None = None


class LettersForecast(msgspec.Struct, frozen=True, kw_only=True):
    """One letter to everybody: `seconds` until the last has left, by the limits and the pace that was measured."""

    connections: int
    letters: int
    seconds: float
    domains: tuple[DomainForecast, ...]


class NetworkForecast(msgspec.Struct, frozen=True, kw_only=True):
    """What the batches cost on one network, in wei, now and at the highest fee. None while the network is away."""

    network: str
    fee_now: int | None = None
    fee_most: int | None = None
    balance: int | None = None
    final_in: float | None = None  # seconds after a batch is sent


class BatchesForecast(msgspec.Struct, frozen=True, kw_only=True):
    """`depth`: the steps of a proof in the largest batch. `closes_after`: seconds that a leaf waits at most."""

    batches: int
    depth: int
    closes_after: float
    cron: str | None
    networks: tuple[NetworkForecast, ...]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What one check says: its findings, and a forecast if it makes one."""

    findings: tuple[Finding, ...] = ()
    letters: LettersForecast | None = None
    batches: BatchesForecast | None = None


class ReadinessAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a service says. `at`: its clock when it answers."""

    service: str
    at: datetime
    findings: tuple[Finding, ...]
    letters: LettersForecast | None = None
    batches: BatchesForecast | None = None


MOST_DOMAINS = 300
"""The most mail domains of a question; the others have few letters each."""

OTHERS = ""
"""The name under which a question counts the letters to all other domains: no limit holds for them together."""

ENDS_SOON = timedelta(days=30)
"""A certificate that ends before is to be replaced now."""
