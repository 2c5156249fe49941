"""Orders of the office and their outcomes: ids, the digest of a list, and the stable JSON of both. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Final, Literal

import msgspec

from services.ops.board.stuck import Stuck
from shared.errors import AkashiError
from shared.events import CONTRADICTIONS
from shared.office_events import CORRECTABLE, Correction, OfficeDecided
from shared.paper_events import PaperLine, PaperOutcome

DONE = "done"
PARTLY = "partly"
REBUILD = "rebuild"
SCRUB = "scrub"
LETTER_ORDERS = ("resend", "hold-letters", "resume-letters")
"""Carried out by the mailer."""

Bulk = Literal["undo", "reissue", "hold-cohort", "resume-cohort"]
BULK: tuple[Bulk, ...] = ("undo", "reissue", "hold-cohort", "resume-cohort")
LASTING: tuple[Bulk, ...] = ("hold-cohort", "resume-cohort")
"""Also about those who come later: registration carries out the whole, besides the order for each."""
FEED: Final = "feed"


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """Progress of the decisions that an undo or a reissue consists of: `outcomes` counts the `settled` ones by word."""

    total: int
    settled: int
    outcomes: dict[str, int]


class ProducerLine(msgspec.Struct, frozen=True, kw_only=True):
    """What a service answered to an order to several: "N events" or objects in `detail`. `outcome` None: nothing."""

    service: str
    outcome: str | None
    detail: str | None
    settled_at: datetime | None


class DecisionLine(msgspec.Struct, frozen=True, kw_only=True):
    """One order. `outcome` None: none yet, or of a kind that gets none; "partly": see `parts`.

    `correction` has the corrected fields; an address among them is null: corrected, but not shown here. Of a step for
    paper it has the `items` and the `shipper`. `producers`: of a rebuild or a scrub, the services that carry it out; it
    has its outcome when each has answered.
    """

    id: str
    decision: str
    subject: str
    by: str
    why: str
    at: datetime
    registration_id: str | None = None
    name: str | None = None
    part_of: str | None = None
    correction: dict[str, str | None] | None = None
    people: int | None = None
    outcome: str | None = None
    detail: str | None = None
    paper: PaperOutcome | None = None  # of a step for paper, which says the same as `detail`
    settled_by: str | None = None
    settled_at: datetime | None = None
    parts: Parts | None = None
    producers: list[ProducerLine] | None = None
    lasting: bool = False  # hold-cohort, resume-cohort: also about those who come later
    qualification: str | None = None  # hold-cohort, resume-cohort: only people of this one


def decision_line(paper: str | None, **columns: Any) -> DecisionLine:
    """`paper`: as JSON."""
    return DecisionLine(paper=None if paper is None else msgspec.json.decode(paper, type=PaperOutcome), **columns)


class HeldCohort(msgspec.Struct, frozen=True, kw_only=True):
    """A hold of a cohort that stands: also of those who are delivered or released later.

    `qualification`: only people of this one; None: of all but those that were `resumed` since.
    """

    cohort: str
    qualification: str | None
    since: datetime
    by: str
    why: str
    decision_id: str
    resumed: list[str] = []


class ListedPerson(msgspec.Struct, frozen=True, kw_only=True):
    """A person on the list of an order for a whole cohort. Of a hold or a resume `assertion_id` is "": no badge yet."""

    registration_id: str
    name: str | None
    qualification: str | None
    assertion_id: str
    issued_at: datetime | None
    version: int  # of the registration: the newest known
    reason: str | None = None  # reissue: why the badge was revoked; hold: why the person is held already


class Selected(msgspec.Struct, frozen=True, kw_only=True):
    """The selection of people for an order about a whole cohort. Times are of the issue: for undo and reissue."""

    cohort: str
    qualification: str | None = None
    issued_after: datetime | None = None  # included
    issued_before: datetime | None = None  # not included
    singly: bool = False  # reissue: include badges that were revoked by an order of their own


class DryRun(msgspec.Struct, frozen=True, kw_only=True):
    """The people that an order for a whole cohort would affect now. `digest` identifies the list: the order repeats it.

    `left_out` counts people of the same selection who are not on the list. Undo: their badge, or a corrected one, is
    not issued yet. Reissue: their badge was revoked by an order of its own. Hold: their badge is issued. Resume: they
    are held for another reason. `held`: of a hold the one that stands for all of these already; of a resume the one
    that it ends.
    """

    act: Bulk
    selected: Selected
    count: int
    left_out: int
    digest: str
    people: list[ListedPerson]
    held: HeldCohort | None = None

    @property
    def is_needed(self) -> bool:
        """Whether the order does anything: to these people, or to those who come later."""
        if self.act == "hold-cohort":
            return bool(self.people) or self.held is None
        return bool(self.people) or (self.act == "resume-cohort" and self.held is not None)


class VersionLine(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a registration's badge."""

    assertion_id: str
    version: int
    issued_at: datetime | None
    corrects: str | None
    renews: str | None
    received_at: datetime | None
    anchored_at: datetime | None
    rendered_at: datetime | None
    revoked_at: datetime | None
    revoked_reason: str | None
    replaced_by: str | None


class LetterLine(msgspec.Struct, frozen=True, kw_only=True):
    """The latest state of one letter about one version of a badge."""

    assertion_id: str
    letter: str
    state: str
    attempt: int
    at: datetime
    answer: str | None
    sent_at: datetime | None


DAYS = tuple(field.name for field in msgspec.structs.fields(Correction) if field.type == date | None)
"""The correctable fields that are calendar days."""

FACTS = tuple(name for name in CORRECTABLE if name != "email")
"""The correctable fields of a registration that ops knows: it keeps no address."""


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """A fact of registration or issuer: "version", "held", "released", "address" or "refused".

    `number`: the version, or the revision of a hold or an address. `facts`: what a version says.
    """

    kind: str
    number: int
    at: datetime
    reason: str | None = None
    facts: dict[str, str | None] | None = None


class OtherRegistration(msgspec.Struct, frozen=True, kw_only=True):
    """Another registration of the same person."""

    registration_id: str
    qualification: str | None
    cohort: str


class History(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of one registration: the newest version, all versions, their letters, the decisions."""

    registration_id: str
    cohort: str
    qualification: str | None
    name: str | None
    state: str
    reason: str | None
    since: datetime | None
    version: int  # the newest known; it may be issued a little later
    assertion_id: str | None
    facts: dict[str, str | None]  # by the names in FACTS; days as YYYY-MM-DD
    versions: list[VersionLine]
    letters: list[LetterLine]
    decisions: list[DecisionLine]
    stuck: Stuck | None = None
    held_characters: str | None = None  # no-glyph: the characters that no font has, as "U+20BB7 𠮷"
    happened: list[Happening] = []
    same_person: list[OtherRegistration] = []

    def has(self, subject: str) -> bool:
        """Whether it is the id of this registration or of one of its badges."""
        return subject == self.registration_id or any(subject == version.assertion_id for version in self.versions)


class AlreadyDecidedError(AkashiError):
    """The order does not apply to the present state, mostly because another one came first: show that state."""


def digest_of(act: Bulk, selected: Selected, people: Sequence[ListedPerson]) -> str:
    """Identifies the list in 12 hex digits: other people, other badges or another selection give another digest."""
    listed = (act, selected, [(person.registration_id, person.assertion_id, person.version) for person in people])
    return sha256(msgspec.json.encode(listed)).hexdigest()[:12]


def revoke_target(assertion_id: str) -> str:
    """What an order to revoke brings about. At most one order for a target is pending or done."""
    return f"revoke/{assertion_id}"


def correct_target(registration_id: str, version: int) -> str:
    """What an order to correct brings about: version `version` of the registration. Unique as above."""
    return f"correct/{registration_id}/{version}"


RESUMABLE = CONTRADICTIONS | {"not-judged", "office-hold"}
"""The reasons of a hold that the office ends by `resume`; registration says whether it does."""


def resume_target(registration_id: str, held_at: datetime | None) -> str:
    """What an order to resume brings about: the end of this hold. Unique as above."""
    return f"resume/{registration_id}/{held_at:%Y%m%dT%H%M%S}" if held_at else f"resume/{registration_id}"


def target_of(event: OfficeDecided) -> str | None:
    """The target of an order as its event tells it; None for orders that have none.

    An order to correct that was announced before events had `version` has none either.
    """
    if event.decision == "revoke":
        return revoke_target(event.subject)
    if event.decision == "correct" and event.version is not None:
        return correct_target(event.subject, event.version)
    return None


@dataclass(frozen=True)
class TargetHolder:
    """An order on record with its target."""

    decision_id: str
    target: str
    decided_at: datetime
    outcome: str | None


def present_holders(orders: Iterable[TargetHolder]) -> dict[str, str]:
    """For each target the decision_id of the order that is pending or done, if there is one.

    Several orders for one target can lack an outcome when outcomes are read late. The last one counts then: it could be
    given only after those before it had failed. One that is done counts before all others.
    """
    present: dict[str, TargetHolder] = {}
    for order in sorted(orders, key=lambda order: (order.outcome == DONE, order.decided_at, len(order.decision_id))):
        if order.outcome in (None, DONE):
            present[order.target] = order
    return {target: order.decision_id for target, order in present.items()}


def numbered(id: str, before: int) -> str:
    """The id of an order for `id` after `before` earlier ones that failed."""
    return id if before == 0 else f"{id}/{before + 1}"


def recorded_correction(correction: Correction | None) -> dict[str, str | None] | None:
    """The corrected fields as they are kept on record, days as YYYY-MM-DD; an address is None: ops keeps none."""
    if correction is None:
        return None
    return {name: None if name == "email" else str(value) for name, value in correction.changes.items()}


def recorded(event: OfficeDecided) -> dict[str, str | None] | None:
    """What is kept on record of an order's content: corrected fields, or the items that take a step for paper."""
    if event.paper:
        shipper = {"shipper": event.shipper} if event.shipper else {}
        return {"items": "、".join(map(_item, event.paper)), **shipper}
    return recorded_correction(event.correction)


def _item(line: PaperLine) -> str:
    return f"{line.order_id}/{line.item}" + (f"={line.tracking}" if line.tracking else "")


def differences(facts: Mapping[str, str | None], correction: Correction) -> list[tuple[str, str | None, str | None]]:
    """Field, old, new of what a correction would change; the old address is not known."""
    return [
        (name, facts.get(name) or None, str(value) or None)
        for name, value in correction.changes.items()
        if (facts.get(name) or "") != str(value)
    ]


def outcome_of(parts: Parts, own: str | None = DONE) -> str | None:
    """The outcome of an order for a cohort as a whole; None while it, or some of its parts, have none.

    `own`: that of the order itself, where registration carries it out.
    """
    if own is None or (own == DONE and parts.settled < parts.total):
        return None
    if own != DONE:
        return own
    return DONE if set(parts.outcomes) <= {DONE} else PARTLY
