"""A registration and the event of its release."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.registration.domain.registration import Registration, renewed
from shared.events import HeldReason
from tests.worlds.records import record

WAITING = Registration(record(), None, None, "waiting", None, None, False, 0)


def test_the_event_has_the_name_as_registered_and_an_address_for_mail() -> None:
    registration = replace(WAITING, record=record(family_name="辻\U000e0100", email=" Ｔａｒｏ＠Example.jp"))
    event = renewed(registration, "2026", datetime(2026, 4, 1, tzinfo=UTC))
    assert event.holder.family_name == "辻\U000e0100"
    assert event.holder.email == "Taro@Example.jp"
    assert event.award.cohort == "2026"


def test_a_registration_without_an_address_has_no_event() -> None:
    with pytest.raises(ValueError, match="got no address"):
        renewed(replace(WAITING, record=record(email=None)), "2026", datetime(2026, 4, 1, tzinfo=UTC))


@pytest.mark.parametrize("reason", ["missing-address", "shared-address"])
def test_birth_date_and_phone_are_in_no_event(reason: HeldReason) -> None:
    event = renewed(replace(WAITING, reason=reason), "2026", datetime(2026, 4, 1, tzinfo=UTC))
    assert "1980" not in str(event)
    assert "090-" not in str(event)
