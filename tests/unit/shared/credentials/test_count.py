"""The signed statement of the count: what one hash stands for is one statement."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.credentials.content import OB_CONTEXT, TERMS_CONTEXT
from shared.credentials.count import (
    Batch,
    CountStatement,
    DoesNotAddUp,
    Figures,
    Former,
    Group,
    count_document,
    digest_of,
    leaf_list,
    manifest_leaves,
    read_count,
    read_leaf_list,
)
from shared.credentials.credential import (
    DoNotTrust,
    canonical_form,
    leaf_of,
    verify_proof,
)
from shared.credentials.merkle import merkle_tree
from shared.errors import Unreadable
from tests.worlds.credentials import KEY

AT = datetime(2026, 5, 11, 1, 23, tzinfo=UTC)
SITE = "https://badge.example.jp"
STATEMENT = CountStatement(
    public_url=SITE,
    issuer=KEY.did,
    cohort="2026",
    number=2,
    stated_at=AT,
    figures=Figures(issued=40, revoked=1, corrected=2, anchored=30),
    last_day=date(2030, 3, 31),
    added=5,
    added_digest=digest_of(leaf_list(["ab" * 32])),
    divided_in=2,
    groups=(
        Group(("gishi",), Figures(25, 1, 1, 20)),
        Group(("shindan", "shunin-gishi"), Figures(15, 0, 1, 10)),
    ),
    batches=(Batch("1" * 64, 10), Batch("2" * 64, 20)),
    status_lists=(f"{SITE}/status/1.json",),
    former=Former(f"{SITE}/statements/2026/1.json", "ef" * 32),
)
SIGNED = KEY.sign(count_document(STATEMENT), AT)


def test_what_was_signed_is_read_as_it_was_stated() -> None:
    verify_proof(SIGNED, KEY.private.public_key())
    assert read_count(msgspec.json.decode(msgspec.json.encode(SIGNED))) == STATEMENT


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    document = copy.deepcopy(SIGNED)
    change(document)
    return document


def subject(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    return changed(lambda document: change(document["credentialSubject"]))


@pytest.mark.parametrize(
    "document",
    [
        subject(lambda each: each.update(issued=41, valid=38)),
        subject(lambda each: each.update(revoked=0, valid=38)),
        subject(lambda each: each.update(anchored=31)),
        subject(lambda each: each["group"][0].update(issued=24, valid=22)),
        subject(lambda each: each["batch"][0].update(badges=11)),
        subject(lambda each: each["batch"].pop()),
        subject(lambda each: each["former"].update(leaf="00" * 32)),
        subject(lambda each: each.update(number=3)),
        subject(lambda each: each.update(lastDay="2031-03-31")),
        changed(lambda each: each["relatedResource"].update(digestSRI="sha256-AAAA")),
        changed(lambda each: each.update(validFrom="2026-05-12T10:23:00+09:00")),
        changed(lambda each: each.update(note="more")),
    ],
)
def test_every_part_of_a_statement_is_signed(document: dict[str, Any]) -> None:
    with pytest.raises(DoNotTrust):
        verify_proof(document, KEY.private.public_key())
    assert leaf_of(document) != leaf_of(SIGNED)


@pytest.mark.parametrize(
    "document",
    [
        subject(lambda each: each["batch"].append(each["batch"][0])),
        subject(lambda each: each["batch"].reverse()),
        subject(lambda each: each["group"].reverse()),
        subject(lambda each: each["group"][1]["qualification"].append("shindan")),
        subject(lambda each: each["group"][1]["qualification"].reverse()),
        subject(lambda each: each["statusList"].append(each["statusList"][0])),
    ],
)
def test_a_set_with_the_same_statements_in_another_form_is_refused(document: dict[str, Any]) -> None:
    assert canonical_form(document) == canonical_form(SIGNED)  # JSON-LD sees no difference
    with pytest.raises(Unreadable, match=r"group|batch|statusList"):
        read_count(document)


@pytest.mark.parametrize(
    "document",
    [
        subject(lambda each: each.update(valid=38)),
        subject(lambda each: each.update(valid=0)),
        subject(lambda each: each["group"][0].update(valid=24)),
        subject(lambda each: each.update(issued=39)),
    ],
)
def test_a_valid_count_that_is_not_the_rest_is_told(document: dict[str, Any]) -> None:
    with pytest.raises(DoesNotAddUp, match=r"got .* valid, expected"):
        read_count(document)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {**SIGNED, "id": f"{SITE}/statements/2026/3.json"},
        {**SIGNED, "issuer": {"id": KEY.did}},
        {**SIGNED, "type": ["VerifiableCredential"]},
        {**SIGNED, "credentialSubject": [SIGNED["credentialSubject"]]},
        subject(lambda each: each.update(issued=-1)),
        subject(lambda each: each.update(issued=40.5)),
        subject(lambda each: each.update(cohort="../x")),
        subject(lambda each: each["batch"][0].update(id=f"{SITE}/batches/../status/1.json")),
        subject(lambda each: each["batch"][0].update(id="https://other.example/batches/" + "1" * 64 + ".json")),
        subject(lambda each: each["batch"][0].update(badges=[10])),
        subject(lambda each: each["group"][0].update(qualification=[])),
        subject(lambda each: each.update(number=0)),
    ],
)
def test_a_document_of_another_form_is_no_statement(document: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        read_count(document)


@pytest.mark.parametrize("kind", ["OpenBadgeCredential", "BitstringStatusListCredential", "VerifiableCredential"])
def test_the_context_of_any_term_is_accepted_in_statements_of_the_count_only(kind: str) -> None:
    with pytest.raises(Unreadable, match="@context"):
        canonical_form({**SIGNED, "type": ["VerifiableCredential", kind]})
    with pytest.raises(Unreadable, match="@context"):
        canonical_form({**SIGNED, "@context": [SIGNED["@context"][0], OB_CONTEXT, TERMS_CONTEXT]})


@given(st.sets(st.binary(min_size=32, max_size=32).map(bytes.hex)))
def test_a_list_of_leaves_has_one_form(leaves: set[str]) -> None:
    body = leaf_list(leaves)
    assert read_leaf_list(body) == tuple(sorted(leaves))
    assert leaf_list(sorted(leaves, reverse=True)) == body


@pytest.mark.parametrize("leaves", [["ab"], ["AB" * 32], ["cd" * 32, "ab" * 32], ["ab" * 32] * 2, {"a": 1}, [1]])
def test_a_list_of_another_form_is_refused(leaves: Any) -> None:
    with pytest.raises(Unreadable):
        read_leaf_list(msgspec.json.encode(leaves))


def manifest(leaves: list[str], root: str | None = None) -> bytes:
    found = merkle_tree(map(bytes.fromhex, leaves)).root.hex()
    return msgspec.json.encode({"root": root or found, "anchors": [], "leaves": leaves})


LEAVES = [f"{number:064x}" for number in range(1, 6)]
TRUE_ROOT = merkle_tree(map(bytes.fromhex, LEAVES)).root.hex()


def test_a_manifest_tells_the_leaves_that_lead_to_its_root() -> None:
    assert manifest_leaves(manifest(LEAVES), TRUE_ROOT) == frozenset(LEAVES)


@pytest.mark.parametrize(
    "body",
    [
        manifest(LEAVES[1:], TRUE_ROOT),  # a leaf dropped
        manifest([*LEAVES, f"{9:064x}"], TRUE_ROOT),  # a leaf added
        manifest([*LEAVES, LEAVES[0]], TRUE_ROOT),  # the same root, one more in number
        manifest(LEAVES, "0" * 64),
        b"{}",
        b"\xff",
    ],
)
def test_a_manifest_of_other_leaves_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable):
        manifest_leaves(body, TRUE_ROOT)
