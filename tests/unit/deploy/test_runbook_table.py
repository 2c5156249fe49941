"""The runbook has a cure for every alert that can fire, and says where each was tried."""

from __future__ import annotations

import re

import pytest

from tests.worlds.credentials import ROOT
from tests.worlds.runbook import ALERTS, ROWS, commands

MEANINGS = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")


def test_each_alert_has_one_line_in_the_order_of_the_rules_file() -> None:
    assert list(ROWS) == ALERTS
    assert [name for name in ALERTS if f'<a id="{name.lower()}"></a>' not in MEANINGS] == []


@pytest.mark.parametrize("alert", ALERTS)
def test_a_line_has_cause_and_cure_and_says_where_it_was_tried(alert: str) -> None:
    cause, cure, tried = ROWS[alert]
    assert len(cause) > 10 and len(cure) > 10
    files = re.findall(r"`(?:tests/integration/)?(test_\w+\.py)`", tried)
    assert files or "by hand" in tried
    for name in files:
        assert list((ROOT / "tests").rglob(name)), f"{alert}: {name} is not there"


def test_what_is_to_be_filled_in_is_filled_in() -> None:
    assert commands("TopicGap", SERVICE="renderer", TEXT="試験") == [["rebuild", "renderer", "--reason", "試験"]]
    words = {word for alert in ALERTS for command in commands(alert) for word in command if word.isupper()}
    assert words <= {"SERVICE", "PRODUCER", "COHORT", "ID", "TEXT", "NAME", "NETWORK", "REGISTRATION", "ADDRESS"}
