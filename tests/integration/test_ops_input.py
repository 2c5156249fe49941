"""What the office types and sends: whose badge an order is about, texts without hidden characters, many people."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from services.ops.cli import main
from services.ops.store.events import Store
from services.ops.web import board
from shared.office_events import OfficeDecided
from shared.plain_text import hidden_in
from tests.worlds.cohorts import assertion_id, at, cycle
from tests.worlds.ops import dead_letter, tell
from tests.worlds.ops_site import Office, at_board, office_of

pytest_plugins = ("tests.worlds.ops_fixtures",)

HIDDEN = ["\0", "\x1b[2J", "\x9b31m", "\u202e", "\u2066", "\u200b", "\u2028", "\ufeff", "\n"]
WHO = {"by": "事務局", "why": "本人の申し出"}


@pytest.fixture
def office(store: Store) -> Iterator[Office]:
    with office_of(store) as office:
        yield office


def akashi(office: Office, *words: str) -> Result:
    return CliRunner().invoke(main, words, env=at_board(office.browser.base_url))


def ordered(office: Office) -> list[str]:
    with office.ports.store.transaction() as tx:
        return [line.subject for line in tx.decisions.decisions(None, limit=100)]


def test_an_order_on_a_persons_page_is_about_that_persons_badge_only(office: Office) -> None:
    for number in (1, 2):
        tell(office.ports, *cycle(number))
    for subject in (assertion_id(2), "R00002", "nonsense", assertion_id(1).lower(), f"{assertion_id(1)} "):
        form = {**WHO, "typed": "revoke", "subject": subject}
        answer = office.browser.post("/revoke/R00001", data=form)
        assert answer.status_code == 409, subject
        resend = {**WHO, "act": "resend", "letter": "award", "subject": subject}
        assert office.browser.post("/people/R00001", data=resend).status_code == 409, subject
    assert ordered(office) == []
    form = {**WHO, "typed": "revoke", "subject": assertion_id(1)}
    assert office.browser.post("/revoke/R00001", data=form).status_code == 303
    assert ordered(office) == [assertion_id(1)]


def test_a_body_beside_a_path_does_not_change_what_the_path_names(office: Office) -> None:
    dead_letter(office.ports, offset=1)
    dead_letter(office.ports, offset=2)
    first, second = (one["id"] for one in office.browser.get("/api/v1/dead-letters").json())
    body = {**WHO, "id": second, "act": "replay", "dead_letter_id": second}
    assert office.browser.post(f"/api/v1/dead-letters/{first}/discard", json=body).json()["id"] == first
    assert [one["id"] for one in office.browser.get("/api/v1/dead-letters").json()] == [second]
    tell(office.ports, *cycle(1), *cycle(2))
    form = {**WHO, "act": "again", "version": "1", "registration_id": "R00002", "subject": "R00002", "id": "R00002"}
    assert office.browser.post("/people/R00001", data=form).status_code == 303
    assert ordered(office)[0] == "R00001"


@pytest.mark.parametrize("hidden", HIDDEN)
def test_orders_take_no_hidden_characters(office: Office, hidden: str) -> None:
    tell(office.ports, *cycle(1))
    dead_letter(office.ports)
    (letter,) = office.browser.get("/api/v1/dead-letters").json()
    texts = [{**WHO, "why": f"誤記{hidden}のため"}, {**WHO, "by": f"事務{hidden}局"}]
    for text in texts:
        for path, more in (
            ("/api/v1/revoke", {"id": assertion_id(1)}),
            ("/api/v1/erase", {"registration_id": "R00001"}),
            ("/api/v1/correct", {"registration_id": "R00001", "version": 1}),
            ("/api/v1/undo", {"cohort": "2026", "digest": "x"}),
            ("/api/v1/rebuild", {"reader": "mailer"}),
            ("/api/v1/scrub", {}),
            ("/api/v1/restores", {"ids": ["x"]}),
            (f"/api/v1/dead-letters/{letter['id']}/discard", {}),
        ):
            answer = office.browser.post(path, json={**text, **more})
            assert answer.status_code == 422, path
            assert f"U+{ord(hidden[0]):04X}" in answer.json()["detail"]
    for path, form in (
        ("/revoke/R00001", {"typed": "revoke", "subject": assertion_id(1)}),
        ("/erase/R00001", {"typed": "erase"}),
        ("/people/R00001", {"act": "hold"}),
        (f"/dead-letters/{letter['id']}", {"act": "discard"}),
    ):
        assert office.browser.post(path, data={**texts[0], **form}).status_code == 422, path
    correction = {"registration_id": "R00001", "version": 1, **WHO, "correction": {"family_name": f"高{hidden}橋"}}
    assert office.browser.post("/api/v1/correct", json=correction).status_code == 422
    assert ordered(office) == []


@pytest.mark.parametrize("hidden", HIDDEN[1:])
def test_what_was_taken_before_is_written_out_by_commands_and_pages(office: Office, hidden: str) -> None:
    tell(office.ports, *cycle(1))
    event = OfficeDecided(
        decision_id="old", decision="revoke", subject=assertion_id(1), by="=1+1", why=f"誤{hidden}記", decided_at=at(30)
    )
    tell(office.ports, event)
    dead_letter(office.ports, cause=f"@SUM(A1){hidden}")
    commands = (["decisions"], ["decisions", "--json"], ["people"], ["people", "--json"], ["dead-letters", "list"])
    printed = {" ".join(words): akashi(office, *words).output for words in commands}
    for words, output in printed.items():
        assert all(hidden_in(cell) is None for cell in re.split(r"[\t\n]", output)), words
    assert "\t'=1+1\t" in printed["decisions"] and "\t'@SUM(A1)" in printed["dead-letters list"]
    assert json.loads(printed["decisions --json"])["why"] == f"誤{hidden}記"
    page = office.browser.get("/decisions").text
    assert hidden == "\n" or f"誤{hidden}記" not in page


@pytest.mark.parametrize("part", [1, 2, 7, 100])
def test_the_people_come_in_one_array_and_in_pages(office: Office, monkeypatch: pytest.MonkeyPatch, part: int) -> None:
    monkeypatch.setattr(board, "_MOST", part)
    assert office.browser.get("/api/v1/people").json() == []
    for number in range(7):
        tell(office.ports, *cycle(number))
    everybody = [f"R{number:05}" for number in range(7)]
    ids = [person["registration_id"] for person in office.browser.get("/api/v1/people").json()]
    assert ids == everybody
    assert len(office.browser.get("/api/v1/people?state=completed&cohort=2026").json()) == 7
    seen: list[str] = []
    url: str | None = "/api/v1/people?limit=3&state=completed"
    while url is not None:
        answer = office.browser.get(url)
        page = answer.json()
        assert 1 <= len(page) <= 3
        seen += [person["registration_id"] for person in page]
        url = answer.links.get("next", {}).get("url")
    assert seen == everybody
    for wrong in ("0", "-1", "100001", "x"):
        assert office.browser.get(f"/api/v1/people?limit={wrong}").status_code == 422
    lines = akashi(office, "people").output.splitlines()
    assert [line.split("\t")[0] for line in lines] == everybody
