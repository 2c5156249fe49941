"""The pages for people, put together. A server of its own: on it is nothing that takes the key of upstream."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI

from services.registration.foreground import Foreground
from services.registration.people.ports import DeskPorts
from services.registration.web.desk_pages import DeskPages
from services.registration.web.enquiries import add_enquiries
from services.registration.web.foreground import InForeground
from services.registration.web.screen import add_screen
from shared.runtime.access import Access
from shared.runtime.web import pages


def desk_site(ports: DeskPorts, access: Access, foreground: Foreground) -> FastAPI:
    """`foreground`: where its requests are noted as under way."""
    app = FastAPI(title="registration", docs_url=None, redoc_url=None, openapi_url=None)
    shared_pages = pages(Path(__file__).parents[1] / "templates", ports.programme)
    shared_pages.install(app, access=access)
    desk_pages = DeskPages(ports, shared_pages, access)
    add_screen(app, desk_pages)
    add_enquiries(app, desk_pages)
    app.add_middleware(InForeground, foreground=foreground)
    return app
