"""`make dashboard` writes dashboard.json, for Grafana, from the registry: a panel for each metric, with its meaning.

On top what an operator looks at first. A test fails when the file is not what the code gives.
"""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

from deploy.monitoring.registry import Metric, metrics

FILE = Path(__file__).with_name("dashboard.json")
_UNITS = {"seconds": "s", "days": "d", "bytes": "bytes"}
_WIDTH, _HEIGHT, _ROW = 8, 7, 24

FIRST = (
    ("People who have reached each stage", "max by (stage) (akashi_people)", ""),
    ("Messages still to be read", "max by (service) (akashi_lag_messages)", ""),
    ("Age of the oldest outbox row", "max by (job) (akashi_outbox_age_seconds)", "seconds"),
    (
        "Dead letters, gaps, restores unseen",
        "akashi_dead_letters_open or akashi_restores_unseen or akashi_topic_gap",
        "",
    ),
    ("Roots that the balance pays for", "min by (network) (akashi_anchor_balance_pays_for)", ""),
    ("Letters a minute, by state", "sum by (state) (rate(akashi_letters_total[5m])) * 60", ""),
)


def expression(metric: Metric) -> str:
    """Counters as a rate, histograms as the time within which 95 of 100 were done."""
    by = ", ".join(("job", *metric.labels))
    match metric.kind:
        case "counter":
            return f"sum by ({by}) (rate({metric.name}[5m]))"
        case "gauge":
            return f"max by ({by}) ({metric.name})"
        case "histogram":
            return f"histogram_quantile(0.95, sum by ({by}, le) (rate({metric.name}_bucket[5m])))"


def dashboard() -> dict[str, Any]:
    ids, panels, y = count(1), [], 0
    found = metrics()
    for title in ("first", *dict.fromkeys(metric.part for metric in found)):
        panels.append({"id": next(ids), "type": "row", "title": title, "gridPos": {"h": 1, "w": _ROW, "x": 0, "y": y}})
        y += 1
        if title == "first":
            shown = [(name, "", query, unit) for name, query, unit in FIRST]
        else:
            of_part = [metric for metric in found if metric.part == title]
            shown = [(m.name, m.meaning, expression(m), "" if m.kind == "counter" else m.unit) for m in of_part]
        for place, (name, meaning, query, unit) in enumerate(shown):
            across, down = place % (_ROW // _WIDTH), place // (_ROW // _WIDTH)
            panels.append(
                {
                    "id": next(ids),
                    "type": "timeseries",
                    "title": name,
                    "description": meaning,
                    "datasource": {"type": "prometheus", "uid": "${source}"},
                    "gridPos": {"h": _HEIGHT, "w": _WIDTH, "x": across * _WIDTH, "y": y + down * _HEIGHT},
                    "fieldConfig": {"defaults": {"unit": _UNITS.get(unit, "short")}, "overrides": []},
                    "targets": [{"refId": "A", "expr": query}],
                }
            )
        y += -(-len(shown) // (_ROW // _WIDTH)) * _HEIGHT
    return {
        "uid": "akashi",
        "title": "Akashi",
        "schemaVersion": 39,
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "30s",
        "templating": {"list": [{"name": "source", "type": "datasource", "query": "prometheus"}]},
        "panels": panels,
    }


def text() -> str:
    return json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
