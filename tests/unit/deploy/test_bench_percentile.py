"""The percentile of the benches."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.bench.percentile import p95

BENCHES = sorted(Path("deploy/bench").glob("*.py"))


@pytest.mark.parametrize(
    ("values", "expected"),
    [([7.0], 7.0), ([1.0, 2.0], 1.95), ([3.0, 1.0, 2.0], 2.9), ([float(n) for n in range(101)], 95.0)],
)
def test_the_percentile_lies_between_two_measured_values(values: list[float], expected: float) -> None:
    assert p95(values) == pytest.approx(expected)


@given(st.lists(st.integers(0, 10**6).map(float), min_size=1))
def test_no_percentile_is_more_than_the_largest_value(values: list[float]) -> None:
    assert min(values) <= p95(values) <= max(values)


def test_of_nothing_measured_there_is_no_percentile() -> None:
    with pytest.raises(ValueError, match="no measured values"):
        p95([])


def test_no_bench_computes_one_of_its_own() -> None:
    own = [path.name for path in BENCHES if "quantiles(" in path.read_text(encoding="utf-8")]
    assert own == ["percentile.py"]
