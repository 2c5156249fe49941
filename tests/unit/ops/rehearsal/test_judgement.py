"""What a rehearsal makes of the answers: people by desk, times, checks in order; and who sees what of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from services.ops.board import wording as board_wording
from services.ops.rehearsal.answers import Rehearsal
from services.ops.rehearsal.durations import DOCUMENTED, LEAST_MEASURED, Rates, duration, rate_of, stage_forecasts
from services.ops.rehearsal.judgement import Answered, question_for, rehearsal, seen_by
from shared.office_answers import CohortAnswer, HeldAnswer, QualificationOutlook
from shared.programme import parse_programme
from shared.readiness import (
    MOST_DOMAINS,
    OTHERS,
    BatchesForecast,
    Finding,
    LettersForecast,
    ReadinessAnswer,
    fault,
    not_asked,
    ok,
)

PROGRAMME = parse_programme(Path("deploy/programmes/jci.toml").read_text(encoding="utf-8"))
NOW = datetime(2027, 3, 20, 3, tzinfo=UTC)
APRIL_1 = datetime(2027, 3, 31, 15, tzinfo=UTC)
NO_RATES = Rates(None, {})


def cohort(**qualifications: QualificationOutlook) -> CohortAnswer:
    return CohortAnswer(
        cohort="2027",
        begins_at=APRIL_1,
        is_current=True,
        valid_until=date(2031, 3, 31),
        qualifications={name.replace("_", "-"): each for name, each in qualifications.items()},
    )


def outlook(coming: int, *held: str, domain: str = "example.jp") -> QualificationOutlook:
    people = tuple(
        HeldAnswer(registration_id=f"R-{n}-{reason}", name="見本", reason=reason) for n, reason in enumerate(held)
    )
    return QualificationOutlook(
        coming=coming,
        coming_on={date(2027, 4, 1): coming},
        letters={domain: coming},
        held_by_reason={reason: held.count(reason) for reason in held},
        held=people,
    )


def answered(service: str, *findings: Finding, at: datetime = NOW, **forecasts: object) -> Answered:
    return Answered(
        service,
        ReadinessAnswer(service=service, at=at, findings=findings, **forecasts),  # type: ignore[arg-type]
        NOW,
    )


def judged(
    *answers: Answered, own: tuple[Finding, ...] = (), of: CohortAnswer | None = None, rates: Rates = NO_RATES
) -> Rehearsal:
    return rehearsal(NOW, of, answers, own, rates, PROGRAMME)


TWO_DESKS = cohort(
    gishi=outlook(3, "missing-address"), shunin_gishi=outlook(2), shindanshi=outlook(5, "no-glyph", "no-glyph")
)


def test_people_are_counted_by_the_desk_that_answers_for_their_qualification() -> None:
    desks = {each.desk: each for each in judged(of=TWO_DESKS).desks or ()}
    of_shindanshi = PROGRAMME.qualifications["shindanshi"].desk
    of_gishi = PROGRAMME.qualifications["gishi"].desk
    assert of_gishi != of_shindanshi and list(desks) == list(PROGRAMME.desks)
    assert (desks[of_gishi].coming, desks[of_gishi].held_by_reason) == (5, {"missing-address": 1})
    assert (desks[of_shindanshi].coming, desks[of_shindanshi].held) == (5, 2)
    assert desks[of_gishi].coming_on == {date(2027, 4, 1): 5}
    found = judged(of=TWO_DESKS)
    assert (found.coming, found.held, found.released, found.days_left) == (10, 3, 0, 12)


def test_a_qualification_that_the_programme_lacks_is_still_counted() -> None:
    desks = judged(of=cohort(unheard_of=outlook(4))).desks or ()
    assert [(each.desk, each.coming) for each in desks if each.coming] == [("-", 4)]


def test_a_desk_sees_its_own_people_and_no_machinery_but_whether_something_is_at_fault() -> None:
    found = judged(answered("mailer", fault("relay", "relay-away", "r:25")), of=TWO_DESKS)
    seen = seen_by(found, PROGRAMME, ("shindanshi",))
    assert [(each.desk, each.coming) for each in seen.desks or ()] == [(PROGRAMME.qualifications["shindanshi"].desk, 5)]
    assert (seen.checks, seen.letters, seen.batches) == ((), None, None)
    assert (seen.faults, seen.is_ready) == (1, False)
    assert seen_by(found, PROGRAMME, None) is found
    assert seen_by(found, PROGRAMME, ()).desks == ()


def test_what_is_at_fault_comes_first_then_what_was_not_asked_each_in_the_order_of_the_checks() -> None:
    found = judged(
        answered("issuer", ok("database"), fault("signing-key", "key-unreadable", "issuer.pem", cause="x")),
        answered("mailer", not_asked("dns-mx", "dns-off"), fault("database", "database-away", cause="y")),
        own=(fault("topics", "topics-missing", topics="a"),),
    )
    assert [(each.service, each.check) for each in found.checks] == [
        ("mailer", "database"),
        ("issuer", "signing-key"),
        ("ops", "topics"),
        ("mailer", "dns-mx"),
        ("issuer", "database"),
    ]
    assert (found.faults, found.not_asked, found.is_ready) == (3, 1, False)


def test_without_a_fault_it_is_ready_even_if_something_was_not_asked() -> None:
    assert judged(answered("ops", ok("database"), not_asked("disks", "no-disks"))).is_ready


def test_replicas_that_say_the_same_are_one_line_and_those_that_differ_are_two() -> None:
    same = [answered("issuer", ok("database", milliseconds=n)) for n in range(3)]
    other = answered("issuer", fault("database", "database-away", cause="z"))
    assert [each.state for each in judged(*same, other).checks] == ["fault", "ok"]


@pytest.mark.parametrize(("seconds", "faults"), [(0, 0), (2, 0), (4, 1), (-4, 1), (3600, 1)])
def test_a_service_whose_clock_is_not_ours_is_at_fault(seconds: float, faults: int) -> None:
    assert judged(answered("wallet", ok("database"), at=NOW + timedelta(seconds=seconds))).faults == faults


def test_a_service_that_does_not_answer_is_at_fault_and_the_others_count() -> None:
    silent = Answered("anchor", None, NOW, fault("answer", "no-answer", "anchor:9100", cause="ConnectError"))
    found = judged(silent, answered("issuer", ok("database")))
    assert [(each.service, each.code) for each in found.checks] == [("anchor", "no-answer"), ("issuer", None)]
    assert found.checks[0].next is not None and "anchor:9100" in found.checks[0].next.ja


def test_without_registration_nobody_is_counted_and_the_checks_are_asked_all_the_same() -> None:
    found = judged(answered("issuer", ok("database")), own=(fault("cohort", "cohort-unknown", cause="ConnectError"),))
    assert found.desks is None and found.stages == () and found.days_left is None and not found.is_ready
    assert question_for(None, NO_RATES).badges == 0


def test_forecasts_come_from_whoever_makes_them() -> None:
    letters = LettersForecast(connections=4, letters=1, seconds=2.0, domains=())
    batches = BatchesForecast(batches=1, depth=15, closes_after=86400.0, cron=None, networks=())
    found = judged(answered("mailer", letters=letters), answered("anchor", batches=batches), of=TWO_DESKS)
    assert (found.letters, found.batches) == (letters, batches)


def test_the_largest_mail_domains_are_asked_about_by_name_and_the_others_together() -> None:
    many = QualificationOutlook(coming=10, letters={f"d{n}.example": n for n in range(1, MOST_DOMAINS + 11)})
    asked = question_for(cohort(gishi=many, shindanshi=outlook(900, domain="d1.example")), NO_RATES)
    assert len(asked.letters) == MOST_DOMAINS + 1
    assert asked.letters["d1.example"] == 901 and "d2.example" not in asked.letters
    assert asked.letters[OTHERS] == sum(range(2, 12))
    assert (asked.badges, asked.valid_until) == (910, date(2031, 3, 31))


# ── times ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_last_runs_busiest_minute_is_the_rate_and_a_small_run_says_nothing() -> None:
    rates = Rates("2026", {"issued": 6000, "rendered": LEAST_MEASURED - 1})
    assert rate_of("issued", rates) == (100.0, True)
    assert rate_of("rendered", rates) == (DOCUMENTED["rendered"], False)
    stages = {each.stage: each for each in stage_forecasts(20_000, rates)}
    assert (stages["issued"].seconds, stages["issued"].cohort) == (200.0, "2026")
    assert stages["rendered"].cohort is None and not stages["rendered"].measured
    assert stages["rendered"].seconds == 20_000 / DOCUMENTED["rendered"]
    assert question_for(TWO_DESKS, Rates("2026", {"notified": 600})).letters_per_second == 10.0


def test_every_stage_has_words_and_a_documented_figure() -> None:
    assert set(DOCUMENTED) < set(board_wording.STAGES)
    documented = Path("docs/performance.md").read_text(encoding="utf-8")
    for stage, row in (("issued", "issued (stage alone"), ("notified", "letter 1"), ("completed", "letter 2")):
        [line] = [line for line in documented.splitlines() if line.startswith(f"| {row}")]
        assert f"{DOCUMENTED[stage]:.0f} badges/s" in line  # type: ignore[index]


@pytest.mark.parametrize(
    ("seconds", "ja"),
    [
        (0.0, "1秒"),
        (1.2, "2秒"),
        (119.5, "120秒"),
        (120.0, "2分"),
        (121.0, "3分"),
        (10_740.0, "179分"),
        (10_800.0, "3時間"),
    ],
)
def test_a_duration_is_rounded_up_to_what_a_person_plans_with(seconds: float, ja: str) -> None:
    assert duration(seconds).ja == ja
