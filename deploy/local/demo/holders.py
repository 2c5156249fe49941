"""Played holders: they read letter 1, follow its link, create the account over HTTP, and receive their badge."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import NamedTuple, Protocol
from urllib.parse import urljoin

import httpx

from deploy.local.demo.letters import Letter
from deploy.local.loopback import new_browser

_GONE = 410  # the page of a link whose badge was revoked, has expired or was corrected for another address


class HolderStuck(RuntimeError):
    """A holder could not continue: names the page and its answer."""


def password_of(address: str) -> str:
    """Password of a played holder: derived from the address, so that a user of the demo can sign in as any holder."""
    return "akashi-" + hashlib.sha256(address.lower().encode()).hexdigest()[:20]


def receive(letter: Letter) -> bool:
    """Step 5, as the person does it: open the link, create the account or sign in, receive.

    False when there was nothing to receive: the badge was received before, or is gone. Nothing else is pressed on its
    pages. HolderStuck.
    """
    if letter.link is None:
        raise HolderStuck(f"{letter.message_id}: no link in the letter {letter.subject!r}")
    browser = new_browser()
    try:
        return _receive(browser, letter, letter.link)
    except httpx.HTTPError as error:
        raise HolderStuck(f"{letter.message_id}: {type(error).__name__}: {error}") from error


def _receive(browser: httpx.Client, letter: Letter, link: str) -> bool:
    page = browser.get(link)
    pressed = False
    for _ in range(4):  # account or sign-in, then receipt: each form leads to the next page
        if page.status_code == _GONE and not pressed:
            return False
        if page.status_code >= 400:
            raise HolderStuck(f"{letter.message_id}: {page.request.url.path} answered {page.status_code}")
        form = _form_of(page.text)
        if form is None:
            return pressed  # the badge's own page: nothing left to receive
        pressed = True
        page = browser.post(
            urljoin(str(page.url), form.action or str(page.url)),
            data=form.filled(letter),
            headers={"Origin": f"{page.url.scheme}://{page.url.netloc.decode()}", "Sec-Fetch-Site": "same-origin"},
        )
    raise HolderStuck(f"{letter.message_id}: still a form at {page.url.path} after four pages")


class Played(NamedTuple):
    """Letters whose badge was received now, and those that were left alone: received before, or gone."""

    received: int
    left: int


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
) -> Played:
    """Play each holder whose letter 1 is in the inbox or arrives within `seconds`.

    Ends when `people` have received, after `seconds`, or when `stop` is set. Raises HolderStuck.
    """
    deadline = time.monotonic() + seconds
    turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
    running: set[Future[tuple[Letter, bool]]] = set()
    begun = done = left = 0

    def person(letter: Letter) -> tuple[Letter, bool]:
        with turns[letter.to.lower()]:  # letters to one address go to one person: the first creates the account
            return letter, receive(letter)

    with _pool(workers) as pool:
        while running or not (time.monotonic() > deadline or begun == people or (stop is not None and stop.is_set())):
            fresh = [letter for letter in inbox.new() if letter.link is not None]
            fresh = fresh if people is None else fresh[: people - begun]
            running |= {pool.submit(person, letter) for letter in fresh}
            begun += len(fresh)
            ended, running = wait(running, timeout=0.1, return_when=FIRST_COMPLETED)
            for future in ended:
                letter, is_new = future.result()
                done, left = done + is_new, left + (not is_new)
                if is_new:
                    received(letter)
            if not fresh:
                time.sleep(0.2)
    return Played(done, left)


@contextmanager
def _pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    """One who is stuck ends it: those who wait for their turn are not begun any more."""
    pool = ThreadPoolExecutor(workers)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


class _Form:
    """A POST form of a page, with its fields."""

    def __init__(self, action: str, step: str) -> None:
        self.action = action
        self.step = step
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
            self._open = _Form(facts.get("action", ""), facts.get("data-step", ""))
            self.forms.append(self._open)
        elif tag in ("input", "button") and self._open is not None and facts.get("name"):
            self._open.fields.append((facts["name"], facts.get("type", "text"), facts.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None


def _form_of(html: str) -> _Form | None:
    """The form by which a badge is received; no other is ever sent."""
    parser = _Forms()
    parser.feed(html)
    return next((form for form in parser.forms if form.step == "receive"), None)
