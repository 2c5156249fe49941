"""The networks on which roots are anchored: a TOML file. Used by anchor and verifier; pure.

A test network ends while badges are still valid, so there are several, in order: the first decides when a batch is
complete, the others follow, and a root counts on whichever network it is anchored.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec

from shared.credentials.merkle_proof import NETWORKS
from shared.programme import Bilingual

GWEI = 10**9
"""Wei."""

_ID = re.compile(r"[a-z][a-z0-9-]{0,30}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_MOST_FEE_GWEI = 1_000_000


@dataclass(frozen=True)
class Network:
    """One chain, and our contract on it. `rpc_urls` may hold API keys: they appear in no log, error or repr."""

    id: str  # "sepolia": as events, manifests and metrics name it
    name: Bilingual
    chain_id: int
    rpc_urls: tuple[str, ...] = field(repr=False)
    contract: str  # lower-case hexadecimal with 0x
    agreement: int  # the number of endpoints that must give the same answer
    max_fee_gwei: int = 100
    ends_on: date | None = None  # its announced end
    retired: bool = False  # takes no new roots; still asked for those it has
    explorer: str | None = None  # a URL with {transaction}
    public_rpc_urls: tuple[str, ...] = ()  # without keys: the check in the browser offers them

    @property
    def last_day(self) -> date:
        """The last day before its announced end; a badge valid after it outlives the network."""
        return self.ends_on - timedelta(days=1) if self.ends_on else date.max


class _Table(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A network as the file gives it."""

    name: Bilingual
    chain_id: int
    rpc_urls: list[str]
    contract: str
    agreement: int | None = None
    max_fee_gwei: int = 100
    ends_on: date | None = None
    retired: bool = False
    explorer: str | None = None
    public_rpc_urls: list[str] = []


def parse_networks(text: str) -> tuple[Network, ...]:
    """The networks of a TOML text, in their order. ValueError names the field, got and expected; never a URL."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"no TOML: {error}") from error
    ids = raw.pop("networks", None)
    if not isinstance(ids, list) or not ids or not all(isinstance(id, str) and _ID.fullmatch(id) for id in ids):
        raise ValueError(f'networks: got {ids!r}, expected the names of one or more, as in ["sepolia", "hoodi"]')
    if len(set(ids)) != len(ids):
        raise ValueError(f"networks: got {ids!r}, expected each name once")
    for id in raw:
        if id not in ids:
            raise ValueError(f"{id}: not named in networks; expected one of {', '.join(ids)}")
    networks = tuple(_network(id, raw.get(id)) for id in ids)
    deployments = [(network.chain_id, network.contract) for network in networks]
    if len(set(deployments)) != len(deployments):
        raise ValueError("networks: two have the same chain_id and contract; expected each pair once")
    return networks


def active(networks: tuple[Network, ...]) -> tuple[Network, ...]:
    """Those that take new roots, in order."""
    return tuple(network for network in networks if not network.retired)


def _network(id: str, raw: Mapping[str, Any] | None) -> Network:
    if not isinstance(raw, Mapping):
        raise ValueError(f"{id}: missing; expected a table [{id}]")
    try:
        table = msgspec.convert(raw, _Table)
    except msgspec.ValidationError as error:
        raise ValueError(f"{id}: {error}") from error
    if NETWORKS.get(id, table.chain_id) != table.chain_id or not 0 < table.chain_id < 2**53:
        raise ValueError(f"{id}.chain_id: got {table.chain_id}, expected {NETWORKS.get(id, 'a chain id')}")
    if not table.rpc_urls:
        raise ValueError(f"{id}.rpc_urls: got none, expected one or more")
    for number, url in enumerate(table.rpc_urls, 1):
        if not _is_url(url):
            raise ValueError(f"{id}.rpc_urls: number {number} is no http or https URL")
    for number, url in enumerate(table.public_rpc_urls, 1):
        if not _is_url(url):
            raise ValueError(f"{id}.public_rpc_urls: number {number} is no http or https URL")
    if len(set(table.rpc_urls)) != len(table.rpc_urls):
        raise ValueError(f"{id}.rpc_urls: one is there twice, expected each once; it would agree with itself")
    if not _ADDRESS.fullmatch(table.contract):
        raise ValueError(f"{id}.contract: got {table.contract[:60]!r}, expected an address (0x and 40 digits)")
    agreement = len(table.rpc_urls) // 2 + 1 if table.agreement is None else table.agreement
    if not 1 <= agreement <= len(table.rpc_urls):
        raise ValueError(
            f"{id}.agreement: got {agreement}, expected 1 to {len(table.rpc_urls)}, the number of rpc_urls"
        )
    if not 1 <= table.max_fee_gwei <= _MOST_FEE_GWEI:
        raise ValueError(f"{id}.max_fee_gwei: got {table.max_fee_gwei}, expected 1 to {_MOST_FEE_GWEI}")
    if table.explorer is not None and not (_is_url(table.explorer) and "{transaction}" in table.explorer):
        raise ValueError(f"{id}.explorer: got {table.explorer[:80]!r}, expected a URL with {{transaction}}")
    return Network(
        id=id,
        name=table.name,
        chain_id=table.chain_id,
        rpc_urls=tuple(table.rpc_urls),
        contract=table.contract.lower(),
        agreement=agreement,
        max_fee_gwei=table.max_fee_gwei,
        ends_on=table.ends_on,
        retired=table.retired,
        explorer=table.explorer,
        public_rpc_urls=tuple(table.public_rpc_urls),
    )


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
