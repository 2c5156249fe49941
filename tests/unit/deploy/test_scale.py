"""What a year of badges needs, computed from unit costs; docs/scale.md has what the present ones give."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deploy.bench.scale import (
    AFTER_RECEIPT,
    COSTS,
    DOCUMENT,
    YEARS,
    limits_of,
    need_of,
    read_costs,
    tables,
    toml_of,
    with_reports,
    with_tables,
    year_of,
)
from shared.topics import SERVICES

TEXT = COSTS.read_text(encoding="utf-8")
PRESENT = read_costs(TEXT)


def test_the_document_has_the_tables_of_the_present_unit_costs() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    assert with_tables(document, PRESENT) == document, "run `akashi bench scale --write`"


def test_every_service_and_every_store_was_measured() -> None:
    assert set(SERVICES) | {"postgres", "kafka", "s3"} == set(PRESENT.cpu_ms)
    assert all(value > 0 for value in (*PRESENT.cpu_ms.values(), *PRESENT.stored.values()))
    assert len(limits_of(PRESENT)) == len(PRESENT.serial)


@given(st.integers(1_000, 10**9), st.integers(2, 50))
@example(16_000_000, 3)  # a whole number of cores
def test_so_many_times_the_badges_need_so_many_times_the_cores_and_the_room(badges: int, times: int) -> None:
    one, many = need_of(PRESENT, badges), need_of(PRESENT, badges * times)
    assert many.rate == pytest.approx(one.rate * times)
    assert sum(many.cores.values()) == pytest.approx(sum(one.cores.values()) * times)
    assert many.objects_gb == pytest.approx(one.objects_gb * times)
    assert all(many.replicas[service] <= one.replicas[service] * times for service in SERVICES)


@pytest.mark.parametrize("badges", YEARS)
def test_replicas_have_the_cores_that_the_work_needs_and_a_partition_each(badges: int) -> None:
    need = need_of(PRESENT, badges)
    for service in SERVICES:
        assert need.replicas[service] >= need.cores[service] and need.replicas[service] >= 2
    assert need.partitions >= max(need.replicas.values())


def test_a_rate_of_hand_made_costs_is_what_a_pencil_gives() -> None:
    year = msgspec.structs.replace(PRESENT.year, first_day=0.5, hours=1.0, received=0.1, busy=0.5)
    costs = msgspec.structs.replace(PRESENT, year=year, cpu_ms=dict.fromkeys(PRESENT.cpu_ms, 10.0))
    need = need_of(costs, 720_000)  # 360 000 within an hour
    assert need.rate == 100.0
    assert {name: round(cores, 6) for name, cores in need.cores.items()} == {
        name: 0.2 if name in AFTER_RECEIPT else 2.0 for name in costs.cpu_ms
    }
    assert (need.replicas["issuer"], need.replicas["wallet"], need.partitions) == (2, 2, 4)
    assert year_of(costs, need.rate) == pytest.approx(720_000)


def test_the_part_that_is_full_first_stands_first() -> None:
    rates = list(limits_of(PRESENT).values())
    assert rates == sorted(rates)
    cheap = msgspec.structs.replace(PRESENT, cpu_ms={**PRESENT.cpu_ms, "postgres": 10_000.0})
    assert next(iter(limits_of(cheap))).startswith("PostgreSQL")


BURST = {"bench": "burst", "commit": "abc", "machine": "m", "figures": [
    {"name": "cpu wallet a badge", "value": 21.5}, {"name": "cpu issuer a badge", "value": 5.0},
    {"name": "whole", "value": 9},
]}  # fmt: skip
PIPELINE = {"bench": "pipeline", "commit": "abc", "machine": "m", "figures": [
    {"name": "CPU issuer", "value": 2.5}, {"name": "CPU wallet", "value": 0.4}, {"name": "CPU bench", "value": 3.0},
    {"name": "stored, Kafka", "value": 12345.6},
]}  # fmt: skip


@pytest.mark.parametrize("reports", [[BURST, PIPELINE], [PIPELINE, BURST]], ids=["burst first", "pipeline first"])
def test_reports_of_the_benches_become_unit_costs(reports: list[dict[str, object]]) -> None:
    costs = with_reports(PRESENT, reports)
    assert (costs.cpu_ms["wallet"], costs.cpu_ms["issuer"]) == (21.5, 5.0)
    assert costs.stored["Kafka"] == 12345.6
    assert costs.cpu_ms["anchor"] == PRESENT.cpu_ms["anchor"] and "bench" not in costs.cpu_ms
    written = read_costs(toml_of(costs, TEXT))
    assert written.cpu_ms == {name: round(value, 2) for name, value in costs.cpu_ms.items()}
    assert (written.year, written.serial, written.measured) == (costs.year, costs.serial, costs.measured)
    assert toml_of(costs, TEXT).count("#") == TEXT.count("#")


def test_without_reports_nothing_changes() -> None:
    assert with_reports(PRESENT, []) == PRESENT
    assert read_costs(toml_of(PRESENT, TEXT)) == PRESENT


@pytest.mark.parametrize(
    "wrong", ["", TEXT.replace("busy", "bizzy"), TEXT.replace("[prices]", "[price]"), TEXT + "\n["]
)
def test_a_wrong_file_of_costs_is_named(wrong: str) -> None:
    with pytest.raises(ValueError):
        read_costs(wrong)


def test_a_document_without_the_comments_is_refused() -> None:
    with pytest.raises(ValueError, match="computed"):
        with_tables("# Scale", PRESENT)
    assert tables(PRESENT).count("\n| ") > 30
