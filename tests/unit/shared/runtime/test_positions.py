"""Where a partition is read from, and what is missing before it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.positions import Gap, Start, start_of

OFFSETS = st.integers(min_value=0, max_value=10**12)


def test_a_service_reads_on_from_where_its_tables_stand() -> None:
    assert start_of("t", 0, 7, beginning=3, end=9) == Start(7)


def test_tables_that_know_nothing_read_from_the_first_message() -> None:
    assert start_of("t", 0, None, beginning=0, end=9) == Start(0)


def test_at_the_end_nothing_is_missing() -> None:
    assert start_of("t", 0, 9, beginning=9, end=9) == Start(9)
    assert start_of("t", 0, None, beginning=0, end=0) == Start(0)


def test_messages_that_retention_deleted_before_they_were_read_are_a_gap() -> None:
    start = start_of("t", 2, 7, beginning=12, end=20)
    assert start.offset == 12
    assert start.gap is not None
    assert (start.gap.topic, start.gap.partition, start.gap.first_offset, start.gap.next_offset) == ("t", 2, 7, 12)
    assert "begins at 12" in start.gap.cause


def test_a_topic_that_ends_before_the_place_is_read_from_its_beginning_and_is_a_gap() -> None:
    start = start_of("t", 0, 7, beginning=0, end=3)
    assert start.offset == 0
    assert start.gap is not None
    assert "ends at 3" in start.gap.cause


@given(st.none() | OFFSETS, OFFSETS, OFFSETS)
def test_every_start_is_in_the_topic_and_no_message_is_left_out_without_a_gap(
    kept: int | None, first: int, second: int
) -> None:
    beginning, end = sorted((first, second))
    start = start_of("t", 0, kept, beginning=beginning, end=end)
    assert beginning <= start.offset <= end
    if start.gap is None:
        assert start.offset == (kept or 0)
    else:
        assert isinstance(start.gap, Gap)
        assert start.gap.first_offset < start.gap.next_offset
