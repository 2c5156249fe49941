from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.credentials.merkle import LONGEST_PATH, longest_path, merkle_tree, root_of

DIGESTS = st.binary(min_size=32, max_size=32)
LEAVES = st.lists(DIGESTS, min_size=1, max_size=70, unique=True)


def leaf(number: int) -> bytes:
    return sha256(str(number).encode()).digest()


@given(LEAVES)
def test_every_leaf_leads_to_the_root(leaves: list[bytes]) -> None:
    tree = merkle_tree(leaves)
    assert all(root_of(leaf, tree.proof(leaf)) == tree.root for leaf in leaves)


@given(LEAVES, DIGESTS)
def test_no_other_leaf_passes_with_the_path_of_one(leaves: list[bytes], stranger: bytes) -> None:
    tree = merkle_tree(leaves)
    for own in leaves:
        assert (root_of(stranger, tree.proof(own)) == tree.root) == (stranger == own)


@given(LEAVES, st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(leaves: list[bytes], random: object) -> None:
    tree = merkle_tree(leaves)
    mixed = list(leaves)
    random.shuffle(mixed)  # type: ignore[attr-defined]  # Hypothesis' type of a Random
    other = merkle_tree(mixed + mixed[:3])
    assert (other.root, other.leaves) == (tree.root, tree.leaves)
    assert [other.proof(leaf) for leaf in leaves] == [tree.proof(leaf) for leaf in leaves]


@given(LEAVES)
def test_no_path_is_longer_than_the_tree_is_deep(leaves: list[bytes]) -> None:
    tree = merkle_tree(leaves)
    assert max(len(tree.proof(leaf)) for leaf in leaves) == longest_path(len(leaves))


def test_a_single_leaf_is_its_own_root() -> None:
    tree = merkle_tree([leaf(1)])
    assert (tree.root, tree.proof(leaf(1))) == (leaf(1), ())


def test_the_layout_is_that_of_openzeppelin() -> None:
    """Three leaves a < b < c: the array is [root, hash(a, b), c …] from the end, so c hangs under the root directly."""
    a, b, c = sorted(leaf(number) for number in range(3))
    pair = sha256(b + a if b < a else a + b).digest()
    expected = sha256(min(pair, c) + max(pair, c)).digest()
    tree = merkle_tree([c, a, b])
    assert tree.root == expected
    assert len(tree.proof(c)) == 1


def test_a_path_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="at most"):
        root_of(leaf(1), (("left", leaf(2)),) * (LONGEST_PATH + 1))


@pytest.mark.parametrize("leaves", [[], [b"short"]])
def test_what_is_no_leaf_is_refused(leaves: list[bytes]) -> None:
    with pytest.raises(ValueError, match="expected"):
        merkle_tree(leaves)


def test_a_whole_cohort_fits_in_one_tree() -> None:
    leaves = [leaf(number) for number in range(100_000)]
    tree = merkle_tree(leaves)
    assert all(root_of(own, tree.proof(own)) == tree.root for own in leaves[::9999])
    assert longest_path(len(leaves)) == 17
