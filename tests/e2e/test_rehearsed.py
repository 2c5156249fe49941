"""`akashi rehearse` on a whole stack: everybody answers, the held are named, and nothing has changed afterwards."""

from __future__ import annotations

import json
import time
from typing import Any

from click.testing import Result

from deploy.local.demo.crowd import crowd, ndjson
from deploy.local.demo.run import feed
from deploy.local.stack import Stack
from shared.topics import SERVICES
from tests.worlds.office import akashi
from tests.worlds.story import Story, until

PREFIX = "REHEARSE"
A_COUNT = 24
"""Seconds in which a public count begins, if anything was issued or anchored since the last one: a stack waits 20."""
OF_THE_MACHINE = {"disk-full"}
"""What may be at fault where the tests run."""


def state_of(story: Story) -> dict[str, Any]:
    """All that a change would change: rows of each table, messages of each topic, objects, letters."""
    place = story.stack.place
    rows = {f"{service}.{table}": rest for service in SERVICES for table, *rest in rows_of(story, service)}
    return {
        **rows,
        **{f"{topic.topic} {topic.partition}": end for topic, end in story._ends().items()},
        "objects": {str(file): file.stat().st_mtime_ns for file in (place.data / "s3").rglob("*") if file.is_file()},
        "letters": sorted(file.name for file in place.inbox.glob("*.eml")),
    }


def rows_of(story: Story, service: str) -> list[tuple[Any, ...]]:
    """Each table of a service with its number of rows and a hash of all of them, whatever they hold."""
    tables = story.rows(service, "select tablename from pg_tables where schemaname = current_schema() order by 1")
    each = "select '{0}', count(*), coalesce(sum(hashtextextended(each::text, 0)), 0) from {0} as each"
    return story.rows(service, " union all ".join(each.format(table) for (table,) in tables))


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def test_a_rehearsal_asks_everybody_names_who_is_held_and_changes_nothing(stack: Stack) -> None:
    story = Story(stack, PREFIX, 2)
    records = list(crowd(2, cohort=stack.cohort, prefix=PREFIX))
    records[0]["email"] = None
    assert feed(stack, ndjson(iter(records)))["accepted"] == 2
    story.wait("held", at_least=1)
    story.wait("notified", at_least=1)

    # A stack has things of its own to do, such as a scrub, a count, another try: what changes without a rehearsal, too.
    answers: list[Result] = []
    by_itself: set[str] = set()

    def is_quiet() -> bool:
        before, began = state_of(story), time.monotonic()
        while time.monotonic() - began < A_COUNT:
            time.sleep(2)
            if len(changed(before, state_of(story))) >= 4:
                return False
        return True

    until(is_quiet, seconds=180, what="what the people of this story set going has ended: letter, anchoring, count")

    def leaves_all_as_it_is() -> bool:
        began, first = time.monotonic(), state_of(story)
        answers[:] = akashi(stack, "rehearse", "--json"), akashi(stack, "rehearse")
        second = state_of(story)
        if changed(first, second) <= by_itself:
            return True
        time.sleep(time.monotonic() - began)
        by_itself.update(changed(second, state_of(story)))
        return False

    assert any(leaves_all_as_it_is() for _ in range(8)), by_itself
    assert len(by_itself) < 12, by_itself
    told, said = answers

    found = json.loads(told.stdout)
    faults = [each for each in found["checks"] if each["state"] == "fault"]
    assert {each["code"] for each in faults} <= OF_THE_MACHINE, faults
    assert (told.exit_code == 0) == (not faults) and found["faults"] == len(faults)
    assert {each["service"] for each in found["checks"]} == set(SERVICES)
    well = {each["check"] for each in found["checks"] if each["state"] == "ok"}
    assert well >= {
        *("database", "migrations", "outbox", "object-storage", "cohort", "signing-key", "did-document"),
        *("chain-key", "chain-key-listed", "chain", "relay", "topics", "pages"),
    }
    held = {person["registration_id"]: person["reason"] for desk in found["desks"] for person in desk["people"]}
    assert held[f"{PREFIX}-000000"] == "missing-address" and f"{PREFIX}-000001" not in held
    assert found["cohort"] == stack.cohort and found["batches"]["networks"][0]["fee_most"] is not None
    assert not [
        secret for secret in (stack.home / "secrets").glob("*.key") if secret.read_text().strip() in told.stdout
    ]
    assert "メールアドレスが未登録 / No e-mail address" in said.stdout and "✓ チェーン / Chain" in said.stdout
    assert akashi(stack, "rehearse", "--cohort", "20x7").exit_code == 1
