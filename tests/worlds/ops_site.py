"""The pages and the API of ops over real HTTP, with figures of two services."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from services.ops.config import Links
from services.ops.health import HealthMeter
from services.ops.lag import Lag, LagMeter
from services.ops.ports import Ports
from services.ops.store.events import Store
from services.ops.web.site import build_site
from shared.programme import parse_programme
from tests.worlds.cohorts import NOON
from tests.worlds.http_server import serving
from tests.worlds.ops import empty

PROGRAMME = parse_programme(Path("deploy/programmes/jci.toml").read_text(encoding="utf-8"))


class TwoServices:
    def lags(self, services: object) -> Lag:
        return Lag(messages={"issuer": 12, "mailer": None}, unknown={"mailer": "it has not read anything yet"})


class Office:
    """A browser at the ops pages; counts how often the ticks were woken."""

    def __init__(self, ports: Ports, browser: httpx.Client) -> None:
        self.ports = ports
        self.browser = browser
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1

    def status(self) -> dict[str, object]:
        found: dict[str, object] = self.browser.get("/api/v1/status").raise_for_status().json()
        return found


@contextmanager
def office_of(store: Store, **metrics: str) -> Iterator[Office]:
    """`metrics`: what services answer at /metrics."""
    empty(store)
    meter = LagMeter(TwoServices())
    meter.measure()
    health = HealthMeter({service: (service,) for service in metrics}, read=metrics.__getitem__)
    health.measure()
    ports = Ports(store=store, lag=meter, now=lambda: NOON, health=health)
    links = Links(registration=None, verifier=None, inbox="http://127.0.0.1:8605")
    with httpx.Client(headers={"accept-language": "ja"}) as browser:
        office = Office(ports, browser)
        with serving(build_site(PROGRAMME, links, ports, office.wake)) as base:
            browser.base_url = httpx.URL(base)
            yield office
