"""The address of a key of the chain."""

from __future__ import annotations

import base64

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from shared.credentials.chain_key import ChainKey

AXES = st.binary(min_size=32, max_size=32)


def key(x: bytes, y: bytes) -> ChainKey:
    encoded = [base64.urlsafe_b64encode(axis).rstrip(b"=").decode() for axis in (x, y)]
    return ChainKey(encoded[0], encoded[1])


@given(AXES, AXES)
def test_an_address_and_its_checksum_are_what_eth_utils_makes_of_the_key(x: bytes, y: bytes) -> None:
    assert key(x, y).address == to_checksum_address(keccak(x + y)[-20:])
