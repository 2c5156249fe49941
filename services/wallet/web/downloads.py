"""The files of a badge that its holder downloads, and the public pictures that the pages show."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.wallet import badges
from services.wallet.domain.badge import PdfKind, WalletBadge
from services.wallet.web.pages import WalletPages
from shared.programme import Programme

_PUBLIC = {"cache-control": "public, max-age=86400"}


def add_downloads(app: FastAPI, pages: WalletPages) -> None:
    ports = pages.ports

    @app.get("/badges/{assertion_id}/pdf")
    def choose(assertion_id: str, kind: PdfKind) -> Response:
        return RedirectResponse(f"/badges/{assertion_id}/{kind}.pdf", 303)

    @app.get("/badges/{assertion_id}/certificate.pdf")
    def certificate(request: Request, assertion_id: str) -> Response:
        return _pdf(request, assertion_id, "certificate")

    @app.get("/badges/{assertion_id}/details.pdf")
    def details(request: Request, assertion_id: str) -> Response:
        return _pdf(request, assertion_id, "details")

    def _pdf(request: Request, assertion_id: str, kind: PdfKind) -> Response:
        badge, body = badges.pdf(pages.account(request), assertion_id, kind, ports)
        texts = ports.programme.texts
        title = texts.certificate_title if kind == "certificate" else texts.details_title
        headers = _attachment(f"{kind}.pdf", f"{title.ja}_{_file_title(badge, ports.programme)}.pdf")
        return Response(body, media_type="application/pdf", headers=headers)

    @app.get("/badges/{assertion_id}/badge.png")
    def image(request: Request, assertion_id: str) -> Response:
        badge = badges.own_badge(pages.account(request), assertion_id, ports)
        body = badges.picture(badge.qualification, pages.edition(badge), ports)
        headers = _attachment("badge.png", f"{_file_title(badge, ports.programme)}.png")
        return Response(body, media_type="image/png", headers=headers)

    @app.get("/badges/{assertion_id}/credential.json")
    def credential(request: Request, assertion_id: str) -> Response:
        badge, body = badges.credential(pages.account(request), assertion_id, ports)
        headers = _attachment("credential.json", f"{_file_title(badge, ports.programme)}.json")
        return Response(body, media_type="application/json", headers=headers)

    @app.get("/art/{qualification}/{edition}.png")
    def art(qualification: str, edition: str) -> Response:
        return Response(badges.picture(qualification, edition, ports), media_type="image/png", headers=_PUBLIC)


def _file_title(badge: WalletBadge, programme: Programme) -> str:
    """What a file of the badge is called: コンクリート技士_2026."""
    return f"{programme.qualification(badge.qualification).name.ja}_{programme.edition(badge.valid_from)}"


def _attachment(plain: str, name: str) -> dict[str, str]:
    """Headers of a download (RFC 6266): an ASCII name for old programs, the real one for others. Kept by no cache."""
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    return {"content-disposition": disposition, "cache-control": "private, no-store"}
