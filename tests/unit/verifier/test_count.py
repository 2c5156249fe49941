"""Nine checks of a statement of the count: what forgeries of every kind are told apart, and in which words.

The society itself may be the forger: each forgery below is signed with its true key, unless it says otherwise.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.verifier.check.count import CountVerdict
from services.verifier.check.count_words import count_explanation
from services.verifier.counting import count_in
from services.verifier.files.read import MAX_BYTES
from shared import object_keys
from shared.credentials.count import Batch, Figures, digest_of, leaf_list, read_count
from shared.credentials.merkle import merkle_tree
from tests.worlds.count_forgeries import FORGERIES, more, told
from tests.worlds.counts import CountWorld, copied, sound_world

SOUND = sound_world()


@pytest.fixture
def world() -> CountWorld:
    return copied(SOUND)


def failed(verdict: CountVerdict) -> dict[int, str]:
    return {check.number: check.code for check in verdict.checks if check.outcome == "failed"}


def unknown(verdict: CountVerdict) -> dict[int, str]:
    return {check.number: check.code for check in verdict.checks if check.outcome == "unknown"}


# ── what is right ──────────────────────────────────────────────────────────────────────────────────────


def test_a_sound_count_agrees_and_waits_for_its_record(world: CountWorld) -> None:
    verdict = world.verdict()
    assert (verdict.kind, failed(verdict), unknown(verdict)) == ("not-recorded-yet", {}, {9: "pending"})
    assert verdict.statement is not None and verdict.statement.figures == Figures(65, 2, 1, 48)


def test_once_its_hash_is_in_a_batch_it_is_right(world: CountWorld) -> None:
    world.anchor()
    assert world.verdict().kind == "right"
    assert world.verdict(cohort="2025").kind == "right"


@pytest.mark.parametrize("number", [1, 2])
def test_an_earlier_statement_is_right_as_well(world: CountWorld, number: int) -> None:
    verdict = world.verdict(world.document("2026", number))
    assert (verdict.kind, verdict.newest) == ("right", 3)


def test_a_file_without_its_proof_is_covered_by_the_record_of_the_statement(world: CountWorld) -> None:
    document = world.document("2026", 1)
    assert world.verdict({**document, "proof": document["proof"][:1]}).kind == "right"


def test_a_revocation_after_the_statement_waits_for_the_next(world: CountWorld) -> None:
    world.anchor()
    world.now += timedelta(hours=1)
    world.revoke(world.badges[5:6])
    verdict = world.verdict()
    assert (verdict.kind, unknown(verdict)) == ("not-recorded-yet", {7: "pending"})


def test_a_statement_with_a_batch_each_day_of_four_years_is_read(world: CountWorld) -> None:
    batches = tuple(Batch(f"{number:064x}", 1) for number in range(1461))
    world.publish(replace(told(world, 3), batches=batches))
    body = world.kept[object_keys.newest_statement("2026")]
    assert len(body) > MAX_BYTES
    document = count_in(body)
    assert document is not None and read_count(document).batches == batches


@pytest.mark.parametrize("body", [b"", b"[]", b'{"type": "x"}', b"no JSON", b'{"type": ["VerifiableCredential"]}'])
def test_another_file_is_no_statement(body: bytes) -> None:
    assert count_in(body) is None


# ── forgeries ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_found_by_its_check_and_told_in_both_languages(world: CountWorld, name: str) -> None:
    forge, number, codes = FORGERIES[name]
    forge(world)
    verdict = world.verdict()
    assert verdict.kind == "not-right"
    assert failed(verdict).get(number) in codes
    for check in verdict.checks:
        words = count_explanation(check)
        assert words.ja and words.en


def test_fewer_set_bits_than_are_stated_are_found(world: CountWorld) -> None:
    world.badges[0].state = "valid"  # a revocation taken back
    world.publish_list()
    assert failed(world.verdict()) == {7: "fewer"}


def test_a_revocation_that_the_newest_statement_hides_is_found(world: CountWorld) -> None:
    hidden = world.badges[40:41]
    world.revoke(hidden)
    for badge in hidden:
        badge.state = "valid"
    world.state()
    assert failed(world.verdict()) == {7: "more"}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_file_that_differs_from_what_the_site_shows_is_a_fork(world: CountWorld, number: int) -> None:
    """Two signed counts under one number: who was given the other one finds out."""
    other = copied(world)
    other.publish(replace(told(world, number), last_day=told(world, number).last_day.replace(year=2034)))
    verdict = world.verdict(other.document("2026", number))
    assert failed(verdict)[4] == "forked"


@pytest.mark.parametrize("number", [4, 5, 9])
def test_a_file_that_is_newer_than_all_that_the_site_has_shows_what_was_removed(world: CountWorld, number: int) -> None:
    other = copied(world)
    for _ in range(number - 3):
        other.issue("gishi", 10)
        other.state()
    assert failed(world.verdict(other.document("2026", number)))[4] == "gap"


@pytest.mark.parametrize("number", [1, 2])
def test_a_proof_of_another_document_is_no_record(world: CountWorld, number: int) -> None:
    document, other = world.document("2026", number), world.document("2026", 3 - number)
    verdict = world.verdict({**document, "proof": [document["proof"][0], other["proof"][1]]})
    assert failed(verdict)[9] == "forged"


def test_two_badges_under_one_leaf_are_counted_twice_in_no_list(world: CountWorld) -> None:
    leaf = world.leaves("2026", 1)[0]
    statement = told(world, 3)
    leaves = [*world.leaves("2026", 3), leaf]
    world.kept[object_keys.stated_leaves("2026", 3)] = leaf_list(leaves)
    world.publish(replace(more(issued=1)(statement), added=len(leaves), added_digest=digest_of(leaf_list(leaves))))
    assert failed(world.verdict())[6] == "twice"


# ── sources without an answer ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "key, numbers",
    [
        (object_keys.DID_DOCUMENT, {2, 3, 7}),
        (object_keys.statement("2026", 2), {4}),
        (object_keys.stated_leaves("2026", 1), {6}),
        (object_keys.status_list(1), {7}),
        (object_keys.STATEMENT_INDEX, {6, 7}),
        (object_keys.statement("2025", 1), {6}),
    ],
)
def test_what_has_no_answer_is_neither_right_nor_wrong(world: CountWorld, key: str, numbers: set[int]) -> None:
    world.anchor()
    world.away.add(key)
    verdict = world.verdict()
    assert verdict.kind == "could-not-check"
    assert failed(verdict) == {}
    assert numbers <= set(unknown(verdict))


def test_without_the_chain_nothing_is_right(world: CountWorld) -> None:
    world.anchor()
    world.chain_is_away = True
    verdict = world.verdict()
    assert (verdict.kind, unknown(verdict)) == ("could-not-check", {8: "away", 9: "away"})


# ── every change ───────────────────────────────────────────────────────────────────────────────────────


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [each for name, entry in inner for each in [(*path, name), *_places(entry, (*path, name))]]


BARE = {name: value for name, value in SOUND.document("2026", 3).items() if name != "proof"}
PLACES = _places(BARE)


@given(st.sampled_from(PLACES), st.integers(0, 2**16), st.sampled_from(["change", "drop", "double"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_statement_changed_anywhere_is_never_right(path: tuple[Any, ...], seed: int, how: str) -> None:
    document = msgspec.json.decode(msgspec.json.encode(SOUND.document("2026", 3)))
    at = document
    for name in path[:-1]:
        at = at[name]
    last, value = path[-1], at[path[-1]]
    if how == "drop":
        del at[last]
    elif how == "double" and isinstance(at, list):
        at.append(value)
    elif isinstance(value, int):
        at[last] = value + 1 + seed
    elif isinstance(value, str):
        place = seed % len(value)
        at[last] = value[:place] + ("x" if value[place] != "x" else "y") + value[place + 1 :]
    else:
        at[last] = seed
    assert SOUND.verdict(document).kind == "not-right"


@given(st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_a_manifest_with_another_leaf_is_never_right(seed: int) -> None:
    world = copied(SOUND)
    root = told(world, 3).batches[seed % 2].root
    key = f"{object_keys.BATCHES}{root}.json"
    manifest = msgspec.json.decode(world.kept[key])
    place = seed % len(manifest["leaves"])
    if seed % 3:
        manifest["leaves"][place] = f"{seed:064x}"
    else:
        del manifest["leaves"][place]
    if seed % 5:
        manifest["root"] = merkle_tree(map(bytes.fromhex, manifest["leaves"])).root.hex()
    world.put(key, manifest)
    assert failed(world.verdict())[6] == "manifest"
