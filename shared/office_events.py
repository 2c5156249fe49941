"""What the office orders and what is answered, and what the services tell the office of themselves.

Events like those of `events.py`, with the same rules; on the topic of the office's decisions, which is its audit trail,
but for the hold of a cohort, which is registration's.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec

from shared.events import Event, event_id
from shared.paper_events import PaperDecision, PaperLine, PaperOutcome
from shared.topics import OFFICE_DECISIONS, REGISTRATION_HELD

# ── about badges: revoke, correct, decide ──────────────────────────────────────────────────────────────


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """What the office corrects of a registration whose badge is issued. None leaves a field as it is."""

    family_name: str | None = None
    given_name: str | None = None
    family_name_latin: str | None = None
    given_name_latin: str | None = None
    email: str | None = None
    pass_number: str | None = None
    registration_number: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None

    @property
    def changes(self) -> dict[str, str | date]:
        """What is corrected: field and value, in the order of the fields."""
        given = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return {name: value for name, value in given if value is not None}


CORRECTABLE = Correction.__struct_fields__
"""The fields of a registration that the office may correct."""

Decision = Literal[
    "revoke",
    "correct",
    "undo",
    "reissue",
    "correct-address",
    "resend",
    "hold",
    "resume",
    "discard",
    "replay",
    "acknowledge",
    "dismiss",
    "hold-letters",
    "resume-letters",
    "end-sessions",
    "end-all-sessions",
    "hold-cohort",
    "resume-cohort",
    "erase",
    "feed",
    PaperDecision,
]


class OfficeDecided(Event, frozen=True, kw_only=True):
    """What the office ordered, with author and reason. The topic is the audit trail.

    Revoke is about an assertion; correct about a registration, whose badge is issued once more, as `correction` says.
    Undo, reissue, hold-cohort and resume-cohort are about a cohort: each of its people who is known has a decision of
    their own, `part_of` it, to revoke, correct, hold or resume. Undo and reissue do nothing themselves; a hold that is
    `lasting` holds also those who come later, until the cohort is resumed. Feed is about a file that the office hands
    in on the board: ops delivers and settles it. Hold-letters and resume-letters are about a cohort: no letter leaves
    meanwhile. Resend is about an assertion. End-sessions is about a registration: its person is logged out of the
    wallet everywhere; end-all-sessions logs everybody out. Erase is about a registration, whose person is forgotten by
    every service (`erasure_events.py`). The five of paper are a step for many orders at once.
    """

    topic = OFFICE_DECISIONS
    about = "subject"
    decision_id: str
    decision: Decision
    subject: (
        str  # a registration_id, assertion_id, cohort, dead letter's id, restore_id, delivery, file; "paper", "wallet"
    )
    by: str
    why: str
    decided_at: datetime
    value: str | None = None  # correct-address: the new address; resend: the letter; undo, reissue, paper-…: how many
    correction: Correction | None = None
    part_of: str | None = None  # the decision_id of the undo, the reissue, the hold or resume of a cohort
    version: int | None = None  # correct: of the registration, as which it is to be issued
    rejections: tuple[str, ...] = ()  # dismiss: the rejection_ids of rejected rows that need nothing more, at most 1000
    paper: tuple[PaperLine, ...] = ()  # paper-…: the items of orders that take the step, at most 1000
    shipper: str | None = None  # paper-sent: the carrier
    lasting: bool = False  # hold-cohort, resume-cohort and their parts: also about those who come later
    qualification: str | None = None  # hold-cohort, resume-cohort: only people of this one; None: of all

    @property
    def identity(self) -> str:
        return self.decision_id


class DecisionSettled(Event, frozen=True, kw_only=True):
    """The outcome of an order: "done", or the reason why not. Announced by the service that carries the order out."""

    topic = OFFICE_DECISIONS
    about = "subject"
    decision_id: str
    subject: str
    service: str
    outcome: str  # a word: "done", "no-such-assertion", "revoked-before" …
    settled_at: datetime
    detail: str | None = None  # got …, expected …; nothing personal
    paper: PaperOutcome | None = None  # paper-…: what became of its items; None: by the former release, see `detail`

    @property
    def identity(self) -> str:
        return f"{self.decision_id}/{self.service}"

    @classmethod
    def id_of(cls, decision_id: str, service: str) -> UUID:
        """The id that the settlement of an order by `service` has or would have."""
        return event_id(cls.__name__, f"{decision_id}/{service}")


class CohortHoldChanged(Event, frozen=True, kw_only=True):
    """The office holds a cohort from now on (`held`), or does no more; those who come later included.

    `qualification`: only people of this one; None: of all, whatever was ordered of single ones before. Of several about
    the same the one that was decided last stands.
    """

    topic = REGISTRATION_HELD
    about = "cohort"
    cohort: str
    qualification: str | None
    held: bool
    decision_id: str
    by: str
    why: str
    decided_at: datetime
    begins_on: date  # the first day of the cohort's periods

    @property
    def identity(self) -> str:
        return self.decision_id


# ── about the office's accounts ────────────────────────────────────────────────────────────────────────


class AccountChanged(Event, frozen=True, kw_only=True):
    """Who may sign in to the office's pages has changed, or with what password. No password, and nothing made of one.

    `by` is the account itself where somebody changes the own password. `role` and `desk` are those of the account, of
    change "role" the new ones.
    """

    topic = OFFICE_DECISIONS
    about = "account"
    change_id: str
    account: str
    change: Literal["added", "password", "removed", "role"]
    by: str
    why: str
    changed_at: datetime
    role: str
    desk: str | None = None  # of role office: the one whose people it sees
    former_role: str | None = None  # change "role": what the account had before
    former_desk: str | None = None

    @property
    def identity(self) -> str:
        return self.change_id


# ── about the services: rebuild, compare, a restore ────────────────────────────────────────────────────


class RebuildOrdered(Event, frozen=True, kw_only=True):
    """`reader` is to become complete again: each producer announces again, as before, what `reader` learns from it.

    Each answers with DecisionSettled: how many events. With `dry_run` it only counts them.
    """

    topic = OFFICE_DECISIONS
    about = "reader"
    decision_id: str
    reader: str
    by: str
    why: str
    ordered_at: datetime
    producer: str | None = None  # only this one; None: all
    dry_run: bool = False

    @property
    def identity(self) -> str:
        return self.decision_id


class ScrubOrdered(Event, frozen=True, kw_only=True):
    """The service `subject`, or "all", is to compare its tables with object storage; to `repair`, or only to look.

    Each announces ObjectsScrubbed, and DecisionSettled at the end.
    """

    topic = OFFICE_DECISIONS
    about = "subject"
    decision_id: str
    subject: str
    repair: bool
    by: str
    why: str
    ordered_at: datetime

    @property
    def identity(self) -> str:
        return self.decision_id


class ScrubCount(msgspec.Struct, frozen=True, kw_only=True):
    """Objects of one kind: looked at, found to be at fault, put right."""

    kind: str  # "credentials", "certificates" …
    checked: int
    missing: int = 0
    different: int = 0
    only_stored: int = 0
    repaired: int = 0
    adopted: int = 0


class ScrubFault(msgspec.Struct, frozen=True, kw_only=True):
    """`found` "missing", "different" or "only-stored"; `outcome` "repaired", "adopted", or why not. None: only seen."""

    key: str
    found: str
    outcome: str | None


class ObjectsScrubbed(Event, frozen=True, kw_only=True):
    """What `service` has found in object storage since `started_at`: at the end of its pass, or on the way.

    `scrub_id` is the order's decision_id, or that of a pass by itself; `named` has the first 20 objects at fault.
    """

    topic = OFFICE_DECISIONS
    about = "subject"
    scrub_id: str
    subject: str
    service: str
    repair: bool
    counts: tuple[ScrubCount, ...]
    named: tuple[ScrubFault, ...]
    started_at: datetime
    at: datetime
    finished: bool

    @property
    def identity(self) -> str:
        checked = sum(count.checked for count in self.counts)
        return f"{self.scrub_id}/{self.service}/{'end' if self.finished else checked}"


class RestoreNoticed(Event, frozen=True, kw_only=True):
    """At its start `service` found its tables behind Kafka, object storage or PostgreSQL's own history.

    Of its own facts it took back so many of each event; it reads so many messages again. Acknowledged by the office.
    """

    topic = OFFICE_DECISIONS
    about = "restore_id"
    restore_id: str
    service: str
    noticed_at: datetime
    recalled: dict[str, int] = msgspec.field(default_factory=dict)
    read_again: int = 0
    gone: int = 0  # messages of these that the topics no longer have
    storage: dict[str, int] = msgspec.field(default_factory=dict)  # what only object storage has, by kind
    replaced: bool = False  # the database is another one, or on another timeline: restored, or failed over
