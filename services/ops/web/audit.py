"""The record of decisions as a CSV, for auditors: who ordered what, when and why, old value and new, the outcome."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from services.ops.board.decisions import DecisionLine
from services.ops.board.timeline import Change
from services.ops.web.csv_file import MARK, csv_lines
from services.ops.web.decisions_view import DecisionRow, decision_rows
from shared.clock import JST

HEADERS = (
    "日時",
    "操作",
    "対象",
    "登録ID",
    "氏名",
    "担当者",
    "理由",
    "項目",
    "前の値",
    "新しい値",
    "結果",
    "詳細",
    "番号",
)
NOT_SHOWN = "（表示できません）"
"""A value that only registration has, which did not answer."""

Part = tuple[Sequence[DecisionLine], Mapping[str, Sequence[Change]] | None]
"""Some orders, and what registration says that each changed; None: it did not answer."""


def audit_csv(parts: Iterable[Part]) -> Iterator[bytes]:
    """With a byte order mark, so that Excel reads it as UTF-8. An order that changed three fields has three rows."""
    yield MARK + csv_lines([HEADERS])
    for lines, changed in parts:
        yield csv_lines(cells for row in decision_rows(lines, changed) for cells in _cells(row))


def _cells(row: DecisionRow) -> Iterator[Sequence[str]]:
    line = row.line
    who = (
        line.at.astimezone(JST).strftime("%Y-%m-%d %H:%M:%S"),
        row.name.ja,
        line.subject,
        line.registration_id or "",
        line.name or "",
        line.by,
        line.why,
    )
    outcome = (row.outcome.ja if row.outcome else "", row.detail.ja if row.detail else "", line.id)
    for each in row.fields:
        old = (each.old or "") if each.known else NOT_SHOWN
        new = NOT_SHOWN if each.new is None and not each.known else each.new or ""
        yield (*who, each.name.ja, old, new, *outcome)
    if not row.fields:
        yield (*who, "", "", "", *outcome)
