"""The check in the browser and the one on the server, on the same files, site and chain: they must agree."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from web3 import Web3

from deploy.local.loopback import ask
from deploy.local.ports import free_port
from services.issuer.domain.credential import credential_of
from services.issuer.domain.issuance import StatusPlace
from services.issuer.domain.issuance import issued as announced
from services.issuer.domain.status import status_document
from services.issuer.signing.keys import SigningKey, did_document
from services.verifier import verification
from services.verifier.check.verdict import Verdict
from services.verifier.check.wording import sentence
from services.verifier.store import VerifierTransaction
from shared import object_keys
from shared.credentials.credential import leaf_of
from shared.credentials.merkle import merkle_tree
from shared.credentials.merkle_proof import Anchor, MerkleProof, decode_proof, encode_proof
from shared.events import AssertionRevoked, BadgeReceived
from shared.programme import Bilingual
from tests.corpus.forgeries import FORGERIES
from tests.worlds.anvil import CHAIN_ID, Anvil, anvil
from tests.worlds.browser_check import CHANGES, Answer, Case, ask_browser_check
from tests.worlds.credentials import SECRET, assertion
from tests.worlds.postgres import Databases
from tests.worlds.status_forgeries import STATUS_FORGERIES, STATUS_LISTS
from tests.worlds.verifier import AT, VerifierWorld, verifier_world

Document = dict[str, Any]


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as made:
        yield made


@pytest.fixture(scope="module")
def world(databases: Databases, chain: Anvil) -> Iterator[VerifierWorld]:
    port = free_port()
    with verifier_world(chain, databases.fresh(), port) as made:
        yield made


@pytest.fixture(scope="module")
def issuer(world: VerifierWorld) -> Document:
    """What the page itself knows of the issuer, but without a copy of its keys: the server has none either."""
    page = ask.get(f"{world.url}/check").text
    found = re.search(r'<script type="application/json" id="config">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    config = json.loads(found[1])
    assert config["nodes"] == [world.chain.url]
    known: Document = config["issuer"]
    return known


@pytest.fixture(autouse=True)
def calm(world: VerifierWorld) -> Iterator[None]:
    yield
    world.shelf.away, world.moment, world.node = False, AT, world.chain.url
    world.revoke()


def both(world: VerifierWorld, issuer: Document, *documents: Document) -> list[tuple[Verdict, Answer]]:
    """The two verdicts on each document. They agree in the kind and in each check's outcome and finding.

    Of a stranger's document the browser asks nobody about revocation and chain: it has nothing on these.
    """
    contents = [json.dumps(document, ensure_ascii=False).encode() for document in documents]
    cases = [Case(content, world.moment, world.node) for content in contents]
    answers = ask_browser_check({**issuer, "pinned": None}, *cases)
    verdicts = [verification.check(content, world.ports).verdict for content in contents]
    for verdict, answer in zip(verdicts, answers, strict=True):
        assert answer["kind"] == verdict.kind, (answer, verdict)
        unasked = () if verdict.outcome(2) != "failed" else (5, 7)
        seen = {check["number"]: (check["outcome"], check["finding"]) for check in answer["checks"]}
        for check in verdict.checks:
            expected = ("unknown", "") if check.number in unasked else (check.outcome, check.finding)
            assert seen[check.number] == expected, (check, answer)
        assert answer["genuine"] == verdict.is_genuine
    return list(zip(verdicts, answers, strict=True))


def kinds(world: VerifierWorld, issuer: Document, *documents: Document) -> list[str]:
    return [verdict.kind for verdict, _ in both(world, issuer, *documents)]


def changed(document: Document, change: Callable[[Document], object]) -> Document:
    copied = copy.deepcopy(document)
    change(copied)
    return copied


def with_value(document: Document, value: str) -> Document:
    return changed(document, lambda d: d["proof"][1].update(proofValue=value))


def with_proof(document: Document, **changes: Any) -> Document:
    """The document with a proof of anchoring that differs from its own."""
    proof = decode_proof(document["proof"][1]["proofValue"])
    fields = {name: getattr(proof, name) for name in ("path", "merkle_root", "target_hash", "anchors")}
    return with_value(document, encode_proof(MerkleProof(**{**fields, **changes})))


def test_the_browser_finds_a_good_badge_valid(world: VerifierWorld, issuer: Document) -> None:
    rare = {"family_name": "𠮷野", "given_name": '辻󠄀"子\\', "family_name_latin": "O'Neill"}
    anchored = world.anchor(world.issue(1), world.issue(2, **rare), world.issue(3))
    for verdict, answer in both(world, issuer, *anchored):
        assert verdict.kind == "valid"
        assert verdict.badge is not None and answer["name"] == verdict.badge.name
    assert kinds(world, issuer, *world.anchor(world.issue(4))) == ["valid"]  # a batch of one: an empty path


def test_the_browser_finds_a_changed_badge_not_valid(world: VerifierWorld, issuer: Document) -> None:
    [badge] = world.anchor(world.issue(1))
    found = kinds(world, issuer, *(changed(badge, change) for change in CHANGES.values()))
    assert {name for name, kind in zip(CHANGES, found, strict=True) if kind != "not-valid"} == set()


def test_the_browser_finds_the_same_in_every_forged_proof(world: VerifierWorld, issuer: Document) -> None:
    badge, neighbour = world.anchor(world.issue(31), world.issue(32))
    found = kinds(world, issuer, *(forge(world, badge, neighbour) for forge in FORGERIES.values()))
    assert set(found) == {"not-valid", "could-not-check"}


def test_both_read_revocation_only_in_a_status_list_of_the_issuer_in_force(
    world: VerifierWorld, issuer: Document
) -> None:
    forges = {**STATUS_FORGERIES, **STATUS_LISTS}
    badges = []
    for number, forge in enumerate(forges.values(), 2):
        made = replace(assertion(40 + number), status=StatusPlace(number, 5))
        badges.append(world.key.sign(credential_of(made, world.issuer, secret=SECRET), AT))
        served = forge(status_document(world.issuer, number, (), AT), world.key, AT)
        world.shelf.kept[object_keys.status_list(number)] = json.dumps(served).encode()
    found = dict(zip(forges, kinds(world, issuer, *world.anchor(*badges)), strict=True))
    assert {name for name, kind in found.items() if kind == "could-not-check"} == set(STATUS_FORGERIES)
    assert {name for name, kind in found.items() if kind == "valid"} == set(STATUS_LISTS)


def test_the_browser_finds_any_change_of_a_text(world: VerifierWorld, issuer: Document) -> None:
    """Whatever text is replaced, by a text or by another kind of value; but the second proof isn't signed."""
    [badge] = world.anchor(world.issue(30))
    places: list[tuple[str | int, ...]] = []

    def collect(value: Any, path: tuple[str | int, ...]) -> None:
        if isinstance(value, str) and path[:2] != ("proof", 1):
            places.append(path)
        elif isinstance(value, dict | list):
            for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
                collect(inner, (*path, key))

    collect(badge, ())
    assert len(places) > 35
    forged = []
    for number, path in enumerate(places):
        document = copy.deepcopy(badge)
        container: Any = document
        for key in path[:-1]:
            container = container[key]
        container[path[-1]] = ("変", "", {"toString": 1}, ["x"], 7, True, None)[number % 7]
        forged.append(document)
    assert set(kinds(world, issuer, *forged)) == {"not-valid"}


def test_the_browser_refuses_a_path_that_is_not_the_badges_own(world: VerifierWorld, issuer: Document) -> None:
    badge, neighbour, other = world.anchor(world.issue(1), world.issue(2), world.issue(3))
    leaf = bytes.fromhex(leaf_of(badge))
    proof = decode_proof(badge["proof"][1]["proofValue"])
    long = tuple(("left", bytes([step]) * 32) for step in range(33))
    forged = [
        with_value(badge, neighbour["proof"][1]["proofValue"]),  # a neighbour's
        with_proof(badge, path=decode_proof(other["proof"][1]["proofValue"]).path),
        with_proof(badge, path=proof.path[1:], target_hash=merkle_tree([leaf, b"\1" * 32]).root),  # an inner node
        with_proof(badge, path=(), target_hash=proof.merkle_root),
        with_proof(badge, path=long),  # longer than any tree is deep
        with_proof(badge, merkle_root=b"\5" * 32),
    ]
    for verdict, _ in both(world, issuer, *forged):
        assert (verdict.kind, verdict.outcome(6)) == ("not-valid", "failed")


def test_the_browser_refuses_another_contract(world: VerifierWorld, issuer: Document) -> None:
    """The root is on this chain, but in a registry that anybody may have made."""
    ours, world.registry = world.registry, world._deploy()
    [elsewhere] = world.anchor(world.issue(5))
    world.registry = ours
    [badge] = world.anchor(world.issue(6))
    astray = with_proof(badge, anchors=decode_proof(elsewhere["proof"][1]["proofValue"]).anchors)
    for verdict, _ in both(world, issuer, elsewhere, astray):
        assert (verdict.kind, verdict.outcome(7)) == ("not-valid", "failed")


def test_the_browser_refuses_a_reverted_transaction(world: VerifierWorld, issuer: Document) -> None:
    [badge] = world.anchor(world.issue(7))
    root = decode_proof(badge["proof"][1]["proofValue"]).merkle_root
    again: Any = {
        "from": world.web3.eth.accounts[0],
        "to": Web3.to_checksum_address(world.registry),
        "data": "0x" + root.hex(),
        "gas": 100_000,
    }
    sent = world.web3.eth.send_transaction(again)
    assert world.web3.eth.wait_for_transaction_receipt(sent)["status"] == 0
    world.chain.mine(8)
    reverted = with_proof(badge, anchors=(Anchor(CHAIN_ID, sent.to_0x_hex()),))
    forgotten = with_proof(badge, anchors=(Anchor(CHAIN_ID, "0x" + "ab" * 32),))
    assert kinds(world, issuer, reverted, forgotten) == ["not-valid", "valid"]


def test_a_node_of_another_chain_leaves_the_badge_unchecked(world: VerifierWorld, issuer: Document) -> None:
    [badge] = world.anchor(world.issue(8))
    with anvil(chain_id=4242) as other:
        world.node = other.url
        [(_, answer)] = both(world, issuer, badge)
    assert answer["kind"] == "could-not-check" and "4242" in answer["checks"][6]["got"]


def test_a_root_is_judged_only_on_the_chain_that_was_asked(world: VerifierWorld, issuer: Document) -> None:
    [badge] = world.anchor(world.issue(9))
    moved = with_proof(badge, anchors=(Anchor(560048, "0x" + "ab" * 32),))
    unknown = world.issue(10)
    tree = merkle_tree([bytes.fromhex(leaf_of(unknown)), b"\1" * 32])
    value = MerkleProof(
        path=tree.proof(bytes.fromhex(leaf_of(unknown))),
        merkle_root=tree.root,
        target_hash=bytes.fromhex(leaf_of(unknown)),
        anchors=(Anchor(560048, "0x" + "ab" * 32),),
    )
    proof = {**badge["proof"][1], "proofValue": encode_proof(value)}
    nowhere = {**unknown, "proof": [unknown["proof"][0], proof]}
    here = with_proof(nowhere, anchors=(Anchor(CHAIN_ID, "0x" + "ab" * 32),))
    assert kinds(world, issuer, moved, nowhere, here) == ["valid", "could-not-check", "not-valid"]


def test_the_browser_finds_a_badge_in_progress_before_finality(world: VerifierWorld, issuer: Document) -> None:
    [early] = world.anchor(world.issue(11), final=False)
    assert kinds(world, issuer, early, world.issue(12)) == ["in-progress", "in-progress"]
    world.chain.mine(8)


def test_the_browser_asks_the_site_what_a_badge_waits_for(world: VerifierWorld, issuer: Document) -> None:
    waiting, unknown = world.issue(21), world.issue(22)
    world.note(VerifierTransaction.note_issued, announced(assertion(21), "0" * 64))
    [(ours, theirs)] = both(world, issuer, waiting)
    assert ours.kind == theirs["kind"] == "waiting-for-receipt"
    assert theirs["sentence"]["ja"].startswith("登録は有効です。") and theirs["asked"][-1].endswith(
        f"/api/v1/verify?id={assertion(21).assertion_id}"
    )
    assert kinds(world, issuer, unknown) == ["in-progress"]
    [away] = ask_browser_check(issuer, Case(json.dumps(waiting).encode(), AT, away=(f"{world.url}/api/",)))
    assert away["kind"] == "in-progress"
    received = BadgeReceived(assertion_id=assertion(21).assertion_id, received_at=AT)
    world.note(VerifierTransaction.note_received, received)
    assert kinds(world, issuer, waiting) == ["in-progress"]


def test_the_browser_calls_a_corrected_badge_so(world: VerifierWorld, issuer: Document) -> None:
    [old] = world.anchor(world.issue(23))
    world.revoke(int(old["credentialStatus"]["statusListIndex"]))
    told = AssertionRevoked(
        assertion_id=assertion(23).assertion_id, reason="訂正", revoked_at=AT, replaced_by=assertion(24).assertion_id
    )
    world.note(VerifierTransaction.note_revoked, told)
    [(ours, theirs)] = both(world, issuer, old)
    assert ours.is_replaced and theirs["kind"] == "revoked"
    assert theirs["sentence"] == msgspec.to_builtins(sentence(ours, Bilingual("学会", "the society")))
    assert "訂正した新しい証明書" in theirs["sentence"]["ja"]


def test_the_browser_finds_what_is_revoked_or_expired(world: VerifierWorld, issuer: Document) -> None:
    revoked, good = world.anchor(world.issue(13), world.issue(14))
    bit = int(revoked["credentialStatus"]["statusListIndex"])
    world.revoke(bit)
    assert kinds(world, issuer, revoked, good) == ["revoked", "valid"]
    world.revoke(bit - 1, bit + 1, bit ^ 7)
    assert kinds(world, issuer, revoked) == ["valid"]
    world.moment = AT + timedelta(days=8)  # the list is out of date
    [(_, answer)] = both(world, issuer, good)
    assert answer["kind"] == "could-not-check" and answer["checks"][4]["outcome"] == "unknown"
    world.moment = AT + timedelta(days=5 * 365)
    assert kinds(world, issuer, good) == ["expired"]
    world.moment = AT - timedelta(days=365)
    assert kinds(world, issuer, good) == ["could-not-check"]  # the list is one of the future
    world.revoke()
    assert kinds(world, issuer, good) == ["not-yet-valid"]


def test_a_root_that_the_registry_revoked_makes_the_badge_revoked(world: VerifierWorld, issuer: Document) -> None:
    [badge] = world.anchor(world.issue(15))
    root = decode_proof(badge["proof"][1]["proofValue"]).merkle_root
    selector = Web3.keccak(text="revoke(bytes32)")[:4]
    world.send({"to": Web3.to_checksum_address(world.registry), "data": "0x" + (selector + root).hex()})
    assert kinds(world, issuer, badge) == ["revoked"]


def test_a_badge_by_another_key_or_issuer_is_not_valid(world: VerifierWorld, issuer: Document) -> None:
    forger = SigningKey(Ed25519PrivateKey.from_private_bytes(b"\7" * 32), world.issuer.did)
    forged = forger.sign(credential_of(assertion(16), world.issuer, secret=SECRET), AT)
    disguised = changed(forged, lambda d: d["proof"][0].update(verificationMethod=world.key.verification_method))
    stranger = replace(world.issuer, public_url="https://forger.example")
    theirs = SigningKey(forger.private, stranger.did).sign(credential_of(assertion(17), stranger, secret=SECRET), AT)
    assert kinds(world, issuer, *world.anchor(forged, disguised, theirs)) == ["not-valid"] * 3


def test_a_source_that_is_away_leaves_the_badge_unchecked(world: VerifierWorld, issuer: Document) -> None:
    [badge] = world.anchor(world.issue(18))
    world.node = "http://127.0.0.1:9"
    [(_, node_away)] = both(world, issuer, badge)
    assert [check["outcome"] for check in node_away["checks"]] == ["ok"] * 6 + ["unknown"]
    world.node = world.chain.url
    world.shelf.away = True
    [(_, site_away)] = both(world, issuer, badge)
    assert site_away["kind"] == "could-not-check" and not site_away["genuine"]
    assert [check["outcome"] for check in site_away["checks"]][5:] == ["ok", "ok"]


def test_a_copy_of_the_keys_is_used_only_while_they_can_not_be_fetched(world: VerifierWorld, issuer: Document) -> None:
    """With the site away: signature, path and chain are checked by the copy; revocation stays open; forgery is seen."""
    [badge] = world.anchor(world.issue(19))
    content = json.dumps(badge).encode()
    forged = json.dumps(changed(badge, CHANGES["a number"])).encode()
    away: dict[str, Any] = {"node": world.node, "away": (world.url,)}
    other = did_document(world.issuer.did, [SigningKey(Ed25519PrivateKey.generate(), "").public], profile_url=world.url)
    own = json.loads(world.shelf.kept["issuer/did.json"])
    assert issuer["pinned"] == {"document": own, "copiedOn": "2026-05-11"}
    pinned, false, rotated, given, stranger = [
        *ask_browser_check(issuer, Case(content, AT, **away), Case(forged, AT, **away)),
        *ask_browser_check(
            {**issuer, "pinned": {"document": other, "copiedOn": "2026-04-01"}},
            Case(content, AT, **away),
            Case(content, AT, given=own, **away),
            Case(content, AT, given={**own, "id": "did:web:forger.example"}, **away),
        ),
    ]
    outcomes = [check["outcome"] for check in pinned["checks"]]
    assert outcomes == ["ok", "ok", "ok", "ok", "unknown", "ok", "ok"]
    assert pinned["kind"] == "could-not-check" and pinned["genuine"]
    assert pinned["sentence"]["ja"].startswith("取り消しの一覧を確認できませんでした")
    assert "the copy of 2026-05-11" in pinned["checks"][1]["got"]
    assert false["kind"] == "not-valid"
    assert rotated["kind"] == "could-not-check" and rotated["checks"][2]["outcome"] == "unknown"  # perhaps a newer key
    assert given["genuine"] and "that you gave" in given["checks"][1]["got"]
    assert stranger["kind"] == "could-not-check" and not stranger["genuine"]


def test_only_the_issuer_and_the_chosen_node_are_asked(world: VerifierWorld, issuer: Document) -> None:
    """Two addresses of the issuer's site that name no badge, the chosen node; nobody for a stranger's badge."""
    [badge] = world.anchor(world.issue(20))
    theirs = changed(badge, lambda d: d["issuer"].update(id="did:web:forger.example"))
    outside = changed(badge, lambda d: d["credentialStatus"].update(statusListCredential="https://forger.example/x"))
    asked, silent, list_elsewhere, no_node = ask_browser_check(
        issuer,
        *(Case(json.dumps(each).encode(), AT, world.node) for each in (badge, theirs, outside)),
        Case(json.dumps(badge).encode(), AT),
    )
    documents = {f"{world.url}/.well-known/did.json", f"{world.url}/status/1.json"}
    assert set(asked["asked"]) == {*documents, world.node}
    assert silent["asked"] == [] and silent["kind"] == "not-valid"
    assert set(list_elsewhere["asked"]) == {f"{world.url}/.well-known/did.json"}  # changed: its root isn't asked for
    assert set(no_node["asked"]) == documents and no_node["kind"] == "could-not-check"
    assert "no node was chosen" in no_node["checks"][6]["got"]
