"""Alerts and dashboard: they ask only for metrics and labels that exist, and each alert has its line in the runbook."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from deploy.monitoring import dashboard
from deploy.monitoring.registry import Metric, metrics
from shared.topics import SERVICES

FOLDER = Path(dashboard.__file__).parent
RUNBOOK = FOLDER.parents[1] / "docs" / "alerts.md"
PAGES = sorted(RUNBOOK.parent.rglob("*.md"))
OF_PROMETHEUS = {"job", "instance", "le", "alertname", "alertstate"}


def rules() -> list[dict[str, Any]]:
    [group] = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def expressions() -> Iterator[tuple[str, str]]:
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for panel in dashboard.dashboard()["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


SERIES: dict[str, Metric] = {series: metric for metric in metrics() for series in metric.series}


@pytest.mark.parametrize(("name", "expression"), list(expressions()))
def test_an_expression_asks_for_metrics_and_labels_that_the_code_declares(name: str, expression: str) -> None:
    promql_parser.parse(expression)
    asked = set(re.findall(r"\bakashi_\w+", expression))
    assert asked or expression.startswith("up{")
    assert asked <= set(SERIES)
    labels = {label for series in asked for label in SERIES[series].labels}
    grouped = {label.strip() for part in re.findall(r"by \(([^)]*)\)", expression) for label in part.split(",")}
    matched = set(re.findall(r"(\w+)=~?\"", expression))
    assert grouped | matched <= labels | OF_PROMETHEUS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_metric_that_a_page_names_is_a_series_with_these_labels(page: Path) -> None:
    for name, labels in re.findall(r"`(akashi_\w+)(?:\{([^}]*)\})?`", page.read_text("utf-8")):
        assert name in SERIES, name
        assert not labels or {each.split("=")[0] for each in labels.split(",")} <= set(SERIES[name].labels), name


def test_a_metric_that_exists_is_on_the_dashboard() -> None:
    shown = "\n".join(expression for _, expression in expressions())
    assert [metric.name for metric in metrics() if metric.name not in shown] == []


def test_every_metric_has_a_meaning_of_its_own() -> None:
    names = [metric.name for metric in metrics()]
    assert len(names) == len(set(names)) and all(len(metric.meaning) > 10 for metric in metrics())


def test_the_registry_has_every_metric_that_a_module_declares() -> None:
    declared = set()
    for folder in ("services", "shared"):
        for file in (FOLDER.parents[1] / folder).rglob("*.py"):
            declared |= set(re.findall(r"= (?:counter|gauge|histogram)\(\s*\"(\w+)\"", file.read_text("utf-8")))
    assert {metric.name.removeprefix("akashi_").removesuffix("_total") for metric in metrics()} == declared


def test_the_dashboard_is_what_the_code_gives() -> None:
    assert (FOLDER / "dashboard.json").read_text("utf-8") == dashboard.text(), "run `make dashboard`"
    places = [tuple(panel["gridPos"].values()) for panel in json.loads(dashboard.text())["panels"]]
    assert len(places) == len(set(places))


def test_each_alert_has_its_line_in_the_runbook_and_no_other_has() -> None:
    lines = re.findall(r"^\| <a id=\"(\w+)\"></a>(\w+) \| (page|ticket) \|", RUNBOOK.read_text("utf-8"), re.MULTILINE)
    assert [(name, kind) for _, name, kind in lines] == [
        (rule["alert"], rule["labels"]["severity"]) for rule in rules()
    ]
    assert all(anchor == name.lower() for anchor, name, _ in lines)
    assert all(rule["annotations"]["runbook_url"].endswith("#" + rule["alert"].lower()) for rule in rules())


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_an_alert_keeps_the_labels_that_its_summary_and_its_line_name(rule: dict[str, Any]) -> None:
    expression = rule["expr"]
    named = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    kept = {label.strip() for part in re.findall(r"by \(([^)]*)\)", expression) for label in part.split(",")}
    if not re.search(r"\b(sum|max|min|count|avg)\b", expression):
        asked = re.findall(r"\bakashi_\w+", expression)
        kept = OF_PROMETHEUS | {label for series in asked for label in SERIES[series].labels}
    assert named <= kept
    line = RUNBOOK.read_text("utf-8").partition(f'<a id="{rule["alert"].lower()}"></a>')[2].partition("\n")[0]
    assert named or "the label" not in line


def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_stays_silent() -> None:
    cases = [case["name"] for case in yaml.safe_load((FOLDER / "alerts_test.yaml").read_text())["tests"]]
    assert cases == [f"{rule['alert']} {case}" for rule in rules() for case in ("fires", "stays silent")]


def selected() -> Iterator[tuple[str, str]]:
    """Each metric with a label that is asked of it: by the cases of the alerts, and by what scales a service."""
    for case in yaml.safe_load((FOLDER / "alerts_test.yaml").read_text())["tests"]:
        for given in case["input_series"]:
            name, _, labels = given["series"].partition("{")
            yield from ((name, label) for label in re.findall(r"(\w+)=", labels))
    for scaled in yaml.safe_load_all((FOLDER.parent / "k8s" / "scaling.yaml").read_text()):
        for asked in (each["external"]["metric"] for each in scaled["spec"]["metrics"] if each["type"] == "External"):
            yield from ((asked["name"], label) for label in asked["selector"]["matchLabels"])


def test_a_case_and_what_scales_a_service_ask_for_labels_that_the_metric_has() -> None:
    asked = {each for each in selected() if each[0] != "up"}
    assert ("akashi_lag_messages", "service") in asked and len(asked) > 30
    assert {(name, label) for name, label in asked if label not in {*SERIES[name].labels, *OF_PROMETHEUS}} == set()


def test_each_service_is_a_target() -> None:
    jobs = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())["scrape_configs"]
    assert [job["job_name"] for job in jobs] == list(SERVICES)
    assert all(job["honor_labels"] for job in jobs)  # a target's own `service` would rename that of a metric
    [up] = [rule["expr"] for rule in rules() if rule["alert"] == "ServiceDown"]
    assert set(up.split('"')[1].split("|")) == set(SERVICES)


def test_a_metric_says_what_it_counts_once_and_a_duration_is_in_seconds_by_its_name() -> None:
    meanings = [metric.meaning for metric in metrics()]
    assert len(meanings) == len(set(meanings))
    for metric in metrics():
        said = set(re.findall(r"\b(second|day|byte|ether|gwei|hour|minute)s?\b", metric.meaning.lower()))
        assert not said or metric.unit.removesuffix("s") in said, metric.name
        assert metric.kind != "histogram" or metric.unit == "seconds", metric.name
        assert (metric.kind == "counter") == metric.name.endswith("_total"), metric.name
