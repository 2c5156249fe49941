"""What all routes of the wallet share: the cookies, the forms' texts, and pages that know who is logged in."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.wallet.account import sessions
from services.wallet.account.sessions import Tokens
from services.wallet.badge.badges import edition_of, qualification_name
from services.wallet.config import Config
from services.wallet.domain.account import FormProblems
from services.wallet.domain.badge import WalletBadge
from services.wallet.domain.device import Browser, device_name
from services.wallet.ports import Ports
from services.wallet.store import Account
from services.wallet.store.sessions import DEVICE_LASTS
from shared.file_names import file_title
from shared.programme import Bilingual
from shared.runtime.access import Proxies, client_network
from shared.runtime.web import Language, Pages
from shared.runtime.web.cookies import HostCookie

FormText = Annotated[str, Form(max_length=1000)]
"""As typed: what is wrong with it is said on the form."""


def status_of(problems: FormProblems) -> int:
    """Of the answer that shows a form again."""
    return 429 if problems.login == "blocked" or problems.address == "too-many" else 422 if problems else 200


class NotLoggedInError(Exception):
    """The page is one person's, and nobody is logged in: redirect to the login page."""


class WalletPages:
    def __init__(self, config: Config, ports: Ports, pages: Pages) -> None:
        self.config = config
        self.ports = ports
        self._pages = pages
        https = config.wallet_url.startswith("https:")
        self._cookie = HostCookie("wallet", ports.session_lifetime, https)
        self._device = HostCookie("device", DEVICE_LASTS, https)
        self._proxies = Proxies(config.runtime.access.proxies)

    def browser(self, request: Request) -> Browser:
        """What the request tells of the browser that sent it."""
        return Browser(
            session=self._cookie.token(request),
            device=self._device.token(request),
            source=client_network(self._proxies.client(request.scope)),
            name=device_name(request.headers.get("user-agent", "")),
            language=self._pages.language(request),
        )

    def visitor(self, request: Request) -> Account | None:
        """Who is logged in."""
        return sessions.visitor(self.browser(request), self.ports)

    def account(self, request: Request) -> Account:
        """Who is logged in. Without anybody the answer is the login page, which leads back here."""
        account = self.visitor(request)
        if account is None:
            raise NotLoggedInError
        return account

    def page(
        self, request: Request, template: str, account: Account | None, status: int = 200, **context: Any
    ) -> Response:
        return self._pages.page(
            request,
            template,
            status=status,
            account=account,
            edition=self.edition,
            qualification_name=self.qualification_name,
            **context,
        )

    def edition(self, badge: WalletBadge) -> str:
        """The edition of its picture."""
        return edition_of(badge, self.ports)

    def qualification_name(self, badge: WalletBadge) -> Bilingual:
        return qualification_name(badge, self.ports)

    def file_title(self, badge: WalletBadge) -> str:
        """What its files are called: コンクリート技士_2026."""
        return file_title(self.qualification_name(badge).ja, self.ports.programme.edition(badge.valid_from))

    def public_page(self, badge: WalletBadge) -> str:
        """The URL that the holder gives to others."""
        return f"{self.config.public_url}/V/{badge.assertion_id}"

    def language(self, request: Request) -> Language:
        return self._pages.language(request)

    def log_in(self, tokens: Tokens | None, path: str) -> Response:
        """Redirect to `path`, with the cookies of a new session; None: the old one continues."""
        response = RedirectResponse(path, 303)
        if tokens is not None:
            self.set_cookies(response, tokens)
        return response

    def set_cookies(self, response: Response, tokens: Tokens) -> None:
        self._cookie.set(response, tokens.session)
        self._device.set(response, tokens.device)

    def log_out(self, path: str = "/login?left=1") -> Response:
        response = RedirectResponse(path, 303)
        self._cookie.delete(response)
        return response
