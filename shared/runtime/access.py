"""Which hosts a request may name, and which proxies are believed. Used by the guard, rate limits and every server.

Sources: RFC 9110, 7.2 (Host); RFC 3986, 3.2 (authority); RFC 7239, 8.1 (why a list is read from its right end).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

Network = IPv4Network | IPv6Network

MOST_CONNECTIONS = 500
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)\.?)(?::([0-9]{0,5}))?")


@dataclass(frozen=True)
class Authority:
    """A host with its port, None where none is written. Small letters, no dot at the end; IPv6 without brackets."""

    host: str
    port: int | None


def authority_of(text: str) -> Authority:
    """What a Host header or a part of ALLOWED_HOSTS names. ValueError for anything else, a user's name included."""
    found = _AUTHORITY.fullmatch(text)
    if found is None:
        raise ValueError(f"got {text!r}, expected host or host:port")
    six, name, port = found.groups()
    if port and int(port) > 65535:
        raise ValueError(f"got port {port}, expected at most 65535")
    return Authority(str(IPv6Address(six)) if six else name.lower(), int(port) if port else None)


@dataclass(frozen=True)
class AllowedHosts:
    """The names under which a service answers: `exact` with these ports, `names` and `networks` with every port.

    A loopback name is always one of them on a connection that arrived at a loopback address, with its port.
    """

    exact: frozenset[Authority] = frozenset()
    names: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    def allow(self, authority: Authority, server: tuple[str, int | None] | None) -> bool:
        """`server`: the address and port of ours at which the connection arrived."""
        if authority in self.exact or authority.host in self.names:
            return True
        if authority.host in _LOOPBACK and server is not None and _is_loopback(server[0]):
            return (authority.port or 80) == server[1]
        address = _address(authority.host)
        return address is not None and any(address in network for network in self.networks)


def allowed_hosts(urls: Iterable[str], further: Iterable[str] = ()) -> AllowedHosts:
    """Those of our own URLs and `further`: host, host:port, address or network. ValueError for something else."""
    exact, names, networks = set(), set(), []
    for url in urls:
        parts = urlsplit(url)
        host, default = _ascii(parts.hostname or ""), _DEFAULT_PORTS.get(parts.scheme)
        exact.add(Authority(host, parts.port or default))
        if parts.port in (None, default):
            exact.add(Authority(host, None))
    for text in further:
        try:
            networks.append(ip_network(text))
            continue
        except ValueError:
            authority = authority_of(_ascii(text))
        if authority.port is None:
            names.add(authority.host)
        else:
            exact.add(authority)
    return AllowedHosts(frozenset(exact), frozenset(names), tuple(networks))


@dataclass(frozen=True)
class Access:
    """What the settings say of a process's HTTP servers. `proxies`: addresses and networks, see `Proxies`."""

    hosts: AllowedHosts = field(default_factory=AllowedHosts)
    proxies: tuple[str, ...] = ()
    most_connections: int = MOST_CONNECTIONS


def host_problem(scope: Scope, hosts: AllowedHosts) -> Literal["bad-host", "foreign-host"] | None:
    """Why the request's Host is refused. Without one, with two, or with what is no host, the request is malformed."""
    given = [value for name, value in scope["headers"] if name == b"host"]
    if len(given) != 1:
        return "bad-host"
    try:
        authority = authority_of(given[0].decode("latin-1").strip())
    except ValueError:
        return "bad-host"
    return None if hosts.allow(authority, scope.get("server")) else "foreign-host"


class Proxies:
    """The proxies that are believed. Without any, no X-Forwarded-… header means anything, from loopback too."""

    def __init__(self, trusted: Iterable[str]) -> None:
        self._trusted = [ip_network(each) for each in trusted]

    def client(self, scope: Scope) -> str:
        """The client's address: the peer's, or of X-Forwarded-For, read from its right end through our own proxies."""
        peer = _peer(scope)
        forwarded = [part.strip() for part in ",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",")]
        address = peer
        while self._trusts(address) and forwarded:
            address = forwarded.pop() or peer
        return address

    def scheme(self, scope: Scope) -> str:
        """`https` where a trusted proxy says that the client spoke it, else the connection's own."""
        if self._trusted and self._trusts(_peer(scope)):
            said = Headers(scope=scope).getlist("x-forwarded-proto")
            if said and (last := said[-1].rpartition(",")[2].strip().lower()) in _DEFAULT_PORTS:
                return last
        return str(scope["scheme"])

    def _trusts(self, text: str) -> bool:
        address = _address(text)
        return address is not None and any(address in network for network in self._trusted)


def client_network(text: str) -> str:
    """A client's address as limits count it. An IPv6 /64 is one client: a single connection is given a whole one."""
    try:
        address = ip_address(text)
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or ip_network((int(address) >> 64 << 64, 64)))
    return str(address)


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An IPv4 address that is written as IPv6 is itself: so a server that listens on both sees it."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address


def _is_loopback(text: str) -> bool:
    address = _address(text)
    return address is not None and address.is_loopback


def _ascii(host: str) -> str:
    """As browsers send it: 例え.jp is xn--r8jz45g.jp."""
    return host if host.isascii() else host.encode("idna").decode("ascii")
