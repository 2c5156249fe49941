"""The wallet's pages over HTTP, put together. Each route translates one request and one answer; it decides nothing."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI

from services.wallet.config import Config
from services.wallet.ports import Ports
from services.wallet.web.account import add_account
from services.wallet.web.badges import add_badges
from services.wallet.web.downloads import add_downloads
from services.wallet.web.export import add_export
from services.wallet.web.form_paths import add_form_paths
from services.wallet.web.guide import add_guide
from services.wallet.web.oid4vci import add_oid4vci
from services.wallet.web.pages import WalletPages
from services.wallet.web.paper import add_paper
from services.wallet.web.paper_office import add_paper_office
from services.wallet.web.passkeys import add_passkeys
from services.wallet.web.receive_link import add_receive_link
from services.wallet.web.reset import add_reset
from services.wallet.web.sessions import add_sessions
from services.wallet.web.sharing import add_sharing
from shared.runtime.web import pages
from shared.runtime.web.compression import Compression


def web_app(config: Config, ports: Ports, *, patience: float = 3.0) -> FastAPI:
    """A link waits up to `patience` seconds for its badge: letter 1 may be read before our copy of its event."""
    app = FastAPI(title="wallet", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Compression, minimum_size=1000, compresslevel=5)
    shared_pages = pages(Path(__file__).parents[1] / "templates", config.runtime.programme)
    shared_pages.install(app, access=config.runtime.access)
    wallet_pages = WalletPages(config, ports, shared_pages)
    add_receive_link(app, wallet_pages, patience)
    add_sessions(app, wallet_pages)
    add_reset(app, wallet_pages)
    add_account(app, wallet_pages)
    add_passkeys(app, wallet_pages)
    add_badges(app, wallet_pages)
    add_downloads(app, wallet_pages)
    add_sharing(app, wallet_pages)
    add_oid4vci(app, wallet_pages)
    add_export(app, wallet_pages)
    add_form_paths(app)
    add_guide(app, wallet_pages)
    add_paper(app, wallet_pages)
    add_paper_office(app, ports, config.paper_key)
    return app
