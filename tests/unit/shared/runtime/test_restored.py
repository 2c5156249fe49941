"""Which marks of Kafka tell that the tables were set back, and which tell of a topic that was created again."""

from __future__ import annotations

from shared.runtime.restored import Again, Marks, gaps_in, read_again

TOPIC = "assertion.issued"


def marks(group: dict[int, int], *, ends: int = 100, beginnings: int = 0) -> Marks:
    return Marks(
        topic_ids={TOPIC: "new"},
        beginnings={(TOPIC, number): beginnings for number in range(4)},
        ends={(TOPIC, number): ends for number in range(4)},
        group={(TOPIC, number): offset for number, offset in group.items()},
    )


def kept(places: dict[int, int]) -> dict[tuple[str, int], int]:
    return {(TOPIC, number): offset for number, offset in places.items()}


def test_a_group_that_has_read_more_than_the_tables_know_is_a_restore() -> None:
    assert read_again(kept({0: 40, 1: 10}), marks({0: 60, 1: 10})) == [Again(TOPIC, 0, 40, 60)]


def test_a_group_ahead_of_tables_that_know_nothing_is_a_restore() -> None:
    assert read_again({}, marks({2: 7})) == [Again(TOPIC, 2, 0, 7)]


def test_tables_ahead_of_the_group_are_a_process_that_died_before_it_acknowledged() -> None:
    assert read_again(kept({0: 60}), marks({0: 40})) == []


def test_a_new_service_has_not_been_restored() -> None:
    assert read_again({}, marks({})) == []
    assert read_again({}, marks({0: 0})) == []


def test_a_group_beyond_the_end_of_its_topic_is_no_restore() -> None:
    assert read_again(kept({0: 40}), marks({0: 60}, ends=50)) == []


def test_a_topic_that_was_created_again_is_no_restore_and_a_gap_however_long_it_has_grown() -> None:
    assert read_again({}, marks({0: 60}), skip={TOPIC}) == []
    gaps, moved = gaps_in({TOPIC}, kept({0: 40, 1: 0}), marks({}, ends=500, beginnings=3))
    assert [(gap.partition, gap.first_offset, gap.next_offset) for gap in gaps] == [(0, 0, 40)]
    assert moved == {(TOPIC, 0): 3, (TOPIC, 1): 3}


def test_a_topic_that_was_created_again_with_fewer_partitions_has_a_gap_in_those_that_are_gone() -> None:
    gaps, moved = gaps_in({TOPIC}, kept({1: 40, 5: 60}), marks({}))
    assert [(gap.partition, gap.next_offset) for gap in gaps] == [(1, 40), (5, 60)]
    assert moved == {(TOPIC, 1): 0}


def test_only_the_topic_that_was_created_again_has_a_gap() -> None:
    assert gaps_in({"letter.updated"}, kept({0: 40}), marks({})) == ([], {})
