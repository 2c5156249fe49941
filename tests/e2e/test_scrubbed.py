"""Objects are lost or broken: `akashi scrub` names them, `--repair` and the slow tick bring the same bytes back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.loopback import ask
from deploy.local.office import ask_ops, signed_in
from deploy.local.ports import free_base
from deploy.local.stack import Stack
from shared import object_keys
from shared.credentials.merkle_proof import CRYPTOSUITE
from shared.runtime.objects import Objects
from shared.runtime.settings import Settings, read_object_storage
from tests.worlds.office import REVOKED, VALID, akashi, done, matches, page, shown_as
from tests.worlds.story import Story, until

KINDS = ("credentials/", "certificates/", "batches/", "status/", "badges/", "issuer/", "statements/")
SCRUBBERS = ("issuer", "anchor", "renderer")


@dataclass
class Bucket:
    """All objects but the evidence of earlier repairs."""

    objects: Objects

    @classmethod
    def of(cls, stack: Stack) -> Bucket:
        return cls(Objects(read_object_storage(Settings(stack.environment("issuer")))))

    def keys(self) -> set[str]:
        keys: list[str] = []
        while page := self.objects.list_keys("", keys[-1] if keys else "", 1000):
            keys += page
        return {key for key in keys if not key.startswith(object_keys.SCRUBBED)}

    def read(self) -> dict[str, bytes]:
        return {key: self.objects.get(key) for key in self.keys()}

    def lose(self, *keys: str) -> None:
        for key in keys:
            self.objects.delete(key)

    def has_again(self, before: dict[str, bytes], *, seconds: float) -> None:
        until(lambda: self.keys() >= before.keys(), seconds=seconds, what="every object is there again")
        until(lambda: not different(self.read(), before), seconds=60, what="every object has its bytes again")


def different(now: dict[str, bytes], before: dict[str, bytes]) -> list[str]:
    """The keys of objects that are missing, other, or new; without status lists, which are published again."""
    keys = {key for key in now.keys() | before.keys() if not key.startswith("status/")}
    return sorted(key for key in keys if now.get(key) != before.get(key))


def report(result: Any) -> dict[str, Any]:
    return dict(json.loads(result.stdout))


def totals(result: Any) -> Counter[str]:
    found: Counter[str] = Counter()
    for line in report(result)["scrubs"]:
        for count in line["counts"]:
            found.update({name: number for name, number in count.items() if name != "kind"})
    return found


def named(result: Any) -> dict[str, str]:
    return {fault["key"]: fault["found"] for line in report(result)["scrubs"] for fault in line["named"]}


@pytest.fixture(scope="module")
def story(new_home: Callable[[str], Path]) -> Iterator[Story]:
    """50 people who have their badges, one of which is revoked. No service compares or counts anything by itself."""
    settings = {"SCRUB_HOURS": "0", "STATEMENT_PAUSE_SECONDS": "36000"}
    with Stack(new_home("scrub"), free_base(), settings=settings) as stack:
        story = Story(stack, "SCRUB", 50)
        story.feed()
        story.play()
        story.completes()
        first = story.people()[0]
        done(akashi(stack, "revoke", first["registration_id"], "--reason", "退会"))
        shown_as(stack, first["assertion_id"], REVOKED)
        stack.restart("issuer")  # it states the count once at its start, then not for ten hours
        objects = Bucket.of(stack).objects
        until(lambda: len(objects.list_keys("statements/", "", 9)) == 2, seconds=30, what="a statement and its list")
        yield story


@pytest.fixture
def bucket(story: Story) -> Bucket:
    return Bucket.of(story.stack)


def answers(story: Story) -> dict[str, Any]:
    """What strangers are told of every badge: page, credential, verdict."""
    public, told = story.stack.urls["verifier"], {}
    for person in story.people():
        id = person["assertion_id"]
        credential = ask.get(f"{public}/credentials/{id}.json").raise_for_status().content
        text = page(story.stack, id)
        told[id] = (VALID in text, REVOKED in text, sha256(credential).hexdigest())
    return told


def test_nothing_is_at_fault_and_everything_was_read(story: Story, bucket: Bucket) -> None:
    result = akashi(story.stack, "scrub", "--json")
    done(result)
    found = totals(result)
    assert (found["missing"], found["different"], found["only_stored"]) == (0, 0, 0)
    # the credential is looked at twice: by the issuer, and by anchor for its proof
    assert found["checked"] == len(bucket.keys()) + 50


def test_lost_and_broken_objects_are_named_then_made_again_byte_for_byte(story: Story, bucket: Bucket) -> None:
    stack, before, told = story.stack, bucket.read(), answers(story)
    assert {key.split("/")[0] + "/" for key in before} == set(KINDS)
    broken = [next(key for key in sorted(before) if key.startswith(kind)) for kind in KINDS]
    lost = sorted(before.keys() - set(broken))
    bucket.lose(*lost)
    for key in broken:
        bucket.objects.put(key, before[key][:-20] + b"\0" * 20, "application/octet-stream")

    looked = akashi(stack, "scrub", "--json")
    assert looked.exit_code == 1, looked.stderr
    found = totals(looked)
    assert found["missing"] == len(lost) + 49 and found["different"] == len(broken) + 1  # proofs are looked at as well
    assert set(named(looked)) <= before.keys() and set(named(looked).values()) == {"missing", "different"}
    assert bucket.keys() == set(broken)
    board = until(lambda: _board(stack, "失われたもの"), seconds=20, what="the board names what is lost")
    assert "akashi scrub --repair" in board

    repaired = akashi(stack, "scrub", "--repair", "--json")
    done(repaired)
    found = totals(repaired)
    assert found["missing"] + found["different"] == found["repaired"]
    after = bucket.read()
    assert {key for key in before if after.get(key) != before[key]} == set()
    assert after.keys() == before.keys()
    evidence = bucket.objects.list_keys(object_keys.SCRUBBED, "", 1000)
    assert {key.rsplit("/", 1)[0].removeprefix(object_keys.SCRUBBED) for key in evidence} == set(broken)
    assert answers(story) == told
    assert _verdicts(story) == {True: 49, False: 1}
    assert ask.get(f"{stack.urls['verifier']}/{evidence[0]}").status_code == 404
    until(lambda: not _board(stack, "失われたもの"), seconds=20, what="the board has nothing lost any more")


def _board(stack: Stack, words: str) -> str:
    text = signed_in(stack.place).get("/").raise_for_status().text.replace("<wbr>", "")
    return text if words in text else ""


def _verdicts(story: Story) -> Counter[bool]:
    """Whether a badge is valid, by its public page → how many."""
    found: Counter[bool] = Counter()
    for person in story.people():
        text = page(story.stack, person["assertion_id"])
        assert (VALID in text) != (REVOKED in text)
        found[VALID in text] += 1
    return found


def test_what_only_storage_has_is_named_and_harms_nothing(story: Story, bucket: Bucket) -> None:
    strange = object_keys.credential("A" * 26)
    bucket.objects.put(strange, b"{}", "application/json")
    result = akashi(story.stack, "scrub", "--repair", "--json")
    done(result)
    assert named(result) == {strange: "only-stored"}
    bucket.lose(strange)


@pytest.mark.parametrize("service", SCRUBBERS)
def test_a_service_killed_in_the_middle_of_a_repair_goes_on(story: Story, bucket: Bucket, service: str) -> None:
    stack, before = story.stack, bucket.read()
    bucket.lose(*before)
    ordered = akashi(stack, "scrub", "--repair", "--no-wait", "--json", "--reason", f"{service} is killed")
    done(ordered)
    id = report(ordered)["decision"]["id"]
    until(lambda: _is_under_way(bucket, service), seconds=120, what=f"{service} has repaired something")
    stack.kill(service)
    line = until(
        lambda: _settled(stack, id), seconds=180, what="all services have answered", forgive=(httpx.HTTPError,)
    )
    assert line["outcome"] == "done", line
    bucket.has_again(before, seconds=30)
    assert _verdicts(story) == {True: 49, False: 1}


def _is_under_way(bucket: Bucket, service: str) -> bool:
    folder = object_keys.CERTIFICATES if service == "renderer" else object_keys.CREDENTIALS
    keys = bucket.objects.list_keys(folder, "", 5)
    return any(service != "anchor" or CRYPTOSUITE.encode() in bucket.objects.get(key) for key in keys)


def _settled(stack: Stack, id: str) -> dict[str, Any]:
    line = ask_ops(stack.place, f"/api/v1/decisions/{id}").raise_for_status().json()
    return dict(line) if line["outcome"] else {}


def test_lost_objects_come_back_by_themselves(story: Story, bucket: Bucket) -> None:
    stack = story.stack
    stack._settings["SCRUB_HOURS"] = "0.002"  # 7 s
    extra = [stack.start_extra(service) for service in SCRUBBERS]
    matches(stack)
    before = bucket.read()
    broken = object_keys.credential(story.people()[1]["assertion_id"])
    bucket.lose(*before.keys() - {broken})
    bucket.objects.put(broken, before[broken][:100], "application/json")
    bucket.has_again(before, seconds=180)
    for name in extra:
        stack.remove(name)
    assert _verdicts(story) == {True: 49, False: 1}
