"""The office revokes one badge of fifty: everybody who asks is told so and why, and the others are untouched."""

from __future__ import annotations

from deploy.local.stack import Stack
from shared.events import AssertionRevoked
from tests.worlds.office import REVOKED, VALID, akashi, done, life, matches, page, shown_as
from tests.worlds.story import Story

SIZE = 50
REASON = "本人の申し出による退会"


def test_one_of_fifty_is_revoked_with_its_reason_and_the_others_stay_valid(stack: Stack) -> None:
    story = Story(stack, "REVOKE", SIZE)
    story.feed()
    story.play()
    story.completes()
    before = matches(stack)
    one, *others = story.people()
    gone = one["assertion_id"]

    assert "done" in done(akashi(stack, "revoke", gone, "--reason", REASON, "--by", "事務局"))
    shown_as(stack, gone, REVOKED, REASON)
    for other in others:
        assert VALID in page(stack, other["assertion_id"])
    public = f"{stack.urls['verifier']}/credentials"
    assert akashi(stack, "verify", f"{public}/{gone}.json").exit_code == 1
    done(akashi(stack, "verify", f"{public}/{others[0]['assertion_id']}.json"))

    after = matches(stack)
    assert after["cohort"]["revoked"] == before["cohort"]["revoked"] + 1
    for stage in ("eligible", "issued", "completed"):
        assert after["cohort"][stage] == before["cohort"][stage] - 1
    assert (one["registration_id"], REASON) in [(p["registration_id"], p["reason"]) for p in after["revoked"]["people"]]

    again = akashi(stack, "revoke", one["registration_id"], "--reason", REASON)
    assert again.exit_code == 1 and gone in again.stderr
    (decision,) = life(stack, one["registration_id"])["decisions"]
    assert (decision["outcome"], decision["by"], decision["why"]) == ("done", "事務局", REASON)
    events = {event.id: event for event in story.stream(AssertionRevoked) if event.key == gone}
    assert len(events) == 1
