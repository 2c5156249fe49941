"""The page on which a person orders paper for a badge, sees how far it is, and changes the address."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.wallet import paper
from services.wallet.domain.postal import PREFECTURES, PostalAddress, PostalProblems
from services.wallet.paper import RefusedOrder
from services.wallet.store import Account
from services.wallet.web.pages import FormText, WalletPages
from shared.paper_events import PaperItem

_NOTHING_WRONG = RefusedOrder()


def _typed(
    addressee: FormText = "",
    postcode: FormText = "",
    prefecture: FormText = "",
    line: FormText = "",
    phone: FormText = "",
) -> PostalAddress:
    return PostalAddress(addressee, postcode, prefecture, line, phone)


TypedAddress = Annotated[PostalAddress, Depends(_typed)]
"""The fields of both forms, as typed."""


def add_paper(app: FastAPI, pages: WalletPages) -> None:
    ports = pages.ports

    @app.get("/badges/{assertion_id}/paper")
    def look(request: Request, assertion_id: str, ordered: str = "", changed: str = "") -> Response:
        account = pages.account(request)
        return _page(request, pages, account, assertion_id, ordered=ordered, changed=bool(changed))

    @app.post("/badges/{assertion_id}/paper")
    def order(
        request: Request,
        assertion_id: str,
        typed: TypedAddress,
        item: Annotated[list[PaperItem], Form()] = [],  # noqa: B006 (FastAPI copies it)
    ) -> Response:
        account = pages.account(request)
        result = paper.order(account, assertion_id, item, typed, ports)
        if isinstance(result, str):
            return RedirectResponse(f"/badges/{assertion_id}/paper?ordered={result}", 303)
        return _page(request, pages, account, assertion_id, refused=result, typed=typed, chosen=item)

    @app.post("/badges/{assertion_id}/paper/{order_id}/address")
    def change_address(request: Request, assertion_id: str, order_id: str, typed: TypedAddress) -> Response:
        account = pages.account(request)
        problems = paper.change_address(account, assertion_id, order_id, typed, ports)
        if not problems:
            return RedirectResponse(f"/badges/{assertion_id}/paper?changed=1", 303)
        refused = RefusedOrder(address=problems)
        return _page(request, pages, account, assertion_id, refused=refused, typed=typed, changing=order_id)

    @app.get("/badges/{assertion_id}/paper/{order_id}/address")
    def new_address(request: Request, assertion_id: str, order_id: str) -> Response:
        return _page(request, pages, pages.account(request), assertion_id, changing=order_id)


def _page(
    request: Request,
    pages: WalletPages,
    account: Account,
    assertion_id: str,
    *,
    refused: RefusedOrder = _NOTHING_WRONG,
    typed: PostalAddress | None = None,
    chosen: list[PaperItem] | None = None,
    ordered: str = "",
    changed: bool = False,
    changing: str = "",
) -> Response:
    """`changing`: the number of the order whose address is asked for; "" for a new order."""
    it = paper.show(account, assertion_id, pages.ports)
    problems: PostalProblems = refused.address
    if changing and not any(each.order_id == changing for each in it.placed):
        changing = ""
    return pages.page(
        request,
        "paper.html",
        account,
        422 if refused.reason or problems else 200,
        badge=it.badge,
        it=it,
        problems=problems,
        reason=refused.reason or it.refused,
        typed=typed or PostalAddress(addressee=it.badge.holder.family_first),
        chosen=chosen,
        prefectures=PREFECTURES,
        ordered=[each for each in it.placed if each.order_id == ordered],
        changed=changed,
        changing=changing,
    )
