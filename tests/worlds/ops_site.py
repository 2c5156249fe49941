"""The pages and the API of ops over real HTTP, with figures of two services."""

from __future__ import annotations

import atexit
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile

import httpx
from fastapi import FastAPI

from services.ops.config import Links
from services.ops.ports import Ports
from services.ops.sources.health import HealthMeter
from services.ops.sources.lag import Lag, LagMeter
from services.ops.sources.registration import NoRegistration, Registration
from services.ops.sources.rehearsal import Surroundings
from services.ops.store.events import Store
from services.ops.web.site import build_site
from shared.programme import parse_programme
from shared.runtime.access import Access
from shared.runtime.web.office_accounts import OfficeAccounts, OfficeUser
from tests.worlds.cohorts import NOON
from tests.worlds.http_server import serving
from tests.worlds.ops import empty

PROGRAMME = parse_programme(Path("deploy/programmes/jci.toml").read_text(encoding="utf-8"))


KEY = "the key of the commands"
OFFICE = "事務局"  # an admin


CROSS_SITE = {"sec-fetch-site": "cross-site", "authorization": ""}
"""What a page of another site makes a browser send: it has no key."""


@cache
def key_file() -> str:
    """The path of a file with KEY, until this process ends."""
    file = NamedTemporaryFile("w", prefix="akashi-ops-", suffix=".key")  # noqa: SIM115  # removed at exit
    file.write(KEY)
    file.flush()
    atexit.register(file.close)
    return file.name


def good_settings() -> dict[str, str]:
    """The least that ops starts with. Nothing answers at these addresses."""
    return {
        "DATABASE_URL": "postgresql://ops@127.0.0.1:1/akashi",
        "KAFKA_BOOTSTRAP": "127.0.0.1:2",
        "PROGRAMME_FILE": "deploy/programmes/jci.toml",
        "WEB_PORT": "8604",
        "OPS_KEY_FILE": key_file(),
    }


def at_board(url: object) -> dict[str, str]:
    """The environment of a command that asks the ops at `url`."""
    return {"OPS_URL": str(url).rstrip("/"), "OPS_KEY_FILE": key_file()}


def site_of(
    ports: Ports, links: Links, wake: Callable[[], None] = lambda: None, access: Access | None = None
) -> FastAPI:
    return build_site(PROGRAMME, links, ports, wake, KEY.encode(), access)


def sign_in(store: Store, browser: httpx.Client, name: str = OFFICE, desk: str | None = None) -> None:
    """`browser` is signed in from now on, without a password: as an admin, or with a desk as its office.

    It has the key of the API, too.
    """
    token = secrets.token_urlsafe(16)
    with store.transaction() as tx:
        accounts = OfficeAccounts(tx)
        accounts.add(OfficeUser(name, "office" if desk else "admin", desk), "no hash")
        accounts.open_session(token, name)
    browser.cookies.set("office", token)
    browser.headers["authorization"] = f"Bearer {KEY}"


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
def office_of(
    store: Store, registration: Registration | None = None, *, around: Surroundings | None = None, **metrics: str
) -> Iterator[Office]:
    """`metrics`: what services answer at /metrics."""
    empty(store)
    meter = LagMeter(TwoServices())
    meter.measure()
    health = HealthMeter({service: (service,) for service in metrics}, read=metrics.__getitem__)
    health.measure()
    asked = registration or NoRegistration()
    ports = Ports(
        store=store,
        lag=meter,
        now=lambda: NOON,
        registration=asked,
        health=health,
        around=around or Surroundings(),
    )
    links = Links(registration=None, verifier=None, inbox="http://127.0.0.1:8605")
    with httpx.Client(headers={"accept-language": "ja"}) as browser:
        office = Office(ports, browser)
        with serving(site_of(ports, links, office.wake)) as base:
            browser.base_url = httpx.URL(base)
            sign_in(store, browser)
            yield office
