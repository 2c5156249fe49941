"""The retention of topics (deploy/local/parts/topics); that Kafka has it: tests/integration/test_backup.py."""

from __future__ import annotations

from datetime import timedelta

import pytest

from deploy.local.parts.topics import retention_from
from shared.errors import RefuseToStart
from shared.topics import INBOX_MEMORY, LONGEST_RETENTION, RETENTION


@pytest.mark.parametrize("days", ["0", "61", "-1", "thirty", "1.5", "３０"])
def test_an_impossible_retention_is_refused_by_the_name_of_its_setting(days: str) -> None:
    with pytest.raises(RefuseToStart, match="TOPIC_RETENTION_DAYS"):
        retention_from({"TOPIC_RETENTION_DAYS": days})


def test_retention_is_thirty_days_unless_it_is_set() -> None:
    assert retention_from({}) == retention_from({"TOPIC_RETENTION_DAYS": " "}) == RETENTION == timedelta(days=30)
    assert retention_from({"TOPIC_RETENTION_DAYS": "60"}) == LONGEST_RETENTION


def test_an_inbox_remembers_longer_than_a_message_can_lie_on_a_topic() -> None:
    assert LONGEST_RETENTION + timedelta(days=1) < INBOX_MEMORY
