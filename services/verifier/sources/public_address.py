"""Which URLs and network addresses may be fetched for a visitor; pure.

Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries (Python's `is_global`), RFC 4291 (IPv6 addressing),
RFC 6052 (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from services.verifier.check.explanation import Refusal
from shared.errors import Unreadable

PORTS = {"http": (80, 8080), "https": (443, 8443)}
MAX_CHARACTERS = 2000

_NAT64 = IPv6Network("64:ff9b::/96")  # an IPv6-only machine reaches IPv4 through it
_UNICAST = IPv6Network("2000::/3")  # all that IANA has allocated
_TUNNELS = (IPv6Network("2002::/16"), IPv6Network("2001::/23"))  # 6to4, Teredo and others: their other end is unknown
_CLOUDS = (
    IPv4Network("168.63.129.16/32"),
    IPv4Network("192.0.0.0/24"),
)  # not private, but a cloud's own


class Refused(Unreadable):
    """A URL that we never fetch: give another, or the file itself. `why` names the kind, for the text to a visitor."""

    def __init__(self, text: str, why: Refusal) -> None:
        super().__init__(text)
        self.why = why


def check_url(url: str, *, private: bool = False) -> tuple[str, str, int]:
    """Scheme, host and port of a URL that may be fetched. Refused, with got and expected.

    `private`: any port and address is allowed, for a stack on one machine.
    """
    if len(url) > MAX_CHARACTERS or any(ord(character) <= 0x20 or character == "\\" for character in url):
        raise Refused("got a URL that is too long or has spaces or backslashes in it, expected a plain one", "form")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Refused(f"got a URL that can't be read: {error}", "form") from error
    scheme = parts.scheme.lower()
    if scheme not in PORTS:
        raise Refused(f"got a URL of scheme {scheme[:20]!r}, expected http or https", "form")
    if parts.username is not None or parts.password is not None:
        raise Refused("got a URL with a name or password in it, expected one without", "password")
    if not host:
        raise Refused("got a URL without a host, expected one", "form")
    port = PORTS[scheme][0] if port is None else port
    if not private and port not in PORTS[scheme]:
        allowed = " or ".join(str(each) for each in PORTS[scheme])
        raise Refused(f"got port {port}, expected {allowed} for {scheme}", "port")
    return scheme, host, port


def is_public(text: str) -> bool:
    """Whether an address is public, and so is the IPv4 address inside of it that a NAT64 gateway would connect to."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        if address in _NAT64:
            return is_public(str(IPv4Address(int(address) & 0xFFFF_FFFF)))
        if address not in _UNICAST or any(address in tunnel for tunnel in _TUNNELS):
            return False
    elif any(address in cloud for cloud in _CLOUDS):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved
