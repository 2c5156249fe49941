"""The erasure of a person on a whole stack: ordered, carried out by every service, and nothing is left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx

from deploy.local.stack import Stack
from tests.worlds import personal_data
from tests.worlds.office import akashi, done
from tests.worlds.story import until

AWAY = (httpx.HTTPError,)


def order_erasure(stack: Stack, registration_id: str, why: str) -> None:
    done(akashi(stack, "erase", registration_id, "--reason", why, "--by", "事務局", "--yes", "--no-wait"))


def erased_by(stack: Stack, registration_id: str) -> dict[str, str | None]:
    """The services that carry the order out, each with its outcome."""
    lines = map(json.loads, done(akashi(stack, "decisions", registration_id, "--json")).splitlines())
    (found,) = [line for line in lines if line["decision"] == "erase"]
    return {each["service"]: each["outcome"] for each in found["producers"]}


def everybody_erased(stack: Stack, registration_id: str, *, but: str | None = None) -> None:
    """When this returns, all services have; `but` one that doesn't run."""

    def carried_out() -> bool:
        outcomes = erased_by(stack, registration_id)
        return {service for service, outcome in outcomes.items() if outcome != "done"} == ({but} if but else set())

    until(carried_out, seconds=60, what=f"{registration_id} is erased", forgive=AWAY)


def holds_nothing_of(stack: Stack, record: Mapping[str, Any]) -> None:
    """No table and no log says what only this person of a crowd has."""
    found = personal_data.of_one(record)
    assert personal_data.tables_with(stack, found) == set()
    assert [log for log, text in personal_data.logs_as_text(stack) if found.search(text)] == []
