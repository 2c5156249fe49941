"""Settings of the service verifier, and of its command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from limits import parse

from shared.chain.lookup import read_networks
from shared.chain.networks import Network
from shared.errors import RefuseToStart
from shared.runtime.settings import (
    ObjectStorageSettings,
    Runtime,
    Settings,
    command_environment,
    read_object_storage,
    read_runtime,
)

_RATE = "a rate such as 60/minute"


@dataclass(frozen=True)
class Limits:
    """Rates for one client address. `verify`: files and URLs to verify; `fetch`: URLs of others to fetch."""

    verify: str = "60/minute"
    fetch: str = "10/minute"
    trusted_proxies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Config:
    runtime: Runtime
    web_host: str
    web_port: int
    public_url: str
    objects: ObjectStorageSettings
    networks: tuple[Network, ...]
    limits: Limits
    allow_private_urls: bool


def read_config(environment: Mapping[str, str]) -> Config:
    settings = Settings(environment)
    runtime = read_runtime("verifier", settings, "PUBLIC_URL")
    return Config(
        runtime=runtime,
        web_host=settings.text("WEB_HOST", "127.0.0.1"),
        web_port=settings.port("WEB_PORT"),
        public_url=settings.site("PUBLIC_URL"),
        objects=read_object_storage(settings),
        networks=read_networks(settings),
        limits=Limits(
            verify=settings.read("VERIFY_RATE", _RATE, _rate, "60/minute"),
            fetch=settings.read("FETCH_RATE", _RATE, _rate, "10/minute"),
            trusted_proxies=runtime.access.proxies,
        ),
        allow_private_urls=settings.choice("ALLOW_PRIVATE_URLS", ("true", "false"), "false") == "true",
    )


@dataclass(frozen=True)
class CommandConfig:
    """Settings of `akashi verify`. `networks` is the text of the error when there is no network to ask."""

    issuer_url: str
    networks: tuple[Network, ...] | str


def read_command_config(
    environment: Mapping[str, str], *, issuer_url: str | None, rpc_url: str | None
) -> CommandConfig:
    """The local stack, unless settings or the options name another."""
    asked = {**environment, "PUBLIC_URL": issuer_url} if issuer_url else environment
    settings = Settings(command_environment("verifier", asked))
    return CommandConfig(issuer_url=settings.site("PUBLIC_URL"), networks=_networks(settings, rpc_url))


def _networks(settings: Settings, rpc_url: str | None) -> tuple[Network, ...] | str:
    """The networks of the file; with `rpc_url`, only the first, asked of that node."""
    try:
        networks = read_networks(settings)
    except RefuseToStart as error:
        return str(error)
    return (replace(networks[0], rpc_urls=(rpc_url,), agreement=1),) if rpc_url else networks


def _rate(raw: str) -> str:
    parse(raw)
    return raw
