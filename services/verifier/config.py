"""Settings of the service verifier, and of its command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from limits import parse

from shared.errors import RefuseToStart
from shared.networks import Network
from shared.programme import Bilingual
from shared.runtime.networks import read_networks
from shared.runtime.settings import ObjectStorage, Runtime, Settings, read_object_storage, read_runtime

_RATE = "a rate such as 60/minute"
_PROXIES = "addresses or networks with commas, such as 10.0.0.0/8,127.0.0.1"
_ADDRESS = "an Ethereum address: 0x and 40 hexadecimal digits"


@dataclass(frozen=True)
class Limits:
    """How often one client address may ask. `verify`: a file or URL is checked; `fetch`: a URL of others is fetched."""

    verify: str = "60/minute"
    fetch: str = "10/minute"
    trusted_proxies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Config:
    runtime: Runtime
    web_host: str
    web_port: int
    public_url: str
    objects: ObjectStorage
    networks: tuple[Network, ...]
    limits: Limits
    allow_private_urls: bool


def read_config(environment: Mapping[str, str]) -> Config:
    settings = Settings(environment)
    return Config(
        runtime=read_runtime("verifier", settings),
        web_host=settings.text("WEB_HOST", "127.0.0.1"),
        web_port=settings.port("WEB_PORT"),
        public_url=settings.url("PUBLIC_URL"),
        objects=read_object_storage(settings),
        networks=_networks(settings),
        limits=Limits(
            verify=settings.read("VERIFY_RATE", _RATE, _rate, "60/minute"),
            fetch=settings.read("FETCH_RATE", _RATE, _rate, "10/minute"),
            trusted_proxies=settings.read("TRUSTED_PROXIES", _PROXIES, _proxies, ()),
        ),
        allow_private_urls=settings.choice("ALLOW_PRIVATE_URLS", ("true", "false"), "false") == "true",
    )


@dataclass(frozen=True)
class CommandConfig:
    """What `akashi verify` needs. `networks` is the text of what is missing when there is no registry to ask."""

    issuer_url: str
    networks: tuple[Network, ...] | str


def read_command_config(
    environment: Mapping[str, str], *, issuer_url: str | None, rpc_url: str | None
) -> CommandConfig:
    """The local stack at AKASHI_HOME and AKASHI_PORT_BASE, unless settings or the options name another."""
    settings = Settings(environment)
    base = settings.port("AKASHI_PORT_BASE", 8600)
    home = Path(settings.text("AKASHI_HOME", "var"))
    asked = dict(environment)
    if issuer_url:
        asked["PUBLIC_URL"] = issuer_url
    if rpc_url:
        asked["CHAIN_RPC_URL"] = rpc_url
    asked.setdefault("CONTRACT_ADDRESS_FILE", str(home / "contract-address"))
    settings = Settings(asked)
    return CommandConfig(
        issuer_url=settings.url("PUBLIC_URL", f"http://localhost:{base + 3}"),
        networks=_command_networks(settings, base, asked_for=rpc_url),
    )


def _command_networks(settings: Settings, base: int, *, asked_for: str | None) -> tuple[Network, ...] | str:
    """`--rpc-url` names one node of the one network of the CHAIN_ settings, whatever else is configured."""
    try:
        return _networks(settings, base, file=asked_for is None)
    except RefuseToStart as error:
        if settings.text("NETWORKS_FILE", "-") != "-" and asked_for is None:
            raise
        return str(error)


def _networks(settings: Settings, base: int | None = None, *, file: bool = True) -> tuple[Network, ...]:
    """Those of NETWORKS_FILE; without it the one network that the CHAIN_ settings name."""
    if file and settings.text("NETWORKS_FILE", "-") != "-":
        return read_networks(settings)
    name = settings.text("CHAIN_NETWORK", None if base is None else "local")
    return (
        Network(
            id=name,
            name=Bilingual(name, name),
            chain_id=settings.whole("CHAIN_ID", None if base is None else 31337, least=1, most=2**53),
            rpc_urls=(settings.url("CHAIN_RPC_URL", None if base is None else f"http://127.0.0.1:{base + 8}"),),
            contract=settings.read("CONTRACT_ADDRESS_FILE", f"a file with {_ADDRESS}", _address_in),
            agreement=1,
        ),
    )


def _rate(raw: str) -> str:
    parse(raw)
    return raw


def _proxies(raw: str) -> tuple[str, ...]:
    return tuple(str(ip_network(part.strip())) for part in raw.split(","))


def _address_in(raw: str) -> str:
    address = Path(raw).read_text(encoding="utf-8").strip().lower()
    if len(address) != 42 or not address.startswith("0x"):
        raise ValueError("the file holds something else")
    int(address, 16)
    return address
