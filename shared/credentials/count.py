"""A statement of the count: how many badges of a cohort there are, and in which batches. Written by issuer, read by
verifier; pure.

A Verifiable Credential 2.0 of type BadgeCountCredential. Statements of a cohort are numbered from 1; each names the one
before it by URL and hash. What it counts can be counted by anybody: its new badges' leaves are published beside it, the
leaves of each batch in the batch's manifest, and revoked badges in the status lists.
"""

from __future__ import annotations

import base64
import operator
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Annotated, Any

import msgspec
from msgspec.structs import astuple

from shared import object_keys
from shared.clock import japan_time
from shared.credentials.content import TERMS_CONTEXT, VC_CONTEXT, Document
from shared.credentials.credential import COUNT_TYPE
from shared.credentials.merkle import merkle_tree
from shared.credentials.moments import read_moment
from shared.errors import Unreadable

_LEAF = re.compile(r"[0-9a-f]{64}")
_Count = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
_Text = Annotated[str, msgspec.Meta(max_length=2000)]


class DoesNotAddUp(Unreadable):
    """A statement whose figures contradict each other."""


class Figures(msgspec.Struct, frozen=True):
    """Credentials by what became of them: `issued` are all, of which some are revoked, some corrected, the rest valid.

    `corrected`: a corrected credential of the same registration took its place. `anchored` are those in a batch whose
    root is final, valid or not.
    """

    issued: int = 0
    revoked: int = 0
    corrected: int = 0
    anchored: int = 0

    @property
    def valid(self) -> int:
        """Neither revoked nor corrected. How many of them have expired follows from the last day of the period."""
        return self.issued - self.revoked - self.corrected

    def plus(self, other: Figures) -> Figures:
        return Figures(*map(operator.add, astuple(self), astuple(other)))

    def minus(self, other: Figures) -> Figures:
        return Figures(*map(operator.sub, astuple(self), astuple(other)))

    @property
    def parts(self) -> tuple[int, ...]:
        """Every number that is published of it."""
        return (*astuple(self), self.valid)


def total(figures: Iterable[Figures]) -> Figures:
    made = Figures()
    for each in figures:
        made = made.plus(each)
    return made


class Group(msgspec.Struct, frozen=True):
    """The figures of one qualification, or of several that are counted together so that nobody can be identified."""

    qualifications: tuple[str, ...]  # ids of the programme, in order
    figures: Figures


class Batch(msgspec.Struct, frozen=True):
    """A batch, by its Merkle root (hex), and how many of its leaves are badges of this cohort."""

    root: str
    badges: int


class Former(msgspec.Struct, frozen=True):
    """The statement before: its URL, and its leaf."""

    url: str
    leaf: str


@dataclass(frozen=True)
class CountStatement:
    """What a statement says. Nothing of it is verified.

    `added`: how many badges it counts that no statement before it did; `added_digest` is the digest (SRI) of their
    list. `divided_in`: the number of the statement whose figures the groups divide: this one, or one before it.
    """

    public_url: str
    issuer: str
    cohort: str
    number: int
    stated_at: datetime
    figures: Figures
    last_day: date
    added: int
    added_digest: str
    divided_in: int
    groups: tuple[Group, ...]
    batches: tuple[Batch, ...]
    status_lists: tuple[str, ...]  # URLs
    former: Former | None

    @property
    def url(self) -> str:
        return f"{self.public_url}/{object_keys.statement(self.cohort, self.number)}"

    @property
    def leaves_url(self) -> str:
        return f"{self.public_url}/{object_keys.stated_leaves(self.cohort, self.number)}"


# ── the list of leaves ─────────────────────────────────────────────────────────────────────────────────


def leaf_list(leaves: Iterable[str]) -> bytes:
    """The leaves (hex) in order, as published: the same bytes for the same leaves."""
    return msgspec.json.encode(sorted(leaves))


def read_leaf_list(body: bytes) -> tuple[str, ...]:
    """Unreadable unless it is a list as `leaf_list` makes it, each leaf once."""
    try:
        leaves = msgspec.json.decode(body, type=tuple[str, ...])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"expected a list of leaves: {error}") from error
    if any(_LEAF.fullmatch(leaf) is None for leaf in leaves) or list(leaves) != sorted(set(leaves)):
        raise Unreadable("expected a list of leaves, 64 hexadecimal digits each, in order and each once")
    return leaves


def digest_of(body: bytes) -> str:
    """Source: Subresource Integrity, section 3.1."""
    return "sha256-" + base64.b64encode(sha256(body).digest()).decode()


class _Manifest(msgspec.Struct):
    root: str
    leaves: tuple[str, ...]


def manifest_leaves(body: bytes, root: str) -> frozenset[str]:
    """All leaves of the batch with this root (hex). Unreadable unless the manifest's leaves lead to it."""
    try:
        written = msgspec.json.decode(body, type=_Manifest)
        found = merkle_tree(bytes.fromhex(leaf) for leaf in written.leaves).root.hex()
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Unreadable(f"expected the manifest of batch {root}: {error}") from error
    if written.root != root or found != root or len(set(written.leaves)) != len(written.leaves):
        raise Unreadable(f"got the manifest of {written.root[:80]} with leaves of {found}, expected {root}")
    return frozenset(written.leaves)


# ── the document ───────────────────────────────────────────────────────────────────────────────────────


def count_document(statement: CountStatement) -> dict[str, Any]:
    """The statement without its proof. Every object in it has an id, so its canonical form is cheap."""
    url = statement.url
    subject: dict[str, Any] = {
        "id": f"{url}#count",
        "type": "BadgeCount",
        "cohort": statement.cohort,
        "number": statement.number,
        **_written(statement.figures),
        "lastDay": statement.last_day.isoformat(),
        "added": statement.added,
        "dividedIn": statement.divided_in,
        "group": [
            {
                "id": f"{url}#{'+'.join(group.qualifications)}",
                "type": "QualificationCount",
                "qualification": list(group.qualifications),
                **_written(group.figures),
            }
            for group in statement.groups
        ],
        "batch": [
            {"id": f"{statement.public_url}/{object_keys.BATCHES}{each.root}.json", "badges": each.badges}
            for each in statement.batches
        ],
        "statusList": [{"id": each} for each in statement.status_lists],
    }
    if statement.former is not None:
        subject["former"] = {"id": statement.former.url, "leaf": statement.former.leaf}
    return {
        "@context": [VC_CONTEXT, TERMS_CONTEXT],
        "id": url,
        "type": ["VerifiableCredential", COUNT_TYPE],
        "issuer": statement.issuer,
        "validFrom": japan_time(statement.stated_at),
        "relatedResource": {"id": statement.leaves_url, "digestSRI": statement.added_digest},
        "credentialSubject": subject,
    }


class _Counted(msgspec.Struct, rename="camel", frozen=True):
    id: _Text
    type: _Text
    issued: _Count
    valid: _Count
    revoked: _Count
    corrected: _Count
    anchored: _Count


class _Group(_Counted, rename="camel", frozen=True):
    qualification: tuple[_Text, ...]


class _Batch(msgspec.Struct, frozen=True):
    id: _Text
    badges: _Count


class _Link(msgspec.Struct, frozen=True):
    id: _Text


class _Former(msgspec.Struct, frozen=True):
    id: _Text
    leaf: _Text


class _Subject(_Counted, rename="camel", frozen=True):
    cohort: _Text
    number: Annotated[int, msgspec.Meta(ge=1, lt=10**9)]
    last_day: date
    added: _Count
    divided_in: Annotated[int, msgspec.Meta(ge=1)]
    group: tuple[_Group, ...]
    batch: tuple[_Batch, ...]
    status_list: tuple[_Link, ...]
    former: _Former | None = None


class _Resource(msgspec.Struct, rename={"digest_sri": "digestSRI"}, frozen=True):
    id: _Text
    digest_sri: _Text


class _Credential(msgspec.Struct, rename="camel", frozen=True):
    id: _Text
    type: tuple[_Text, ...]
    issuer: _Text
    valid_from: Any
    related_resource: _Resource
    credential_subject: _Subject


def is_count(document: Document) -> bool:
    """Whether a document says that it is a statement of the count, right or wrong."""
    types = document.get("type")
    return isinstance(types, list) and COUNT_TYPE in types


def read_count(document: Document) -> CountStatement:
    """Unreadable, naming the field, when the document isn't a statement of our form.

    A list that JSON-LD reads as a set holds each entry once and in our order, so that two statements with one hash are
    one statement.
    """
    try:
        read = msgspec.convert(document, _Credential)
        stated_at = read_moment(read.valid_from, "validFrom")
    except (msgspec.ValidationError, ValueError) as error:
        raise Unreadable(f"expected a statement of the count: {error}") from error
    subject = read.credential_subject
    counts: tuple[_Counted, ...] = (subject, *subject.group)
    for counted in counts:
        if counted.valid != _read(counted).valid:
            text = f"{counted.id[:200]}: got {counted.valid} valid, expected {_read(counted).valid}"
            raise DoesNotAddUp(f"{text}: those issued without those revoked or corrected")
    if not object_keys.is_cohort(subject.cohort):
        raise Unreadable(f"cohort: got {subject.cohort[:40]!r}, expected a year")
    public_url = read.id.removesuffix(f"/{object_keys.statement(subject.cohort, subject.number)}")
    statement = CountStatement(
        public_url=public_url,
        issuer=read.issuer,
        cohort=subject.cohort,
        number=subject.number,
        stated_at=stated_at,
        figures=_read(subject),
        last_day=subject.last_day,
        added=subject.added,
        added_digest=read.related_resource.digest_sri,
        divided_in=subject.divided_in,
        groups=tuple(Group(each.qualification, _read(each)) for each in subject.group),
        batches=tuple(Batch(_root_in(each.id, public_url), each.badges) for each in subject.batch),
        status_lists=tuple(each.id for each in subject.status_list),
        former=None if subject.former is None else Former(subject.former.id, subject.former.leaf),
    )
    made = {name: value for name, value in document.items() if name != "proof"}
    if made != (expected := count_document(statement)):
        raise Unreadable(f"{_difference(made, expected)}: got another form, expected that of the issuer")
    _refuse_disorder("group", [group.qualifications[:1] for group in statement.groups])
    for group in statement.groups:
        _refuse_disorder("group.qualification", group.qualifications)
    _refuse_disorder("group.qualification", sorted(name for group in statement.groups for name in group.qualifications))
    _refuse_disorder("batch", [each.root for each in statement.batches])
    _refuse_disorder("statusList", statement.status_lists)
    return statement


def _refuse_disorder(what: str, ids: Sequence[Any]) -> None:
    if not all(ids) or list(ids) != sorted(set(ids)):
        raise Unreadable(f"credentialSubject.{what}: got an entry twice or out of order, expected each once, in order")


def _difference(made: Document, expected: Document) -> str:
    for name, value in expected.items():
        if name == "credentialSubject" and isinstance(made.get(name), dict):
            return f"{name}.{_difference(made[name], value)}"
        if made.get(name) != value:
            return name
    return next((name for name in made if name not in expected), "the document")


def _written(figures: Figures) -> dict[str, int]:
    return {
        "issued": figures.issued,
        "valid": figures.valid,
        "revoked": figures.revoked,
        "corrected": figures.corrected,
        "anchored": figures.anchored,
    }


def _read(counted: _Counted) -> Figures:
    return Figures(counted.issued, counted.revoked, counted.corrected, counted.anchored)


def _root_in(url: str, public_url: str) -> str:
    root = url.removeprefix(f"{public_url}/{object_keys.BATCHES}").removesuffix(".json")
    if not object_keys.is_merkle_root(root):
        raise Unreadable(f"credentialSubject.batch: got {url[:200]!r}, expected the manifest of a batch")
    return root
