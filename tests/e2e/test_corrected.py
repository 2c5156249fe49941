"""The office corrects two names of fifty: one whose badge was received, and one whose badge was not."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from deploy.local.demo.letters import Inbox, Letter
from deploy.local.stack import Stack
from shared.events import AssertionIssued, AssertionRevoked
from tests.worlds.office import CORRECTED, VALID, akashi, done, life, matches, page, printed, shown_as
from tests.worlds.story import Story, until

SIZE = 50
NAMES = ("--family-name", "髙𠮷", "--given-name", "ゆき")
WHY = "改姓"


@pytest.fixture(scope="module")
def crowd(stack: Stack) -> Story:
    """Fifty who have their badges."""
    story = Story(stack, "CORRECT", SIZE)
    story.feed()
    story.play()
    story.completes()
    return story


def letters_to(stack: Stack, registration_id: str) -> list[Letter]:
    """Each letter once, the oldest first: it may come twice after a crash, with the same Message-ID."""
    prefix, number = registration_id.rsplit("-", 1)
    found = [
        letter
        for letter in Inbox(stack.home / "inbox").new()
        if letter.to.lower().startswith(f"{prefix.lower()}.{number}@")
    ]
    return list({letter.message_id: letter for letter in found}.values())


def corrected(stack: Stack, registration_id: str) -> tuple[str, str]:
    """Have the name corrected; the ids of the former badge and of the new one, once that is issued."""
    former = life(stack, registration_id)["assertion_id"]
    dry = done(akashi(stack, "correct", registration_id, *NAMES, "--why", WHY, "--dry-run", "--json"))
    assert "髙𠮷" in dry and life(stack, registration_id)["version"] == 1
    assert "done" in done(akashi(stack, "correct", registration_id, *NAMES, "--why", WHY, "--yes"))

    def new() -> Any:
        return life(stack, registration_id)["assertion_id"] != former

    until(new, seconds=60, what="the corrected badge is issued")
    return former, life(stack, registration_id)["assertion_id"]


def completes(stack: Stack, registration_id: str) -> None:
    until(
        lambda: life(stack, registration_id)["state"] == "completed",
        seconds=120,
        what=f"the corrected badge of {registration_id} completes",
    )


def is_right(stack: Stack, former: str, new: str) -> None:
    """Old page and new page, the PDFs of the new name, one void badge and one that counts."""
    text = shown_as(stack, former, CORRECTED)
    assert f"/V/{new}" in text
    assert VALID in page(stack, new) and "髙𠮷" in page(stack, new)
    for document in ("certificate", "details"):
        assert "髙𠮷ゆき" in printed(stack, new, document)
    public = f"{stack.urls['verifier']}/credentials"
    assert akashi(stack, "verify", f"{public}/{former}.json").exit_code == 1
    done(akashi(stack, "verify", f"{public}/{new}.json"))


def test_a_received_badge_is_replaced_in_the_wallet_and_told_by_one_letter(stack: Stack, crowd: Story) -> None:
    id = crowd.people()[7]["registration_id"]
    before = letters_to(stack, id)
    former, new = corrected(stack, id)
    completes(stack, id)
    is_right(stack, former, new)
    matches(stack)
    (letter,) = letters_to(stack, id)[len(before) :]
    assert "訂正" in letter.subject and new in letter.text
    found = life(stack, id)
    assert [(v["version"], v["revoked_at"] is None) for v in found["versions"]] == [(2, True), (1, False)]
    assert found["versions"][0]["received_at"], "the holder had to receive it once more"
    assert Counter(letter["letter"] for letter in found["letters"] if letter["assertion_id"] == new) == {
        "correction": 1
    }


def test_nobody_else_is_touched(stack: Stack, crowd: Story) -> None:
    others = [person for person in crowd.people() if life(stack, person["registration_id"])["version"] == 1]
    assert len(others) == SIZE - 1
    for other in others[:10]:
        assert VALID in page(stack, other["assertion_id"])
    ids = {person["assertion_id"] for person in crowd.people()}
    issued = Counter(
        event.key for event in {e.id: e for e in crowd.stream(AssertionIssued)}.values() if event.key in ids
    )
    assert set(issued.values()) == {1} and len(issued) == SIZE
    revoked = {event.id for event in crowd.stream(AssertionRevoked) if event.key in {o["assertion_id"] for o in others}}
    assert not revoked


def test_a_badge_that_waits_to_be_received_is_replaced_and_told_by_one_letter(stack: Stack) -> None:
    story = Story(stack, "MISSPELT", 2)
    story.feed()
    story.wait("notified", at_least=2)
    id = story.people()[0]["registration_id"]
    (first,) = letters_to(stack, id)
    former, new = corrected(stack, id)
    until(lambda: len(letters_to(stack, id)) > 1, seconds=60, what="the letter about the corrected badge")
    _, second = letters_to(stack, id)
    assert second.link is not None and new in second.link and "訂正" in second.text and "髙𠮷" in (second.name or "")
    story.play()  # the first letter leads to the corrected badge too
    completes(stack, id)
    is_right(stack, former, new)
    matches(stack)
    *told, completion = letters_to(stack, id)
    assert [letter.message_id for letter in told] == [first.message_id, second.message_id]
    assert completion.link is None and completion.message_id not in {first.message_id, second.message_id}
