"""What people do on registration's screens while a delivery comes in: one action that reads, one that writes.

Latencies are those of whole HTTP requests, from this process.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import httpx
import psutil
import psycopg

from deploy.local.demo.crowd import crowd, ndjson
from deploy.local.stack import Stack
from services.registration.people.address_screen import CONFIRMATION
from shared.links import mail_token
from shared.programme import parse_programme

READS_PER_WRITE = 4
_NO_KEPT = httpx.Limits(max_keepalive_connections=0)  # a busy machine is slower than the server keeps a connection
_SOURCE = "bench-screen"


class Screens:
    """Actions of people: the outlook of one registration, and the confirmation of an address by a letter's link."""

    def __init__(self, stack: Stack, read_id: str) -> None:
        self._url, self._desk = stack.urls["registration"], stack.urls["desk"]
        secrets = stack.home / "secrets"
        self._headers = {"Authorization": f"Bearer {(secrets / 'upstream.key').read_text().strip()}"}
        self._secret = (secrets / "desk.secret").read_bytes().strip()
        self._database = stack.environment("registration")["DATABASE_URL"]
        programme = Path(stack.environment("registration")["PROGRAMME_FILE"]).read_text(encoding="utf-8")
        self._programme = parse_programme(programme)
        self._read_id = read_id
        self._links: Iterator[str] = iter(())

    def prepare(self, people: int, cohort: str) -> None:
        """Deliver `people` of a later cohort, who then ask for an address: each has a link to press."""
        records = list(crowd(people, cohort=cohort, prefix="SCREEN"))
        with httpx.Client(trust_env=False, timeout=120) as client:
            answer = client.post(
                f"{self._url}/upstream/registrations?source={_SOURCE}",
                content=ndjson(iter(records)),
                headers={**self._headers, "Content-Type": "application/x-ndjson"},
            )
            answer.raise_for_status()
        for each in records:
            desk = self._programme.qualification(each["qualification"]).desk
            with httpx.Client(trust_env=False, timeout=120, limits=_NO_KEPT) as browser:
                typed = {"number": each["pass_number"], "birth_date": each["birth_date"]}
                browser.post(f"{self._desk}/desks/{desk}", data=typed)
                asked = {"email": f"own.{each['registration_id'].lower()}@crowd.example.jp", "sure": "1"}
                browser.post(f"{self._desk}/desks/{desk}/address", data=asked).raise_for_status()
        with psycopg.connect(self._database) as connection:
            ids = connection.execute("select request_id from address_requests where outcome is null").fetchall()
        if len(ids) < people:
            raise click.ClickException(f"{len(ids)} of {people} asked for an address, expected all")
        self._links = iter([f"{self._desk}/confirm/{id}/{mail_token(self._secret, CONFIRMATION, id)}" for (id,) in ids])

    def read(self, client: httpx.Client) -> None:
        """Find a registration and judge it."""
        client.post(f"{self._url}/api/v1/outlook", json=[self._read_id], headers=self._headers).raise_for_status()

    def write(self, client: httpx.Client) -> bool:
        """Confirm an address, which waits for the delivery's part in hand. False when nobody is left to do it."""
        link = next(self._links, None)
        if link is None:
            return False
        answer = client.post(link)
        answer.raise_for_status()
        if 'data-state="confirmed"' not in answer.text:
            raise click.ClickException("a link did not confirm its address")
        return True


class Watched(threading.Thread):
    """While it runs: the process's peak memory in MB, and the latencies of actions, ten a second."""

    def __init__(self, process: psutil.Process, screens: Screens) -> None:
        super().__init__(name="watched", daemon=True)
        self._process, self._screens = process, screens
        self._ended = threading.Event()
        self._failure: BaseException | None = None
        self.reads: list[float] = []  # milliseconds
        self.writes: list[float] = []
        self.peak = 0.0

    def __enter__(self) -> Watched:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join(60)
        if self._failure is not None:
            raise self._failure

    def run(self) -> None:
        try:
            with httpx.Client(trust_env=False, timeout=60) as client:
                while not self._ended.wait(0.1):
                    self.peak = max(self.peak, self._process.memory_info().rss / 2**20)
                    if len(self.reads) % (READS_PER_WRITE + 1) == READS_PER_WRITE:
                        began = time.perf_counter()
                        if self._screens.write(client):
                            self.writes.append(1000 * (time.perf_counter() - began))
                    began = time.perf_counter()
                    self._screens.read(client)
                    self.reads.append(1000 * (time.perf_counter() - began))
        except BaseException as error:
            self._failure = error


def p95(milliseconds: Sequence[float]) -> float:
    return statistics.quantiles(milliseconds, n=20)[-1] if len(milliseconds) > 1 else 0.0
