"""What no column of PostgreSQL holds, and what its OpenAPI description allows, sent to every route: never a fault."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI

from deploy.local.ports import free_port
from services.ops.config import Links
from services.ops.store.events import Store
from services.registration.web.intake import intake_site
from services.wallet.web.site import web_app
from tests.worlds.anvil import anvil
from tests.worlds.cohorts import cycle
from tests.worlds.http_server import serving
from tests.worlds.ops import dead_letter, tell
from tests.worlds.ops_site import office_of, sign_in, site_of
from tests.worlds.postgres import Databases
from tests.worlds.registration import KEY, registration_database, world_at
from tests.worlds.routes import as_described, statuses
from tests.worlds.verifier import verifier_world
from tests.worlds.wallet import config, join, running_wallet, wallet_database

EACH_ITS_OWN = httpx.Limits(max_keepalive_connections=0)  # after a fault uvicorn closes the connection

pytest_plugins = ("tests.worlds.ops_fixtures",)


def faults(found: dict[str, int], *, routes: int) -> dict[str, int]:
    """What was answered as a fault of ours; `routes`: at least so many routes and methods were asked."""
    assert len({what.partition(":")[0].partition("?")[0].partition("%")[0] for what in found}) >= routes
    return {what: status for what, status in found.items() if status >= 500}


@pytest.fixture
def browser() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=60, limits=EACH_ITS_OWN) as browser:
        yield browser


def test_the_office_takes_no_bad_character_for_a_fault(store: Store, browser: httpx.Client) -> None:
    with office_of(store) as office:
        tell(office.ports, *cycle(1))
        dead_letter(office.ports)
        site = site_of(office.ports, Links(None, None, None))
        browser.base_url = office.browser.base_url
        sign_in(office.ports.store, browser)
        base = str(office.browser.base_url).rstrip("/")
        assert faults(statuses(site, browser) | as_described(site, base), routes=25) == {}


def test_the_wallet_takes_no_bad_character_for_a_fault() -> None:
    with wallet_database() as url, running_wallet(url) as wallet, wallet.browser() as browser:
        join(browser, wallet, wallet.issue("a@example.jp").assertion_id)
        site = web_app(config(url, wallet.clock), wallet.ports)
        found = statuses(site, browser)
        for email in ("\0", "a\0@example.jp", "\x1ba@example.jp", "\u202ea@example.jp", "\x00" * 100):
            form = {"email": email, "password": "a wrong password"}
            found[f"login {email!r}"] = browser.post("/login", data=form).status_code
        join(browser, wallet, wallet.issue("b@example.jp").assertion_id)
        found |= as_described(site, wallet.url, cookie=f"wallet={browser.cookies['wallet']}")
        assert faults(found, routes=12) == {}


def test_the_verifier_takes_no_bad_character_for_a_fault(databases: Databases, browser: httpx.Client) -> None:
    with anvil() as chain, verifier_world(chain, databases.fresh(), free_port()) as world:
        world.anchor(world.issue())
        browser.base_url = httpx.URL(world.url)
        assert faults(statuses(world.site, browser) | as_described(world.site, world.url), routes=12) == {}


def test_the_intake_takes_no_bad_character_for_a_fault(browser: httpx.Client) -> None:
    with registration_database() as url, world_at(url) as world:
        site = intake_site(world.ports, KEY, 10**6, lambda: None)
        with serving(site) as base:
            browser.base_url = httpx.URL(base)
            key = {"authorization": f"Bearer {KEY.decode()}", "content-type": "text/csv"}
            found = statuses(site, browser, **key)
            for source in ("a\x01", "\u202e", "\uffff", "長" * 500):
                found[f"source {source[:5]!r}"] = browser.post(
                    "/upstream/registrations", params={"source": source}, headers=key, content=b"\0,\x01\n\xff,\xfe\n"
                ).status_code
            assert faults(found, routes=2) == {}


def test_a_fault_of_the_app_would_be_seen(browser: httpx.Client) -> None:
    broken = FastAPI()
    broken.get("/fails/{id}")(lambda id: 1 // 0)
    with serving(broken) as base:
        browser.base_url = httpx.URL(base)
        assert faults(statuses(broken, browser), routes=1)
