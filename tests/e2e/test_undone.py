"""The office undoes a whole cohort; the issuer is killed in the middle; then the badges are issued again."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import httpx

from deploy.local.office import ask_ops
from deploy.local.stack import Stack
from shared.events import AssertionRevoked
from shared.office_events import DecisionSettled, OfficeDecided
from tests.worlds.office import REVOKED, VALID, akashi, done, matches, page, shown_as
from tests.worlds.story import Story, until

SIZE = 120
WHY = "誤った日付での発行"


def test_a_cohort_is_undone_after_a_dry_run_although_the_issuer_dies_and_is_issued_again(stack: Stack) -> None:
    story = Story(stack, "UNDO", SIZE)
    story.feed()
    story.play()
    story.completes()
    before = matches(stack)["cohort"]
    former = {person["registration_id"]: person["assertion_id"] for person in story.people()}

    run = json.loads(done(akashi(stack, "undo", stack.cohort, "--json")))
    assert run["count"] == before["issued"] and set(former.values()) <= {p["assertion_id"] for p in run["people"]}
    assert matches(stack)["cohort"] == before, "a dry run did something"
    refused = akashi(stack, "undo", stack.cohort, "--why", WHY, "--apply", "0" * 12)
    assert refused.exit_code == 1 and run["digest"] in refused.stderr

    stack.halt("issuer")
    undo = ("undo", stack.cohort, "--why", WHY, "--apply", run["digest"], "--json")
    id = json.loads(done(akashi(stack, *undo, "--no-wait")))["id"]
    assert akashi(stack, *undo).exit_code == 1, "an undo was ordered twice"
    dying = subprocess.Popen(
        [sys.executable, "-m", "tests.worlds.dying_revoker"],
        env={**stack.environment("issuer"), "METRICS_PORT": "0"},
        cwd=".",
    )
    assert dying.wait(90) == -9, "the issuer should have died in the middle of the undo"
    committed = revoked_in_issuer(story, set(former.values()))
    assert committed < run["count"], "the story is void: nothing was left to do"
    stack.resume("issuer")

    def all_settled() -> dict[str, Any]:
        line = dict(ask_ops(stack.place, f"/api/v1/decisions/{id}").json())
        return line if line["outcome"] else {}

    line = until(all_settled, seconds=180, what="the undo is settled", forgive=(httpx.HTTPError,))
    assert line["parts"] == {"total": run["count"], "settled": run["count"], "outcomes": {"done": run["count"]}}
    assert len(done(akashi(stack, "decisions", id, "--json")).splitlines()) == run["count"] + 1

    for assertion_id in former.values():
        shown_as(stack, assertion_id, REVOKED, WHY)
    after = matches(stack)["cohort"]
    assert (after["eligible"], after["completed"]) == (0, 0)
    assert after["revoked"] == before["revoked"] + run["count"]
    nothing_lost_or_doubled(story, set(former.values()), id)

    again = json.loads(done(akashi(stack, "reissue", stack.cohort, "--json")))
    assert again["count"] == run["count"]
    reissue = ("reissue", stack.cohort, "--why", "日付を正した", "--apply", again["digest"])
    assert f"done\t{run['count']}" in done(akashi(stack, *reissue))
    assert akashi(stack, *reissue).exit_code == 1, "everybody would be issued twice"
    until(
        lambda: {person["state"] for person in story.people()} == {"completed"},
        seconds=240,
        what="the badges issued again complete",
    )
    new = {person["registration_id"]: person["assertion_id"] for person in story.people()}
    assert new.keys() == former.keys() and not set(new.values()) & set(former.values())
    for assertion_id in new.values():
        assert VALID in page(stack, assertion_id)
    matches(stack, seconds=240)


def revoked_in_issuer(story: Story, ids: set[str]) -> int:
    query = "select count(*) from assertions where assertion_id = any(%s) and revoked_at is not null"
    return int(story.rows("issuer", query, list(ids))[0][0])


def nothing_lost_or_doubled(story: Story, ids: set[str], undo: str) -> None:
    """Each badge has one order, one outcome and one revocation, whatever Kafka holds twice."""
    events = {event.id: event for event in story.stream(OfficeDecided, DecisionSettled, AssertionRevoked)}.values()
    orders = [e for e in events if isinstance(e, OfficeDecided) and e.part_of == undo and e.subject in ids]
    settled = [e for e in events if isinstance(e, DecisionSettled) and e.subject in ids]
    revoked = [e for e in events if isinstance(e, AssertionRevoked) and e.assertion_id in ids]
    assert len(orders) == len(settled) == len(revoked) == len(ids)
    assert {e.outcome for e in settled} == {"done"} and {e.reason for e in revoked} == {WHY}
    assert revoked_in_issuer(story, ids) == len(ids)
