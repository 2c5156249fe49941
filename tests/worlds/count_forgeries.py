"""Forgeries of a public count, by name: what is done, the check that must find it, and the codes that it may name.

The society itself may be the forger: each is signed with its true key, unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.issuer.signing.keys import SigningKey
from shared import object_keys
from shared.chain.facts import TransactionFacts
from shared.credentials.count import Batch, CountStatement, Figures, Group, read_count
from tests.worlds.counts import CONTRACT, TRANSACTION, CountWorld

Forgery = Callable[[CountWorld], Any]


def told(world: CountWorld, number: int, cohort: str = "2026") -> CountStatement:
    return read_count(world.document(cohort, number))


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

    return lambda world: publish_under(world, number, change(told(world, number)))


def publish_under(world: CountWorld, number: int, statement: CountStatement, key: SigningKey | None = None) -> None:
    """Put a statement under a number and leave those after it as they are."""
    rest = world.stated["2026"][number:]
    world.publish(statement, key)
    world.stated["2026"] += rest
    world.serve()


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
    statement = told(world, number)
    publish_under(world, number, statement if did is None else replace(statement, issuer=did), stranger)


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


def older_of_other(world: CountWorld) -> None:
    world.put(object_keys.newest_statement("2025"), world.document("2025", 1))
    world.kept.pop(object_keys.statement("2025", 2))
    world.kept.pop(object_keys.stated_leaves("2025", 2))


def _state_all_again(world: CountWorld) -> None:
    """A chain that is sound in itself: one statement that counts everything, of each cohort."""
    for cohort in ("2026", "2025"):
        world.stated[cohort] = []
        for number in (1, 2, 3):
            world.kept.pop(object_keys.statement(cohort, number), None)
        world.state(cohort)
    # What was recorded of the former chain is in the batches all the same.


def manifest_key(world: CountWorld, batch: int) -> str:
    return object_keys.batch_manifest(bytes.fromhex(told(world, 3).batches[batch].root))


def sent_otherwise(**changes: Any) -> Forgery:
    """The record of the newest statement names a transaction that wasn't as it says."""

    def forge(world: CountWorld) -> None:
        root = bytes.fromhex(world.anchor())
        true: dict[str, Any] = {"to": CONTRACT, "input": root, "succeeded": True, "block_number": 5}
        facts = TransactionFacts(hash=TRANSACTION, sender="0x" + "1" * 40, nonce=0, **{**true, **changes})
        world.sent[TRANSACTION] = facts

    return forge


def one_more(group: dict[str, int]) -> None:
    group.update(issued=group["issued"] + 1, valid=group["valid"] + 1)


FORGERIES: dict[str, tuple[Forgery, int, set[str]]] = {
    # altered numbers, not signed again
    "issued": (edit(3, lambda each: each.update(issued=66, valid=63)), 3, {"forged"}),
    "revoked": (edit(3, lambda each: each.update(revoked=0, valid=64)), 3, {"forged"}),
    "group": (edit(3, lambda each: one_more(each["group"][0])), 3, {"forged"}),
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
    # an older one replayed
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
    "older-of-other": (older_of_other, 6, {"stray"}),
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
    "manifest-gone": (lambda world: world.kept.pop(manifest_key(world, 0)), 6, {"manifest"}),
    "manifest-of-other": (
        lambda world: world.kept.update({manifest_key(world, 0): world.kept[manifest_key(world, 1)]}),
        6,
        {"manifest"},
    ),
    "root-unknown": (lambda world: world.roots.pop(bytes.fromhex(told(world, 3).batches[0].root)), 8, {"absent"}),
    "sent-to-another-contract": (sent_otherwise(to="0x" + "e" * 40), 9, {"absent"}),
    "sent-with-another-root": (sent_otherwise(input=b"\5" * 32), 9, {"absent"}),
    "sent-and-reverted": (sent_otherwise(succeeded=False), 9, {"absent"}),
    "root-taken-back": (
        lambda world: world.roots.update({bytes.fromhex(told(world, 3).batches[1].root): world.now}),
        8,
        {"revoked"},
    ),
}
