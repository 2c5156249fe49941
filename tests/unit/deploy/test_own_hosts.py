"""Each service with pages answers under the hosts of its settings, put together as the stack starts it."""

from __future__ import annotations

import asyncio
import importlib
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from deploy.local.environment import Place, service_settings
from deploy.local.keys import create_secrets
from deploy.local.parts.chain import NETWORKS
from services.registration.foreground import Foreground
from shared.errors import RefuseToStart
from shared.runtime.db import Database, Transaction

OWN = {
    "registration": ("REGISTRATION_URL", "DESK_URL"),  # the intake, and the pages for people
    "wallet": ("WALLET_URL",),
    "verifier": ("PUBLIC_URL",),
    "ops": ("OPS_URL",),
}
"""The setting of each server of a service, in their order."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("home"), 8600)
    create_secrets(made)
    made.networks_file.write_text(NETWORKS.format(chain_id=31337, url="http://127.0.0.1:1", contract="0x" + "1" * 40))
    made.networks_file.chmod(0o600)
    return made


def served(service: str, place: Place, **more: str) -> list[Any]:
    settings = {**service_settings(place, service, cohort="2026", clock=""), "METRICS_PORT": "0", **more}
    config = importlib.import_module(f"services.{service}.config").read_config(settings)
    store = Database(config.runtime.database_url, service, Transaction, config.runtime.clock)
    name = config.runtime.programme.society.name
    ports = SimpleNamespace(
        store=store, public_url=name, site=None, session_lifetime=timedelta(hours=1), foreground=Foreground()
    )
    process = importlib.import_module(f"services.{service}.app").build(config, ports)
    return [server.config.app for server in process._web]


def ask(app: Any, method: str, host: str, **headers: str) -> httpx.Response:
    """From 203.0.113.7, on a connection that did not arrive at loopback."""

    async def request() -> httpx.Response:
        line = httpx.ASGITransport(app, raise_app_exceptions=False, client=("203.0.113.7", 5))
        async with httpx.AsyncClient(transport=line, base_url="http://198.51.100.1") as client:
            return await client.request(method, "/nowhere", headers={"host": host, **headers})

    return asyncio.run(request())


@pytest.mark.parametrize("service", OWN)
def test_a_service_answers_under_its_own_url_and_the_allowed_hosts_and_under_no_other(
    service: str, place: Place
) -> None:
    own = {setting: f"https://own{number}.example.jp" for number, setting in enumerate(OWN[service])}
    apps = served(service, place, **own, ALLOWED_HOSTS="intern.example.jp:8080,10.0.0.0/8")
    assert len(apps) == len(own)
    for number, app in enumerate(apps):
        own_host = f"own{number}.example.jp"
        for host in (own_host, f"{own_host}:443", "intern.example.jp:8080", "10.2.3.4:8600"):
            assert ask(app, "GET", host).status_code == 404, host
        foreign = ("evil.example", f"{own_host}:8603", f"own{number + 1}.example.jp", "intern.example.jp")
        for host in (*foreign, f"own{number - 1}.example.jp", "198.51.100.1", "localhost:8603"):
            for method in ("GET", "POST", "HEAD", "OPTIONS"):
                assert ask(app, method, host).status_code == 421, (method, host)


@pytest.mark.parametrize("service", OWN)
def test_a_service_believes_the_proxies_of_its_settings_only(service: str, place: Place) -> None:
    for proxies, is_https in (("192.0.2.0/24", False), ("203.0.113.7", True)):
        for app in served(service, place, ALLOWED_HOSTS="intern.example.jp", TRUSTED_PROXIES=proxies):
            answer = ask(app, "GET", "intern.example.jp", **{"x-forwarded-proto": "https"})
            assert ("strict-transport-security" in answer.headers) is is_https, proxies


SITES = {
    "registration": ("REGISTRATION_URL", "DESK_URL", "OPS_URL"),
    "issuer": ("PUBLIC_URL",),
    "mailer": ("PUBLIC_URL", "WALLET_URL"),
    "wallet": ("PUBLIC_URL", "WALLET_URL", "DESK_URL"),
    "anchor": ("PUBLIC_URL",),
    "renderer": ("PUBLIC_URL",),
    "verifier": ("PUBLIC_URL",),
    "ops": ("OPS_URL", "PUBLIC_URL", "REGISTRATION_URL"),
}
"""The settings with the URL of a site of ours that each service reads."""


@pytest.mark.parametrize("service", SITES)
def test_the_url_of_a_site_is_a_host_of_its_own_since_pages_and_well_known_documents_are_at_its_root(
    service: str, place: Place
) -> None:
    settings = {**service_settings(place, service, cohort="2026", clock=""), "METRICS_PORT": "0"}
    read_config = importlib.import_module(f"services.{service}.config").read_config
    for name in SITES[service]:
        for wrong in ("/jci", "/jci/", "?a=b", "#a", "/?a=b"):
            with pytest.raises(RefuseToStart, match=f"setting {name}: .*without a path"):
                read_config({**settings, name: f"https://own.example.jp{wrong}"})
        with pytest.raises(RefuseToStart, match=name):
            read_config({**settings, name: "https://somebody:secret@own.example.jp"})
    read_config({**settings, **dict.fromkeys(SITES[service], "https://own.example.jp:8443/")})
