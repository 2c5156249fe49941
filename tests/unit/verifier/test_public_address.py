"""Which URLs of strangers are asked."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.verifier.check.explanation import REFUSALS
from services.verifier.sources.public_address import Refused, check_url, is_public


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808", "1.1.1.1"])
def test_an_address_of_the_public_network_is_accepted(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_a_private_address_inside_of_an_ipv6_address_is_refused(address: IPv4Address) -> None:
    number = int(address)
    for around in (0xFFFF << 32, 0, 0x2002 << 112, 0x20010000 << 96, 0x0064FF9B << 96, 0x0064FF9B0001 << 80):
        shift = 80 if around >> 112 == 0x2002 else 0
        inside = str(IPv6Address(around | number << shift))
        assert not is_public(inside) or (is_public(str(address)) and inside.startswith("64:ff9b::"))


@given(st.ip_addresses())
def test_an_address_that_iana_calls_special_is_refused(address: IPv4Address | IPv6Address) -> None:
    if is_public(str(address)):
        assert address.is_global and not address.is_multicast and not address.is_private


@given(st.text(max_size=60))
def test_a_text_that_is_no_url_is_refused(text: str) -> None:
    for url in (text, f"http://{text}", f"https://{text}:443/x"):
        try:
            scheme, host, port = check_url(url)
        except Refused as error:
            assert "expected" in str(error) or "can't be read" in str(error)
            assert "expected" not in REFUSALS[error.why].ja and REFUSALS[error.why].en.endswith(".")
        else:
            assert scheme in ("http", "https") and host and port in (80, 8080, 443, 8443)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://example.jp:8444/x", "port"),
        ("http://example.jp:22/", "port"),
        ("https://user:word@example.jp/", "password"),
        ("file:///etc/passwd", "form"),
        ("https://", "form"),
        ("https://[::1", "form"),
    ],
)
def test_a_refusal_names_its_kind_for_the_visitor(url: str, why: str) -> None:
    with pytest.raises(Refused) as refused:
        check_url(url)
    assert refused.value.why == why
