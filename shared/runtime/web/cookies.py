"""The cookies by which a browser is known: of a login, of a device. Used by wallet, the address screen, the office."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response


@dataclass(frozen=True)
class HostCookie:
    """Scripts can't read it, and another site's pages don't send it with a form.

    Over https it is Secure and of this host only: another host of the same domain can't set a __Host- cookie, which
    browsers accept over https alone.
    """

    name: str
    lasts: timedelta
    https: bool

    @property
    def full_name(self) -> str:
        return f"__Host-{self.name}" if self.https else self.name

    def token(self, request: Request) -> str | None:
        return request.cookies.get(self.full_name)

    def set(self, response: Response, token: str) -> None:
        age = int(self.lasts.total_seconds())
        response.set_cookie(
            self.full_name, token, max_age=age, path="/", httponly=True, samesite="lax", secure=self.https
        )

    def delete(self, response: Response) -> None:
        response.delete_cookie(self.full_name, path="/", httponly=True, samesite="lax", secure=self.https)
