"""Who is remembered while the database is away."""

from __future__ import annotations

from shared.runtime.web.office_accounts import OfficeUser
from shared.runtime.web.office_session import Remembered

USER = OfficeUser("山田", "office", "gishi")


class Seconds:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_who_was_seen_is_remembered_for_ten_minutes_by_the_same_token_alone() -> None:
    seconds = Seconds()
    remembered = Remembered(seconds)
    remembered.note("token", USER)
    assert remembered.find("token") == USER and remembered.find("tokem") is None
    seconds.now += 600
    assert remembered.find("token") == USER
    seconds.now += 0.1
    assert remembered.find("token") is None


def test_who_signed_out_or_whose_session_ended_is_forgotten_at_once() -> None:
    remembered = Remembered(Seconds())
    remembered.note("token", USER)
    remembered.note("token", None)
    assert remembered.find("token") is None


def test_a_database_that_did_not_answer_is_not_asked_for_five_seconds() -> None:
    seconds = Seconds()
    remembered = Remembered(seconds)
    assert not remembered.is_away
    remembered.away()
    assert remembered.is_away
    seconds.now += 5
    assert not remembered.is_away
