"""Lines of the log: shared/runtime/log.py."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.log import as_json, logger

VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(
    st.dictionaries(st.text(), VALUES | st.lists(VALUES, max_size=3) | st.dictionaries(st.text(), VALUES, max_size=3))
)
def test_a_line_is_read_back_as_it_was_given(line: dict[str, Any]) -> None:
    assert json.loads(as_json(line)) == line


@given(
    st.dictionaries(st.from_regex("[a-z_]{1,8}", fullmatch=True), st.none() | st.booleans() | st.integers() | st.text())
)
def test_a_line_is_written_as_the_standard_library_writes_it_but_for_control_characters(line: dict[str, Any]) -> None:
    if not any(isinstance(value, str) and not value.isprintable() for value in line.values()):
        assert as_json(line) == json.dumps(line, ensure_ascii=False)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (object, "<class"),
        ("half \ud800", "half"),
        (ValueError("what"), "what"),
        (b"bytes", "Ynl0ZXM="),
        (2**70, str(2**70)),
        (datetime(2027, 4, 1, tzinfo=UTC), "2027"),
        ({1: object()}, "object"),
    ],
)
def test_a_value_that_json_has_not_is_written_somehow_and_the_line_stays_one(value: object, written: str) -> None:
    line = as_json({"action": "failed", "value": value})
    assert line.startswith('{"action": "failed", "value": ') and "\n" not in line
    assert written in line


def test_a_test_captures_the_lines_of_a_logger_that_spoke_before_the_log_was_configured_again() -> None:
    log = logger("wallet")
    try:
        for _ in range(2):
            processors: list[Any] = [structlog.processors.JSONRenderer(as_json)]
            structlog.configure(processors=processors, cache_logger_on_first_use=True)
            log.info("logged-in")
        with structlog.testing.capture_logs() as lines:
            log.info("changed")
    finally:
        structlog.reset_defaults()
    assert [line["event"] for line in lines] == ["changed"]
