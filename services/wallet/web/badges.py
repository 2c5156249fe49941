"""The pages of a person's own badges."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import FastAPI, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.wallet.account import recovery
from services.wallet.badge import badges
from services.wallet.badge.badges import RelatedBadges
from services.wallet.domain.account import is_same_name
from services.wallet.domain.badge import (
    card_state,
    cards,
    expected_by,
    is_finished,
    is_late,
    state_of,
    steps_of,
)
from services.wallet.store import Account
from services.wallet.web.pages import WalletPages

DetailsChoice = Literal["shown", "hidden"]


def add_badges(app: FastAPI, pages: WalletPages) -> None:
    ports = pages.ports

    @app.get("/badges")
    def all_badges(request: Request, done: str = "") -> Response:
        account = pages.account(request)
        now = ports.now()
        return pages.page(
            request,
            "badges.html",
            account,
            cards=cards(badges.own_badges(account, ports), now),
            now=now,
            steps_of=steps_of,
            expected_by=expected_by,
            is_late=is_late,
            recoveries=recovery.waiting(account, ports),
            done=done,
        )

    @app.get("/badges/{assertion_id}")
    def one_badge(request: Request, assertion_id: str, received: str = "", changed: str = "") -> Response:
        account = pages.account(request)
        related = badges.show(account, assertion_id, ports)
        return _badge_page(request, pages, related, account, just_received=bool(received), just_changed=bool(changed))

    @app.post("/badges/{assertion_id}/receive")
    def receive(request: Request, assertion_id: str) -> Response:
        badges.receive_own(pages.account(request), assertion_id, ports)
        return RedirectResponse(f"/badges/{assertion_id}?received=1", 303)

    @app.post("/badges/{assertion_id}/details")
    def show_details(request: Request, assertion_id: str, details: Annotated[DetailsChoice, Form()]) -> Response:
        badges.show_details(pages.account(request), assertion_id, details == "shown", ports)
        return RedirectResponse(f"/badges/{assertion_id}?changed=1#details", 303)


def _badge_page(
    request: Request,
    pages: WalletPages,
    related: RelatedBadges,
    account: Account,
    *,
    just_received: bool,
    just_changed: bool,
) -> Response:
    now = pages.ports.now()
    badge = related.badge
    return pages.page(
        request,
        "badge.html",
        account,
        badge=badge,
        related=related,
        state=state_of(badge, now),
        finished=is_finished(badge, now),
        card_state=card_state(badge, related.renewed, now),
        steps=steps_of(badge),
        expected=expected_by(badge),
        late=is_late(badge, now),
        public_page=pages.public_page(badge),
        just_received=just_received,
        just_changed=just_changed,
        other_name=just_received and not is_same_name(account.full_name, badge.holder),
    )
