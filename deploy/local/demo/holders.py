"""Played holders: they read letter 1, follow its link, create the account over HTTP, and receive their badge."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from html.parser import HTMLParser
from typing import Protocol
from urllib.parse import urljoin

from deploy.local.demo.letters import Letter
from deploy.local.loopback import new_browser


class HolderStuck(RuntimeError):
    """A holder could not continue: names the page and its answer."""


def password_of(address: str) -> str:
    """Password of a played holder: derived from the address, so that a user of the demo can sign in as any holder."""
    return "akashi-" + hashlib.sha256(address.lower().encode()).hexdigest()[:10]


def receive(letter: Letter) -> None:
    """Step 5, as the person does it: open the link, create the account or sign in, receive. Idempotent."""
    if letter.link is None:
        raise HolderStuck(f"{letter.message_id}: no link in the letter {letter.subject!r}")
    browser = new_browser()
    page = browser.get(letter.link)
    for _ in range(4):  # account or sign-in, then receipt: each form leads to the next page
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


class Mailbox(Protocol):
    def new(self) -> Iterable[Letter]: ...


def play(
    inbox: Mailbox,
    *,
    people: int | None,
    seconds: float,
    workers: int = 4,
    received: Callable[[Letter], None] = lambda letter: None,
    stop: threading.Event | None = None,
) -> int:
    """Play each holder whose letter 1 is in the inbox or arrives within `seconds`; returns how many received.

    Ends when `people` have received, after `seconds`, or when `stop` is set. Raises HolderStuck.
    """
    deadline = time.monotonic() + seconds
    turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
    running: set[Future[Letter]] = set()
    begun = done = 0

    def person(letter: Letter) -> Letter:
        with turns[letter.to.lower()]:  # letters to one address go to one person: the first creates the account
            receive(letter)
        return letter

    with ThreadPoolExecutor(workers) as pool:
        while running or not (time.monotonic() > deadline or begun == people or (stop is not None and stop.is_set())):
            fresh = [letter for letter in inbox.new() if letter.link is not None]
            fresh = fresh if people is None else fresh[: people - begun]
            running |= {pool.submit(person, letter) for letter in fresh}
            begun += len(fresh)
            ended, running = wait(running, timeout=0.1, return_when=FIRST_COMPLETED)
            for future in ended:
                received(future.result())
                done += 1
            if not fresh:
                time.sleep(0.2)
    return done


class _Form:
    """A POST form of a page, with its fields."""

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
    """The first form, but the sign-out of the header and the choice on a badge that was received."""
    parser = _Forms()
    parser.feed(html)
    forms = [form for form in parser.forms if not form.action.endswith(("/logout", "/details"))]
    return forms[0] if forms else None
