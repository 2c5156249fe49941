"""Deliveries give way to short requests, which the web servers note."""

from __future__ import annotations

import asyncio
import threading

import pytest
from starlette.types import Message, Receive, Scope, Send

from services.registration.foreground import Foreground
from services.registration.web.foreground import InForeground

LONG_ENOUGH = 60.0  # seconds that no test waits for


def test_a_delivery_waits_until_every_short_request_is_answered() -> None:
    foreground, order = Foreground(LONG_ENOUGH), list[str]()
    waiting = threading.Event()

    def deliver() -> None:
        waiting.set()
        foreground.give_way()
        order.append("part")

    with foreground.request():
        with foreground.request():
            delivery = threading.Thread(target=deliver)
            delivery.start()
            assert waiting.wait(LONG_ENOUGH)
            order.append("one answered")
        order.append("both answered")
    delivery.join(LONG_ENOUGH)
    assert order == ["one answered", "both answered", "part"]


def test_without_short_requests_a_delivery_goes_on_at_once() -> None:
    foreground = Foreground(LONG_ENOUGH)
    with foreground.request():
        pass
    foreground.give_way()


def test_a_request_that_takes_long_does_not_stop_a_delivery() -> None:
    foreground = Foreground(0.0)
    with foreground.request():
        foreground.give_way()


@pytest.mark.parametrize(
    ("path", "is_short"),
    [
        ("/upstream/registrations", False),
        ("/api/v1/cohort", False),
        ("/api/v1/office/cohort", False),
        ("/healthz", False),
        ("/api/v1/outlook", True),
        ("/api/v1/office/people", True),
        ("/confirm/1/2", True),
        ("/", True),
    ],
)
@pytest.mark.parametrize("fails", [False, True])
def test_a_request_is_under_way_until_its_answer_or_its_failure(path: str, is_short: bool, fails: bool) -> None:
    seen: list[int] = []

    class Counted(Foreground):
        @property
        def under_way(self) -> int:
            return self._under_way

    foreground = Counted()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(foreground.under_way)
        if fails:
            raise RuntimeError("a bug")

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        """Nobody reads."""

    request = InForeground(app, foreground)({"type": "http", "path": path}, receive, send)
    if fails:
        with pytest.raises(RuntimeError):
            asyncio.run(request)
    else:
        asyncio.run(request)
    assert seen == [int(is_short)] and foreground.under_way == 0
