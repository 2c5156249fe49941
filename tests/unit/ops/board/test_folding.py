from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.ops.board.folding import current_letters, holds, last_of, newest_versions
from shared.events import RegistrationReleased
from tests.worlds.cohorts import again, held, issued, letter, renewed


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers())))
def test_the_last_of_the_greatest_events_remains_of_each_key(rows: list[tuple[int, int, int]]) -> None:
    chosen = last_of(rows, lambda row: row[0], lambda row: row[1])
    assert len({row[0] for row in chosen}) == len(chosen) == len({row[0] for row in rows})
    for row in chosen:
        same = [other for other in rows if other[0] == row[0]]
        assert row == [other for other in same if other[1] == max(o[1] for o in same)][-1]


def test_a_hold_that_comes_after_its_release_leaves_the_person_released() -> None:
    released = RegistrationReleased(registration_id="R00001", cohort="2026", revision=2)
    assert [hold.reason for hold in holds([released, held(1, revision=1)])] == [None]


def test_a_new_hold_after_a_release_holds() -> None:
    released = RegistrationReleased(registration_id="R00001", cohort="2026", revision=2)
    assert [hold.reason for hold in holds([released, held(1, "office-hold", revision=3)])] == ["office-hold"]


def test_a_letter_sent_and_queued_again_in_one_batch_stays_sent() -> None:
    ((last, sent_at),) = current_letters([letter(1, "award", "sent", 2), letter(1, "award", "queued", 4)])
    assert (last.state, sent_at) == ("queued", letter(1, "award", "sent", 2).at)


def test_a_letter_that_bounced_after_it_was_sent_counts_as_not_sent() -> None:
    ((last, sent_at),) = current_letters([letter(1, "award", "sent", 2), letter(1, "award", "bounced", 9)])
    assert (last.state, sent_at) == ("bounced", None)


def test_the_two_letters_of_a_person_are_two_rows() -> None:
    assert len(current_letters([letter(1, "award", "sent", 2), letter(1, "completion", "sent", 6)])) == 2


def test_the_newest_version_counts_whichever_comes_last() -> None:
    second = again(issued(1, 1), 2)
    assert newest_versions([second, issued(1, 5)]) == [second]
    assert newest_versions([renewed(1), again(renewed(1), 3), again(renewed(1), 2)]) == [again(renewed(1), 3)]


def test_a_letter_that_was_queued_by_a_clock_that_was_ahead_and_sent_since_is_sent() -> None:
    queued, sent = letter(1, "award", "queued", 60_000, attempt=0), letter(1, "award", "sent", 2)
    ((last, sent_at),) = current_letters([queued, sent])
    assert (last.state, sent_at) == ("sent", sent.at)
