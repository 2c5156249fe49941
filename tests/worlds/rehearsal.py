"""The sources of a rehearsal, with the answers that a test gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from services.ops.rehearsal.judgement import Answered
from services.ops.sources.rehearsal import Surroundings
from shared.errors import NotFound
from shared.office_answers import CohortAnswer, HeldAnswer, QualificationOutlook
from shared.readiness import (
    BatchesForecast,
    DomainForecast,
    Finding,
    LettersForecast,
    NetworkForecast,
    Question,
    ReadinessAnswer,
    fault,
    not_asked,
    ok,
)
from tests.worlds.cohorts import NOON

COHORT = CohortAnswer(
    cohort="2026",
    begins_at=datetime(2026, 3, 31, 15, tzinfo=UTC),
    is_current=True,
    valid_until=date(2031, 3, 31),
    qualifications={
        "gishi": QualificationOutlook(
            released=3,
            coming=12_000,
            coming_on={date(2026, 4, 1): 11_000, date(2026, 4, 15): 1000},
            letters={"docomo.ne.jp": 4000, "a-very-long-name-of-a-company.example.co.jp": 8000},
            held_by_reason={"missing-address": 2, "shared-address": 601},
            held=(
                HeldAnswer(registration_id="R00008", name="見本 第8", reason="shared-address"),
                HeldAnswer(registration_id="R00009", name="見本 第9", reason="missing-address"),
            ),
        ),
        "shindanshi": QualificationOutlook(
            coming=7,
            coming_on={date(2026, 4, 1): 7},
            letters={"example.jp": 7},
            held_by_reason={"no-glyph": 1},
            held=(HeldAnswer(registration_id="R00007", name="渡", reason="no-glyph"),),
        ),
    },
)

FINDINGS: dict[str, tuple[Finding, ...]] = {
    "issuer": (
        ok("database"),
        ok("signing-key", "issuer.pem"),
        fault("did-document", "did-lacks-key", key="z6Mk" + "a" * 44),
    ),
    "mailer": (
        ok("relay", "relay.jci.example.jp:587"),
        not_asked("dns-mx", "dns-off"),
        fault("dns-dkim", "dkim-missing", "rsa._domainkey.jci.example.jp", record="v=DKIM1; k=rsa; p=" + "A" * 392),
    ),
    "anchor": (fault("chain", "balance-low", "sepolia", roots=3, needed=30, address="0x" + "ab" * 20),),
}

LETTERS = LettersForecast(
    connections=4,
    letters=12_007,
    seconds=2000.0,
    domains=(
        DomainForecast(domain="docomo.ne.jp", letters=4000, seconds=2000.0, connections=2, per_second=2.0),
        DomainForecast(domain="a-very-long-name-of-a-company.example.co.jp", letters=8000, seconds=110.0),
    ),
)
BATCHES = BatchesForecast(
    batches=1,
    depth=14,
    closes_after=86_400.0,
    cron=None,
    networks=(NetworkForecast(network="sepolia", fee_now=10**15, fee_most=5 * 10**15, balance=10**17, final_in=780.0),),
)


@dataclass
class Played(Surroundings):
    """`asked`: what the services were asked, in order."""

    answer: CohortAnswer | Finding = COHORT
    findings: dict[str, tuple[Finding, ...]] = field(default_factory=lambda: dict(FINDINGS))
    at: datetime = NOON
    asked: list[Question] = field(default_factory=list)

    def cohort(self, cohort: str | None) -> CohortAnswer | Finding:
        if cohort not in (None, "2026"):
            raise NotFound(f"cohort: got {cohort!r}, expected 2026")
        return self.answer

    def services(self, question: Question) -> list[Answered]:
        self.asked.append(question)
        return [
            Answered(
                service,
                ReadinessAnswer(
                    service=service,
                    at=self.at,
                    findings=findings,
                    letters=LETTERS if service == "mailer" else None,
                    batches=BATCHES if service == "anchor" else None,
                ),
                NOON,
            )
            for service, findings in self.findings.items()
        ]

    def own(self, question: Question) -> list[Finding]:
        return [ok("topics", topics=26), not_asked("backup", "no-backup-folder")]
