"""Counters, gauges and histograms of a process, served at /metrics (web/metrics.py). Used by every service."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import Counter, Gauge, Histogram

_LATENCY = (0.001, 0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300)


def counter(name: str, help: str, labels: Sequence[str] = ()) -> Counter:
    return Counter(f"akashi_{name}", help, labels)


def gauge(name: str, help: str, labels: Sequence[str] = ()) -> Gauge:
    return Gauge(f"akashi_{name}", help, labels)


def histogram(name: str, help: str, labels: Sequence[str] = ()) -> Histogram:
    """Durations in seconds."""
    return Histogram(f"akashi_{name}", help, labels, buckets=_LATENCY)


HANDLED = counter("messages_handled", "Messages handled, by topic and event", ("topic", "event"))
SKIPPED = counter("messages_skipped", "Messages that were here before (inbox)", ("event",))
DEAD_LETTERED = counter("messages_dead", "Messages sent to the dead letters", ("topic",))
BATCHES_FAILED = counter("batches_failed", "Batches that failed and were halved or tried again", ("topic",))
UNREAD = counter("messages_unread", "Messages of a later release, kept until this service is that release", ("topic",))
GAP = gauge("topic_gap", "Messages that were gone before this service read them; see akashi rebuild", ("topic",))
RECALLED = counter("facts_recalled", "Own announcements that the tables did not know: the database was restored")
OUTBOX_DEPTH = gauge("outbox_rows", "Outbox rows that wait to be published")
OUTBOX_AGE = gauge("outbox_age_seconds", "For how long the oldest outbox row has waited")
OUTBOX_REFUSED_ROWS = gauge("outbox_refused_rows", "Messages that Kafka refuses for good, put aside")
ROWS_ASIDE = counter("tick_rows_aside", "How often a tick put a row at fault aside and went on", ("tick",))
TICK_FAILURES = gauge("tick_failures_in_a_row", "How often a tick has failed since it last worked", ("tick",))
DATABASE_AWAY = gauge("database_away", "1 while the messages of a topic wait for the database", ("topic",))
BREAKER = gauge("breaker_open", "1 while one failure after the other stopped a topic", ("topic",))
SCRUBBED = counter("objects_scrubbed", "Objects that were compared with the tables, by kind", ("kind",))
SCRUB_FAULTS = gauge("scrub_faults", "Objects at fault that the last pass left as they are", ("kind",))
STORAGE_FAILED = counter("object_storage_failed", "Calls to object storage that failed, by operation", ("operation",))
OBJECT_CALLS = counter("object_calls", "Calls of object storage, by operation", ("operation",))
PUBLISHED = counter("outbox_published", "Outbox rows published to Kafka")
RELAY_FAILED = counter("relay_failed", "Rounds of the relay that failed and are done again")
TICKED = counter("tick_rows", "Rows that a tick acted on", ("tick",))
TICK_FAILED = counter("tick_failed", "Runs of a tick that raised", ("tick",))
TICK_SECONDS = histogram("tick_seconds", "Duration of a tick's run that acted on rows", ("tick",))
