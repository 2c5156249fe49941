from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st
from kafka import TopicPartition
from kafka.errors import KafkaConnectionError

from services.ops.sources.lag import EmptySpans, Lag, LagMeter, Span, messages_waiting, topics_read, unread_spans

offsets = st.dictionaries(st.sampled_from([TopicPartition("t", number) for number in range(3)]), st.integers(0, 100))


class Broker:
    """Answers with the number of times it was asked; raises `error` when there is one."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None

    def lags(self, services: Sequence[str]) -> Lag:
        self.asked += 1
        if self.error:
            raise self.error
        return Lag(messages={"issuer": self.asked})


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def meter(broker: Broker, seconds: Seconds) -> LagMeter:
    return LagMeter(broker, services=("issuer",), seconds=seconds)


@given(offsets, offsets, offsets)
def test_a_lag_is_at_least_zero_and_zero_where_all_was_read(
    committed: dict[TopicPartition, int], first: dict[TopicPartition, int], end: dict[TopicPartition, int]
) -> None:
    assert messages_waiting(unread_spans(committed, first, end)) >= 0
    assert messages_waiting(unread_spans(end, first, end)) == 0


def test_a_partition_that_was_never_committed_waits_from_its_first_message() -> None:
    partition = TopicPartition("t", 0)
    assert messages_waiting(unread_spans({}, {partition: 40}, {partition: 100})) == 60


def test_a_service_that_is_down_waits_also_for_topics_that_had_no_message_before_it_stopped() -> None:
    everything = {"assertion.issued", "badge.received", "assertion.revoked", "registration.renewed"}
    found = topics_read({"ops": everything, "anchor": {"assertion.issued"}, "wallet": set(), "stranger": {"other"}})
    assert found["anchor"] == {"assertion.issued", "badge.received", "assertion.revoked"}  # what it reads
    assert found["ops"] == everything and found["stranger"] == {"other"}
    assert found["wallet"] == set()  # never read anything: not known
    assert topics_read({"anchor": {"assertion.issued"}})["anchor"] == {"assertion.issued"}  # no topic that nobody has
    assert topics_read({}) == {}


def test_before_the_first_measurement_the_lag_is_unknown() -> None:
    lag = meter(Broker(), Seconds()).latest()
    assert (lag.messages, lag.unknown) == ({"issuer": None}, {"issuer": "not measured yet"})


def test_the_broker_is_asked_at_most_every_two_seconds() -> None:
    broker, seconds = Broker(), Seconds()
    one = meter(broker, seconds)
    assert [one.measure(), one.measure()] == [True, False]
    seconds.now += 2.0
    assert one.measure()
    assert (broker.asked, one.latest().messages) == (2, {"issuer": 2})


def test_a_broker_that_is_away_makes_the_lag_unknown_with_the_reason() -> None:
    broker, seconds = Broker(), Seconds()
    broker.error = KafkaConnectionError()
    one = meter(broker, seconds)
    one.measure()
    assert one.latest().messages == {"issuer": None}
    assert "KafkaConnectionError" in one.latest().unknown["issuer"]


def test_an_old_measurement_makes_the_lag_unknown() -> None:
    broker, seconds = Broker(), Seconds()
    one = meter(broker, seconds)
    one.measure()
    seconds.now += 60
    assert one.latest().messages == {"issuer": None}


def test_a_span_without_messages_is_looked_for_once_where_nothing_is_read_and_counts_as_none() -> None:
    partition, other = TopicPartition("t", 0), TopicPartition("t", 1)
    looked: list[object] = []

    def look(spans: Mapping[TopicPartition, tuple[int, int]]) -> set[TopicPartition]:
        looked.append(dict(spans))
        return {tp for tp in spans if tp == partition}

    empty = EmptySpans(look)
    spans: list[Span] = [(partition, 9, 10), (other, 5, 7)]
    assert messages_waiting(spans, empty.among(spans)) == 3
    assert messages_waiting(spans, empty.among(spans)) == 2
    assert messages_waiting(spans, empty.among(spans)) == 2
    grown: list[Span] = [(partition, 9, 12), (other, 6, 7)]
    assert messages_waiting(grown, empty.among(grown)) == 4
    assert [spans for spans in looked if spans] == [{partition: (9, 10), other: (5, 7)}]


def test_of_two_readers_of_a_partition_both_places_are_looked_at() -> None:
    partition = TopicPartition("t", 0)
    empty = EmptySpans(lambda spans: set(spans))
    spans: list[Span] = [(partition, 7, 10), (partition, 9, 10)]
    found = [messages_waiting(spans, empty.among(spans)) for _ in range(3)]
    assert found == [4, 1, 0]
