"""The files of a badge that its holder downloads, and the public pictures that the pages show."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.wallet.badge import badges
from services.wallet.domain.badge import PdfKind
from services.wallet.web.pages import WalletPages
from shared.file_names import attachment
from shared.object_keys import Picture

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
        headers = private_file(f"{kind}.pdf", f"{title.ja}_{pages.file_title(badge)}.pdf")
        return Response(body, media_type="application/pdf", headers=headers)

    @app.get("/badges/{assertion_id}/badge.png")
    def png(request: Request, assertion_id: str) -> Response:
        return _picture(request, assertion_id, "png", "image/png")

    @app.get("/badges/{assertion_id}/badge.svg")
    def svg(request: Request, assertion_id: str) -> Response:
        return _picture(request, assertion_id, "svg", "image/svg+xml")

    def _picture(request: Request, assertion_id: str, form: Picture, media_type: str) -> Response:
        badge, body = badges.baked(pages.account(request), assertion_id, form, ports)
        headers = private_file(f"badge.{form}", f"{pages.file_title(badge)}.{form}")
        return Response(body, media_type=media_type, headers=headers)

    @app.get("/badges/{assertion_id}/credential.json")
    def credential(request: Request, assertion_id: str) -> Response:
        badge, body = badges.credential(pages.account(request), assertion_id, ports)
        headers = private_file("credential.json", f"{pages.file_title(badge)}.json")
        return Response(body, media_type="application/json", headers=headers)

    @app.get("/art/{qualification}/{edition}.png")
    def art(qualification: str, edition: str) -> Response:
        return Response(badges.picture(qualification, edition, ports), media_type="image/png", headers=_PUBLIC)


def private_file(plain: str, name: str) -> dict[str, str]:
    """Headers of a download of somebody's own. Kept by no cache."""
    return {"content-disposition": attachment(plain, name), "cache-control": "private, no-store"}
