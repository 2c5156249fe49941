"""Lists of people: the cohort's, who is held and why, who is found; and their export."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from fastapi import FastAPI, Request, Response
from starlette.responses import StreamingResponse

from services.ops import queries
from services.ops.board import wording
from services.ops.board.answers import encode, person_line
from services.ops.board.counts import STATES, Person
from services.ops.board.search import LONGEST, search_parts
from services.ops.ports import Ports
from services.ops.queries import PeoplePage
from services.ops.store.board import Seen
from services.ops.web.board_view import PersonRow, person_row
from services.ops.web.csv_file import MARK, csv_lines
from services.ops.web.http import json_answer
from services.ops.web.scope import Scope
from shared.clock import JST
from shared.programme import Bilingual, Programme
from shared.runtime.web import Pages
from shared.runtime.web.office_gate import user_of

_PAGE = 500  # people on one page
_PART = 1000  # people read at a time, for an export
_FOUND = 200  # people that a search shows

HEADERS = ("登録ID", "氏名", "資格", "年度", "状態", "理由", "いつから", "登録番号", "合格番号")
"""The columns of an export."""


@dataclass(frozen=True)
class PeopleView:
    """`after`: where the next page goes on. `reason`: of a hold, that of everybody shown."""

    cohort: str | None
    state: str | None
    reason: wording.HeldWords | None
    reason_code: str | None
    states: Sequence[tuple[str, Bilingual]]
    people: Sequence[PersonRow]
    after: str | None


@dataclass(frozen=True)
class Found:
    """Who a question found. `complete`: registration was asked for kana and addresses, too."""

    people: Sequence[PersonRow]
    complete: bool

    @property
    def more(self) -> bool:
        return len(self.people) == _FOUND


def search(ports: Ports, text: str, seen: Seen, programme: Programme) -> Found:
    """Whose name, kana, number, id or address is `text`; who has something to do first."""
    people, complete = _find(ports, text, seen)
    with ports.store.transaction() as tx:
        characters = tx.search.held_characters([person.registration_id for person in people])
    rows = [person_row(person, programme, characters.get(person.registration_id)) for person in people]
    return Found(rows, complete)


def _find(ports: Ports, text: str, seen: Seen) -> tuple[list[Person], bool]:
    """Who is found, and whether registration was asked for kana and addresses, too."""
    parts = search_parts(text)
    if not parts:
        return [], True
    also = ports.registration.find(parts, text[:LONGEST].strip(), seen)
    with ports.store.transaction() as tx:
        return tx.search.people(parts, text.strip(), also or (), seen, limit=_FOUND), also is not None


def people_pages(app: FastAPI, html: Pages, programme: Programme, scope: Scope, ports: Ports) -> None:
    @app.get("/people", include_in_schema=False)
    def people(
        request: Request,
        state: str | None = None,
        cohort: str | None = None,
        after: str = "",
        reason: str | None = None,
    ) -> Response:
        if state is not None and state not in STATES:
            return html.error(request, 404)
        found = queries.people(
            ports,
            cohort,
            state,
            after=after,
            limit=_PAGE,
            seen=scope.seen_by(request),
            reason=reason,
            work_first=state is None and reason is None,
        )
        return html.page(request, "people.html", page=_view(found, state, reason, programme))

    @app.get("/people.csv", include_in_schema=False)
    def export(
        request: Request, state: str | None = None, cohort: str | None = None, reason: str | None = None
    ) -> Response:
        if state is not None and state not in STATES:
            return html.error(request, 404)
        parts = queries.all_people(ports, cohort, state, part=_PART, seen=scope.seen_by(request), reason=reason)
        first = next(parts)  # here: a database that is away is a 503, and not half a file
        name = "-".join(text for text in (cohort, state, reason) if text and text.isascii() and text.isalnum())
        return StreamingResponse(
            _csv(first, parts, ports, programme),
            media_type="text/csv; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="{name or "people"}.csv"'},
        )

    @app.get("/search", include_in_schema=False)
    def found(request: Request, q: str = "") -> Response:
        text = q[:LONGEST].strip()
        page = search(ports, text, scope.seen_by(request), programme) if text else None
        is_erased = bool(text) and user_of(request).is_admin and queries.erasure(ports, text) is not None
        return html.page(request, "search.html", page=page, asked=text, shown=_FOUND, is_erased=is_erased)


def search_api(app: FastAPI, ports: Ports) -> None:
    @app.get("/api/v1/search")
    def find(q: str) -> Response:
        """Whose name, kana, number, id or address is `q`, at most 200; who has something to do first."""
        people, _ = _find(ports, q[:LONGEST].strip(), None)
        return json_answer(encode([person_line(person) for person in people]))


def _view(page: PeoplePage, state: str | None, reason: str | None, programme: Programme) -> PeopleView:
    return PeopleView(
        cohort=page.cohort,
        state=state,
        reason=wording.HELD_REASONS.get(reason) if reason else None,
        reason_code=reason,
        states=[(code, wording.STATES[code]) for code in STATES],
        people=[person_row(person, programme) for person in page.people],
        after=page.after,
    )


def _csv(
    first: Sequence[Person], rest: Iterator[Sequence[Person]], ports: Ports, programme: Programme
) -> Iterator[bytes]:
    """With a byte order mark, so that Excel reads it as UTF-8; what Excel takes for a formula is kept as text."""
    yield MARK + csv_lines([HEADERS])
    for people in chain([first], rest):
        yield csv_lines(_cells(people, ports, programme))


def _cells(people: Sequence[Person], ports: Ports, programme: Programme) -> Iterable[Sequence[str]]:
    with ports.store.transaction() as tx:
        numbers = tx.search.numbers([person.registration_id for person in people])
    for person in people:
        row = person_row(person, programme)
        registration, passed = numbers.get(person.registration_id, (None, None))
        since = person.since.astimezone(JST).strftime("%Y-%m-%d %H:%M") if person.since else ""
        yield (
            person.registration_id,
            person.name or "",
            row.qualification.ja if row.qualification else person.qualification or "",
            person.cohort,
            row.state.ja,
            row.reason.ja if row.reason else "",
            since,
            registration or "",
            passed or "",
        )
