"""The pages by which a holder passes a badge on: 共有 (social networks, LinkedIn profile) and メール署名."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from services.wallet.badge import badges
from services.wallet.domain.sharing import ProfileEntry, share_links
from services.wallet.web.pages import WalletPages
from shared.clock import japan_date
from shared.programme import Bilingual


def add_sharing(app: FastAPI, pages: WalletPages) -> None:
    ports = pages.ports

    @app.get("/badges/{assertion_id}/share")
    def share(request: Request, assertion_id: str) -> Response:
        account = pages.account(request)
        badge = badges.finished(account, assertion_id, ports)
        language, url = pages.language(request), pages.public_page(badge)

        def said(text: Bilingual) -> str:
            return text.ja if language == "ja" else text.en

        name = pages.qualification_name(badge)
        entry = ProfileEntry(
            name=said(name),
            organisation=said(ports.programme.society.name),
            issued_on=japan_date(badge.issued_at),
            expires_on=badge.valid_until,
            credential_id=badge.assertion_id,
            url=url,
        )
        text = said(Bilingual(f"{name.ja}として登録されました。", f"I am registered as {name.en}."))
        return pages.page(request, "share.html", account, badge=badge, entry=entry, links=share_links(url, text))

    @app.get("/badges/{assertion_id}/signature")
    def signature(request: Request, assertion_id: str) -> Response:
        account = pages.account(request)
        badge = badges.finished(account, assertion_id, ports)
        art = f"/art/{badge.qualification}/{pages.edition(badge)}.png"
        return pages.page(
            request,
            "signature.html",
            account,
            badge=badge,
            public_page=pages.public_page(badge),
            art=art,
            public_art=f"{pages.config.wallet_url}{art}",
        )
