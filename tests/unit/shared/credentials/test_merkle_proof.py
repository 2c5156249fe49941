from __future__ import annotations

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.credentials.merkle_proof import Anchor, MerkleProof, decode_proof, encode_proof
from shared.credentials.multibase import base58
from shared.errors import Unreadable

DIGESTS = st.binary(min_size=32, max_size=32)
PROOFS = st.builds(
    MerkleProof,
    path=st.lists(st.tuples(st.sampled_from(("left", "right")), DIGESTS), max_size=20).map(tuple),
    merkle_root=DIGESTS,
    target_hash=DIGESTS,
    anchors=st.lists(
        st.builds(Anchor, st.integers(1, 2**40), DIGESTS.map(lambda digest: "0x" + digest.hex())), max_size=3
    ).map(tuple),
)

PATH = (
    ("right", bytes.fromhex("51b4e22ed024ec7f38dc68b0bf78c87eda525ab0896b75d2064bdb9fc60b2698")),
    ("left", bytes.fromhex("61c56cca660b2e616d0bd62775e728f50275ae44adf12d1bfb9b9c507a14766b")),
)
SEPOLIA = MerkleProof(
    path=PATH,  # type: ignore[arg-type]  # literals widened in a tuple
    merkle_root=bytes.fromhex("3c9ee831b8705f2fbe09f8b3a92247eed88cdc90418c024924be668fdc92e781"),
    target_hash=bytes.fromhex("c65c6184e3d5a945ddb5437e93ea312411fd33aa1def22b0746d6ecd4aa30f20"),
    anchors=(Anchor(11155111, "0x582733d7cef8035d87cecc9ebbe13b3a2f6cc52583fbcd2b9709f20a6b8b56b3"),),
)
# What the package lds-merkle-proof-2019 0.1.0 of Blockcerts (PyPI) makes of the same proof.
BLOCKCERTS_SAYS = (
    "z2hsfc4RbRzTSifeF9nuAMVDZ1R9683G29AkxibyESa4qzFwdL53j8cWTfVXxu1drskrt6mLyFqTyu8CJhTQLStYWQthuie8Dgt3fH1cohRLkGNo2X61"
    "eCATJHAyCyx4yy19sjxd4TRThKR3b1qaMG1GpkWPpasvzKf3fw1FZueixayv6BtPTBucou61vkf88uppyeCHH5zQJdivMAeTUtXb1xio5gxCCZEkFDxBh"
    "qmcMjMKB4Ainz8MjSgmXeDT6S5HPppww1ydtEHttu6AVvH5ecpFMRok9sGy1PW28MA37UXzTbYceXZmUQAMNt8ue9c4ZEPHyFHwSK7VjSHrSNyoHQ34Dc"
    "KduhL3UcsSnLGB8ccNazWijoNncQB559PxXGNZ2YPzHfLH1N6W2Dq9piT1f6xQvbPPWc5DZSFPQXb1GYzjkkMLNwyLzBjRVRFPxiLuoG8jqdL7sixXxdG3"
    "FchUoEkRxZQHKRJQBCh82friDVQhpuBrbCPJLjU"
)
ALONE = MerkleProof(path=(), merkle_root=SEPOLIA.merkle_root, target_hash=SEPOLIA.target_hash, anchors=SEPOLIA.anchors)
BLOCKCERTS_SAYS_ALONE = (
    "znKD4YGVqA8texttqoVzBFP6YKTuvfQyKFNo1k35TfQwMkJujvufLHMdVV2jJEdHFCh9krS8uCWRpFwZU3PVQtMXNZWA8nNcV9p3kM7cPXZLyhLW6KEtdZ"
    "rQSePoLzFkp4hQDPvEbQFga5hbyg4XHqJYKuj314VLqAMrrPjpaiaTcTwBKY5SQDNLAWpzbykZ8tiKjKxfoq2upTP1ArbMBEXEqL2s2LzMxYy9g9Fmnszn"
    "Miy8V14cp1nfjjiV6StKgarugwBs9a1zLJSbJv5qAdceE2fvDRqHZmPCTohM7ajpi36rDToGgQLF5ox"
)


@pytest.mark.parametrize(("proof", "value"), [(SEPOLIA, BLOCKCERTS_SAYS), (ALONE, BLOCKCERTS_SAYS_ALONE)])
def test_the_bytes_are_those_of_blockcerts(proof: MerkleProof, value: str) -> None:
    assert encode_proof(proof) == value
    assert decode_proof(value) == proof


@given(PROOFS)
def test_a_proof_is_read_as_it_was_written(proof: MerkleProof) -> None:
    assert decode_proof(encode_proof(proof)) == proof


def test_hashes_as_byte_strings_are_read_too() -> None:
    """As Blockcerts' JavaScript encoder writes them."""
    digest = cbor2.dumps(bytes(32))
    raw = [[0, digest], [1, digest], [3, []], [2, [[[0, 1], [1, 1], [2, digest]]]]]
    proof = decode_proof(base58(cbor2.dumps(raw)))
    assert proof.anchors == (Anchor(1, "0x" + "00" * 32),)


def test_a_blink_names_the_network() -> None:
    assert SEPOLIA.anchors[0].blink.startswith("blink:eth:sepolia:0x5827")
    assert Anchor(424242, "0xab").network == "424242"


@given(st.one_of(st.text(max_size=60), st.binary(max_size=200).map(lambda raw: "z" + raw.hex())))
def test_anything_else_is_unreadable_and_nothing_worse(value: str) -> None:
    with pytest.raises(Unreadable):
        decode_proof(value)


@pytest.mark.parametrize(
    "value", ["", "z", "z1", "u" + BLOCKCERTS_SAYS[1:], BLOCKCERTS_SAYS[:-9], BLOCKCERTS_SAYS + "0", "z" + "2" * 20_000]
)
def test_a_damaged_proof_is_unreadable(value: str) -> None:
    with pytest.raises(Unreadable):
        decode_proof(value)
