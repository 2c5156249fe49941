"""`python -m deploy.bench.pipeline_run --badges N`: one run of the whole pipeline on a stack of its own; prints JSON.

`akashi bench pipeline` starts it for this tree, and in a copy of another commit: it asks of the product only what a
person could, and reads `/metrics`, the topics and the processes.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import msgspec
from kafka import KafkaConsumer

from deploy.bench.percentile import p95
from deploy.bench.prefill import prefill
from deploy.bench.sinks import Sink, cheapest
from deploy.bench.stacks import own_stack, without_holders
from deploy.bench.usage import cpu_of, cpu_of_process, memory_of, stored_by
from deploy.local.demo.crowd import crowd, ndjson
from deploy.local.demo.progress import status_of
from deploy.local.demo.run import feed
from deploy.local.loopback import ask
from deploy.local.office import ask_ops, signed_in
from deploy.local.stack import Stack
from shared.topics import ASSERTION_ISSUED, LETTER_UPDATED, REGISTRATION_RENEWED

STAGES: Mapping[str, tuple[str, str]] = {
    "issued": ("issuer", "akashi_credentials_stored_total"),
    "letter 1": ("mailer", 'akashi_letters_total{letter="award",state="sent"}'),
    "anchored": ("anchor", "akashi_anchor_leaves_proved_total"),
    "rendered": ("renderer", "akashi_certificates_rendered_total"),
    "letter 2": ("mailer", 'akashi_letters_total{letter="completion",state="sent"}'),
}
"""Stage → the service that counts it, and its counter."""

_DELIVERY = 2000  # registrations a request
_PAGES = 100  # of each kind that are opened
_SETTLED = 60.0  # seconds for the board to read what the last letters told
_CALLS = re.compile(r'^akashi_object_calls_total\{operation="(\w+)"\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """What one run measured. Per badge: `cpu` in ms, `stored` in bytes, `calls` of object storage."""

    badges: int
    sink: str
    seconds: float  # from the first registration handed in to the last letter 2 handed over
    until: dict[str, float]  # seconds until all were at a stage
    cpu: dict[str, float]
    stored: dict[str, float]
    calls: dict[str, float]  # {} for a commit that doesn't count them
    memory_idle: dict[str, float]  # MB, PSS
    memory: dict[str, float]
    latency: list[float]  # seconds from the release of one registration to letter 1 handed over, nothing else going on
    pages: dict[str, float]  # p95 of a page in ms, after the run
    grown: Grown | None = None


@dataclass(frozen=True)
class Grown:
    """The same once more on the same stack, after `prefilled` badges were put into its stores."""

    prefilled: int
    seconds: float
    pages: dict[str, float]
    until: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)


def run(badges: int, singles: int, seconds: float, prefilled: int = 0, folder: Path | None = None) -> Run:
    """On a new stack, which stays in `folder` if there is one.

    TimeoutError when not all is done within `seconds`, ValueError when the counts don't match.
    """
    with cheapest() as sink, own_stack(without_holders(sink.port), folder) as stack:
        memory_idle = memory_of(stack)
        latency = list(one_by_one(stack, singles))
        _await(lambda: _count(stack, "letter 2") >= singles, 120, "the single badges are finished")
        first = _all_at_once(stack, sink, badges, singles, seconds, memory_idle, latency)
        if not prefilled:
            return first
        ids, put_in = finished_ids(stack), prefill(stack, prefilled)  # nobody can verify the copies
        there = singles + badges + put_in  # the board counts each once; that is no part of what follows
        _await(lambda: _matches(stack, there), seconds, "the board counts those that were put in", pause=2.0)
        cpu = _cpu(stack, sink)
        until = finished(stack, "GROWN", badges, singles + badges, put_in, seconds)
        spent = _a_badge(cpu, _cpu(stack, sink), badges)
        return replace(first, grown=Grown(put_in, until["letter 2"], pages_of(stack, ids), until, spent))


def _all_at_once(
    stack: Stack,
    sink: Sink,
    badges: int,
    singles: int,
    seconds: float,
    memory_idle: dict[str, float],
    latency: list[float],
) -> Run:
    stored, calls, cpu = stored_by(stack.place), _calls(stack), _cpu(stack, sink)
    until = finished(stack, "PIPE", badges, singles, 0, seconds)
    cpu_after, calls_after = _cpu(stack, sink), _calls(stack)
    stored_after = stored_by(stack.place)
    return Run(
        badges=badges,
        sink=sink.name,
        seconds=until["letter 2"],
        until=until,
        cpu=_a_badge(cpu, cpu_after, badges),
        stored={name: grown / badges for name, grown in _difference(stored, stored_after).items()},
        calls={name: made / badges for name, made in _difference(calls, calls_after).items()},
        memory_idle=memory_idle,
        memory=memory_of(stack),
        latency=latency,
        pages=pages_of(stack, finished_ids(stack)),
    )


def finished(stack: Stack, prefix: str, badges: int, finished: int, prefilled: int, seconds: float) -> dict[str, float]:
    """Hand in `badges` registrations; seconds until all are at each stage. So many went through the stack before."""
    all, until = finished + badges, dict[str, float]()
    people = crowd(badges, cohort=stack.cohort, prefix=prefix)
    deliveries = list(iter(lambda: ndjson(islice(people, _DELIVERY)), b""))
    began = time.monotonic()
    for body in deliveries:
        feed(stack, body)

    def is_done() -> bool:
        for stage in STAGES:
            if stage not in until and _count(stack, stage) >= all:
                until[stage] = time.monotonic() - began
        print("  ".join(f"{stage} {until.get(stage, 0):.1f} s" for stage in STAGES), file=sys.stderr)
        return len(until) == len(STAGES)

    _await(is_done, seconds, f"all {badges} badges are finished", pause=1.0)
    _await(lambda: _matches(stack, all + prefilled), _SETTLED, "the board counts as many")
    return until


def finished_ids(stack: Stack) -> list[str]:
    """Assertion ids of some that are finished."""
    people = ask_ops(stack.place, f"/api/v1/people?limit={_PAGES}").raise_for_status().json()
    return [each["assertion_id"] for each in people]


def pages_of(stack: Stack, ids: list[str]) -> dict[str, float]:
    """p95 in ms of what strangers and the office open most, asked one after the other; the verdicts of `ids`."""
    office = signed_in(stack.place)
    verdicts = [f"{stack.urls['verifier']}/V/{each}" for each in ids]
    return {
        "verdict": _p95(lambda number: ask.get(verdicts[number % len(verdicts)])),
        "board": _p95(lambda number: office.get("/")),
        "login": _p95(lambda number: ask.get(f"{stack.urls['wallet']}/login")),
    }


def _p95(get: Callable[[int], httpx.Response]) -> float:
    spent = []
    for number in range(_PAGES):
        began = time.perf_counter()
        get(number).raise_for_status()
        spent.append(1000 * (time.perf_counter() - began))
    return p95(spent)


class _Envelope(msgspec.Struct):
    type: str
    time: datetime
    data: dict[str, Any]


def one_by_one(stack: Stack, singles: int) -> Iterator[float]:
    """Hand in one registration after the other; the seconds from each one's release to its letter 1 handed over."""
    topics = [each.name for each in (REGISTRATION_RENEWED, ASSERTION_ISSUED, LETTER_UPDATED)]
    consumer = KafkaConsumer(*topics, bootstrap_servers=stack.place.address("kafka"))
    consumer.poll(timeout_ms=5000)  # gets its partitions, and their ends
    draw = random.Random(1)
    try:
        for record in crowd(singles, cohort=stack.cohort, prefix="SINGLE"):
            time.sleep(draw.random())  # at any moment between two ticks
            feed(stack, ndjson(iter([record])))
            yield _seconds_to_letter_1(consumer, record["registration_id"])
    finally:
        consumer.close()


def _seconds_to_letter_1(consumer: KafkaConsumer, registration_id: str) -> float:
    """By the product's own clock: released at the time of its event, handed over when the server's answer was noted."""
    released: datetime | None = None
    assertion_id: str | None = None
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for messages in consumer.poll(timeout_ms=1000).values():
            for message in messages:
                it = msgspec.json.decode(message.value, type=_Envelope)
                award = it.data.get("award", {})
                if award.get("registration_id") == registration_id:
                    if it.type == "akashi.RegistrationRenewed":
                        released = it.time
                    elif it.type == "akashi.AssertionIssued":
                        assertion_id = it.data["assertion_id"]
                is_letter = it.type == "akashi.LetterUpdated" and it.data["letter"] == "award"
                if is_letter and it.data["state"] == "sent" and it.data["assertion_id"] == assertion_id and released:
                    return (datetime.fromisoformat(it.data["at"]) - released).total_seconds()
    raise TimeoutError(f"{registration_id}: got no letter 1 within 60 s")


def _count(stack: Stack, stage: str) -> float:
    service, name = STAGES[stage]
    found = re.search(rf"^{re.escape(name)} (\S+)$", _metrics(stack, service), re.MULTILINE)
    return float(found[1]) if found else 0.0


def _calls(stack: Stack) -> dict[str, float]:
    made: dict[str, float] = {}
    for service in ("issuer", "anchor", "renderer"):
        for operation, count in _CALLS.findall(_metrics(stack, service)):
            made[f"{service} {operation}"] = float(count)
    return made


def _metrics(stack: Stack, service: str) -> str:
    return ask.get(f"http://{stack.place.address(f'{service} metrics')}/metrics").text


def _matches(stack: Stack, all: int) -> bool:
    """Whether all are at the last stage, and nothing was put aside."""
    status = status_of(stack.place)
    if status is None:
        return False
    counts = status["cohort"]
    if status.get("dead_letters") or status.get("rejected") or counts.get("held"):
        raise ValueError(f"got dead letters, rejected rows or held people, expected none: {status}")
    return {counts[stage] for stage in ("eligible", "issued", "notified", "anchored", "rendered", "completed")} == {all}


def _cpu(stack: Stack, sink: Sink) -> dict[str, float]:
    return {**cpu_of(stack), "sink": cpu_of_process(sink.pid), "bench": time.process_time()}


def _a_badge(before: Mapping[str, float], after: Mapping[str, float], badges: int) -> dict[str, float]:
    """In ms."""
    return {name: 1000 * spent / badges for name, spent in _difference(before, after).items()}


def _difference(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    return {name: value - before.get(name, 0.0) for name, value in after.items()}


def _await(holds: Callable[[], bool], seconds: float, what: str, *, pause: float = 0.5) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(pause)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--badges", type=int, required=True)
    parser.add_argument("--singles", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--prefill", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where the stack stays; without, it is removed")
    asked = parser.parse_args()
    print(json.dumps(asdict(run(asked.badges, asked.singles, asked.seconds, asked.prefill, asked.folder))))


if __name__ == "__main__":
    main()
