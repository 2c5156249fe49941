"""The language of the pipeline: every event about a badge that one service announces to the others, in order of time.

Facts are past tense and immutable. Optional fields may be added; meanings are never changed.
Two events with the same `identity` are one fact: a reader that has handled one ignores the other.
Spoken by all services; what the office orders is in `office_events.py`, the letters that services ask for in
`letter_events.py`, orders of paper in `paper_events.py`, an erasure in `erasure_events.py`, the bytes in `wire.py`.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from typing import ClassVar, Literal
from uuid import UUID, uuid5

import msgspec

from shared.topics import (
    ASSERTION_ANCHORED,
    ASSERTION_ISSUED,
    ASSERTION_REVOKED,
    BADGE_RECEIVED,
    CERTIFICATE_RENDERED,
    LETTER_UPDATED,
    REGISTRATION_HELD,
    REGISTRATION_RENEWED,
    Topic,
)

_NAMESPACE = UUID("6c0f5f0e-5a0e-5d0b-9d53-0a5c2a1f7a11")


@lru_cache(maxsize=1024)  # a hash, asked for several times while an event is in hand
def event_id(type: str, identity: str) -> UUID:
    """The id that an event of this type and identity has or would have."""
    return uuid5(_NAMESPACE, f"{type}/{identity}")


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One fact. `key` orders it on its topic; `id` is derived from its identity, never drawn."""

    topic: ClassVar[Topic]
    about: ClassVar[str]  # the field that names the one thing the event is about
    numbered_by: ClassVar[str | None] = None  # the field that numbers such facts about one thing; None: there is one

    @property
    def key(self) -> str:
        """What the event is about: the Kafka key, so facts about one thing stay in order."""
        return str(getattr(self, self.about))

    @property
    def identity(self) -> str:
        """What makes this fact one fact: its key, and its number where there can be several."""
        return self.key if self.numbered_by is None else f"{self.key}/{getattr(self, self.numbered_by)}"

    @property
    def id(self) -> UUID:
        return event_id(type(self).__name__, self.identity)


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """The person as the readers need them: name (氏 and 名 apart, exactly as registered) and address."""

    person_id: str
    family_name: str
    given_name: str
    email: str
    family_name_latin: str | None = None
    given_name_latin: str | None = None

    @property
    def family_first(self) -> str:
        """As the certificate shows it: コンクリート 太郎."""
        return f"{self.family_name} {self.given_name}"

    @property
    def latin(self) -> str | None:
        """The name in Latin letters, family name first: TEKKIN Kenichi. None when upstream gave none."""
        return " ".join(part for part in (self.family_name_latin, self.given_name_latin) if part) or None

    @property
    def given_first(self) -> str:
        """As the wallet shows it: 太郎 コンクリート."""
        return f"{self.given_name} {self.family_name}"


class Award(msgspec.Struct, frozen=True, kw_only=True):
    """What is awarded: one registration period of one qualification. Dates are Japan calendar days, both included."""

    registration_id: str
    cohort: str  # the 年度 whose April 1 it is: "2026"
    qualification: str
    kind: Literal["new", "renewal"]
    pass_number: str  # 合格番号
    registration_number: str  # 登録番号
    valid_from: date
    valid_until: date
    previous_registration_id: str | None = None


# ── 1 accept, 2 confirm the address ────────────────────────────────────────────────────────────────────


class RegistrationRenewed(Event, frozen=True, kw_only=True):
    """A registration, new or renewed, has a badge coming: eligible, at an address of its own.

    `notify_from` is the moment before which no letter may leave (April 1, or the next delayed run). A `version` above 1
    takes the place of the one before: the office's correction, with its reason, or upstream's before it was issued.
    """

    topic = REGISTRATION_RENEWED
    award: Award
    holder: Holder
    notify_from: datetime
    version: int = 1
    correction: str | None = None

    @property
    def key(self) -> str:
        return self.award.registration_id

    @property
    def identity(self) -> str:
        return self.key if self.version == 1 else f"{self.key}/{self.version}"


class AddressCorrected(Event, frozen=True, kw_only=True):
    """The letters of a registration that has a badge go to `email` from now on; the badge stays as it is.

    `revision` counts such changes of a registration, of which the highest stands. It is about the versions up to
    `version`: a later one says its own address. Links in letters to an earlier address open nothing any more.
    """

    topic = REGISTRATION_RENEWED
    about = "registration_id"
    numbered_by = "revision"
    registration_id: str
    cohort: str
    email: str
    version: int
    revision: int
    corrected_at: datetime


HeldReason = Literal[
    "not-completed",
    "not-this-cycle",
    "missing-address",
    "shared-address",
    "address-taken",
    "no-glyph",
    "office-hold",
    "completes-later",
    "birth-date-differs",
    "name-differs",
    "renews-another",
    "duplicate-registration-number",
    "duplicate-pass-number",
    "look-alike",
    "not-judged",
]

CONTRADICTIONS: frozenset[HeldReason] = frozenset(
    {
        "birth-date-differs",
        "name-differs",
        "renews-another",
        "duplicate-registration-number",
        "duplicate-pass-number",
        "look-alike",
    }
)
"""What the office may overrule by `resume`: the record is right as it is."""


class RegistrationHeld(Event, frozen=True, kw_only=True):
    """No badge for this registration until `reason` is gone. `revision` counts its holds and releases."""

    topic = REGISTRATION_HELD
    about = "registration_id"
    numbered_by = "revision"
    registration_id: str
    person_id: str
    qualification: str
    cohort: str
    reason: HeldReason
    revision: int
    first_registration_id: str | None = None  # whose badge has this address, or whose record says otherwise
    name: str | None = None  # 氏 名 as registered, so that the office's list can name the person
    characters: tuple[str, ...] = ()  # no-glyph: those of the name that no font has, as "U+20BB7 𠮷"


class RegistrationReleased(Event, frozen=True, kw_only=True):
    """What held this registration is gone."""

    topic = REGISTRATION_HELD
    about = "registration_id"
    numbered_by = "revision"
    registration_id: str
    cohort: str
    revision: int


class RegistrationRejected(Event, frozen=True, kw_only=True):
    """A row of a delivery could not be read. `got` is left out where the field is personal."""

    topic = REGISTRATION_HELD
    about = "rejection_id"
    rejection_id: str
    source: str  # file name, "http" or "kafka"
    row: int | None
    field: str
    expected: str
    got: str | None = None


# ── 3 issue ────────────────────────────────────────────────────────────────────────────────────────────


class AssertionIssued(Event, frozen=True, kw_only=True):
    """The signed credential lies in object storage at `credentials/<assertion_id>.json`.

    `leaf` is the hex SHA-256 of its RDFC-1.0 canonical N-Quads, first proof included. `replaces` is the assertion that
    this one renews, `corrects` the one that it makes void: the version before it, of the same registration.
    """

    topic = ASSERTION_ISSUED
    about = "assertion_id"
    assertion_id: str
    leaf: str
    award: Award
    holder: Holder
    issued_at: datetime
    notify_from: datetime
    status_list: int
    status_index: int
    replaces: str | None = None
    version: int = 1
    corrects: str | None = None
    edition: str | None = None  # of the badge class: "2026", "2026-2"; None: the year in which the period begins


class IssuanceRefused(Event, frozen=True, kw_only=True):
    """The issuer signs no credential for this version of a registration: `field` is not as `expected`.

    It stands until a later version is issued. `got` is nothing personal. `issued_version`: the newest that has a badge.
    """

    topic = ASSERTION_ISSUED
    about = "registration_id"
    numbered_by = "version"
    registration_id: str
    cohort: str
    version: int
    field: str
    expected: str
    refused_at: datetime
    got: str | None = None
    issued_version: int = 0  # 0: none


# ── 4 letter 1, 9 letter 2 ─────────────────────────────────────────────────────────────────────────────

LetterState = Literal["queued", "sent", "deferred", "bounced", "suppressed", "cancelled"]

LETTER_STATES: tuple[LetterState, ...] = ("deferred", "sent", "bounced", "queued", "suppressed", "cancelled")
"""In the order in which those with the same `attempt` follow each other: queued again after the answer to it."""


class MessageUpdated(Event, frozen=True, kw_only=True):
    """A message of a letter changed its state. `answer` is the SMTP server's, without any address."""

    message_id: str
    state: LetterState
    attempt: int
    at: datetime
    answer: str | None = None

    @property
    def identity(self) -> str:
        return f"{self.message_id}/{self.state}/{self.attempt}"

    @property
    def place(self) -> tuple[int, int]:
        """Greater for a later state of the same message, whatever the clock said."""
        return self.attempt, LETTER_STATES.index(self.state)


class LetterUpdated(MessageUpdated, frozen=True, kw_only=True):
    """A message about a badge changed its state. `answer` is the SMTP server's, without any address.

    `cancelled`: its time had passed, or what it asks for was done, before it was sent.
    """

    topic = LETTER_UPDATED
    about = "assertion_id"
    assertion_id: str
    letter: Literal[
        "award", "completion", "correction", "revocation", "reminder-1", "reminder-2", "reminder-3", "expiry"
    ]
    domain: str | None = None  # of the address, in lower case: which mail server it is; the rest of it is in no event
    address_revision: int | None = None  # as of AddressCorrected, of what was written or handed over; None: of neither


# ── 5 receive ──────────────────────────────────────────────────────────────────────────────────────────


class BadgeReceived(Event, frozen=True, kw_only=True):
    """The holder has taken the badge into the wallet (受領)."""

    topic = BADGE_RECEIVED
    about = "assertion_id"
    assertion_id: str
    received_at: datetime


class BadgeVisibilityChanged(Event, frozen=True, kw_only=True):
    """The holder decided whether the public page shows the details (合格番号, 登録番号)."""

    topic = BADGE_RECEIVED
    about = "assertion_id"
    numbered_by = "revision"
    assertion_id: str
    details_public: bool
    revision: int


# ── 6 close the batch and send its root, 7 finality and proof ──────────────────────────────────────────


class AssertionAnchored(Event, frozen=True, kw_only=True):
    """The leaf's Merkle root is final on chain and the credential in object storage carries the proof."""

    topic = ASSERTION_ANCHORED
    about = "assertion_id"
    assertion_id: str
    leaf: str
    merkle_root: str
    path: tuple[tuple[Literal["left", "right"], str], ...]  # (side of the sibling, hex hash), from the leaf upwards
    network: str  # a name of the configuration: "local", "sepolia"
    chain_id: int
    contract: str
    transaction: str
    block_number: int
    block_hash: str
    anchored_at: datetime  # the block's time


# ── 8 render ───────────────────────────────────────────────────────────────────────────────────────────


class CertificateRendered(Event, frozen=True, kw_only=True):
    """Both PDFs lie in object storage."""

    topic = CERTIFICATE_RENDERED
    about = "assertion_id"
    assertion_id: str
    certificate_key: str
    certificate_sha256: str
    details_key: str
    details_sha256: str
    rendered_at: datetime
    unsigned_sha256: tuple[str, str] | None = None  # of both, as they were signed (PAdES); None: they are not


RenderingFailure = Literal["no-glyph", "missing-object", "unreadable-object", "unknown-qualification", "layout"]


class RenderingFailed(Event, frozen=True, kw_only=True):
    """No PDFs until somebody removes what `reason` names; over when CertificateRendered comes, in whatever order.

    `revision` counts the failures of this assertion; of several the highest stands.
    """

    topic = CERTIFICATE_RENDERED
    about = "assertion_id"
    numbered_by = "revision"
    assertion_id: str
    reason: RenderingFailure
    revision: int
    failed_at: datetime
    field: str | None = None  # as in Correction ("name": 氏 or 名), or the object: "credential", "picture"
    characters: tuple[str, ...] = ()  # that the fonts lack, by code point: "U+1F600"


# ── any time: revoke, correct, decide ──────────────────────────────────────────────────────────────────


class AssertionRevoked(Event, frozen=True, kw_only=True):
    """The assertion no longer counts: withdrawn, issued in error, or replaced by a corrected one."""

    topic = ASSERTION_REVOKED
    about = "assertion_id"
    assertion_id: str
    reason: str
    revoked_at: datetime
    replaced_by: str | None = None
    erased: bool = False  # its holder is being erased: no letter tells of it
