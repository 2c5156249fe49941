"""The pages for orders about a whole cohort: each lists its people first, says what will happen, and asks once more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import FastAPI, Form, Request, Response
from starlette.responses import RedirectResponse

from services.ops.acts import orders
from services.ops.acts.orders import Attribution
from services.ops.board.decisions import BULK, LASTING, AlreadyDecidedError, Bulk, Selected
from services.ops.ports import Ports
from services.ops.web.http import ID, Confirmation, Value, Words
from shared.clock import JST, japan_date
from shared.programme import Bilingual, Programme
from shared.runtime.web import Pages
from shared.runtime.web.office_gate import user_of

_NAMED = 500  # people named on the page; the order is for all of the list


@dataclass(frozen=True)
class OrderWords:
    """What a page says. `typed`: what is written before it is carried out; `effects`: what will happen, the number of
    people in {n}."""

    title: Bilingual
    about: Bilingual
    typed: tuple[str, str]
    people: Bilingual
    left_out: Bilingual
    effects: tuple[Bilingual, ...]
    button: Bilingual
    nobody: Bilingual | None = None  # the button, when the order concerns only who comes later
    is_public: bool = True  # the reason is shown on public pages


ORDER_WORDS: dict[Bulk, OrderWords] = {
    "undo": OrderWords(
        Bilingual("年度の取り消し", "Undo a cohort"),
        Bilingual(
            "誤って発行した年度のバッジを、まとめて取り消します。まず、だれのバッジかを一覧します。",
            "Takes back the badges of a cohort that was issued by mistake. First it lists whose they are.",
        ),
        ("年度を取り消す", "undo"),
        Bilingual("{n}人のバッジ", "{n} badges"),
        Bilingual("ほかに、発行の途中の人が{n}人います。", "{n} more are being issued."),
        (
            Bilingual(
                "この{n}人のバッジがすべて無効になり、確認ページに「取り消されています」と出ます。",
                "All {n} badges become invalid; their public pages say “revoked”.",
            ),
            Bilingual(
                "バッジを知っている人には、取り消しのお知らせが届きます。",
                "Those who know of their badge get a letter.",
            ),
            Bilingual(
                "元に戻すことはできません。発行し直すには「年度の再発行」を使います。",
                "It can't be taken back. “Issue a cohort again” issues them again.",
            ),
        ),
        Bilingual("{n}人のバッジを取り消す", "Revoke {n} badges"),
    ),
    "reissue": OrderWords(
        Bilingual("年度の再発行", "Issue a cohort again"),
        Bilingual(
            "年度の取り消しで取り消されたバッジを、同じ内容で発行し直します。まず、だれに発行するかを一覧します。",
            "Issues again, with the same content, the badges that an undo revoked. First it lists whose they are.",
        ),
        ("年度を発行し直す", "reissue"),
        Bilingual("{n}人に発行", "{n} badges"),
        Bilingual("ほかに、一人ずつ取り消された人が{n}人います。", "{n} more were revoked by an order of their own."),
        (
            Bilingual("この{n}人に、新しいバッジを発行します。", "{n} new badges are issued."),
            Bilingual(
                "前のバッジは取り消されたままで、新しいバッジに差し替わります。",
                "The former badges stay revoked and are replaced by the new ones.",
            ),
            Bilingual("一人ひとりに、お知らせが届きます。", "Each holder gets a letter."),
        ),
        Bilingual("{n}人に発行し直す", "Issue {n} badges again"),
    ),
    "hold-cohort": OrderWords(
        Bilingual("年度の発行を止める", "Hold a cohort"),
        Bilingual(
            "まだバッジのない人の発行を、まとめて止めます。あとから届く登録も、再開するまで止まります。"
            "まず、いま止まる人を一覧します。",
            "Holds the people who have no badge yet, and those who come later, until it is resumed. The list of those"
            " who would be held now is shown first.",
        ),
        ("年度を止める", "hold"),
        Bilingual("{n}人の発行", "{n} people"),
        Bilingual(
            "すでにバッジのある人が{n}人います。その人には何も起きません。", "{n} have a badge: they are left alone."
        ),
        (
            Bilingual("この{n}人には、再開するまでバッジが発行されません。", "These {n} get no badge until resumed."),
            Bilingual(
                "四月一日を待っている人、あとから届く登録、あとから手続きが終わる人も止まります。",
                "People who wait for April 1, are delivered later, or complete later are held as well.",
            ),
            Bilingual(
                "ボードの上に、だれが、いつから、なぜ止めているかが出ます。再開しても、お知らせの日は遅れません。",
                "The board says who holds it, since when and why. Resuming it does not postpone the day of any letter.",
            ),
        ),
        Bilingual("{n}人の発行を止める", "Hold {n} people"),
        Bilingual("この年度の発行を止める", "Hold this cohort"),
        is_public=False,
    ),
    "resume-cohort": OrderWords(
        Bilingual("年度の再開", "Resume a cohort"),
        Bilingual(
            "止めている年度を再開し、事務局が止めた人の発行を、まとめて再開します。まず、だれを再開するかを一覧します。",
            "Ends the hold of a cohort, and resumes the people who are on hold. The list is shown first.",
        ),
        ("年度を再開する", "resume"),
        Bilingual("{n}人の再開", "{n} people"),
        Bilingual(
            "ほかの理由で保留の人が{n}人います。その人はそのままです。",
            "{n} are held for another reason: they stay so.",
        ),
        (
            Bilingual(
                "この{n}人を判定し直し、よければ発行します。", "These {n} are judged again, and issued if all is well."
            ),
            Bilingual(
                "年度を止めているときは、あとから届く登録も、また発行されます。",
                "Where the cohort is held, people who are delivered later are issued again, too.",
            ),
        ),
        Bilingual("{n}人を再開する", "Resume {n} people"),
        Bilingual("この年度を再開する", "Resume this cohort"),
        is_public=False,
    ),
}


def cohort_pages(app: FastAPI, html: Pages, programme: Programme, ports: Ports, decided: Callable[[], None]) -> None:
    """For admins: `site.py`. `decided` is called when the orders are in the outbox."""
    for act in BULK:
        _pages_of(act, app, html, programme, ports, decided)


def _pages_of(
    act: Bulk, app: FastAPI, html: Pages, programme: Programme, ports: Ports, decided: Callable[[], None]
) -> None:
    words = ORDER_WORDS[act]
    asking = Confirmation(words.typed)

    def page(
        request: Request,
        selected: Selected | None,
        status: int = 200,
        refused: str | None = None,
        asked: Confirmation = asking,
    ) -> Response:
        with ports.store.transaction() as tx:
            cohorts = tx.board.cohorts()
        if act in LASTING:  # one that nobody has yet can be held
            this_year = japan_date(ports.now()).year
            cohorts = sorted({*cohorts, str(this_year), str(this_year + 1)}, reverse=True)
        run = orders.dry_run(ports, act, selected) if selected else None
        return html.page(
            request,
            "cohort-order.html",
            status=status,
            act=act,
            words=words,
            cohorts=cohorts,
            qualifications=programme.qualifications,
            selected=selected,
            run=run,
            named=run.people[:_NAMED] if run else [],
            refused=refused,
            asked=asked,
            times=_times(selected),
        )

    @app.get(f"/{act}", include_in_schema=False, name=f"look at {act}")
    def look(
        request: Request,
        cohort: Value = "",
        qualification: Value = "",
        after: Value = "",
        before: Value = "",
        singly: bool = False,
    ) -> Response:
        """Lists the people that it would affect. Changes nothing."""
        try:
            selected = _selected(cohort, qualification, after, before, singly=singly) if cohort else None
        except ValueError:
            return page(request, None, 422, "time")
        return page(request, selected)

    @app.post(f"/{act}", include_in_schema=False, name=f"order {act}")
    def apply(
        request: Request,
        cohort: Annotated[ID, Form()],
        digest: Annotated[ID, Form()],
        why: Annotated[Words, Form()],
        qualification: Annotated[Value, Form()] = "",
        after: Annotated[Value, Form()] = "",
        before: Annotated[Value, Form()] = "",
        singly: Annotated[bool, Form()] = False,
        typed: Annotated[Value, Form()] = "",
    ) -> Response:
        try:
            selected = _selected(cohort, qualification, after, before, singly=singly)
        except ValueError:
            return page(request, None, 422, "time")
        asked = asking.sent(why, typed)
        if not asked.is_given:
            return page(request, selected, 422, asked=asked)
        try:
            line = orders.apply(ports, act, selected, digest, Attribution(user_of(request).name, why))
        except AlreadyDecidedError as refused:
            return page(request, selected, 409, str(refused), asked)
        decided()
        return RedirectResponse(f"/decisions?about={quote(line.id)}", 303)


def _selected(cohort: str, qualification: str, after: str, before: str, *, singly: bool) -> Selected:
    """ValueError for a text that is no time. Without a zone it is Japan's."""
    return Selected(
        cohort=cohort,
        qualification=qualification or None,
        issued_after=_moment(after),
        issued_before=_moment(before),
        singly=singly,
    )


def _moment(text: str) -> datetime | None:
    if not text.strip():
        return None
    found = datetime.fromisoformat(text.strip())
    try:
        return found.astimezone(JST) if found.tzinfo else found.replace(tzinfo=JST)
    except OverflowError as error:  # the last hours of the year 9999
        raise ValueError(f"got {text.strip()!r}, expected a day of this millennium") from error


def _times(selected: Selected | None) -> tuple[str, str]:
    """As the fields of the form have them."""
    times = (selected.issued_after, selected.issued_before) if selected else (None, None)
    after, before = ("" if time is None else f"{time:%Y-%m-%dT%H:%M}" for time in times)
    return after, before
