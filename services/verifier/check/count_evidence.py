"""What the sources answered about the count of a cohort; pure. Gathered by `sources/count.py`, judged by `count.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import msgspec

from services.verifier.check.credential import Invalid
from services.verifier.check.evidence import ChainAnswers, Unavailable
from services.verifier.check.status_list import StatusList
from shared.credentials.content import Document
from shared.credentials.count import CountStatement, read_count
from shared.credentials.credential import SignedDocument
from shared.credentials.merkle_proof import CRYPTOSUITE, MerkleProof, decode_proof
from shared.errors import Unreadable

_MAX_PROOFS = 8


class _Proof(msgspec.Struct, rename="camel"):
    cryptosuite: str = ""
    proof_value: str = ""


class _WithProofs(msgspec.Struct):
    proof: tuple[_Proof, ...]


@dataclass(frozen=True)
class Stated:
    """A statement as it was read: what it says, its leaf (hex), its proofs of anchoring. Nothing of it is verified."""

    document: Document
    statement: CountStatement
    leaf: str
    anchor_proofs: tuple[MerkleProof, ...] | Invalid

    @property
    def number(self) -> int:
        return self.statement.number


def read_stated(document: Document) -> Stated:
    """Unreadable, naming the field, when the document isn't a statement of the issuer's form."""
    statement, leaf = read_count(document), SignedDocument(document).leaf()
    try:
        proofs = msgspec.convert(document, _WithProofs).proof[1:]
        if len(proofs) >= _MAX_PROOFS:
            raise Unreadable(f"proof: got {len(proofs) + 1} of them, expected at most {_MAX_PROOFS}")
        anchored = tuple(decode_proof(each.proof_value) for each in proofs if each.cryptosuite == CRYPTOSUITE)
    except (msgspec.ValidationError, Unreadable) as error:
        return Stated(document, statement, leaf, Invalid(str(error)))
    return Stated(document, statement, leaf, anchored)


Found = Stated | Invalid | Unavailable | None
"""One number of a chain as the site has it; None: there is nothing under this number."""
Leaves = tuple[str, ...] | Invalid | Unavailable | None


@dataclass(frozen=True)
class CohortAnswers:
    """The chain of one cohort. `newest`: what the site gives out as its newest. `beyond`: it has one number more."""

    cohort: str
    newest: Found
    links: tuple[Found, ...]  # of the numbers from 1 on
    beyond: bool = False
    lists: Mapping[int, Leaves] | None = None

    @cached_property
    def statements(self) -> tuple[Stated, ...]:
        return tuple(each for each in self.links if isinstance(each, Stated))

    @property
    def last(self) -> Stated | None:
        return self.statements[-1] if self.statements else None

    def list_of(self, number: int) -> Leaves:
        return (self.lists or {}).get(number)


@dataclass(frozen=True)
class CountEvidence:
    """All answers. `others`: the chains of the other cohorts that the site names.

    `did_document_is_copy`: its source gave no answer, and a copy was used.
    """

    did_document: Document | Unavailable
    own: CohortAnswers
    others: tuple[CohortAnswers, ...] | Unavailable
    manifests: Mapping[str, frozenset[str] | Invalid | Unavailable | None]  # by root: the leaves
    status_lists: Mapping[str, StatusList | Invalid | Unavailable]  # by URL
    chain: ChainAnswers | Unavailable
    did_document_is_copy: bool = False
