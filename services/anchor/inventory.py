"""What anchor's tables say of object storage: the second proofs of credentials, and the manifests of batches.

Compared and made again by `shared/runtime/scrub.py`: both are functions of the batch, the same bytes each time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from services.anchor.domain.proving import (
    FinalAnchor,
    TreeCache,
    has_more_anchors,
    lacks_last_proof,
    manifest_for,
    proof_for,
    with_proof,
)
from services.anchor.handlers import tree_of
from services.anchor.store import AnchorTransaction
from services.anchor.store.leaves import ProvedLeaf
from shared import object_keys
from shared.credentials.content import Document
from shared.credentials.credential import leaf_of
from shared.credentials.merkle import Tree
from shared.errors import Unreadable
from shared.runtime.scrub import CannotMake, Expected
from shared.runtime.scrub_record import WAITS

_MANIFEST = re.compile(rf"{object_keys.BATCHES}([0-9a-f]{{64}})\.json")
_JSON = "application/json"
_HASH = 64  # hexadecimal digits


@dataclass(frozen=True)
class Proofs:
    """The proof of the anchoring in a credential or a statement. The issuer answers for all else in it."""

    trees: TreeCache
    verification_method: str
    leaf_of: Callable[[Document], str] = leaf_of
    kind: str = "proofs"
    folder: str | None = None

    def page(self, tx: AnchorTransaction, after: str, limit: int) -> Sequence[Expected]:
        """Without the leaves of batches that are not final now (a reorg), or whose other leaves are lost."""
        root, leaf = bytes.fromhex(after[:_HASH]), bytes.fromhex(after[_HASH:])
        while rows := tx.leaves.proved(root, leaf, limit):
            batches = {root: self._batch(root, tx) for root in {row.root for row in rows}}
            found = [self._expected(row, batch) for row in rows if (batch := batches[row.root]) is not None]
            if found:
                return found
            root, leaf = rows[-1].root, rows[-1].leaf
        return []

    def prepare(self, expected: Expected) -> None:
        """Nothing: an earlier put that takes effect late is of the same bytes."""

    def lock(self, tx: AnchorTransaction, expected: Expected) -> Expected | None:
        id = expected.key.removeprefix(object_keys.CREDENTIALS).removeprefix(object_keys.STATEMENTS)
        row = tx.leaves.lock_proved(id.removesuffix(".json"))
        batch = None if row is None else self._batch(row.root, tx)
        return None if row is None or batch is None else self._expected(row, batch)

    def _batch(self, root: bytes, tx: AnchorTransaction) -> tuple[FinalAnchor, Tree] | None:
        anchor = tx.batches.proof_anchor(root)
        try:
            return None if anchor is None else (anchor, tree_of(root, tx, self.trees))
        except Unreadable:
            return None

    def _expected(self, row: ProvedLeaf, batch: tuple[FinalAnchor, Tree]) -> Expected:
        anchor, tree = batch

        def proved(stored: bytes) -> bytes:
            return with_proof(stored, proof_for(anchor, row.leaf, tree.proof(row.leaf), self.verification_method))

        def is_intact(stored: bytes) -> bool:
            try:
                return proved(stored) == stored
            except Unreadable:
                return False

        def make(stored: bytes | None) -> bytes:
            try:
                made = proved(stored or b"")
                found = self.leaf_of(msgspec.json.decode(made))
            except Unreadable as error:  # the issuer makes the credential again; then we look once more
                raise CannotMake(WAITS) from error
            if found != row.leaf.hex():  # likewise: put now, it would undo what the issuer has made meanwhile
                raise CannotMake(WAITS)
            return made

        place = row.root.hex() + row.leaf.hex()
        key = object_keys.signed_document(row.assertion_id)
        return Expected(place, key, _JSON, is_intact, make, lambda stored: lacks_last_proof(stored, proved(stored)))

    def unknown(self, tx: AnchorTransaction, keys: Sequence[str]) -> Sequence[str]:
        return ()

    def adopt(self, tx: AnchorTransaction, key: str, stored: bytes) -> bool:
        return False


@dataclass(frozen=True)
class Manifests:
    """`batches/<root>.json`."""

    trees: TreeCache
    kind: str = "batches"
    folder: str | None = object_keys.BATCHES

    def page(self, tx: AnchorTransaction, after: str, limit: int) -> Sequence[Expected]:
        return [self._expected(root, tx) for root in tx.batches.with_manifest(bytes.fromhex(after), limit)]

    def prepare(self, expected: Expected) -> None:
        """Nothing: a put that takes effect late lacks a network at most, and the next pass adds it."""

    def lock(self, tx: AnchorTransaction, expected: Expected) -> Expected | None:
        root = bytes.fromhex(expected.place)
        return self._expected(root, tx) if tx.batches.lock_with_manifest(root) else None

    def _expected(self, root: bytes, tx: AnchorTransaction) -> Expected:
        anchors = tx.batches.anchors_of(root)
        try:
            manifest = manifest_for(anchors, tree_of(root, tx, self.trees).leaves) if anchors else None
        except Unreadable:
            manifest = None  # after a restore: only the manifest knew all leaves

        def is_intact(stored: bytes) -> bool:
            return stored == manifest or has_more_anchors(stored, root, anchors)

        def make(stored: bytes | None) -> bytes:
            if manifest is None:
                raise CannotMake("lost")
            return manifest

        return Expected(root.hex(), object_keys.batch_manifest(root), _JSON, is_intact, make)

    def unknown(self, tx: AnchorTransaction, keys: Sequence[str]) -> Sequence[str]:
        roots = {key: bytes.fromhex(found[1]) for key in keys if (found := _MANIFEST.fullmatch(key))}
        known = tx.batches.known(list(roots.values()))
        return [key for key in keys if roots.get(key) not in known]

    def adopt(self, tx: AnchorTransaction, key: str, stored: bytes) -> bool:
        """Never: whether its root is anchored, and whose its leaves are, the announcements tell (see `recalled`)."""
        return False
