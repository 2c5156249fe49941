from __future__ import annotations

import base64
import json

from hypothesis import given
from hypothesis import strategies as st

from services.ops.board.folding import current_letters, dead_letter_of, holds, last_of, newest_versions
from shared.events import RegistrationReleased
from tests.worlds.cohorts import NOON, again, held, issued, letter, renewed


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers())))
def test_one_row_stands_for_each_key_and_it_is_the_last_of_the_greatest(rows: list[tuple[int, int, int]]) -> None:
    chosen = last_of(rows, lambda row: row[0], lambda row: row[1])
    assert len({row[0] for row in chosen}) == len(chosen) == len({row[0] for row in rows})
    for row in chosen:
        same = [other for other in rows if other[0] == row[0]]
        assert row == [other for other in same if other[1] == max(o[1] for o in same)][-1]


def test_a_hold_that_comes_after_its_release_does_not_hold_again() -> None:
    released = RegistrationReleased(registration_id="R00001", cohort="2026", revision=2)
    assert [hold.reason for hold in holds([released, held(1, revision=1)])] == [None]


def test_a_new_hold_after_a_release_holds() -> None:
    released = RegistrationReleased(registration_id="R00001", cohort="2026", revision=2)
    assert [hold.reason for hold in holds([released, held(1, "office-hold", revision=3)])] == ["office-hold"]


def test_a_letter_sent_and_queued_again_in_one_batch_stays_sent() -> None:
    ((last, sent_at),) = current_letters([letter(1, "award", "sent", 2), letter(1, "award", "queued", 4, attempt=0)])
    assert (last.state, sent_at) == ("queued", letter(1, "award", "sent", 2).at)


def test_a_letter_that_bounced_after_it_was_sent_has_notified_nobody() -> None:
    ((last, sent_at),) = current_letters([letter(1, "award", "sent", 2), letter(1, "award", "bounced", 9)])
    assert (last.state, sent_at) == ("bounced", None)


def test_the_two_letters_of_a_person_are_two_rows() -> None:
    assert len(current_letters([letter(1, "award", "sent", 2), letter(1, "completion", "sent", 6)])) == 2


def test_the_newest_version_is_the_one_that_counts_whichever_comes_last() -> None:
    second = again(issued(1, 1), 2)
    assert newest_versions([second, issued(1, 5)]) == [second]
    assert newest_versions([renewed(1), again(renewed(1), 3), again(renewed(1), 2)]) == [again(renewed(1), 3)]


def test_a_dead_letter_carries_the_bytes_as_they_were() -> None:
    record = {
        "id": "D1",
        "topic": "assertion.issued",
        "partition": 2,
        "offset": 17,
        "key": base64.b64encode(b"k").decode(),
        "value": base64.b64encode(b"\x00\xffpoison").decode(),
        "consumer": "mailer",
        "cause": "Unreadable: got \0",
        "at": "2026-04-01T03:00:00Z",
    }
    found = dead_letter_of(json.dumps(record).encode(), topic="assertion.issued", id="other", now=NOON)
    assert (found.dead_letter_id, found.key, found.value) == ("D1", b"k", b"\x00\xffpoison")
    assert "\0" not in found.cause


@given(st.binary(max_size=60))
def test_nothing_on_a_dead_topic_is_lost_for_being_unreadable(value: bytes) -> None:
    found = dead_letter_of(value, topic="badge.received", id="own", now=NOON)
    assert (found.dead_letter_id, found.topic, found.value) == ("own", "badge.received", value)


def test_a_record_whose_bytes_are_no_base64_is_kept_as_it_came() -> None:
    record = b'{"id":"D","topic":"t","consumer":"c","cause":"x","at":"2026-04-01T03:00:00Z","value":"%%%"}'
    found = dead_letter_of(record, topic="badge.received", id="own", now=NOON)
    assert (found.dead_letter_id, found.value) == ("own", record)
