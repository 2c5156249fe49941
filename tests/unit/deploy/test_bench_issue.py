from __future__ import annotations

import json

import pytest

from deploy.bench.issue import measure


def test_all_measured_ways_make_the_same_credentials(capsys: pytest.CaptureFixture[str]) -> None:
    report = measure(badges=60, sample=6)
    figures = {figure.name: figure for figure in report.figures}
    assert figures["credentials and leaves equal to ours"].value == 4 * 6
    assert figures["left to the full algorithm"].value == 0
    compared = figures["ours to PyLD, with leaf"]
    assert compared.ratio == pytest.approx(compared.value / figures["PyLD, with leaf"].value, abs=0.01)

    report.show(as_json=True)
    printed = json.loads(capsys.readouterr().out)
    assert printed["bench"] == "issue"
    assert [each["name"] for each in printed["figures"]] == list(figures)
