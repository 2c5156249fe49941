"""Three people whose records an older release accepted and this one can't make a badge of: each says why, and the order
that the board names, or the next delivery, brings it to its end."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from deploy.local.demo.crowd import crowd, ndjson
from deploy.local.demo.run import feed
from deploy.local.office import signed_in
from deploy.local.stack import Stack
from shared.addresses import same_address_key
from shared.events import AssertionIssued, IssuanceRefused, RenderingFailed
from tests.worlds.office import VALID, akashi, done, life, matches, page, printed, status
from tests.worlds.story import Story, until

AMENDED, CORRECTED, UNPRINTABLE = (f"STUCK-{number:06d}" for number in range(3))
WHY = "台帳と照合した"


@pytest.fixture(scope="module")
def story(stack: Stack) -> Story:
    return Story(stack, "STUCK", 3)


def records(stack: Stack, **changes: Any) -> list[dict[str, Any]]:
    return [record | changes for record in crowd(3, cohort=stack.cohort, prefix="STUCK")]


_WRITERS = "hashtext('registration/writers')"


def deliver(stack: Stack, *delivered: dict[str, Any]) -> dict[str, Any]:
    return feed(stack, ndjson(iter(delivered)))


def stands_as(story: Story, record: dict[str, Any], **texts: str) -> None:
    """In registration's table, as an older release with looser rules accepted it: it is judged now."""
    texts |= {"email": record["email"], "address_key": same_address_key(record["email"])}
    story.rows("registration", f"select pg_advisory_lock({_WRITERS})")
    try:
        story.rows(
            "registration",
            f"update registrations set {', '.join(f'{name} = %s' for name in texts)}, due_since = received_at,"
            " confirmed_at = valid_from - 60, at_once = true where registration_id = %s returning registration_id",
            *texts.values(),
            record["registration_id"],
        )
    finally:
        story.rows("registration", f"select pg_advisory_unlock({_WRITERS})")


def stuck(stack: Stack, registration_id: str, reason: str) -> dict[str, Any]:
    """Why somebody is stuck, as soon as that is the reason."""

    def look() -> Any:
        found = life(stack, registration_id)["stuck"]
        return found if found is not None and found["reason"] == reason else None

    return dict(until(look, seconds=90, what=f"{registration_id} is stuck as {reason}"))


def correct(stack: Stack, order: str, value: str) -> None:
    """Give the order that the board names."""
    words = [value if word == "…" else word for word in order.split()[1:]]
    assert "done" in done(akashi(stack, *words, "--why", WHY, "--yes"))


def test_what_is_stuck_says_why_on_the_board_and_the_order_that_it_names_ends_it(stack: Stack, story: Story) -> None:
    first, second, third = records(stack)
    dead_letters = status(stack)["dead_letters"]  # of other stories
    assert deliver(stack, *records(stack, email=None))["accepted"] == 3
    story.wait("held", at_least=3)
    stands_as(story, first, registration_number="26{1")
    stands_as(story, second, given_name="一}郎")
    stands_as(story, third, pass_number="25-\U0001f600")

    refused = stuck(stack, AMENDED, "issuance-refused")
    assert (refused["field"], refused["got"]) == ("registration_number", "{ or } alone")
    order = stuck(stack, CORRECTED, "issuance-refused")["order"]
    assert order == f"akashi correct {CORRECTED} --given-name …"
    story.play()  # the third receives the badge, so it is anchored
    unprinted = stuck(stack, UNPRINTABLE, "rendering-no-glyph")
    assert (unprinted["field"], unprinted["got"]) == ("pass_number", "U+1F600")
    found = status(stack)
    assert found["stuck_by_reason"] == {"issuance-refused": 2, "rendering-no-glyph": 1} and not found["matches"]
    assert found["dead_letters"] == dead_letters
    board = signed_in(stack.place).get("/board").text.replace("<wbr>", "")
    person = signed_in(stack.place).get(f"/people/{AMENDED}").text
    for text in (board, person):
        assert "発行できない内容がある" in text and f"akashi correct {AMENDED} --registration-number …" in text
    assert "PDFに印字できない文字がある" in board and 'value="correct"' in person

    assert deliver(stack, first)["accepted"] == 1  # upstream amends one, the office corrects two
    correct(stack, order, "一郎")
    correct(stack, unprinted["order"], "25-1")
    story.wait("completed", at_least=3)
    assert matches(stack)["stuck_by_reason"] == {}


def test_each_has_one_badge_that_counts_and_its_letters_once(stack: Stack, story: Story) -> None:
    lives = {id: life(stack, id) for id in (AMENDED, CORRECTED, UNPRINTABLE)}
    for found in lives.values():
        assert (found["state"], found["stuck"], found["version"]) == ("completed", None, 2)
        assert VALID in page(stack, found["assertion_id"])
    amended = lives[AMENDED]
    assert amended["facts"]["registration_number"] in printed(stack, amended["assertion_id"], "details")
    assert "一郎" in printed(stack, lives[CORRECTED]["assertion_id"], "certificate")
    assert "25-1" in printed(stack, lives[UNPRINTABLE]["assertion_id"], "details")
    for id in (AMENDED, CORRECTED):
        assert [version["version"] for version in lives[id]["versions"]] == [2]  # the first was never issued
        sent = Counter(letter["letter"] for letter in lives[id]["letters"] if letter["sent_at"])
        assert sent == {"award": 1, "completion": 1}
    answers = {event.id: event for event in story.stream(IssuanceRefused, RenderingFailed, AssertionIssued)}
    ids = {AMENDED, CORRECTED, *(version["assertion_id"] for found in lives.values() for version in found["versions"])}
    assert Counter(type(event) for event in answers.values() if event.key in ids) == {
        IssuanceRefused: 2,
        RenderingFailed: 1,
        AssertionIssued: 4,
    }
