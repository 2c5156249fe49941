"""The office erases one person of twelve, while a service is away: nothing of them is left, nothing brings them back.

All others stay what they were, for all verifiers: they are leaves of the same batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from deploy.local.demo.holders import password_of
from deploy.local.loopback import ask, new_browser
from deploy.local.office import signed_in
from deploy.local.stack import Stack
from shared.topics import SERVICES
from tests.worlds import personal_data
from tests.worlds.erasure import everybody_erased, holds_nothing_of, order_erasure
from tests.worlds.losses import rebuilt
from tests.worlds.office import REVOKED, VALID, akashi, matches, page, shown_as
from tests.worlds.outside_verifier import ask_outside_verifier, published_at
from tests.worlds.story import Story

SIZE = 12
ONE = 3
WHY = "申し出（2027-5）"
ERASED_PAGE = "消去"


@dataclass
class Erased:
    story: Story
    record: dict[str, Any]  # as upstream delivers it
    person: dict[str, Any]  # as ops knew it
    others: list[dict[str, Any]]
    link: str  # of letter 1

    @property
    def stack(self) -> Stack:
        return self.story.stack


@pytest.fixture(scope="module")
def erased(stack: Stack) -> Erased:
    """Ordered while the wallet is stopped: the office sees who is missing, and that it is done when it is."""
    story = Story(stack, "ERASE", SIZE)
    story.feed()
    story.play()
    story.completes()
    records = list(story.upstream())
    people = {person["registration_id"]: person for person in story.people()}
    record = records[ONE]
    person = people.pop(record["registration_id"])
    link = next(letter.link for letter in story.letters if letter.link and person["assertion_id"] in letter.link)
    told = Erased(story, record, person, list(people.values()), link)
    assert len(personal_data.tables_with(stack, personal_data.of_one(record))) > 8
    stack.halt("wallet")
    order_erasure(stack, record["registration_id"], WHY)
    everybody_erased(stack, record["registration_id"], but="wallet")
    stack.resume("wallet")
    everybody_erased(stack, record["registration_id"])
    return told


def test_no_table_object_or_log_has_anything_of_them(erased: Erased) -> None:
    nothing_is_left(erased)


def nothing_is_left(erased: Erased) -> None:
    holds_nothing_of(erased.stack, erased.record)
    found, objects = personal_data.of_one(erased.record), dict(personal_data.objects_as_text(erased.stack))
    assert [key for key in objects if erased.person["assertion_id"] in key] == []
    assert [key for key, text in objects.items() if found.search(text)] == []


def test_strangers_are_told_that_the_badge_no_longer_counts(erased: Erased) -> None:
    shown = shown_as(erased.stack, erased.person["assertion_id"], REVOKED, ERASED_PAGE)
    assert personal_data.of_one(erased.record).search(shown) is None
    public = f"{erased.stack.urls['verifier']}/credentials/{erased.person['assertion_id']}.json"
    assert akashi(erased.stack, "verify", public).exit_code == 1


def test_the_others_of_the_batch_are_valid_for_us_and_for_an_outside_verifier(erased: Erased) -> None:
    site = erased.stack.urls["verifier"]
    credentials = []
    for other in erased.others:
        assert VALID in page(erased.stack, other["assertion_id"])
        credentials.append(ask.get(f"{site}/credentials/{other['assertion_id']}.json").raise_for_status().json())
    answers = ask_outside_verifier(*(published_at(site, each) for each in credentials))
    assert [(each["verified"], each["status"]) for each in answers] == [(True, False)] * len(erased.others)


def test_the_account_is_gone_and_the_links_of_letters_open_nothing(erased: Erased) -> None:
    wallet, browser = erased.stack.urls["wallet"], new_browser()
    own = {"Origin": wallet, "Sec-Fetch-Site": "same-origin"}
    form = {"email": erased.record["email"], "password": password_of(erased.record["email"]), "next": ""}
    assert browser.post(f"{wallet}/login", data=form, headers=own).status_code != 200
    assert browser.get(erased.link).status_code == 404


def test_the_office_reads_that_they_were_erased_and_by_whom(erased: Erased) -> None:
    shown = signed_in(erased.stack.place).get(f"/people/{erased.record['registration_id']}").text.replace("<wbr>", "")
    assert ERASED_PAGE in shown and WHY in shown
    after = matches(erased.stack)
    assert erased.record["registration_id"] not in {each["registration_id"] for each in erased.story.people()}
    assert after["dead_letters"] == 0


def test_neither_upstream_nor_a_rebuild_brings_them_back(erased: Erased) -> None:
    erased.story.feed()
    rebuilt(erased.stack, *SERVICES)
    matches(erased.stack)
    nothing_is_left(erased)
    people = {person["registration_id"]: person["state"] for person in erased.story.people()}
    assert people == {other["registration_id"]: "completed" for other in erased.others}
