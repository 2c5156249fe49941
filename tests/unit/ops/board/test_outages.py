"""Each service, Kafka and each chain that is down is named, with since when and what waits for it."""

from __future__ import annotations

from datetime import datetime

import pytest

from services.ops.board.answers import BoardStatus, Cohort, Missing, Revoked, letters_of
from services.ops.board.chain import NetworkFigures
from services.ops.board.counts import PAIRS, Stage
from services.ops.board.health import ServiceHealth
from services.ops.board.outages import WORK, Outage, outages_of
from services.ops.board.waits import WAITS
from services.ops.sources.health import HealthMeter
from services.ops.sources.lag import Lag, LagMeter
from shared.topics import SERVICES
from tests.worlds.cohorts import NOON

SINCE = datetime.fromisoformat("2026-04-01T01:23:00+00:00")


def status(services: dict[str, ServiceHealth], lag: dict[str, int | None] | None = None) -> BoardStatus:
    """Three people wait for each stage."""
    counts = dict.fromkeys([stage.word for stage in Stage], 0)
    return BoardStatus(
        at=NOON,
        cohort=Cohort(id="2026", held=0, released=0, revoked=0, **counts),
        cohorts=["2026"],
        matches=False,
        held_by_reason={},
        people_missing={right.word: Missing(after=left.word, count=3, ahead=0, people=[]) for left, right in PAIRS},
        revoked=Revoked(count=0, people=[]),
        rejected=0,
        dead_letters=0,
        letters=letters_of({}),
        lag=lag or {},
        lag_unknown={},
        unplaced=0,
        services=services,
    )


def found(services: dict[str, ServiceHealth], lag: dict[str, int | None] | None = None) -> list[Outage]:
    return outages_of(status(services, lag), None, lambda service, code: SINCE)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_is_down_is_named_with_since_when_and_who_waits(service: str) -> None:
    (outage,) = found({service: ServiceHealth(unknown="no answer"), "x": ServiceHealth()}, {service: 12})
    assert outage.since == SINCE and outage.waits[0].ja == "読むメッセージ 12件"
    assert len(outage.waits) == 1 + len(WORK[service])
    assert all("3人" in each.ja for each in outage.waits[1:])


def test_every_stage_but_the_first_is_some_services_work_and_has_words_for_who_waits() -> None:
    stages = {stage for work in WORK.values() for stage in work}
    assert stages == set(Stage) - {Stage.ELIGIBLE} and {stage.word for stage in stages} == set(WAITS)


def test_kafka_that_is_down_is_named_with_what_waits_in_the_outboxes() -> None:
    services = {"issuer": ServiceHealth(outbox_rows=7), "mailer": ServiceHealth(outbox_rows=5)}
    (outage,) = outages_of(status(services), SINCE, lambda service, code: None)
    assert (outage.name.en, outage.since, outage.waits[0].en) == ("Kafka", SINCE, "12 events to be published")


def test_a_chain_that_is_down_is_named_with_badges_and_transactions_that_wait() -> None:
    networks = {"sepolia": NetworkFigures(up=False, pending=2), "hoodi": NetworkFigures(up=True)}
    (outage,) = found({"anchor": ServiceHealth(waiting_leaves=40, networks=networks)})
    assert "sepolia" in outage.name.en and outage.waits[0].en.startswith("40 badges") and outage.since == SINCE


def test_where_all_is_well_nothing_is_away() -> None:
    assert found({"issuer": ServiceHealth(), "mailer": ServiceHealth(outbox_rows=3)}) == []


def test_the_meter_knows_since_when_a_trouble_is_seen_and_forgets_it_when_it_is_gone() -> None:
    pages = {"issuer": "", "anchor": 'akashi_anchor_chain_up{network="sepolia"} 0.0\n'}
    times = [NOON, SINCE, SINCE]
    away = {"issuer"}

    def read(url: str) -> str:
        if url in away:
            raise OSError("refused")
        return pages[url]

    meter = HealthMeter({name: (name,) for name in pages}, read=read, now=lambda: times.pop(0))
    meter.measure()
    assert meter.since("issuer", "unknown") == NOON == meter.since("anchor", "chain-away/sepolia")
    meter.measure()
    assert meter.since("issuer", "unknown") == NOON
    away.clear()
    meter.measure()
    assert meter.since("issuer", "unknown") is None


def test_the_lag_meter_knows_since_when_the_broker_does_not_answer() -> None:
    answers: list[Lag | None] = [None, None, Lag()]
    seconds, times = [0.0], [NOON, SINCE]

    class Broker:
        def lags(self, services: object) -> Lag:
            answer = answers.pop(0)
            if answer is None:
                raise OSError("away")
            return answer

    meter = LagMeter(Broker(), seconds=lambda: seconds[0], now=lambda: times.pop(0))
    for expected in (NOON, NOON, None):
        seconds[0] += 10
        meter.measure()
        assert meter.away_since == expected
