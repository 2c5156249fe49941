"""One trace from upstream's own span to letter 2, over Kafka's headers and two services that were started again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from kafka import KafkaProducer

from deploy.local.demo.crowd import crowd, ndjson
from deploy.local.stack import Stack
from shared.topics import UPSTREAM_REGISTRATIONS
from tests.worlds.story import Story, until
from tests.worlds.traces import Collector, TakenSpan

PREFIX = "TRACE"
UPSTREAM = {f"{n + 1:032x}": f"{n + 1:016x}" for n in range(2)}
"""The trace and the span in which upstream sends each of its records."""

THE_WAY = [
    ("registration", "process upstream.registrations"),
    ("registration", "accept upstream record"),
    ("registration", "send registration.renewed"),
    ("issuer", "process registration.renewed"),
    ("issuer", "send assertion.issued"),
    ("wallet", "process assertion.issued"),
    ("wallet", "send badge.received"),
    ("anchor", "process badge.received"),
    ("anchor", "send assertion.anchored"),
    ("renderer", "process assertion.anchored"),
    ("renderer", "send certificate.rendered"),
    ("mailer", "process certificate.rendered"),
    ("mailer", "send letter.updated"),
    ("ops", "process letter.updated"),
]
BESIDE = [
    ("issuer", "send assertion.issued"),
    ("mailer", "process assertion.issued"),
    ("mailer", "send letter.updated"),
    ("ops", "process letter.updated"),
]


def test_each_record_of_upstream_has_one_trace_to_letter_2(stack: Stack, traces: Collector) -> None:
    story = Story(stack, PREFIX, len(UPSTREAM))
    records = list(crowd(story.size, cohort=stack.cohort, prefix=PREFIX))
    stack.halt("mailer")
    deliver(stack, [ndjson(iter([record])) for record in records])
    noted = "select 1 from traces where traceparent like any(%s)"  # two things of each: the badge and its registration
    ours = [f"00-{trace}-%" for trace in UPSTREAM]
    until(
        lambda: len(story.rows("wallet", noted, ours)) == 2 * story.size, seconds=60, what="the wallet has the badges"
    )
    stack.restart("wallet")  # so that another process announces the receipts
    stack.resume("mailer")  # so that another process reads what lay on Kafka
    story.play()
    story.wait("completed", at_least=story.size)

    for number, (trace, upstream) in enumerate(UPSTREAM.items()):
        way = way_to("completion", trace, upstream, traces)
        assert [(span.service, span.name) for span in way] == [(f"akashi-{each}", name) for each, name in THE_WAY]
        assert sorted(span.began for span in way) == [span.began for span in way]
        assert all(span.began <= span.ended for span in way)
        [heard, received] = [span.instance for span in way if span.service == "akashi-wallet"]
        assert heard != received, "the wallet was to be started again between these two"
        way = way_to("award", trace, upstream, traces)
        assert [(span.service, span.name) for span in way[-4:]] == [(f"akashi-{each}", name) for each, name in BESIDE]
        told = repr([(span.name, span.attributes) for span in traces.of(trace)])
        person = records[number]
        assert not [each for each in (person["email"], person["family_name"], PREFIX) if str(each) in told]
    assert {span.trace for span in traces.all()} <= set(UPSTREAM), "only what upstream records is recorded"


def deliver(stack: Stack, records: Sequence[bytes]) -> None:
    with closing(KafkaProducer(bootstrap_servers=stack.environment("registration")["KAFKA_BOOTSTRAP"])) as producer:
        for number, (record, (trace, span)) in enumerate(zip(records, UPSTREAM.items(), strict=True)):
            producer.send(
                UPSTREAM_REGISTRATIONS.name,
                key=f"{PREFIX}-{number:06d}".encode(),
                value=record,
                headers=[("traceparent", f"00-{trace}-{span}-01".encode())],
            )
        producer.flush(30)


def way_to(letter: str, trace: str, upstream: str, traces: Collector) -> list[TakenSpan]:
    """The spans from the first of ours to that in which ops hears that a letter was sent, once all are exported."""
    wanted = {"akashi.letter": letter, "akashi.state": "sent"}.items()

    def look() -> list[TakenSpan]:
        spans = traces.of(trace)
        by_id = {span.id: span for span in spans}
        way = [span for span in spans if span.service == "akashi-ops" and wanted <= span.attributes.items()][:1]
        while way and (parent := by_id.get(way[0].parent)) is not None:
            way.insert(0, parent)
        return way if way and way[0].parent == upstream else []

    found: list[TakenSpan] = until(look, seconds=30, what=f"the spans of letter {letter} in trace {trace}")
    return found
