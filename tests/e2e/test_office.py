"""The office signs in and, by forms of the board alone, brings four people on: two who share an address, one whose name
no font has, one whose badge went to an address that is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from deploy.local.demo.crowd import crowd, ndjson
from deploy.local.demo.holders import receive
from deploy.local.demo.letters import Inbox, Letter
from deploy.local.demo.run import feed
from deploy.local.loopback import ask
from deploy.local.office import signed_in
from deploy.local.stack import Stack
from tests.worlds.office import life, page
from tests.worlds.story import until


def test_the_office_brings_held_people_on_and_moves_letters_by_forms(stack: Stack) -> None:
    records = list(crowd(4, cohort=stack.cohort, prefix="OFFICE"))
    records[1]["email"] = records[0]["email"]
    records[2]["family_name"] = "渡\U00030ede"
    one, other, unprinted, moved = (str(record["registration_id"]) for record in records)
    inbox, arrived = Inbox(stack.home / "inbox", skip_present=True), dict[str, Letter]()
    answer = feed(stack, ndjson(iter(records)))
    assert answer["accepted"] == 4
    browser = signed_in(stack.place)

    def stands(id: str, state: str, reason: str | None = None) -> None:
        def look() -> bool:
            found = life(stack, id)
            return bool(found["state"] == state and reason in (None, found["reason"]))

        until(look, seconds=90, what=f"{id} is {state} {reason or ''}", forgive=(httpx.HTTPError,))

    def order(id: str, **form: str) -> None:
        browser.post(f"/people/{id}", data={"why": "本人の申し出", **form}, follow_redirects=True).raise_for_status()
        until(
            lambda: "実行中" not in browser.get(f"/people/{id}").text, seconds=60, what=f"the outcome of {form['act']}"
        )

    def letter_to(address: str, wanted: Callable[[Letter], bool] = lambda letter: letter.link is not None) -> Letter:
        def look() -> Any:
            arrived.update({f"{letter.to}/{letter.link}": letter for letter in inbox.new()})
            return next((each for each in arrived.values() if each.to == address and wanted(each)), None)

        found: Letter = until(look, seconds=90, what=f"a letter to {address}")
        return found

    for id in (one, other):
        stands(id, "held", "shared-address")
    stands(unprinted, "held", "no-glyph")
    assert other in browser.get(f"/people/{one}").text  # with whom it is shared
    order(other, act="address", address="office.own@example.jp")
    order(unprinted, act="spell", family_name="渡辺")
    lost = letter_to(str(records[3]["email"]))
    order(moved, act="address", address="office.moved@example.jp")
    history = browser.get(f"/people/{moved}").text
    assert f"{records[3]['email']} → office.moved@example.jp" in history
    assert moved in browser.get("/search", params={"q": "office.moved@example.jp"}).text
    fresh = letter_to("office.moved@example.jp")
    assert lost.link is not None and fresh.link is not None and lost.link != fresh.link
    assert ask.get(lost.link).status_code == 410
    assert receive(fresh)
    stands(moved, "completed")
    for id in (one, other, unprinted):  # whose hold somebody ended: their notice leaves with the next run
        stands(id, "issued")
    assert "渡辺" in page(stack, life(stack, unprinted)["assertion_id"])
