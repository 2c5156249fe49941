"""Settings of the service verifier, and of its command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.errors import RefuseToStart
from shared.runtime.settings import ObjectStorage, Runtime, Settings, read_object_storage, read_runtime

_ADDRESS = "an Ethereum address: 0x and 40 hexadecimal digits"


@dataclass(frozen=True)
class ChainSettings:
    """The registry on one network, and a node of that network."""

    network: str
    chain_id: int
    rpc_url: str
    registry: str


@dataclass(frozen=True)
class Config:
    runtime: Runtime
    web_host: str
    web_port: int
    public_url: str
    objects: ObjectStorage
    chain: ChainSettings


def read_config(environment: Mapping[str, str]) -> Config:
    settings = Settings(environment)
    return Config(
        runtime=read_runtime("verifier", settings),
        web_host=settings.text("WEB_HOST", "127.0.0.1"),
        web_port=settings.port("WEB_PORT"),
        public_url=settings.url("PUBLIC_URL"),
        objects=read_object_storage(settings),
        chain=ChainSettings(
            network=settings.text("CHAIN_NETWORK"),
            chain_id=settings.whole("CHAIN_ID", least=1, most=2**53),
            rpc_url=settings.url("CHAIN_RPC_URL"),
            registry=settings.read("CONTRACT_ADDRESS_FILE", f"a file with {_ADDRESS}", _address_in),
        ),
    )


@dataclass(frozen=True)
class CommandConfig:
    """What `akashi verify` needs. `chain` is the text of what is missing when there is no registry to ask."""

    issuer_url: str
    chain: ChainSettings | str


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
        issuer_url=settings.url("PUBLIC_URL", f"http://localhost:{base + 3}"), chain=_chain_of(settings, base)
    )


def _chain_of(settings: Settings, base: int) -> ChainSettings | str:
    try:
        registry = settings.read("CONTRACT_ADDRESS_FILE", f"a file with {_ADDRESS}", _address_in)
    except RefuseToStart as error:
        return str(error)
    return ChainSettings(
        network=settings.text("CHAIN_NETWORK", "local"),
        chain_id=settings.whole("CHAIN_ID", 31337, least=1, most=2**53),
        rpc_url=settings.url("CHAIN_RPC_URL", f"http://127.0.0.1:{base + 8}"),
        registry=registry,
    )


def _address_in(raw: str) -> str:
    address = Path(raw).read_text(encoding="utf-8").strip().lower()
    if len(address) != 42 or not address.startswith("0x"):
        raise ValueError("the file holds something else")
    int(address, 16)
    return address
