"""The runbook's table of alerts in docs/operations.md, and its commands as they are written there."""

from __future__ import annotations

import re
import shlex

import yaml

from tests.worlds.credentials import ROOT

_RULES = yaml.safe_load((ROOT / "deploy" / "monitoring" / "alerts.yaml").read_text(encoding="utf-8"))
ALERTS: list[str] = [rule["alert"] for rule in _RULES["groups"][0]["rules"]]
"""Every alert, in the order of its file."""

_SECTION = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").split("## Alerts: cause and cure")[1]
ROWS: dict[str, list[str]] = {
    cells[0]: cells[1:]
    for line in _SECTION.splitlines()
    if line.startswith("| ") and (cells := line.strip("| ").split(" | "))[0] in ALERTS
}
"""Alert → cause, cure, where the cure was tried."""


def commands(alert: str, **values: str) -> list[list[str]]:
    """The words of each `akashi …` of its cure, with `ID`, `TEXT` and so on filled in."""
    found = re.findall(r"`akashi ([^`]+)`", ROWS[alert][1])
    return [[values.get(word, word) for word in shlex.split(text)] for text in found]
