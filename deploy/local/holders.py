"""Playing the holders: they read letter 1, follow its link, make the account over HTTP, and receive their badge."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from html.parser import HTMLParser
from urllib.parse import urljoin

from deploy.local.letters import Inbox, Letter
from deploy.local.loopback import new_browser


class HolderStuck(RuntimeError):
    """A holder could not go on: says at which page, and what the page answered."""


def password_of(address: str) -> str:
    """The password that a played holder takes: derived, so that whoever tries the demo can sign in as any of them."""
    return "akashi-" + hashlib.sha256(address.lower().encode()).hexdigest()[:10]


def receive(letter: Letter) -> None:
    """Step 5, as the person does it: open the link, make the account or sign in, receive. Twice is as good as once."""
    if letter.link is None:
        raise HolderStuck(f"{letter.message_id}: no link in the letter {letter.subject!r}")
    browser = new_browser()
    page = browser.get(letter.link)
    for _ in range(4):  # account or sign-in, then receipt: each page's form leads to the next page
        if page.status_code >= 400:
            raise HolderStuck(f"{letter.message_id}: {page.request.url.path} answered {page.status_code}")
        form = _form_of(page.text)
        if form is None:
            return  # the badge's own page: nothing left to fill in
        page = browser.post(
            urljoin(str(page.url), form.action or str(page.url)),
            data=form.filled(letter),
            headers={"Origin": f"{page.url.scheme}://{page.url.netloc.decode()}", "Sec-Fetch-Site": "same-origin"},
        )
    raise HolderStuck(f"{letter.message_id}: still a form at {page.url.path} after four pages")


def play(
    inbox: Inbox,
    *,
    people: int | None,
    seconds: float,
    workers: int = 4,
    received: Callable[[Letter], None] = lambda letter: None,
    stop: threading.Event | None = None,
) -> int:
    """Play each holder whose letter 1 is in the inbox, or comes within `seconds`; how many received.

    Ends when `people` have received, when `seconds` are over, or when `stop` is set. Raises what stopped a holder.
    """
    deadline = time.monotonic() + seconds
    done = 0
    with ThreadPoolExecutor(workers) as pool:
        while time.monotonic() < deadline and (people is None or done < people) and not (stop and stop.is_set()):
            letters = [letter for letter in inbox.new() if letter.link is not None]
            if people is not None:
                letters = letters[: people - done]
            done += _all_of(pool, letters, received)
            if not letters:
                time.sleep(0.1)
    return done


def _all_of(pool: ThreadPoolExecutor, letters: Iterable[Letter], received: Callable[[Letter], None]) -> int:
    done = 0
    # Letters to one address go to one person: one after the other, since the first of them makes the account.
    by_address: dict[str, list[Letter]] = {}
    for letter in letters:
        by_address.setdefault(letter.to.lower(), []).append(letter)

    def person(own: list[Letter]) -> list[Letter]:
        for letter in own:
            receive(letter)
        return own

    for future in as_completed([pool.submit(person, own) for own in by_address.values()]):
        for letter in future.result():
            received(letter)
            done += 1
    return done


class _Form:
    """The first POST form of a page that asks something of the holder: not the sign-out of the header."""

    def __init__(self, action: str) -> None:
        self.action = action
        self.fields: list[tuple[str, str, str]] = []  # name, type, value

    def filled(self, letter: Letter) -> dict[str, str]:
        values: dict[str, str] = {}
        for name, kind, value in self.fields:
            if kind == "password":
                values[name] = password_of(letter.to)
            elif kind == "checkbox":
                values[name] = value or "on"
            elif kind == "email":
                values[name] = value or letter.to
            elif kind == "text" and not value:
                values[name] = letter.name or letter.to
            else:
                values[name] = value
        return values


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[_Form] = []
        self._open: _Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        if tag == "form" and facts.get("method", "get").lower() == "post":
            self._open = _Form(facts.get("action", ""))
            self.forms.append(self._open)
        elif tag in ("input", "button") and self._open is not None and facts.get("name"):
            self._open.fields.append((facts["name"], facts.get("type", "text"), facts.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None


def _form_of(html: str) -> _Form | None:
    parser = _Forms()
    parser.feed(html)
    forms = [form for form in parser.forms if not form.action.endswith("/logout")]
    return forms[0] if forms else None
