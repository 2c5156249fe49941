"""How the stack's own programs ask ops, and the account with which the user of a local stack signs in to its board.

Used by `akashi up`, the demo, benches and tests.
"""

from __future__ import annotations

from typing import Any

import httpx

from deploy.local.demo.holders import password_of
from deploy.local.environment import Place
from deploy.local.loopback import ask, new_browser

NAME = "事務局"
"""The demo account: role admin. Its password is derived, as those of played holders."""

PASSWORD = password_of(NAME)


def ask_ops(place: Place, path: str, body: Any = None) -> httpx.Response:
    """The answer of ops' API at `path`, with its key: to GET, or to POST of `body`. httpx.HTTPError."""
    key = (place.secrets / "ops.key").read_text(encoding="utf-8").strip()
    headers = {"authorization": f"Bearer {key}", "accept": "application/json"}
    url = f"{place.urls['ops']}{path}"
    return ask.get(url, headers=headers) if body is None else ask.post(url, headers=headers, json=body)


def make_account(place: Place) -> None:
    """The demo account, unless there is one of its name: that keeps its password. httpx.HTTPError."""
    answer = ask_ops(place, "/api/v1/office/accounts", {"name": NAME, "role": "admin", "password": PASSWORD})
    if answer.status_code != 409:
        answer.raise_for_status()


def signed_in(place: Place) -> httpx.Client:
    """A browser in which the demo account is signed in to the board. httpx.HTTPError."""
    make_account(place)
    browser = new_browser()
    browser.headers["accept-language"] = "ja"
    browser.base_url = httpx.URL(place.urls["ops"])
    browser.post("/sign-in", data={"name": NAME, "password": PASSWORD}).raise_for_status()
    return browser
