"""The office enters orders of paper, notes the money, prints, and sends: over the real topics, storage and commands."""

from __future__ import annotations

from pathlib import Path

from deploy.local.stack import Stack
from shared.letter_events import AccountLetterRequested
from shared.paper_events import PaperUpdated
from tests.worlds.office import akashi, done
from tests.worlds.press import text_of
from tests.worlds.story import Story, until

BY = ("--reason", "本人の申し込み", "--by", "事務局")
ADDRESS = (
    "--addressee",
    "見本 太郎",
    "--postcode",
    "102-0082",
    "--prefecture",
    "東京都",
    "--line",
    "千代田区一番町1-2",
)


def test_an_order_goes_from_the_office_over_wallet_and_renderer_to_the_parcel(stack: Stack, tmp_path: Path) -> None:
    story = Story(stack, "PAPER", 2)
    story.feed()
    story.play()
    story.completes()
    kept, revoked = story.people()
    items = ("--item", "certificate", "--item", "card")
    orders = [
        done(akashi(stack, "paper", "order", person["assertion_id"], *items, *ADDRESS)).strip()
        for person in (kept, revoked)
    ]
    until(lambda: len(_rows(stack, *orders)) == 4, seconds=30, what="ops knows the orders")
    assert "done" in done(akashi(stack, "paper", "paid", *orders, *BY))
    done(akashi(stack, "revoke", revoked["assertion_id"], *BY))
    until(lambda: {row[2] for row in _rows(stack, orders[1])} == {"revoked"}, seconds=30, what="the order is held")
    assert "done" in done(akashi(stack, "paper", "print", "--all", *BY))

    def drawn() -> list[list[str]]:
        rows = _rows(stack, orders[0])
        sheets = {line.split("\t")[0] for line in done(akashi(stack, "paper", "sheets")).splitlines()}
        return rows if {row[5] for row in rows} <= sheets else []

    for _, state, _, _, number, sheet, _ in until(drawn, seconds=30, what="both sheets are drawn"):
        out = tmp_path / "sheet.pdf"
        done(akashi(stack, "paper", "sheet", sheet, "--out", str(out)))
        assert state == "printed" and number in text_of(out.read_bytes())
    out = tmp_path / "addresses.csv"
    done(akashi(stack, "paper", "addresses", "--out", str(out)))
    assert orders[0] in out.read_text("utf-8-sig") and orders[1] not in out.read_text("utf-8-sig")
    assert "done" in done(akashi(stack, "paper", "sent", f"{orders[0]}/certificate=4021", "--shipper", "見本運輸", *BY))

    assert {row[0]: row[1] for row in _rows(stack, *orders)} == {
        f"{orders[0]}/certificate": "sent",
        f"{orders[0]}/card": "printed",
        f"{orders[1]}/certificate": "paid",
        f"{orders[1]}/card": "paid",
    }
    told = {event.id: event for event in story.stream(PaperUpdated, AccountLetterRequested)}.values()
    assert sum(isinstance(event, PaperUpdated) for event in told) == 4 + 2 + 1
    asked = [event for event in told if isinstance(event, AccountLetterRequested)]
    letters = [event.letter for event in asked if event.facts.get("order_number") in orders]
    assert sorted(letters) == ["paper-received", "paper-received", "paper-sent"]


def _rows(stack: Stack, *orders: str) -> list[list[str]]:
    """What `akashi paper list` says of these orders: item, state, hold, name, registration number, sheet, tracking."""
    rows = [line.split("\t") for line in done(akashi(stack, "paper", "list")).splitlines()]
    return [row for row in rows if row[0].split("/")[0] in orders]
