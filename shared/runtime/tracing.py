"""Traces (OpenTelemetry): each upstream record has one, which follows it through all services. Used by each process.

A message carries its trace in the W3C header `traceparent`; while it waits in the outbox, the row does. Work on rows
has no message in hand: so a service notes, in the handler's transaction, in which trace it last heard of a thing (table
`traces`), and what it announces about that thing later goes on from there. All of it survives a crash; only spans that
were not exported yet are lost. A trace that is not recorded leaves nothing.

Off unless TRACES_URL is set: then no package of OpenTelemetry is loaded, and no row or header is written.
Sources: W3C Trace Context; OpenTelemetry semantic conventions for messaging.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from shared.errors import RefuseToStart
from shared.events import Event

HEADER = "traceparent"
_LONGEST = 128  # characters of a header that is read; a traceparent has 55
_SECONDS = 5.0  # that the collector may take for an answer
_FACTS = ("letter", "state", "network")
"""The fields of events that become attributes: words of closed lists. No other one does: they may be personal."""


@dataclass(frozen=True)
class TraceSettings:
    """`url`: of an OTLP collector over HTTP, where /v1/traces is posted to. `share`: of the traces, 0 to 1."""

    url: str
    share: float = 1.0


@dataclass
class _Hand(threading.local):
    """What this thread is handling: thing → traceparent of the span that handles it."""

    parents: dict[str, str] = field(default_factory=dict)


class Tracing:
    """Spans of this process, written to an exporter of OpenTelemetry."""

    def __init__(self, service: str, exporter: Any, share: float = 1.0) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
        from opentelemetry.trace import SpanKind, Status, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        resource = Resource.create({"service.name": f"akashi-{service}", "service.instance.id": uuid4().hex})
        self._provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(share)), resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
        self._tracer = self._provider.get_tracer("akashi")
        self._service = service
        self._kinds = {"send": SpanKind.PRODUCER, "process": SpanKind.CONSUMER, "accept": SpanKind.INTERNAL}
        self._failed = partial(Status, StatusCode.ERROR)
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, doing: str, what: str, parent: str | None, attributes: Mapping[str, str]) -> Any:
        """A span; a root without a valid `parent`."""
        context = self._propagator.extract({HEADER: parent} if parent else {})
        return self._tracer.start_span(
            f"{doing} {what}",
            context,
            self._kinds[doing],
            attributes,
        )

    def traceparent(self, span: Any) -> str:
        from opentelemetry.trace import set_span_in_context

        carrier: dict[str, str] = {}
        self._propagator.inject(carrier, set_span_in_context(span))
        return carrier[HEADER]

    def failed(self, span: Any, error: BaseException) -> None:
        span.set_status(self._failed(type(error).__name__))  # its text may name a person

    def processing(self, topic: str, event: Event, parent: str) -> Any:
        group = {"messaging.consumer.group.name": self._service}
        return self.begin("process", topic, parent, {**_message(topic, "process"), **group, **_facts(event)})

    def stop(self) -> None:
        """The library's own shutdown waits for half a minute on a collector that is away."""
        stopping = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        stopping.start()
        stopping.join(_SECONDS)


_tracing: Tracing | None = None
_hand = _Hand()


def start_tracing(service: str, settings: TraceSettings | None) -> None:
    """From now on this process exports spans, if there are settings. RefuseToStart without the extra `traces`."""
    if settings is None:
        return
    try:
        import requests
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise RefuseToStart(
            f"setting TRACES_URL: {error.name} is not installed; expected the extra: pip install 'akashi[traces]'"
        ) from error
    session = requests.Session()
    session.trust_env = False  # no proxy of the environment: the collector is ours
    exporter = OTLPSpanExporter(endpoint=f"{settings.url}/v1/traces", timeout=_SECONDS, session=session)
    trace_with(Tracing(service, exporter, settings.share))


def trace_with(tracing: Tracing | None) -> None:
    """This process traces by `tracing`; None: not at all."""
    global _tracing
    _tracing = tracing


def stop_tracing() -> None:
    """Export what is left, for as long as one answer may take."""
    tracing = _tracing
    trace_with(None)
    if tracing is not None:
        tracing.stop()


def subjects(event: Event) -> tuple[str, ...]:
    """The things that an event is about, by id: its key, if it has one, and of a badge the registration."""
    award = getattr(event, "award", None)
    things = (event.key,) if award is None else (event.key, award.registration_id)
    return tuple(dict.fromkeys(filter(None, things)))


# ── the three hooks ────────────────────────────────────────────────────────────────────────────────────


def header_of(headers: Any) -> str | None:
    """The traceparent among a message's headers, as Faust has them; None while traces are off."""
    if _tracing is None or not headers:
        return None
    pairs: Iterable[tuple[str, bytes]] = headers.items() if isinstance(headers, Mapping) else headers
    found = next((value for name, value in pairs if name == HEADER), None)
    return found.decode("ascii", "replace") if found and len(found) <= _LONGEST else None


def handling(
    handler: Callable[[Sequence[Any]], None], events: Sequence[Event], parents: Sequence[str | None], topic: str
) -> Callable[[], None]:
    """Consume: `handler` over `events`, each in a span that goes on from its message's (`parents`).

    A message without a trace gets none.
    """
    if _tracing is None:
        return partial(handler, events)
    return partial(_handle, _tracing, handler, events, parents, topic)


def _handle(
    tracing: Tracing,
    handler: Callable[[Sequence[Any]], None],
    events: Sequence[Event],
    parents: Sequence[str | None],
    topic: str,
) -> None:
    spans = []
    for event, parent in zip(events, parents, strict=True):
        if parent is None:
            continue
        span = tracing.processing(topic, event, parent)
        if not span.is_recording():
            continue
        spans.append(span)
        _hand.parents.update(dict.fromkeys(subjects(event), tracing.traceparent(span)))
    try:
        handler(events)
    except BaseException as error:
        for span in spans:
            tracing.failed(span, error)
        raise
    finally:
        _hand.parents.clear()
        for span in spans:
            span.end()


def _message(topic: str, doing: str) -> dict[str, str]:
    return {
        "messaging.system": "kafka",
        "messaging.destination.name": topic,
        "messaging.operation.name": doing,
        "messaging.operation.type": doing,
    }


def _facts(event: Event) -> dict[str, str]:
    facts = {f"akashi.{name}": str(getattr(event, name)) for name in _FACTS if hasattr(event, name)}
    return {"akashi.event": type(event).__name__, "messaging.message.id": str(event.id), **facts}


_APPEND = """
 insert into outbox (announced_at, topic, key, value)
  select announced_at, topic, key, value from new order by seq
"""
_APPEND_TRACED = """
 insert into outbox (announced_at, topic, key, value, traceparent)
  select announced_at, topic, key, value, traceparent from new
   left join unnest(%b::uuid[], %b::text[]) as traced (event_id, traceparent) using (event_id) order by seq
"""


class Announcing:
    """What one transaction announces, and of what. Append to the outbox: `appended`."""

    def __init__(self) -> None:
        self._subjects: dict[UUID, tuple[str, ...]] = {}
        self._accepted: tuple[str, ...] = ()

    def add(self, event: Event) -> None:
        if _tracing is not None:
            self._subjects[event.id] = subjects(event)

    def accept(self, things: Iterable[str]) -> None:
        """Upstream records of these came: from here each has a trace of its own, or goes on in that of its message."""
        if _tracing is not None:
            self._accepted = (*self._accepted, *things)

    def appended(self, tx: Any) -> tuple[str, list[Any]]:
        """SQL that appends the rows `new` to the outbox, each with the trace that it goes on in, and its parameters.

        In `tx` it is noted in which trace the things in hand, and those announced, are.
        """
        if _tracing is None:
            return _APPEND, []
        parents = self._continued(tx, _tracing)
        return (_APPEND_TRACED, [list(parents), list(parents.values())]) if parents else (_APPEND, [])

    def _continued(self, tx: Any, tracing: Tracing) -> dict[UUID, str]:
        known = dict(_hand.parents)
        for thing in self._accepted:
            span = tracing.begin("accept", "upstream record", known.get(thing), {})
            if span.is_recording():
                known[thing] = tracing.traceparent(span)
            span.end()
        noted = dict(known)
        asked = {thing for things in self._subjects.values() for thing in things} - known.keys()
        if asked:
            known.update(
                tx.cursor.execute("select subject, traceparent from traces where subject = any(%s)", (list(asked),))
            )
        found: dict[UUID, str] = {}
        for id, things in self._subjects.items():
            parent = next((known[thing] for thing in things if thing in known), None)
            if parent is not None:
                found[id] = parent
                # Never what was read: a message may have said later of it meanwhile.
                noted.update({thing: parent for thing in things if thing not in known})
        tx.insert_rows(
            "traces",
            [{"subject": thing, "traceparent": parent, "noted_at": tx.now()} for thing, parent in noted.items()],
            "(subject) do update set traceparent = excluded.traceparent, noted_at = excluded.noted_at",
        )
        self._subjects.clear()
        self._accepted = ()
        return found


class Sending:
    """Relay: one message on its way to Kafka. `headers` tell its reader in which trace it is."""

    def __init__(self, topic: str, parent: str | None) -> None:
        """`parent` as the outbox has it; None: the message is in no trace."""
        self.headers: list[tuple[str, bytes]] = []
        self._span: Any = None
        if _tracing is not None and parent is not None:
            self._span = _tracing.begin("send", topic, parent, _message(topic, "send"))
            parent = _tracing.traceparent(self._span)
        if parent is not None:  # also by a process that traces nothing itself
            self.headers.append((HEADER, parent.encode()))

    def sent(self) -> None:
        """Kafka has it. A message that was not sent leaves no span: it is sent again, in another one."""
        if self._span is not None:
            self._span.end()


def forget_traces(tx: Any, before: datetime) -> None:
    """Forget where things are that this service has not heard of since then."""
    tx.cursor.execute("delete from traces where noted_at < %s", (before,))
