"""`akashi bench verify`: the latency of a verdict, and how many verdicts a second one core gives.

A stack of its own in a temporary folder with real badges, each of which is asked for in turn, so that no cache of a
single answer is measured. The verifier is pinned to one core; PostgreSQL, object storage and chain have the other.
"""

from __future__ import annotations

import json
import os
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice

import click
import httpx
import psutil
from rich.console import Console

from deploy.bench.percentile import p95
from deploy.bench.report import Report
from deploy.bench.stacks import own_stack
from deploy.bench.usage import cpu_of_process
from deploy.local.demo.crowd import crowd, ndjson
from deploy.local.demo.letters import Inbox
from deploy.local.demo.progress import Watch
from deploy.local.demo.run import Players, feed
from deploy.local.office import ask_ops
from deploy.local.stack import Stack
from shared.runtime.commands import json_option

MOST_MILLISECONDS = 30.0
LEAST_RATE = 50.0

_UNLIMITED = {"VERIFY_RATE": "100000000/minute"}
_CLIENTS = 4

Ask = Callable[[httpx.Client, int], httpx.Response]


@click.command()
@click.option("--badges", default=60, show_default=True, help="作成する人数。 / Number of badges to make.")
@click.option("--requests", default=600, show_default=True, help="種類ごとの回数。 / Number of requests of each kind.")
@click.option("--seconds", default=600.0, show_default=True, help="待つ上限（秒）。 / Seconds before giving up.")
@json_option
def verify(badges: int, requests: int, seconds: float, as_json: bool) -> None:
    """確認の速さを測る。 / Measure the verdict by id, by file and as a page, on one core."""
    with own_stack(_UNLIMITED) as stack:
        documents = _complete(stack, badges, seconds)
        report = measure(stack, documents, requests)
    report.show(as_json=as_json)


def _complete(stack: Stack, badges: int, seconds: float) -> list[bytes]:
    """The credentials of `badges` finished badges, each anchored at finality."""
    body = ndjson(crowd(badges, cohort=stack.cohort, prefix="VERIFY"))
    players = Players(Inbox(stack.home / "inbox"), badges, seconds=seconds)
    players.start()
    feed(stack, body)
    watch = Watch(stack.place, lambda it: it["cohort"]["completed"] >= badges, seconds=seconds, expected=badges)
    if not watch.run(Console(stderr=True), also=players.check):
        raise click.ClickException("the badges were not finished in time")
    players.stop()
    people = ask_ops(stack.place, "/api/v1/people").json()
    site = f"{stack.urls['verifier']}/credentials"
    return [httpx.get(f"{site}/{person['assertion_id']}.json", trust_env=False).content for person in people]


def measure(stack: Stack, documents: Sequence[bytes], requests: int) -> Report:
    """Each kind of request: one after the other for the latency, four clients at once for the rate."""
    pid = stack.pid("verifier")
    assert pid is not None
    hold_to_core(pid, 0)
    ids = [json.loads(document)["id"].rpartition("/")[2].removesuffix(".json") for document in documents]
    api, site = f"{stack.urls['verifier']}/api/v1/verify", stack.urls["verifier"]
    ways: dict[str, Ask] = {
        "file": lambda client, n: client.post(api, content=documents[n % len(documents)]),
        "id": lambda client, n: client.get(api, params={"id": ids[n % len(ids)]}),
        "page": lambda client, n: client.get(f"{site}/V/{ids[n % len(ids)]}"),
    }
    report = Report("verify")
    for way, ask in ways.items():
        _check(ask, way)
        spent = _one_by_one(ask, requests)
        report.add(f"{way}: p50", statistics.median(spent), "ms", at_most=MOST_MILLISECONDS)
        report.add(f"{way}: p95", p95(spent), "ms")
        before = cpu_of_process(pid)
        rate = _at_once(ask, requests)
        report.add(f"{way}: rate on one core", rate, "requests/s", at_least=LEAST_RATE)
        report.add(f"{way}: CPU of the verifier", 1000 * (cpu_of_process(pid) - before) / requests, "ms/request")
    return report


def hold_to_core(pid: int, core: int) -> None:
    """Pin all threads of a process to one core."""
    for thread in psutil.Process(pid).threads():
        os.sched_setaffinity(thread.id, {core})


def _check(ask: Ask, way: str) -> None:
    """Warm up, and make sure that what is timed answers valid."""
    with httpx.Client(trust_env=False, timeout=30) as client:
        for number in range(40):
            answer = ask(client, number)
            good = "有効な" in answer.text if way == "page" else answer.json()["verdict"] == "valid"
            if answer.status_code != 200 or not good:
                raise click.ClickException(f"{way}: answered {answer.status_code}: {answer.text[:300]}")


def _one_by_one(ask: Ask, requests: int) -> list[float]:
    spent = []
    with httpx.Client(trust_env=False, timeout=30) as client:
        for number in range(requests):
            began = time.perf_counter()
            ask(client, number)
            spent.append(1000 * (time.perf_counter() - began))
    return spent


def _at_once(ask: Ask, requests: int) -> float:
    def work(first: int) -> None:
        with httpx.Client(trust_env=False, timeout=30) as client:
            for number in islice(cycle(range(requests)), first, first + requests // _CLIENTS):
                ask(client, number)

    threads = [threading.Thread(target=work, args=(n * 7,)) for n in range(_CLIENTS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return requests / (time.perf_counter() - began)
