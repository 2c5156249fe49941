"""Wallet, renderer and ops with nothing between them but the bytes of their events, for the orders of paper."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from click.testing import CliRunner, Result

from services.ops.cli import main
from services.renderer.print_sheets import draw_sheets
from services.renderer.store import RendererTransaction
from shared.events import AssertionIssued, BadgeReceived, Event
from shared.letter_events import AccountLetterRequested
from shared.office_events import DecisionSettled, OfficeDecided
from shared.paper_events import PaperOrdered, PaperUpdated, PrintSheetOrdered, PrintSheetRendered
from shared.wire import decode
from tests.worlds import credentials
from tests.worlds.consumer import note
from tests.worlds.ops import outbox, tell
from tests.worlds.ops_site import Office, at_board
from tests.worlds.renderer import Stage, anchored
from tests.worlds.wallet import PAPER_KEY, START, Wallet, join, rendered

WHO = ("--by", "事務局", "--reason", "振込を確認")
ADDRESS = {
    "addressee": "髙橋 一郎",
    "postcode": "１２３－４５６７",
    "prefecture": "東京都",
    "line": "千代田区一番町1-2　見本ビル3階",
    "phone": "03-0000-0000",
}


@dataclass
class PaperWorld:
    wallet: Wallet
    stage: Stage
    office: Office
    folder: Path
    _carried: set[str] = field(default_factory=set)

    def badge(self, number: int, *, finished: bool = True, **changes: Any) -> AssertionIssued:
        """The badge of a person of their own, known everywhere; its credential is in object storage."""
        it = credentials.assertion(number, **changes)
        is_anchored = anchored(number, self.stage.objects, **changes)
        event = AssertionIssued(
            assertion_id=it.assertion_id,
            leaf="00" * 32,
            award=it.award,
            holder=it.holder,
            issued_at=START,
            notify_from=START,
            status_list=1,
            status_index=7,
            version=changes.get("version", 1),
        )
        self.wallet.consume(event)
        tell(self.office.ports, event)
        if finished:
            self.tell_all(is_anchored, rendered(event.assertion_id))
        return event

    def tell_all(self, *events: Event) -> None:
        self.wallet.consume(*events)
        tell(self.office.ports, *events)

    @contextmanager
    def owner(self, badge: AssertionIssued) -> Iterator[httpx.Client]:
        """The browser of the person, who has received the badge."""
        with self.wallet.browser() as browser:
            join(browser, self.wallet, badge.assertion_id)
            self.exchange()
            yield browser

    def order(self, browser: httpx.Client, badge: AssertionIssued, *items: str, **changes: str) -> httpx.Response:
        form: dict[str, Any] = {**ADDRESS, **changes, "item": list(items)}
        answer = browser.post(f"/badges/{badge.assertion_id}/paper", data=form)
        self.exchange()
        return answer

    def exchange(self) -> None:
        """What each has announced reaches the others, once, until nothing is on its way."""
        while self._carry():
            draw_sheets(self.stage.ports)

    def _carry(self) -> int:
        new = [event for event in self._announced() if str(event.id) not in self._carried]
        for event in new:
            self._carried.add(str(event.id))
            match event:
                case OfficeDecided():
                    self.wallet.consume(event)
                case PrintSheetOrdered():
                    note(self.stage.store, RendererTransaction.note_sheets, [event])
                case PaperOrdered() | PaperUpdated() | PrintSheetRendered() | DecisionSettled() | BadgeReceived():
                    tell(self.office.ports, event)
        return len(new)

    def _announced(self) -> list[Event]:
        decided = [decode(bytes(value)) for _, _, value in outbox(self.office.ports)]
        return [*decided, *self.wallet.announced(), *self.stage.events()]

    def letters(self) -> list[AccountLetterRequested]:
        return [event for event in self.wallet.announced() if isinstance(event, AccountLetterRequested)]

    def akashi(self, *words: str) -> Result:
        """A command of the office, and what it leads to."""
        key = self.folder / "paper.key"
        key.write_text(f"{PAPER_KEY}\n")
        settings = {
            **at_board(self.office.browser.base_url),
            "WALLET_URL": self.wallet.url,
            "PAPER_KEY_FILE": str(key),
        }
        result = CliRunner().invoke(main, ["paper", *words], env=settings, catch_exceptions=False)
        self.exchange()
        return result

    def step(self, act: str, *words: str) -> str:
        """Take a step; its outcome with the detail."""
        given = self.akashi(act, *words, *WHO, "--no-wait", "--json")
        assert given.exit_code == 0, given.output
        line = self.office.browser.get(f"/api/v1/decisions/{json.loads(said(given))['id']}").json()
        return " ".join(filter(None, [line["outcome"], line["detail"]]))

    def states(self) -> dict[str, tuple[str, str | None]]:
        """As ops sees them: state and hold, by order and item."""
        rows = self.office.browser.get("/api/v1/paper").json()
        return {f"{row['order_id']}/{row['item']}": (row["state"], row["held"]) for row in rows}

    def sheet(self, item: str) -> bytes:
        """The latest of this item."""
        key = next(key for key in reversed(self.stage.objects.puts) if f"-{item}-" in key)
        return self.stage.objects.kept[key]

    def later(self, by: timedelta) -> None:
        self.wallet.clock.now += by


def said(result: Result) -> str:
    """The last line: before it the servers of this process may have written to their log."""
    return result.output.strip().splitlines()[-1]


def number_of(answer: httpx.Response) -> str:
    return str(answer.url.params["ordered"])
