"""The pages for people of registration: real PostgreSQL and HTTP; the letters are read from the outbox."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx

from services.mailer.domain.requested import request_problem
from services.registration.domain.cohort import cycle_of
from services.registration.foreground import Foreground
from services.registration.people.ports import DeskPorts
from services.registration.web.desk_site import desk_site
from shared.clock import JST
from shared.letter_events import DeskLetterRequested
from shared.programme import Programme
from shared.runtime.access import Access
from tests.worlds.http_server import serving
from tests.worlds.registration import PROGRAMME, RegistrationWorld, world_at

SECRET = b"a secret of the desk's pages"
FEBRUARY = datetime(2026, 2, 10, 12, tzinfo=JST)
BORN = "昭和55年2月29日"  # of tests/worlds/registration.py, record()
OPS = "https://ops.example.jp"


@dataclass
class DeskWorld:
    url: str
    registration: RegistrationWorld
    ports: DeskPorts
    woken: list[datetime] = field(default_factory=list)

    def browser(self, language: str = "ja", source: str = "") -> httpx.Client:
        """`source`: the address that a trusted proxy names."""
        headers = {"accept-language": language} | ({"x-forwarded-for": source} if source else {})
        return httpx.Client(base_url=self.url, follow_redirects=True, trust_env=False, verify=False, headers=headers)

    def letters(self, letter: str = "") -> list[DeskLetterRequested]:
        return [each for each in self.registration.announced(DeskLetterRequested) if letter in ("", each.letter)]

    def link(self) -> str:
        """The path of the newest confirmation letter."""
        return self.mailed("confirm-address")

    def mailed(self, letter: str) -> str:
        """The path of the link in the newest such letter, in the form that the mailer takes."""
        newest = self.letters(letter)[-1]
        assert request_problem(newest) is None
        return newest.facts["link"].removeprefix(self.ports.desk_url)


def sign_in(
    browser: httpx.Client, number: int | str = 1, born: str = BORN, desk: str = "gishi", **more: str
) -> httpx.Response:
    typed = f"25-{number}" if isinstance(number, int) else number
    return browser.post(f"/desks/{desk}", data={"number": typed, "birth_date": born, **more})


def ask_for(browser: httpx.Client, email: str, desk: str = "gishi") -> httpx.Response:
    return browser.post(f"/desks/{desk}/address", data={"email": email, "sure": "1"})


@contextmanager
def desk_at(database: str, programme: Programme = PROGRAMME) -> Iterator[DeskWorld]:
    """The pages on empty tables, in February. Proxies on loopback are believed."""
    with world_at(database) as registration:
        registration.clock.now = FEBRUARY
        with registration.ports.store.transaction() as tx:
            tx.cursor.execute("truncate screen_sessions, screen_attempts, address_requests, address_recoveries")
        woken: list[datetime] = []
        ports = DeskPorts(
            store=registration.ports.store,
            programme=programme,
            cycle=cycle_of(programme, "2026"),
            now=registration.clock,
            secret=SECRET,
            desk_url="http://desk.example.jp",
            ops_url=OPS,
            new_token=lambda: secrets.token_urlsafe(24),
            wake=lambda: woken.append(registration.clock.now),
            recovery_wait=timedelta(days=7),
        )
        with serving(desk_site(ports, Access(proxies=("127.0.0.0/8", "::1/128")), Foreground())) as url:
            yield DeskWorld(url, registration, ports, woken)
