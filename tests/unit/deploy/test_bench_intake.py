"""What the bench of the intake counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import pytest
from kafka import TopicPartition

from deploy.bench.intake import _emitted
from shared.topics import REGISTRATION_RENEWED


class Ends:
    """A consumer of a topic whose partitions hold these numbers of messages."""

    def __init__(self, *ends: int) -> None:
        self.ends = ends

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return set(range(len(self.ends))) or None

    def end_offsets(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        assert {place.topic for place in places} <= {REGISTRATION_RENEWED.name}
        return {place: self.ends[place.partition] for place in places}


@pytest.mark.parametrize("ends", [(7,), (3, 4), (1, 2, 3), (1, 2, 3, 4, 5, 6), ()])
def test_what_was_emitted_is_counted_in_every_partition_that_there_is(ends: tuple[int, ...]) -> None:
    assert _emitted(cast(Any, Ends(*ends))) == sum(ends)
