"""`akashi bench wallet`: login pages a second, and complete account creations compared with argon2id alone.

A creation is what a person does: open the link of letter 1, send name and password, see the received badge. Its rate is
compared with that of hashing alone, by the same parameters, on the same cores, in the same run: no wallet can be faster
than its hashes. The client speaks plain HTTP over kept connections, so that it takes little of the machine.
"""

from __future__ import annotations

import os
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from urllib.parse import urlencode, urlsplit

import click
from rich.console import Console

from deploy.bench.percentile import p95
from deploy.bench.report import Report
from deploy.bench.stacks import own_stack
from deploy.bench.usage import cpu_of_process
from deploy.local.demo.crowd import crowd, ndjson
from deploy.local.demo.progress import Watch
from deploy.local.demo.run import feed
from deploy.local.office import ask_ops
from deploy.local.stack import Stack
from shared.links import receive_url
from shared.runtime.commands import json_option
from shared.runtime.web.passwords import ITERATIONS, LANES, MEMORY_KIB, Passwords

LEAST_PAGES = 200.0
LEAST_SHARE = 0.6
MOST_MILLISECONDS = 500.0
_CLIENTS = 8
_TURNS = 6
_IDLE = ("registration", "issuer", "anchor", "renderer", "mailer", "verifier", "ops")
"""Stopped while the wallet is measured alone; what it announces waits on Kafka."""


@click.command()
@click.option("--holders", default=1000, show_default=True, help="受領する人数。 / Number of holders who receive.")
@click.option("--seconds", default=10.0, show_default=True, help="種類ごとの時間（秒）。 / Seconds for each kind.")
@click.option(
    "--beside-pipeline",
    is_flag=True,
    help="全サービスを動かしたまま測る。 / Leave all services running: badges are anchored meanwhile.",
)
@json_option
def wallet(holders: int, seconds: float, beside_pipeline: bool, as_json: bool) -> None:
    """ウォレットの速さを測る。 / Measure login pages and account creations of the wallet."""
    with own_stack() as stack:
        links = _issued(stack, holders)
        if not beside_pipeline:
            for service in _IDLE:
                stack.halt(service)
        report = measure(stack, links, seconds)
    report.show(as_json=as_json)


def _issued(stack: Stack, holders: int) -> list[str]:
    """The paths of letter 1's links of as many holders, each of whose badges the wallet knows."""
    body = ndjson(crowd(holders, cohort=stack.cohort, prefix="WALLET"))
    feed(stack, body)
    watch = Watch(stack.place, lambda it: it["cohort"]["notified"] >= holders, seconds=900.0, expected=holders)
    if not watch.run(Console(stderr=True)):
        raise click.ClickException("the badges were not issued in time")
    secret = Path(stack.environment("wallet")["LINK_SECRET_FILE"]).read_bytes().strip()
    people = ask_ops(stack.place, "/api/v1/people").json()  # all of them: a page has 1 000 at most
    links = [receive_url("", secret, person["assertion_id"]) for person in people]
    if len(links) < holders:
        raise click.ClickException(f"got {len(links)} links, expected {holders}")
    return links


def measure(stack: Stack, links: Sequence[str], seconds: float) -> Report:
    """A few of `links` first, half of the others as fast as it goes, the rest at half of that rate for the latency."""
    report, site = Report("wallet"), stack.urls["wallet"]
    pages = _as_fast_as_it_goes(site, seconds, _look_at_login)
    report.add("login pages", pages.rate, "pages/s", at_least=LEAST_PAGES)
    half = _at_rate(site, pages.rate / 2, [_look_at_login] * int(pages.rate / 2 * seconds))
    report.add("login pages at half of that: p95", half.p95, "ms", at_most=MOST_MILLISECONDS)
    people = [_creation(link, number) for number, link in enumerate(links)]
    first, people = people[: 2 * _CLIENTS], people[2 * _CLIENTS :]
    _all(site, first)  # each page's template is compiled when it is first asked for: 0.1 s that no later one takes
    middle = len(people) // 2
    before = cpu_of_process(stack.pid("wallet")), cpu_of_process(stack.pid("postgres"))
    created, hashes = _beside_hashes(site, people[:middle], seconds)
    after = cpu_of_process(stack.pid("wallet")), cpu_of_process(stack.pid("postgres"))
    report.compare(
        "account creations, three pages each",
        created.rate,
        "accounts/s",
        f"argon2id alone (m={MEMORY_KIB}, t={ITERATIONS}, p={LANES}) on {os.cpu_count()} cores",
        hashes,
        at_least=LEAST_SHARE,
    )
    report.add("argon2id alone: CPU", 1000 * _cpu_of_a_hash(), "ms/hash")
    for name, spent in zip(("wallet", "database"), (b - a for a, b in zip(before, after, strict=True)), strict=True):
        report.add(f"account creations: CPU of the {name}", 1000 * spent / max(created.done, 1), "ms/account")
    report.add("account creations: CPU of this client", 1000 * created.cpu / max(created.done, 1), "ms/account")
    half = _at_rate(site, created.rate / 2, people[middle:])
    report.add("creations at half of that: p95 of a page", half.p95, "ms", at_most=MOST_MILLISECONDS)
    report.add("creations: refused or failed", float(created.failed + half.failed), "accounts", at_most=0)
    return report


def _beside_hashes(site: str, people: Sequence[Work], seconds: float) -> tuple[Seen, float]:
    """Creations, and hashes a second. By turns, so that whatever else the machine does meets both.

    At the end of a turn some workers have nothing left to do: turns of the two are to be about equally long.
    """
    passwords = Passwords(at_once=os.cpu_count() or 1)
    size = max(1, -(-len(people) // _TURNS))
    hashes, turns = [], []
    for first in range(0, len(people), size):
        hashes.append(_hashes(passwords, seconds / _TURNS))
        turns.append(_all(site, people[first : first + size]))
    return Seen.together(turns), statistics.fmean(hashes)


def _hashes(passwords: Passwords, seconds: float) -> float:
    """Hashes a second on all cores, with the wallet's own class and parameters."""
    cores, began = os.cpu_count() or 1, time.perf_counter()
    until = began + seconds

    def work() -> int:
        done = 0
        while time.perf_counter() < until:
            passwords.hash("correct horse battery")
            done += 1
        return done

    with ThreadPoolExecutor(cores) as pool:
        return sum(pool.map(lambda _: work(), range(cores))) / (time.perf_counter() - began)  # to the end of the last


def _cpu_of_a_hash() -> float:
    """Seconds: what no other work on the machine changes much."""
    passwords, began, hashes = Passwords(), time.process_time(), 50
    for _ in range(hashes):
        passwords.hash("correct horse battery")
    return (time.process_time() - began) / hashes


# ── the client ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Seen:
    """What a run of requests took."""

    spent: list[float] = field(default_factory=list)  # seconds a request
    done: int = 0  # pieces of work that went well
    failed: int = 0
    seconds: float = 0.0  # of the whole run
    cpu: float = 0.0  # seconds of the clients themselves

    @classmethod
    def together(cls, runs: Sequence[Seen]) -> Seen:
        return cls(
            spent=[each for run in runs for each in run.spent],
            done=sum(run.done for run in runs),
            failed=sum(run.failed for run in runs),
            seconds=sum(run.seconds for run in runs),
            cpu=sum(run.cpu for run in runs),
        )

    @property
    def rate(self) -> float:
        return self.done / self.seconds

    @property
    def p95(self) -> float:
        """Milliseconds."""
        return 1000 * p95(self.spent)


@dataclass
class Client:
    """A connection that is kept, and the cookies of one person.

    HTTP/1.1 as this server speaks it, with Content-Length: a library's parser would take more of the machine than some
    of the pages do, and it is the wallet that is measured.
    """

    host: str
    port: int
    seen: Seen
    cookies: dict[str, str] = field(default_factory=dict)
    _connection: socket.socket | None = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def ask(self, method: str, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        """Status, and where it redirects to. The connection is opened where there is none."""
        lines = [f"{method} {path} HTTP/1.1", f"host: {self.host}:{self.port}"]
        if self.cookies:
            lines.append("cookie: " + "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        body = b""
        if form is not None:
            body = urlencode(form).encode()
            lines += ["content-type: application/x-www-form-urlencoded", "sec-fetch-site: same-origin"]
            lines.append(f"content-length: {len(body)}")
        began = time.perf_counter()
        if self._connection is None:
            self._connection = socket.create_connection((self.host, self.port), timeout=60)
        self._connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        status, headers = self._answer(self._connection)
        self.seen.spent.append(time.perf_counter() - began)
        for value in headers.get("set-cookie", ()):
            name, _, cookie = value.partition(";")[0].partition("=")
            self.cookies[name] = cookie
        return status, headers.get("location", [""])[0]

    @staticmethod
    def _answer(connection: socket.socket) -> tuple[int, dict[str, list[str]]]:
        """Reads it to its end. ConnectionError for one that was cut off."""
        got = b""
        while (end := got.find(b"\r\n\r\n")) < 0:
            got += _more(connection)
        first, *lines = got[:end].decode("latin-1").split("\r\n")
        headers: dict[str, list[str]] = {}
        for line in lines:
            name, _, value = line.partition(": ")
            headers.setdefault(name.lower(), []).append(value)
        left = int(headers.get("content-length", ["0"])[0]) - (len(got) - end - 4)
        while left > 0:
            left -= len(_more(connection))
        return int(first.split(" ", 2)[1]), headers


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65_536)
    if not data:
        raise ConnectionError("got the end of the connection, expected the rest of an answer")
    return data


Work = Callable[[Client], bool]
"""What one person does; whether it went well."""


def _look_at_login(client: Client) -> bool:
    return client.ask("GET", "/login")[0] == 200


def _creation(link: str, number: int) -> Work:
    def create(client: Client) -> bool:
        client.close()  # each person comes by a connection of their own; the next request opens it
        client.cookies.clear()
        if client.ask("GET", link)[0] != 200:
            return False
        form = {"full_name": f"見本 {number}", "password": f"yaki-imo {number} enpitsu kasa"}
        status, badge = client.ask("POST", link, form)
        return status == 303 and client.ask("GET", badge)[0] == 200

    return create


def _as_fast_as_it_goes(site: str, seconds: float, work: Work) -> Seen:
    def until() -> Iterator[Work]:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            yield work

    return _run(site, until)


def _all(site: str, works: Sequence[Work]) -> Seen:
    waiting: SimpleQueue[Work] = SimpleQueue()
    for work in works:
        waiting.put(work)

    def take() -> Iterator[Work]:
        while True:
            try:
                yield waiting.get_nowait()
            except Empty:
                return

    return _run(site, take)


def _at_rate(site: str, rate: float, works: Sequence[Work]) -> Seen:
    """Begin each at its own time, whether or not those before are done, as people do; many connections wait for it."""
    begins: SimpleQueue[tuple[float, Work]] = SimpleQueue()
    start = time.perf_counter()
    for number, work in enumerate(works):
        begins.put((start + number / rate, work))

    def take() -> Iterator[Work]:
        while True:
            try:
                at, work = begins.get_nowait()
            except Empty:
                return
            time.sleep(max(0.0, at - time.perf_counter()))
            yield work

    return _run(site, take, clients=4 * _CLIENTS)


def _run(site: str, take: Callable[[], Iterator[Work]], clients: int = _CLIENTS) -> Seen:
    parts, seen, lock, began = urlsplit(site), Seen(), threading.Lock(), time.perf_counter()

    def client_of_its_own() -> None:
        client = Client(parts.hostname or "", parts.port or 80, seen)
        for work in take():
            try:
                went_well = work(client)
            except (OSError, ValueError):
                went_well = False
                client.close()
            with lock:
                seen.done += went_well
                seen.failed += not went_well
        client.close()
        with lock:
            seen.cpu += time.thread_time()

    threads = [threading.Thread(target=client_of_its_own) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen.seconds = time.perf_counter() - began
    return seen
