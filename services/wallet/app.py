"""The wallet's edge: what it reads from Kafka, and its pages. Translates; decides nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode

from fastapi import FastAPI, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.wallet import handlers
from services.wallet.config import Config
from services.wallet.domain.accounts import PASSWORD_SHORTEST, is_same_name
from services.wallet.domain.holding import Badge, Document, expected_by, in_order, is_late, state_of, steps_of
from services.wallet.handlers import Entered, Ports, Refused, Shown, Visit
from services.wallet.store import Account
from shared.events import AssertionAnchored, AssertionIssued, AssertionRevoked, CertificateRendered
from shared.links import receive_url
from shared.runtime.process import Process
from shared.runtime.web import Pages, pages

_OWN_PATH = re.compile(r"/badges(/[A-Z2-7]{26})?")
_LINK_STATUS = {
    "unknown-link": 404,
    "not-here-yet": 503,
    "revoked": 410,
    "expired": 410,
    "corrected-elsewhere": 410,
}
_NOTHING_REFUSED = Refused()
_ART = {"cache-control": "public, max-age=86400"}

Text = Annotated[str, Form(max_length=1000)]
Kind = Literal["certificate", "details"]
Details = Literal["shown", "hidden"]

MIGRATIONS = Path(__file__).parent / "migrations"


def build(config: Config, ports: Ports) -> Process:
    process = Process(config.runtime, ports.store, MIGRATIONS)
    process.consume(AssertionIssued, handlers.note_issued, ports)
    process.consume(AssertionAnchored, handlers.note_anchored, ports)
    process.consume(CertificateRendered, handlers.note_rendered, ports)
    process.consume(AssertionRevoked, handlers.note_revoked, ports)
    process.tick("forget", handlers.forget, ports, every=3600.0)
    process.serve(web(config, ports), host=config.web_host, port=config.web_port)
    return process


def web(config: Config, ports: Ports, *, patience: float = 3.0) -> FastAPI:
    """The pages. A link waits `patience` seconds for its badge: letter 1 may be read before our copy of its event."""
    app = FastAPI(title="wallet", docs_url=None, redoc_url=None, openapi_url=None)
    site = pages(Path(__file__).parent / "templates", config.runtime.programme)
    site.install(app)
    door = _Door(config, ports, site)
    _add_receiving(app, door, patience)
    _add_signing_in(app, door)
    _add_badges(app, door)
    return app


class _Door:
    """What all routes share: the session cookie, and pages that know who is signed in."""

    def __init__(self, config: Config, ports: Ports, site: Pages) -> None:
        self.config = config
        self.ports = ports
        self.site = site
        self._https = config.wallet_url.startswith("https:")
        # A __Host- cookie can't be set by a neighbouring site, but needs https.
        self._cookie = "__Host-wallet" if self._https else "wallet"

    def session(self, request: Request) -> str | None:
        return request.cookies.get(self._cookie)

    def visitor(self, request: Request) -> Account:
        """Who is signed in. Whoever isn't is sent to the login page and comes back here after it."""
        account = handlers.visitor(self.session(request), self.ports)
        if account is None:
            raise _NotSignedInError
        return account

    def page(
        self, request: Request, template: str, account: Account | None, status: int = 200, **context: Any
    ) -> Response:
        return self.site.page(request, template, status=status, account=account, edition=self.edition, **context)

    def edition(self, badge: Badge) -> str:
        """The name of its picture."""
        return badge.edition or self.ports.programme.edition(badge.valid_from)

    def enter(self, token: str | None, path: str) -> Response:
        response = RedirectResponse(path, 303)
        if token is not None:
            age = int(self.ports.session.total_seconds())
            response.set_cookie(self._cookie, token, max_age=age, httponly=True, samesite="lax", secure=self._https)
        return response

    def leave(self) -> Response:
        response = RedirectResponse("/login?left=1", 303)
        response.delete_cookie(self._cookie, httponly=True, samesite="lax", secure=self._https)
        return response


class _NotSignedInError(Exception):
    """Nobody is signed in, and the page is somebody's."""


def _add_receiving(app: FastAPI, door: _Door, patience: float) -> None:
    """Step 5, as letter 1 begins it."""

    @app.get("/receive/{assertion_id}/{token}")
    def look(request: Request, assertion_id: str, token: str) -> Response:
        look_again = partial(handlers.open_link, assertion_id, token, door.session(request), door.ports)
        return _answer(request, _patiently(look_again, patience))

    @app.post("/receive/{assertion_id}/{token}")
    def receive(request: Request, assertion_id: str, token: str, full_name: Text = "", password: Text = "") -> Response:
        session = door.session(request)
        outcome = handlers.receive_by_link(assertion_id, token, session, full_name, password, door.ports)
        if isinstance(outcome, Entered):
            return door.enter(outcome.token, f"/badges/{outcome.assertion_id}?received=1")
        if isinstance(outcome, Visit):
            return _answer(request, outcome)
        visit = handlers.open_link(assertion_id, token, session, door.ports)
        return _answer(request, visit, outcome, full_name)

    def _answer(request: Request, visit: Visit, refused: Refused = _NOTHING_REFUSED, full_name: str = "") -> Response:
        if visit.door in _LINK_STATUS:
            return door.page(request, "link.html", visit.account, _LINK_STATUS[visit.door], door=visit.door)
        if visit.door == "corrected" and visit.badge is not None:
            return RedirectResponse(receive_url("", door.config.link_secret, visit.badge.assertion_id), 303)
        if visit.door == "received" and visit.badge is not None:
            return RedirectResponse(f"/badges/{visit.badge.assertion_id}", 303)
        status = 429 if refused.login == "blocked" else 200 if refused == _NOTHING_REFUSED else 422
        return door.page(
            request,
            "receive.html",
            visit.account,
            status,
            door=visit.door,
            badge=visit.badge,
            refused=refused,
            full_name=full_name,
            shortest=PASSWORD_SHORTEST,
        )


def _patiently(look: Callable[[], Visit], seconds: float) -> Visit:
    """Wait a moment for a badge whose event is on its way, rather than send the person off to try again."""
    until = time.monotonic() + seconds
    while True:
        visit = look()
        if visit.door != "not-here-yet" or time.monotonic() > until:
            return visit
        time.sleep(0.2)


def _add_signing_in(app: FastAPI, door: _Door) -> None:
    @app.exception_handler(_NotSignedInError)
    def sign_in_first(request: Request, _: Exception) -> Response:
        path = request.url.path if _OWN_PATH.fullmatch(request.url.path) else "/badges"
        return RedirectResponse("/login?" + urlencode({"next": path}), 303)

    @app.get("/")
    def home(request: Request) -> Response:
        known = handlers.visitor(door.session(request), door.ports)
        return RedirectResponse("/badges" if known else "/login", 303)

    @app.get("/login")
    def ask(request: Request, next: str = "", left: str = "") -> Response:
        if handlers.visitor(door.session(request), door.ports) is not None:
            return RedirectResponse(_own_path(next), 303)
        return door.page(
            request, "login.html", None, next=_own_path(next), left=bool(left), refused=_NOTHING_REFUSED, email=""
        )

    @app.post("/login")
    def login(request: Request, email: Text = "", password: Text = "", next: Text = "") -> Response:
        outcome = handlers.login(email, password, door.session(request), door.ports)
        if isinstance(outcome, str):
            return door.enter(outcome, _own_path(next))
        status = 429 if outcome.login == "blocked" else 422
        return door.page(
            request, "login.html", None, status, next=_own_path(next), left=False, refused=outcome, email=email
        )

    @app.post("/logout")
    def logout(request: Request) -> Response:
        handlers.logout(door.session(request), door.ports)
        return door.leave()


def _own_path(text: str) -> str:
    """Where to go after the login: a page of our own, whatever the query says."""
    return text if _OWN_PATH.fullmatch(text) else "/badges"


def _add_badges(app: FastAPI, door: _Door) -> None:
    @app.get("/badges")
    def all_badges(request: Request) -> Response:
        account = door.visitor(request)
        badges = in_order(handlers.own_badges(account, door.ports), door.ports.now())
        return door.page(request, "badges.html", account, badges=badges)

    @app.get("/badges/{assertion_id}")
    def one_badge(request: Request, assertion_id: str, received: str = "", changed: str = "") -> Response:
        account = door.visitor(request)
        shown = handlers.show(account, assertion_id, door.ports)
        return _badge_page(request, door, shown, account, just_received=bool(received), just_changed=bool(changed))

    @app.post("/badges/{assertion_id}/receive")
    def receive(request: Request, assertion_id: str) -> Response:
        account = door.visitor(request)
        handlers.receive_own(account, assertion_id, door.ports)
        return RedirectResponse(f"/badges/{assertion_id}?received=1", 303)

    @app.post("/badges/{assertion_id}/details")
    def show_details(request: Request, assertion_id: str, details: Annotated[Details, Form()]) -> Response:
        account = door.visitor(request)
        handlers.show_details(account, assertion_id, details == "shown", door.ports)
        return RedirectResponse(f"/badges/{assertion_id}?changed=1#details", 303)

    @app.get("/badges/{assertion_id}/pdf")
    def choose(assertion_id: str, kind: Kind) -> Response:
        return RedirectResponse(f"/badges/{assertion_id}/{kind}.pdf", 303)

    @app.get("/badges/{assertion_id}/certificate.pdf")
    def certificate(request: Request, assertion_id: str) -> Response:
        account = door.visitor(request)
        return _pdf(door, account, assertion_id, "certificate")

    @app.get("/badges/{assertion_id}/details.pdf")
    def details(request: Request, assertion_id: str) -> Response:
        account = door.visitor(request)
        return _pdf(door, account, assertion_id, "details")

    @app.get("/badges/{assertion_id}/badge.png")
    def image(request: Request, assertion_id: str) -> Response:
        account = door.visitor(request)
        badge = handlers.own_badge(account, assertion_id, door.ports)
        body = handlers.picture(badge.qualification, door.edition(badge), door.ports)
        return Response(body, media_type="image/png", headers=_download("badge.png", f"{_title(door, badge)}.png"))

    @app.get("/badges/{assertion_id}/credential.json")
    def credential(request: Request, assertion_id: str) -> Response:
        account = door.visitor(request)
        badge = handlers.own_badge(account, assertion_id, door.ports)
        body = handlers.credential(account, assertion_id, door.ports)
        headers = _download("credential.json", f"{_title(door, badge)}.json")
        return Response(body, media_type="application/json", headers=headers)

    @app.get("/art/{qualification}/{edition}.png")
    def art(qualification: str, edition: str) -> Response:
        return Response(handlers.picture(qualification, edition, door.ports), media_type="image/png", headers=_ART)


def _badge_page(
    request: Request, door: _Door, shown: Shown, account: Account, *, just_received: bool, just_changed: bool
) -> Response:
    now = door.ports.now()
    badge = shown.badge
    return door.page(
        request,
        "badge.html",
        account,
        badge=badge,
        shown=shown,
        state=state_of(badge, now),
        steps=steps_of(badge),
        expected=expected_by(badge),
        late=is_late(badge, now),
        public_page=f"{door.config.public_url}/V/{badge.assertion_id}",
        public_file=f"{door.config.public_url}/credentials/{badge.assertion_id}",
        just_received=just_received,
        just_changed=just_changed,
        other_name=just_received and not is_same_name(account.full_name, badge.holder),
    )


def _pdf(door: _Door, account: Account, assertion_id: str, which: Document) -> Response:
    badge, body = handlers.document(account, assertion_id, which, door.ports)
    programme = door.ports.programme
    title = programme.texts.certificate_title if which == "certificate" else programme.texts.details_title
    name = f"{title.ja}_{_title(door, badge)}.pdf"
    return Response(body, media_type="application/pdf", headers=_download(f"{which}.pdf", name))


def _title(door: _Door, badge: Badge) -> str:
    """What a file of the badge is called: コンクリート技士_2026."""
    programme = door.ports.programme
    return f"{programme.qualification(badge.qualification).name.ja}_{programme.edition(badge.valid_from)}"


def _download(plain: str, name: str) -> dict[str, str]:
    """RFC 6266: a plain name for old programs, the real one for the others. Only this browser keeps it."""
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    return {"content-disposition": disposition, "cache-control": "private, no-cache"}
