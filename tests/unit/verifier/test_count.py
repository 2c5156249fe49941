"""Nine checks of a statement of the count: what forgeries of every kind are told apart, and in which words.

The society itself may be the forger: each forgery below is signed with its true key, unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.issuer.signing.keys import SigningKey
from services.verifier.check.count import CountVerdict
from services.verifier.check.count_words import count_explanation
from shared import object_keys
from shared.credentials.count import Batch, CountStatement, Figures, Group, digest_of, leaf_list, read_count
from shared.credentials.merkle import merkle_tree
from tests.worlds.counts import CountWorld, copied, sound_world

SOUND = sound_world()
Forgery = Callable[[CountWorld], Any]


@pytest.fixture
def world() -> CountWorld:
    return copied(SOUND)


def failed(verdict: CountVerdict) -> dict[int, str]:
    return {check.number: check.code for check in verdict.checks if check.outcome == "failed"}


def unknown(verdict: CountVerdict) -> dict[int, str]:
    return {check.number: check.code for check in verdict.checks if check.outcome == "unknown"}


def told(world: CountWorld, number: int, cohort: str = "2026") -> CountStatement:
    return read_count(world.document(cohort, number))


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


# ── forgeries ──────────────────────────────────────────────────────────────────────────────────────────


def edit(number: int, change: Callable[[dict[str, Any]], object]) -> Forgery:
    """Change a published statement without signing it again."""

    def forge(world: CountWorld) -> None:
        document = world.document("2026", number)
        change(document["credentialSubject"])
        world.put(object_keys.statement("2026", number), document)
        if number == 3:
            world.serve()

    return forge


def restate(number: int, change: Callable[[CountStatement], CountStatement]) -> Forgery:
    """Sign another statement under a number."""

    def forge(world: CountWorld) -> None:
        rest = world.stated["2026"][number:]
        world.publish(change(told(world, number)))
        world.stated["2026"] += rest
        world.serve()

    return forge


def more(**figures: int) -> Callable[[CountStatement], CountStatement]:
    """With these figures more or less, divided as before."""

    def change(statement: CountStatement) -> CountStatement:
        made = statement.figures.plus(Figures(**figures))
        first = statement.groups[0]
        groups = (Group(first.qualifications, first.figures.plus(Figures(**figures))), *statement.groups[1:])
        return replace(
            statement, figures=made, groups=groups if statement.divided_in == statement.number else statement.groups
        )

    return change


def other_key(world: CountWorld, number: int = 3, did: str | None = None) -> None:
    stranger = SigningKey(Ed25519PrivateKey.generate(), did or world.issuer.did)
    rest = world.stated["2026"][number:]
    statement = told(world, number)
    world.publish(statement if did is None else replace(statement, issuer=did), stranger)
    world.stated["2026"] += rest
    world.serve()


def drop_leaf(world: CountWorld, batch: int = 0, place: int = 0) -> None:
    """A badge that is in a batch is left out of list and number."""
    root = told(world, 3).batches[batch].root
    gone = next(each for each in world.badges if each.root == root and each.cohort == "2026" and each.index >= place)
    world.badges.remove(gone)
    _state_all_again(world)


def add_badge(world: CountWorld, number: int = 1) -> None:
    """Badges that nobody has are counted as anchored in the first batch."""
    root = told(world, 3).batches[0].root
    for badge in world.issue("gishi", number):
        badge.root = root
    _state_all_again(world)


def hide_cohort(world: CountWorld) -> None:
    del world.stated["2025"]
    world.serve()


def _state_all_again(world: CountWorld) -> None:
    """A chain that is sound in itself: one statement that counts everything, of each cohort."""
    for cohort in ("2026", "2025"):
        world.stated[cohort] = []
        for number in (1, 2, 3):
            world.kept.pop(object_keys.statement(cohort, number), None)
        world.state(cohort)
    # What was recorded of the former chain is in the batches all the same.


def one_more(group: dict[str, int]) -> None:
    group.update(issued=group["issued"] + 1, valid=group["valid"] + 1)


FORGERIES: dict[str, tuple[Forgery, int, set[str]]] = {
    # altered numbers, not signed again
    "issued": (edit(3, lambda each: each.update(issued=66, valid=63)), 3, {"forged"}),
    "revoked": (edit(3, lambda each: each.update(revoked=0, valid=64)), 3, {"forged"}),
    "group": (
        edit(
            3,
            lambda each: each["group"][0].update(
                issued=each["group"][0]["issued"] + 1, valid=each["group"][0]["valid"] + 1
            ),
        ),
        3,
        {"forged"},
    ),
    "batch": (edit(3, lambda each: each["batch"][0].update(badges=1)), 3, {"forged"}),
    "number-before": (edit(2, lambda each: each.update(anchored=0)), 3, {"forged-other"}),
    # altered numbers, signed by the society
    "more-issued": (restate(3, more(issued=1)), 5, {"added", "groups"}),
    "fewer-revoked": (restate(3, more(revoked=-1)), 4, {"back"}),
    "more-revoked": (restate(3, more(revoked=5)), 7, {"fewer"}),
    "more-anchored": (restate(3, more(anchored=1)), 5, {"batches", "groups"}),
    # a badge dropped
    "dropped": (drop_leaf, 6, {"dropped", "stray"}),
    "dropped-other": (lambda world: drop_leaf(world, 1), 6, {"dropped", "stray"}),
    "dropped-late": (lambda world: drop_leaf(world, 0, 10), 6, {"dropped", "stray"}),
    "dropped-from-list": (
        lambda world: world.put(object_keys.stated_leaves("2026", 1), world.leaves("2026", 1)[1:]),
        6,
        {"list"},
    ),
    "dropped-cohort": (hide_cohort, 6, {"stray"}),
    # a badge added that is in no manifest
    "added": (add_badge, 6, {"added-outside"}),
    "added-many": (lambda world: add_badge(world, 7), 6, {"added-outside"}),
    "added-to-list": (
        lambda world: world.put(object_keys.stated_leaves("2026", 3), [*world.leaves("2026", 3), "f" * 64]),
        6,
        {"list"},
    ),
    "added-batch": (
        restate(3, lambda each: replace(more(anchored=1)(each), batches=(*each.batches, Batch("f" * 64, 1)))),
        6,
        {"manifest"},
    ),
    # a forked chain
    "fork": (restate(2, lambda each: replace(each, stated_at=each.stated_at + timedelta(seconds=1))), 4, {"broken"}),
    "fork-first": (restate(1, more(issued=0, revoked=1)), 4, {"broken"}),
    "fork-last-day": (restate(2, lambda each: replace(each, last_day=each.last_day.replace(year=2031))), 4, {"broken"}),
    "begun-again": (restate(3, lambda each: replace(each, former=None)), 4, {"broken"}),
    # a statement removed in the middle
    "removed-first": (lambda world: world.kept.pop(object_keys.statement("2026", 1)), 4, {"gap"}),
    "removed-middle": (lambda world: world.kept.pop(object_keys.statement("2026", 2)), 4, {"gap"}),
    "removed-list": (lambda world: world.kept.pop(object_keys.stated_leaves("2026", 2)), 6, {"list"}),
    "exchanged": (
        lambda world: world.put(object_keys.statement("2026", 2), world.document("2026", 1)),
        4,
        {"gap"},
    ),
    # a wrong issuer
    "other-key": (other_key, 3, {"forged"}),
    "other-key-before": (lambda world: other_key(world, 1), 3, {"forged-other"}),
    "other-issuer": (lambda world: other_key(world, 3, "did:web:other.example"), 2, {"other"}),
    "other-path": (lambda world: other_key(world, 3, f"{world.issuer.did}:x"), 2, {"other"}),
    # an older one played again
    "older": (
        lambda world: world.put(object_keys.newest_statement("2026"), world.document("2026", 2)),
        4,
        {"older"},
    ),
    "first-again": (
        lambda world: world.put(object_keys.newest_statement("2026"), world.document("2026", 1)),
        4,
        {"older"},
    ),
    "older-of-other": (
        lambda world: (
            world.put(object_keys.newest_statement("2025"), world.document("2025", 1)),
            world.kept.pop(object_keys.statement("2025", 2)),
            world.kept.pop(object_keys.stated_leaves("2025", 2)),
        ),
        6,
        {"stray"},
    ),
    # groups that don't add up
    "group-more": (
        restate(
            1,
            lambda each: replace(each, groups=(Group(each.groups[0].qualifications, Figures(99)), *each.groups[1:])),
        ),
        5,
        {"groups"},
    ),
    "group-gone": (restate(3, lambda each: replace(each, groups=each.groups[1:])), 5, {"groups"}),
    "group-of-later": (restate(3, lambda each: replace(each, divided_in=4)), 5, {"groups"}),
    "group-of-other": (
        restate(3, lambda each: replace(each, divided_in=1, groups=(Group(("gishi",), each.figures),))),
        5,
        {"groups"},
    ),
    # manifests, status lists, chain
    "manifest-gone": (
        lambda world: world.kept.pop(f"{object_keys.BATCHES}{told(world, 3).batches[0].root}.json"),
        6,
        {"manifest"},
    ),
    "manifest-of-other": (
        lambda world: world.kept.update(
            {
                f"{object_keys.BATCHES}{told(world, 3).batches[0].root}.json": world.kept[
                    f"{object_keys.BATCHES}{told(world, 3).batches[1].root}.json"
                ]
            }
        ),
        6,
        {"manifest"},
    ),
    "root-unknown": (lambda world: world.roots.pop(bytes.fromhex(told(world, 3).batches[0].root)), 8, {"absent"}),
    "root-taken-back": (
        lambda world: world.roots.update({bytes.fromhex(told(world, 3).batches[1].root): world.now}),
        8,
        {"revoked"},
    ),
}


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
