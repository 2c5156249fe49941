"""What all routes of the pages for people share: the session cookie, who asks, and the desk that a path names."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.registration.domain.sign_in import SESSION
from services.registration.people.ports import DeskPorts
from shared.errors import NotFound
from shared.programme import Desk
from shared.runtime.access import Access, Proxies, client_network
from shared.runtime.web import Language, Pages
from shared.runtime.web.cookies import HostCookie

FormText = Annotated[str, Form(max_length=4000)]
"""As typed: what is wrong with it is said on the form."""


class DeskPages:
    def __init__(self, ports: DeskPorts, pages: Pages, access: Access) -> None:
        self.ports = ports
        self._pages = pages
        self._proxies = Proxies(access.proxies)
        self._cookie = HostCookie("desk", SESSION, https=ports.desk_url.startswith("https:"))

    def desk(self, id: str) -> Desk:
        """NotFound for an unknown one."""
        desk = self.ports.programme.desks.get(id)
        if desk is None:
            raise NotFound("no such desk")
        return desk

    def session_token(self, request: Request) -> str | None:
        return self._cookie.token(request)

    def source(self, request: Request) -> str:
        """Who counts as one visitor for the limits."""
        return client_network(self._proxies.client(request.scope))

    def language(self, request: Request) -> Language:
        return self._pages.language(request)

    def page(self, request: Request, template: str, status: int = 200, **context: Any) -> Response:
        return self._pages.page(request, template, status=status, **context)

    def sign_in(self, token: str, path: str) -> Response:
        """Redirect to `path`, with the cookie of a new session. It ends with the browser, too."""
        response = RedirectResponse(path, 303)
        self._cookie.set(response, token)
        return response

    def sign_out(self, path: str) -> Response:
        response = RedirectResponse(path, 303)
        self._cookie.delete(response)
        return response
