"""The topics in Kafka against those of the pipeline: there, as many partitions, kept for long enough, writable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

from shared.readiness import Finding, Report, fault, ok
from shared.runtime.kafka_access import KafkaAccess
from shared.topics import ALL_TOPICS, LONGEST_RETENTION, PARTITIONS, RETENTION

_TIMEOUT_MS = 3000
_DAY_MS = timedelta(days=1) // timedelta(milliseconds=1)
_NAMED = 5
_KEPT = "retention.ms"


def wanted_from(partitions: int) -> Mapping[str, int]:
    """Topic → the fewest partitions that it should have, by the setting TOPIC_PARTITIONS; dead letters' too.

    A topic that is declared with another number than the usual one has that many, whatever the setting says.
    """
    return {topic.name: partitions if topic.partitions == PARTITIONS else topic.partitions for topic in ALL_TOPICS}


def topics_report(kafka: KafkaAccess, wanted: Mapping[str, int]) -> Report:
    try:
        with closing(
            KafkaAdminClient(
                **kafka.client,
                client_id="akashi-rehearsal",
                bootstrap_timeout_ms=_TIMEOUT_MS,
                request_timeout_ms=_TIMEOUT_MS,
            )
        ) as admin:
            there = sorted(wanted.keys() & set(admin.list_topics()))
            described = admin.describe_topics(there) if there else []
            kept = _retentions(admin, there)
    except (KafkaError, OSError, RuntimeError) as error:
        return Report(findings=(fault("topics", "kafka-away", str(kafka), cause=type(error).__name__),))
    return Report(findings=findings_of(described, kept, wanted))


def findings_of(
    described: Iterable[Mapping[str, Any]], kept: Mapping[str, int], wanted: Mapping[str, int]
) -> tuple[Finding, ...]:
    """`described` as `describe_topics` answers, `kept`: milliseconds by topic, -1 for ever."""
    partitions = {topic["name"]: list(topic["partitions"]) for topic in described}
    faults = []
    if missing := [name for name in wanted if name not in partitions]:
        faults.append(fault("topics", "topics-missing", topics=_named(missing)))
    if narrow := [name for name, found in partitions.items() if len(found) < wanted[name]]:
        faults.append(fault("topics", "topics-narrow", topics=_named(narrow)))
    if away := [name for name, found in partitions.items() if any(each.get("leader_id", 0) < 0 for each in found)]:
        faults.append(fault("topics", "topics-without-leader", topics=_named(away)))
    bounds = range(_DAY_MS, LONGEST_RETENTION.days * _DAY_MS + 1)
    if wrong := [name for name, milliseconds in kept.items() if milliseconds not in bounds]:
        most = LONGEST_RETENTION.days
        faults.append(fault("topics", "topics-retention", least=1, most=most, topics=_named(wrong)))
    days = min(kept.values(), default=0) // _DAY_MS
    return tuple(faults) or (ok("topics", topics=len(partitions), days=days, usual=RETENTION.days),)


def _retentions(admin: Any, topics: Sequence[str]) -> dict[str, int]:
    if not topics:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, configs={_KEPT: ""}) for name in topics]
    (found,) = admin.describe_configs(resources, config_filter="all").values()
    return {topic: int(entries[_KEPT]["value"]) for topic, entries in found.items()}


def _named(topics: Sequence[str]) -> str:
    more = f" +{len(topics) - _NAMED}" if len(topics) > _NAMED else ""
    return ", ".join(topics[:_NAMED]) + more
