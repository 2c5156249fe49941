"""What the script of the login page and of the account page asks for: JSON in, JSON out. Removing is a form."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from services.wallet.account import passkeys
from services.wallet.web.pages import FormText, WalletPages
from services.wallet.web.sessions import own_path

Answer = Annotated[dict[str, Any], Body()]


def add_passkeys(app: FastAPI, pages: WalletPages) -> None:
    ports = pages.ports

    @app.post("/passkeys/options")
    def to_log_in(request: Request) -> Response:
        options = passkeys.options_to_log_in(pages.browser(request), ports)
        return _json(options) if options is not None else JSONResponse({"error": 429}, 429)

    @app.post("/passkeys/login")
    def log_in(request: Request, answer: Answer, next: str = "") -> Response:
        tokens = passkeys.log_in(answer, pages.browser(request), ports)
        if tokens is None:
            return JSONResponse({"error": 422}, 422)
        response = JSONResponse({"next": own_path(next)})
        pages.set_cookies(response, tokens)
        return response

    @app.post("/account/passkeys/options")
    def to_make(request: Request) -> Response:
        return _json(passkeys.options_to_make(pages.account(request), ports))

    @app.post("/account/passkeys")
    def add(request: Request, answer: Answer) -> Response:
        added = passkeys.add(pages.account(request), answer, pages.browser(request), ports)
        if not added:
            return JSONResponse({"error": 422}, 422)
        return JSONResponse({"next": "/account?done=passkey#passkeys"})

    @app.post("/account/passkeys/remove")
    def remove(request: Request, passkey: FormText) -> Response:
        passkeys.remove(pages.account(request), passkey, ports)
        return RedirectResponse("/account?done=passkey-removed#passkeys", 303)


def _json(text: str) -> Response:
    return Response(text, media_type="application/json")
