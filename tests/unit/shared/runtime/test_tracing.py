"""Which span follows from which: of what is in hand, of what is noted, of upstream's own; and what traces never say."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.errors import RefuseToStart
from shared.events import AssertionIssued, Award, BadgeReceived, Event, Holder, LetterUpdated, RegistrationRenewed
from shared.runtime import tracing
from shared.runtime.batches import RawMessage
from shared.runtime.settings import Settings, _traces
from shared.runtime.tracing import Announcing, Sending, TraceSettings, Tracing, handling, header_of, subjects

NOW = datetime(2027, 4, 1, tzinfo=UTC)
UPSTREAM = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


HOLDER = Holder(person_id="P-1", family_name="見本", given_name="太郎", email="taro@example.jp")


def award(registration_id: str) -> Award:
    return Award(
        registration_id=registration_id,
        cohort="2027",
        qualification="gishi",
        kind="new",
        pass_number="P-1",
        registration_number="P-2",
        valid_from=date(2027, 4, 1),
        valid_until=date(2031, 3, 31),
    )


def registration_renewed(registration_id: str) -> RegistrationRenewed:
    return RegistrationRenewed(award=award(registration_id), holder=HOLDER, notify_from=NOW)


def assertion_issued(assertion_id: str, registration_id: str) -> AssertionIssued:
    return AssertionIssued(
        assertion_id=assertion_id,
        leaf="00",
        award=award(registration_id),
        holder=HOLDER,
        issued_at=NOW,
        notify_from=NOW,
        status_list=0,
        status_index=0,
    )


class Spans(InMemorySpanExporter):
    """All spans of a test, by name; a name that comes twice fails."""

    def __getitem__(self, name: str) -> ReadableSpan:
        assert tracing._tracing is not None
        tracing._tracing._provider.force_flush()
        [span] = [span for span in self.get_finished_spans() if span.name == name]
        return span

    def all(self) -> Sequence[ReadableSpan]:
        assert tracing._tracing is not None
        tracing._tracing._provider.force_flush()
        return self.get_finished_spans()


class Tables:
    """The table `traces` of a service, and its clock."""

    def __init__(self) -> None:
        self.traces: dict[str, str] = {}
        self.cursor = self

    def now(self) -> datetime:
        return NOW

    def execute(self, _: str, parameters: tuple[list[str]]) -> list[tuple[str, str]]:
        return [(thing, self.traces[thing]) for thing in parameters[0] if thing in self.traces]

    def insert_rows(self, table: str, rows: Sequence[dict[str, Any]], on_conflict: str) -> None:
        assert table == "traces" and "do update" in on_conflict
        self.traces.update({row["subject"]: row["traceparent"] for row in rows})


@pytest.fixture
def spans() -> Iterator[Spans]:
    yield from traced_at(1.0)


@pytest.fixture
def unsampled() -> Iterator[Spans]:
    yield from traced_at(0.0)


def traced_at(share: float) -> Iterator[Spans]:
    exporter = Spans()
    made = Tracing("issuer", exporter, share)
    tracing.trace_with(made)
    yield exporter
    tracing.trace_with(None)
    made.stop()


def announced(tables: Tables, *events: Event, accepted: Sequence[str] = ()) -> dict[Any, str]:
    """A transaction that announces `events`: the traceparent of each outbox row, by event id."""
    announcing = Announcing()
    announcing.accept(accepted)
    for event in events:
        announcing.add(event)
    sql, parameters = announcing.appended(tables)
    assert ("traceparent" in sql) == bool(parameters)
    return dict(zip(*parameters, strict=True)) if parameters else {}


def handle(events: Sequence[Event], parents: Sequence[str | None], work: Callable[[], Any], topic: str = "t") -> None:
    handling(lambda _: work(), events, parents, topic)()


def sent(topic: str, parent: str | None) -> str:
    """The header of a message that Kafka took."""
    sending = Sending(topic, parent)
    sending.sent()
    [(name, value)] = sending.headers
    assert name == "traceparent"
    return value.decode()


def ids_of(traceparent: str) -> tuple[str, str]:
    _, trace, span, _ = traceparent.split("-")
    return trace, span


def parent_of(span: ReadableSpan) -> str | None:
    return None if span.parent is None else f"{span.parent.span_id:016x}"


def id_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.span_id:016x}"


def test_an_upstream_record_begins_a_trace_and_what_a_tick_announces_of_it_later_goes_on_there(spans: Spans) -> None:
    tables, renewed = Tables(), registration_renewed("R1")
    assert announced(tables, accepted=["R1"]) == {}
    parent = announced(tables, renewed)[renewed.id]
    header = sent("registration.renewed", parent)
    accept, send = spans["accept upstream record"], spans["send registration.renewed"]
    assert accept.parent is None and parent_of(send) == id_of(accept)
    assert ids_of(header)[1] == id_of(send)


def test_a_record_with_a_trace_of_upstream_goes_on_in_it(spans: Spans) -> None:
    tables = Tables()
    message = RawMessage(record_key=b"R1", value=b"{}")
    handle([message], [UPSTREAM], lambda: announced(tables, accepted=["R1"]), "upstream.registrations")
    process, accept = spans["process upstream.registrations"], spans["accept upstream record"]
    assert parent_of(process) == ids_of(UPSTREAM)[1] and parent_of(accept) == id_of(process)
    assert ids_of(tables.traces["R1"]) == (ids_of(UPSTREAM)[0], id_of(accept))


def test_each_event_of_a_batch_goes_on_from_the_message_that_it_follows_from(spans: Spans) -> None:
    tables = Tables()
    renewed = [registration_renewed(f"R{n}") for n in range(3)]
    parents = [f"00-{n:032x}-{n:016x}-01" for n in (1, 2, 3)]
    issued = [assertion_issued(f"A{n}", f"R{n}") for n in range(3)]
    found: dict[Any, str] = {}
    handle(renewed, parents, lambda: found.update(announced(tables, *issued)))
    assert [ids_of(found[each.id])[0] for each in issued] == [ids_of(each)[0] for each in parents]
    by_id = {id_of(span): span for span in spans.all()}
    assert [parent_of(by_id[ids_of(found[each.id])[1]]) for each in issued] == [ids_of(each)[1] for each in parents]


def test_a_badge_goes_on_by_its_own_id_once_it_is_known_by_it(spans: Spans) -> None:
    tables, received = Tables(), BadgeReceived(assertion_id="A1", received_at=NOW)
    tables.traces["R1"] = UPSTREAM
    issued = assertion_issued("A1", "R1")
    assert announced(tables, issued) == {issued.id: UPSTREAM}
    assert announced(tables, received) == {received.id: UPSTREAM}


def test_a_service_that_is_started_again_goes_on_from_its_table(spans: Spans) -> None:
    tables, received = Tables(), BadgeReceived(assertion_id="A1", received_at=NOW)
    handle([assertion_issued("A1", "R1")], [UPSTREAM], lambda: announced(tables), "assertion.issued")
    tracing._hand.parents.clear()  # as in another process
    assert ids_of(announced(tables, received)[received.id]) == (
        ids_of(UPSTREAM)[0],
        id_of(spans["process assertion.issued"]),
    )


def test_what_belongs_to_no_trace_gets_none(spans: Spans) -> None:
    tables = Tables()
    handle(
        [assertion_issued("A1", "R1")],
        [None],
        lambda: announced(tables, BadgeReceived(assertion_id="A1", received_at=NOW)),
    )
    assert tables.traces == {} and spans.all() == () and Sending("t", None).headers == []


@pytest.mark.parametrize("header", ["", "00-0-0-01", "zz", "00-" + "0" * 32 + "-b7ad6b7169203331-01", "\udcff"])
def test_a_header_that_is_no_traceparent_begins_a_trace_of_its_own(spans: Spans, header: str) -> None:
    handle([assertion_issued("A1", "R1")], [header], lambda: None)
    assert [span.parent for span in spans.all()] == [None]


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ([("content-type", b"x"), ("traceparent", UPSTREAM.encode())], UPSTREAM),
        ({"traceparent": UPSTREAM.encode()}, UPSTREAM),
        ([("traceparent", b"\xff")], "\ufffd"),
        ([("traceparent", b"0" * 1000)], None),
        ([("traceparent", None)], None),
        ([], None),
        (None, None),
    ],
)
def test_a_header_is_read_as_kafka_has_it(spans: Spans, headers: Any, found: str | None) -> None:
    assert header_of(headers) == found


def test_a_handler_that_fails_leaves_a_span_that_failed_and_nothing_in_hand(spans: Spans) -> None:
    def fails() -> None:
        raise ValueError("山田 太郎 taro@example.jp")

    with pytest.raises(ValueError):
        handle([assertion_issued("A1", "R1")], [UPSTREAM], fails)
    [span] = spans.all()
    assert span.status.description == "ValueError" and not span.status.is_ok
    assert span.events == () and tracing._hand.parents == {}


def test_a_message_that_was_not_sent_leaves_no_span(spans: Spans) -> None:
    first, second = Sending("t", UPSTREAM), Sending("t", UPSTREAM)
    second.sent()
    [span] = spans.all()
    assert first.headers != second.headers
    assert id_of(span) == ids_of(second.headers[0][1].decode())[1]


def test_a_span_holds_nothing_about_a_person(spans: Spans) -> None:
    tables = Tables()
    letter = LetterUpdated(
        assertion_id="A1",
        letter="completion",
        message_id="m",
        state="sent",
        attempt=1,
        at=NOW,
        answer="250 <taro@example.jp>",
    )
    events = [
        registration_renewed("R1"),
        assertion_issued("A1", "R1"),
        letter,
        RawMessage(record_key=b"R1", value=b"{}"),
    ]
    handle(events, [UPSTREAM] * 4, lambda: announced(tables, accepted=["R1"]))
    sent("letter.updated", UPSTREAM)
    text = "\n".join(span.to_json() for span in spans.all())
    for personal in ("R1", "A1", "example", "見本", "P-"):
        assert personal not in text
    about_letter = next(dict(span.attributes or {}) for span in spans.all() if "LetterUpdated" in span.to_json())
    assert about_letter["akashi.letter"] == "completion" and about_letter["akashi.state"] == "sent"


def test_a_trace_that_is_not_recorded_leaves_nothing(unsampled: Spans) -> None:
    tables, renewed = Tables(), registration_renewed("R1")
    announced(tables, accepted=["R1"])
    handle([renewed], [UPSTREAM[:-2] + "00"], lambda: announced(tables, assertion_issued("A1", "R1")))
    assert announced(tables, renewed) == {} and tables.traces == {} and unsampled.all() == ()


def test_a_trace_that_upstream_records_is_recorded_whatever_our_share_is(unsampled: Spans) -> None:
    handle([registration_renewed("R1")], [UPSTREAM], lambda: None, "registration.renewed")
    assert parent_of(unsampled["process registration.renewed"]) == ids_of(UPSTREAM)[1]


def test_while_traces_are_off_a_handler_is_called_as_it_is_and_a_row_is_sent_with_what_it_has() -> None:
    tables, renewed = Tables(), registration_renewed("R1")
    called: list[Any] = []
    work = handling(called.append, [renewed], [UPSTREAM], "t")
    assert getattr(work, "func", None) == called.append
    assert announced(tables, renewed, accepted=["R1"]) == {} and tables.traces == {}
    assert header_of([("traceparent", UPSTREAM.encode())]) is None
    assert Sending("t", UPSTREAM).headers == [("traceparent", UPSTREAM.encode())]


def test_without_the_extra_a_service_refuses_to_start_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(RefuseToStart, match=r"TRACES_URL.*pip install 'akashi\[traces\]'"):
        tracing.start_tracing("issuer", TraceSettings("http://127.0.0.1:4318"))
    tracing.start_tracing("issuer", None)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, None),
        ({"TRACES_SHARE": "0.5"}, None),
        ({"TRACES_URL": "http://collector:4318/"}, TraceSettings("http://collector:4318", 1.0)),
        ({"TRACES_URL": "https://c", "TRACES_SHARE": "0.01"}, TraceSettings("https://c", 0.01)),
    ],
)
def test_traces_are_off_unless_a_collector_is_named(given: dict[str, str], found: TraceSettings | None) -> None:
    assert _traces(Settings(given)) == found


@pytest.mark.parametrize("share", ["-0.1", "1.1", "nan", "inf", "half"])
def test_a_share_that_is_none_is_refused_by_name(share: str) -> None:
    with pytest.raises(RefuseToStart, match="TRACES_SHARE"):
        _traces(Settings({"TRACES_URL": "http://c", "TRACES_SHARE": share}))


def test_an_event_about_a_badge_is_about_its_registration_too() -> None:
    assert subjects(assertion_issued("A1", "R1")) == ("A1", "R1")
    assert subjects(registration_renewed("R1")) == ("R1",)
    assert subjects(BadgeReceived(assertion_id="A1", received_at=NOW)) == ("A1",)
    assert subjects(RawMessage(record_key=None, value=b"{}")) == subjects(RawMessage(record_key=b"", value=b"")) == ()
