"""The API of the office's orders, for the commands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
from fastapi import FastAPI, Query, Response
from pydantic import AwareDatetime, StringConstraints, create_model

from services.ops import queries
from services.ops.acts import orders, person_orders, sessions
from services.ops.acts.orders import Attribution
from services.ops.board.answers import encode
from services.ops.board.decisions import BULK, DAYS, Bulk, Selected
from services.ops.board.scrubs import ALL
from services.ops.ports import Ports
from services.ops.web.http import ID, Value, Words, json_answer, ordered, refused_answer
from shared.errors import NotFound
from shared.office_events import CORRECTABLE, Correction
from shared.runtime.web.fields import PLAIN

_MOST = 25_000  # decisions in one answer: an undo of a whole cohort and its parts
_SHOWN = 200  # decisions on a page

Cohort = Annotated[str, StringConstraints(min_length=1, max_length=100), PLAIN]


@dataclass(frozen=True)
class OneOrder:
    id: ID
    by: Words
    why: Words


@dataclass(frozen=True)
class EverybodysOrder:
    by: Words
    why: Words


# The fields of `Correction`, whichever it has; the type checker sees a Correction, and no model.
if TYPE_CHECKING:
    CorrectedFields = Correction
else:
    CorrectedFields = create_model(
        "Corrected",
        __doc__="The fields to correct; none: issue the badge again, unchanged. An empty text removes an optional one.",
        **{name: (date | None if name in DAYS else Value | None, None) for name in CORRECTABLE},
    )


@dataclass(frozen=True)
class CorrectOrder:
    registration_id: ID
    version: int  # of the registration, as it was looked at
    by: Words
    why: Words
    correction: CorrectedFields = field(default_factory=CorrectedFields)


@dataclass(frozen=True)
class ResumeOrder:
    registration_id: ID
    by: Words
    why: Words


@dataclass(frozen=True)
class AddressOrder:
    registration_id: ID
    address: Value
    by: Words
    why: Words


@dataclass(frozen=True)
class HoldOrder:
    registration_id: ID
    by: Words
    why: Words


@dataclass(frozen=True)
class SpellingOrder:
    """How the name of a held person is written, as was agreed: some of the fields of 氏名."""

    registration_id: ID
    by: Words
    why: Words
    spelling: CorrectedFields = field(default_factory=CorrectedFields)


@dataclass(frozen=True)
class BulkOrder:
    """`digest` is the dry run's: the order is for exactly the list that was looked at."""

    cohort: Cohort
    digest: Cohort
    by: Words
    why: Words
    qualification: Cohort | None = None
    issued_after: AwareDatetime | None = None
    issued_before: AwareDatetime | None = None
    singly: bool = False


@dataclass(frozen=True)
class RebuildOrder:
    """`reader` is to become complete again; `producer`: only from this one."""

    reader: ID
    by: Words
    why: Words
    producer: ID | None = None
    dry_run: bool = False


@dataclass(frozen=True)
class ScrubOrder:
    """`subject`: one service, or all."""

    by: Words
    why: Words
    subject: ID = ALL
    repair: bool = False


def orders_api(app: FastAPI, ports: Ports, decided: Callable[[], None]) -> None:
    """`decided` is called when an order is in the outbox."""

    @app.post("/api/v1/revoke")
    def revoke(order: OneOrder) -> Response:
        """Revoke a badge: by its assertion_id, or a registration's newest by registration_id."""
        return ordered(lambda: orders.revoke(ports, order.id, Attribution(order.by, order.why)), decided)

    @app.post("/api/v1/correct")
    def correct(order: CorrectOrder) -> Response:
        """Issue a badge once more, corrected."""
        correction = msgspec.convert(order.correction, Correction, from_attributes=True)
        return ordered(
            lambda: orders.correct(
                ports, order.registration_id, order.version, correction, Attribution(order.by, order.why)
            ),
            decided,
        )

    @app.post("/api/v1/resume")
    def resume(order: ResumeOrder) -> Response:
        """Release a held registration as it is, whatever other records say."""
        who = Attribution(order.by, order.why)
        return ordered(lambda: orders.resume(ports, order.registration_id, who), decided)

    @app.post("/api/v1/correct-address")
    def correct_address(order: AddressOrder) -> Response:
        """Another address: of who has a badge, for the letters about it; the badge stays."""
        who = Attribution(order.by, order.why)
        return ordered(lambda: person_orders.correct_address(ports, order.registration_id, order.address, who), decided)

    @app.post("/api/v1/hold")
    def hold(order: HoldOrder) -> Response:
        """No badge for this registration until it is resumed."""
        who = Attribution(order.by, order.why)
        return ordered(lambda: person_orders.hold(ports, order.registration_id, who), decided)

    @app.post("/api/v1/end-sessions")
    def end_sessions(order: OneOrder) -> Response:
        """Log the person of a registration or badge out of the wallet everywhere."""
        return ordered(lambda: sessions.end(ports, order.id, Attribution(order.by, order.why)), decided)

    @app.post("/api/v1/end-all-sessions")
    def end_all_sessions(order: EverybodysOrder) -> Response:
        """Log everybody out of the wallet."""
        return ordered(lambda: sessions.end_everybodys(ports, Attribution(order.by, order.why)), decided)

    @app.post("/api/v1/spell")
    def spell(order: SpellingOrder) -> Response:
        """How the name of a held person is written on the certificate, as was agreed with the person."""
        spelling = msgspec.convert(order.spelling, Correction, from_attributes=True)
        who = Attribution(order.by, order.why)
        return ordered(lambda: person_orders.spell(ports, order.registration_id, spelling, who), decided)

    @app.post("/api/v1/rebuild")
    def rebuild(order: RebuildOrder) -> Response:
        """Have what a service reads announced again; with dry_run only counted. The same pending order is one."""
        who = Attribution(order.by, order.why)
        try:
            return ordered(
                lambda: orders.rebuild(ports, order.reader, order.producer, who, is_dry_run=order.dry_run), decided
            )
        except ValueError as refused:
            return refused_answer(422, str(refused))

    @app.post("/api/v1/scrub")
    def scrub(order: ScrubOrder) -> Response:
        """Have tables and object storage compared; with repair also what is lost made again."""
        who = Attribution(order.by, order.why)
        try:
            return ordered(lambda: orders.scrub(ports, order.subject, who, repair=order.repair), decided)
        except ValueError as refused:
            return refused_answer(422, str(refused))

    @app.get("/api/v1/scrubs")
    def scrubs(id: ID | None = None) -> Response:
        """What was found in object storage: in the pass `id`, else in the last one of each service."""
        return json_answer(encode(queries.scrubs(ports, id)))

    @app.get("/api/v1/decisions")
    def decisions(about: ID | None = None, limit: Annotated[int, Query(ge=1, le=_MOST)] = _SHOWN) -> Response:
        """The record, the latest first; about a decision, a registration, a badge or a cohort, or all but parts."""
        return json_answer(encode(queries.decisions(ports, about, limit=limit)))

    @app.get("/api/v1/decisions/{id:path}")
    def decision(id: str) -> Response:
        return ordered(lambda: queries.decision(ports, id), lambda: None)

    @app.get("/api/v1/people/{id:path}")
    def history(id: str) -> Response:
        """One registration: all versions of its badge, their letters, the decisions."""
        try:
            return json_answer(encode(queries.history(ports, id)))
        except NotFound as missing:
            return refused_answer(404, str(missing))

    for act in BULK:
        _bulk_api(app, act, ports, decided)


def _bulk_api(app: FastAPI, act: Bulk, ports: Ports, decided: Callable[[], None]) -> None:
    @app.get(f"/api/v1/{act}", name=f"dry run of {act}")
    def look(
        cohort: Cohort,
        qualification: Cohort | None = None,
        issued_after: AwareDatetime | None = None,
        issued_before: AwareDatetime | None = None,
        singly: bool = False,
    ) -> Response:
        """The people it would affect, and the digest of this list. Changes nothing."""
        selected = _selected(cohort, qualification, issued_after, issued_before, singly)
        try:
            return json_answer(encode(orders.dry_run(ports, act, selected)))
        except NotFound as missing:
            return refused_answer(404, str(missing))

    @app.post(f"/api/v1/{act}", name=act)
    def apply(order: BulkOrder) -> Response:
        """Order it for the people of the list with this digest; 409 when the list has changed."""
        selected = _selected(order.cohort, order.qualification, order.issued_after, order.issued_before, order.singly)
        return ordered(
            lambda: orders.apply(ports, act, selected, order.digest, Attribution(order.by, order.why)), decided
        )


def _selected(
    cohort: str, qualification: str | None, after: datetime | None, before: datetime | None, singly: bool
) -> Selected:
    return Selected(cohort=cohort, qualification=qualification, issued_after=after, issued_before=before, singly=singly)
