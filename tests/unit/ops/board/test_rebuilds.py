from __future__ import annotations

import pytest

from deploy.schemas import writers
from services.ops.board.rebuilds import producers_of, rebuild_name
from shared.office_events import DecisionSettled, ObjectsScrubbed, RestoreNoticed
from shared.topics import READ_BY, SERVICES, TOPICS, UPSTREAM_REGISTRATIONS, WRITTEN_BY
from shared.wire import EVENTS

OUTCOMES = (DecisionSettled, ObjectsScrubbed, RestoreNoticed)
"""What a service announces of an order that it carried out, or of itself."""


def test_each_topic_is_written_by_the_service_whose_code_announces_its_events() -> None:
    made = writers()
    found = {event.topic: tuple(made[event.__name__]) for event in EVENTS if event not in OUTCOMES}
    assert found == {topic: (service,) for topic, service in WRITTEN_BY.items()}
    assert set(WRITTEN_BY) == set(TOPICS) - {UPSTREAM_REGISTRATIONS}


def test_the_producers_are_those_whose_events_the_reader_reads() -> None:
    assert producers_of("renderer") == ("issuer", "anchor", "wallet")
    assert producers_of("registration") == ("issuer", "ops")
    assert producers_of("ops") == ("registration", "issuer", "anchor", "renderer", "mailer", "wallet")
    assert producers_of("wallet", "issuer") == ("issuer",)


@pytest.mark.parametrize("reader", SERVICES)
def test_every_service_has_producers_and_is_none_of_them(reader: str) -> None:
    assert reader in READ_BY
    assert producers_of(reader) and reader not in producers_of(reader)


@pytest.mark.parametrize(("reader", "producer"), [("nobody", None), ("renderer", "mailer"), ("wallet", "wallet")])
def test_an_unknown_service_or_one_that_is_not_read_is_refused(reader: str, producer: str | None) -> None:
    with pytest.raises(ValueError, match="expected one"):
        producers_of(reader, producer)


def test_orders_that_differ_have_different_names() -> None:
    names = [rebuild_name("wallet", producer, is_dry_run=dry) for producer in (None, "issuer") for dry in (True, False)]
    assert len(set(names)) == 4
