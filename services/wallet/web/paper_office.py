"""What the office's commands ask the wallet about orders of paper, with the key of PAPER_KEY_FILE: no page, no session.

Postal addresses leave the wallet here and on no other way.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.wallet import paper, paper_office
from services.wallet.domain.postal import ADDRESSEE_LONGEST, LINE_LONGEST, PostalAddress, PostalProblem
from services.wallet.domain.shipping import Encoding, NotInCp932
from services.wallet.ports import Ports
from shared.errors import NotFound
from shared.paper_events import PaperItem, PaperState

_NOT_KEPT = {"cache-control": "private, no-store"}


@dataclass(frozen=True)
class OfficeOrder:
    """An order that came by telephone or post."""

    assertion_id: str
    items: list[PaperItem]
    addressee: str
    postcode: str
    prefecture: str
    line: str
    phone: str = field(default="")


def add_paper_office(app: FastAPI, ports: Ports, key: bytes | None) -> None:
    """Without a key there are no such routes."""
    if key is None:
        return

    def authorized(request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode("utf-8", "replace"), key):
            raise HTTPException(401, headers={"www-authenticate": "Bearer"})

    office = [Depends(authorized)]

    @app.get("/office/paper/addresses.csv", dependencies=office)
    def addresses(
        state: Annotated[list[PaperState], Query()],
        sheet: str | None = None,
        encoding: Encoding = "utf-8",
    ) -> Response:
        try:
            listed = paper_office.addresses(state, sheet, encoding, ports)
        except NotInCp932 as error:
            return _refused(409, str(error))
        return Response(listed, media_type="text/csv", headers=_NOT_KEPT)

    @app.get("/office/paper/sheets/{sheet_id}", dependencies=office)
    def sheet(sheet_id: str) -> Response:
        try:
            return Response(paper_office.sheet(sheet_id, ports), media_type="application/pdf", headers=_NOT_KEPT)
        except NotFound:
            return _refused(404, f"got sheet {sheet_id[:60]!r}, expected one that is drawn: akashi paper sheets")

    @app.post("/office/paper/orders", dependencies=office)
    def order(order: OfficeOrder) -> Response:
        address = PostalAddress(order.addressee, order.postcode, order.prefecture, order.line, order.phone)
        try:
            result = paper.order_by_office(order.assertion_id.upper(), order.items, address, ports)
        except NotFound as error:
            return _refused(404, str(error))
        if isinstance(result, str):
            return JSONResponse({"order_id": result})
        at_fault = [f"{name}: expected {_EXPECTED[word]}" for name, word in vars(result.address).items() if word]
        return _refused(409, "; ".join(at_fault) or f"got {result.reason}, expected an order that can be taken")


_EXPECTED: dict[PostalProblem, str] = {
    "missing": "some text",
    "long": f"at most {LINE_LONGEST} characters, of an addressee {ADDRESSEE_LONGEST}",
    "unprintable": "characters that can be printed",
    "postcode": "123-4567",
    "prefecture": "one of the 47 as 東京都, 大阪府, 北海道",
    "phone": "9 to 15 digits, or none",
}


def _refused(status: int, detail: str) -> Response:
    return JSONResponse({"error": status, "detail": detail}, status)
