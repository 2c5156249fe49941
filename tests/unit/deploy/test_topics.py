"""The retention of topics (deploy/local/parts/topics); that Kafka has it: tests/integration/test_backup.py."""

from __future__ import annotations

from datetime import timedelta

import pytest

from deploy.local.parts.topics import partitions_from, retention_from
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


@pytest.mark.parametrize(("given", "partitions"), [("", 4), ("1", 1), ("12", 12), (" 200 ", 200)])
def test_the_number_of_partitions_is_a_setting(given: str, partitions: int) -> None:
    assert partitions_from({"TOPIC_PARTITIONS": given}) == partitions


@pytest.mark.parametrize("wrong", ["0", "201", "-1", "4.5", "many", "４"])
def test_a_wrong_number_of_partitions_is_named(wrong: str) -> None:
    with pytest.raises(RefuseToStart, match=r"TOPIC_PARTITIONS: got .*, expected a whole number from 1 to 200"):
        partitions_from({"TOPIC_PARTITIONS": wrong})
