"""The verdict: what is valid, and what isn't."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from services.issuer.signing.keys import SigningKey, did_document
from services.verifier.check.credential import Invalid, read_credential
from services.verifier.check.evidence import Evidence, IssuerRecord, Revocation, Unavailable
from services.verifier.check.explanation import explanation
from services.verifier.check.status_list import StatusList, read_status_list
from services.verifier.check.verdict import EXIT_CODES, Verdict, not_readable, verdict_on
from services.verifier.check.wording import next_step, sentence, shape
from services.verifier.files.read import read_document
from shared.chain.facts import NetworkAnswers, RegistryEntry, TransactionFacts
from shared.credentials.credential import leaf_of
from shared.credentials.merkle import merkle_tree
from shared.credentials.merkle_proof import Anchor, MerkleProof, decode_proof, encode_proof
from shared.errors import HoldsNothing, Unreadable
from shared.programme import Bilingual
from tests.worlds.credentials import DID, ISSUER, KEY, NOW, credential, status_list

CHAIN = 31337
REGISTRY = "0x" + "ab" * 20
TRANSACTION = "0x" + "cd" * 32
AT = NOW + timedelta(days=40)
AWAY = Unavailable("node away")
SOCIETY = Bilingual("学会", "the society")

Document = dict[str, Any]


def with_proof(document: Document, value: str) -> Document:
    proof = {
        "type": "DataIntegrityProof",
        "cryptosuite": "merkle-proof-2019",
        "created": "2026-04-02T00:00:00Z",
        "verificationMethod": f"{ISSUER.did}#chain",
        "proofPurpose": "assertionMethod",
        "proofValue": value,
    }
    return {**document, "proof": [document["proof"][0], proof]}


def proof_of(document: Document, chain_id: int = CHAIN) -> MerkleProof:
    leaf = bytes.fromhex(leaf_of(document))
    tree = merkle_tree([leaf, b"\1" * 32, b"\2" * 32])
    return MerkleProof(
        path=tree.proof(leaf), merkle_root=tree.root, target_hash=leaf, anchors=(Anchor(chain_id, TRANSACTION),)
    )


SIGNED = credential(1)
PROOF = proof_of(SIGNED)
ANCHORED = with_proof(SIGNED, encode_proof(PROOF))
INDEX = int(SIGNED["credentialStatus"]["statusListIndex"])
CHAIN_SAYS = NetworkAnswers(
    network="local",
    chain_id=CHAIN,
    contract=REGISTRY,
    finalized_block=20,
    anchorings={PROOF.merkle_root: RegistryEntry(NOW, 12)},
    transactions={
        TRANSACTION: TransactionFacts(
            hash=TRANSACTION,
            sender="0x" + "01" * 20,
            to=REGISTRY,
            input=PROOF.merkle_root,
            nonce=0,
            succeeded=True,
            block_number=12,
        )
    },
)
EVIDENCE = Evidence(DID, read_status_list(status_list(now=AT), DID), (CHAIN_SAYS,))


def judged(
    document: Document | None = None,
    *,
    now: datetime = AT,
    expected_id: str | None = None,
    base: Evidence = EVIDENCE,
    **changes: Any,
) -> Verdict:
    evidence = replace(base, **changes)
    try:
        read = read_credential(document or ANCHORED)
    except Unreadable as error:
        return not_readable(error, now)
    return verdict_on(read, evidence, did=ISSUER.did, now=now, expected_id=expected_id)


def signed_list(*revoked: int, now: datetime = AT) -> StatusList | Invalid:
    return read_status_list(status_list(*revoked, now=now), DID)


def changed(change: Callable[[Document], object]) -> Document:
    document = deepcopy(ANCHORED)
    change(document)
    return document


def test_a_good_badge_is_valid() -> None:
    verdict = judged(expected_id=ANCHORED["id"])
    assert verdict.kind == "valid"
    assert [check.number for check in verdict.checks] == [1, 2, 3, 4, 5, 6, 7]
    assert {check.outcome for check in verdict.checks} == {"ok"}
    assert verdict.is_genuine
    assert verdict.badge is not None and verdict.badge.name == "髙橋 一郎"
    assert EXIT_CODES["valid"] == 0 and all(code for kind, code in EXIT_CODES.items() if kind != "valid")


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["credentialSubject"]["identifier"][1].update(identityHash="髙橋 二郎"),
        lambda d: d["credentialSubject"].update(licenseNumber="99-99999"),
        lambda d: d.update(validUntil="2099-03-31T23:59:59+09:00"),
        lambda d: d.update(unsigned="a property that no context defines"),
        lambda d: d["credentialStatus"].update(statusListIndex="1"),
        lambda d: d["proof"].reverse(),
        lambda d: d["proof"][0].update(proofValue=credential(2)["proof"][0]["proofValue"]),
        lambda d: d["proof"][0].update(cryptosuite="merkle-proof-2019"),
        lambda d: d["proof"][1].update(proofValue="z11"),
        lambda d: d["proof"][1].update(proofValue=encode_proof(proof_of(credential(2)))),
        lambda d: d.update({"@context": d["@context"][:1]}),
        lambda d: d["issuer"].update(id="did:web:forger.example"),
        lambda d: d.pop("credentialSubject"),
        lambda d: d.pop("proof"),
        lambda d: d.pop("validUntil"),
        lambda d: d.update(validFrom="2026-04-01"),
        lambda d: d.update(type=["VerifiableCredential"]),
    ],
)
def test_a_changed_badge_is_not_valid(change: Callable[[Document], object]) -> None:
    verdict = judged(changed(change))
    assert verdict.kind == "not-valid"
    assert not verdict.is_genuine


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_any_change_of_any_text_makes_the_badge_not_valid(data: st.DataObject) -> None:
    """Whatever text of the signed part is replaced, the badge is no longer valid."""
    document = deepcopy(ANCHORED)
    places: list[tuple[Any, Any]] = []

    def collect(value: Any) -> None:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(inner, str):
                places.append((value, key))
            elif key != "proof" and isinstance(inner, dict | list):
                collect(inner)

    collect(document)
    container, key = data.draw(st.sampled_from(places))
    container[key] = data.draw(st.text(max_size=12).filter(lambda text: text != container[key]))
    assert judged(document).kind == "not-valid"


def test_a_badge_signed_by_another_key_is_not_valid() -> None:
    forger = SigningKey(Ed25519PrivateKey.from_private_bytes(b"\7" * 32), ISSUER.did)
    unsigned = {name: value for name, value in SIGNED.items() if name != "proof"}
    forged = forger.sign(unsigned, NOW)
    proof = proof_of(forged)
    chain = msgspec.structs.replace(CHAIN_SAYS, anchorings={proof.merkle_root: RegistryEntry(NOW, 12)}, transactions={})
    assert judged(with_proof(forged, encode_proof(proof)), chain=(chain,)).kind == "not-valid"


def test_a_did_document_of_another_issuer_leaves_the_badge_unchecked() -> None:
    his = did_document("did:web:forger.example", [KEY.public], profile_url="https://forger.example/issuer.json")
    verdict = judged(did_document=his)
    assert verdict.kind == "could-not-check"


@pytest.mark.parametrize("source", ["did_document", "status_list", "chain"])
def test_a_source_that_is_away_leaves_the_badge_unchecked(source: str) -> None:
    away: dict[str, Any] = {source: AWAY}
    verdict = judged(base=replace(EVIDENCE, **away))
    assert verdict.kind == "could-not-check"
    assert verdict.unknown
    assert verdict.is_genuine == (source != "did_document")


@pytest.mark.parametrize(
    "bad",
    [
        status_list(now=AT - timedelta(days=8)),  # out of date
        {**status_list(now=AT), "id": "https://badges.example.jp/status/2.json"},
        {**status_list(now=AT), "validUntil": "2099-01-01T00:00:00+09:00"},
        SigningKey(Ed25519PrivateKey.from_private_bytes(b"\7" * 32), ISSUER.did).sign(
            {name: value for name, value in status_list(now=AT).items() if name != "proof"}, AT
        ),
        credential(1),
        {},
    ],
)
def test_a_status_list_that_can_not_be_trusted_leaves_revocation_unknown(bad: Document) -> None:
    verdict = judged(status_list=read_status_list(bad, DID))
    assert verdict.kind == "could-not-check"
    assert verdict.outcome(5) == "unknown"


def test_a_revoked_badge_is_revoked_whatever_else_is_known() -> None:
    assert judged(status_list=signed_list(INDEX)).kind == "revoked"
    assert judged(status_list=signed_list(INDEX - 1, INDEX + 1)).kind == "valid"
    told = IssuerRecord(revocation=Revocation(AT, "withdrawn"))
    for base in (EVIDENCE, replace(EVIDENCE, chain=AWAY), replace(EVIDENCE, status_list=AWAY)):
        assert judged(base=base, record=told).kind == "revoked"
    assert judged(record=told, now=AT + timedelta(days=3650)).kind == "revoked"


@pytest.mark.parametrize(
    ("moment", "kind"),
    [
        ("2026-04-01T00:00:00+09:00", "valid"),
        ("2026-03-31T23:59:59+09:00", "not-yet-valid"),
        ("2030-03-31T23:59:59+09:00", "valid"),
        ("2030-04-01T00:00:00+09:00", "expired"),
    ],
)
def test_the_period_holds_to_the_second_in_japans_time(moment: str, kind: str) -> None:
    now = datetime.fromisoformat(moment)
    assert judged(now=now.astimezone(UTC), status_list=signed_list(now=now)).kind == kind


def test_an_expired_badge_is_expired_without_chain_and_list() -> None:
    assert judged(now=AT + timedelta(days=3650), chain=AWAY, status_list=AWAY).kind == "expired"
    assert judged(now=AT + timedelta(days=3650), did_document=AWAY).kind == "could-not-check"


def test_a_badge_that_is_not_anchored_yet_is_in_progress() -> None:
    verdict = judged(SIGNED)
    assert verdict.kind == "in-progress"
    assert verdict.is_genuine and not verdict.unknown
    young = msgspec.structs.replace(CHAIN_SAYS, finalized_block=11)
    assert judged(chain=(young,)).kind == "in-progress"


UNRECEIVED = IssuerRecord(received=False)


def test_a_badge_that_its_holder_has_not_received_waits_for_the_receipt() -> None:
    verdict = judged(SIGNED, record=UNRECEIVED)
    assert verdict.kind == "waiting-for-receipt" and EXIT_CODES[verdict.kind] == 2
    assert verdict.is_genuine and not verdict.unknown
    for told in (IssuerRecord(received=True), IssuerRecord(received=None)):
        assert judged(SIGNED, record=told).kind == "in-progress"
    young = msgspec.structs.replace(CHAIN_SAYS, finalized_block=11)
    assert judged(chain=(young,), record=UNRECEIVED).kind == "in-progress"  # an older record than the file
    assert judged(record=UNRECEIVED).kind == "valid"


def test_what_is_wrong_with_a_badge_is_said_before_that_it_waits() -> None:
    assert judged({**SIGNED, "name": "偽"}, record=UNRECEIVED).kind == "not-valid"
    assert judged(SIGNED, record=UNRECEIVED, status_list=AWAY).kind == "could-not-check"
    assert judged(SIGNED, record=UNRECEIVED, status_list=signed_list(INDEX)).kind == "revoked"
    assert judged(SIGNED, record=UNRECEIVED, now=AT + timedelta(days=3650)).kind == "expired"


@pytest.mark.parametrize(
    ("now", "lets", "says"), [(AT, True, True), (AT, False, False), (datetime(2026, 3, 31, tzinfo=UTC), True, False)]
)
def test_a_registration_is_called_valid_before_receipt_only_in_its_period_and_if_the_programme_lets_it(
    now: datetime, lets: bool, says: bool
) -> None:
    told = replace(UNRECEIVED, registration_counts=lets)
    verdict = judged(SIGNED, record=told, now=now, status_list=signed_list(now=now))
    assert verdict.kind == "waiting-for-receipt"
    text = sentence(verdict, SOCIETY)
    assert ("登録は有効です" in text.ja, "registration is valid" in text.en) == (says, says)
    assert "2026年4月1日から2030年3月31日まで" in text.ja and "1 April 2026 to 31 March 2030" in text.en
    promised = text.ja + text.en + next_step(verdict).ja + next_step(verdict).en
    assert not any(word in promised for word in ("時間", "1日ほど", "hours", "a day"))


def test_a_corrected_badge_and_a_file_without_one_are_no_alarm() -> None:
    corrected = judged(record=IssuerRecord(revocation=Revocation(AT, "訂正：氏名", "A" * 26)))
    withdrawn = judged(record=IssuerRecord(revocation=Revocation(AT, "本人の申し出")))
    assert (corrected.kind, shape(corrected)) == ("revoked", "old") and shape(withdrawn) == "no"
    empty, broken = not_readable(HoldsNothing("a photo"), AT), not_readable(Unreadable("cut off"), AT)
    assert (shape(empty), shape(broken)) == ("wait", "no")
    assert "壊れて" not in sentence(empty, SOCIETY).ja and "damaged" not in sentence(empty, SOCIETY).en
    assert "壊れて" in sentence(broken, SOCIETY).ja


def test_nothing_is_to_be_compared_that_is_not_shown() -> None:
    shown, hidden = next_step(judged()), next_step(judged(), with_number=False)
    assert "登録番号が、このページ" in shown.ja and "registration number with" in shown.en
    assert "氏名・資格名が、このページ" in hidden.ja and "name and qualification with" in hidden.en


@pytest.mark.parametrize(
    ("document", "changes"),
    [
        (ANCHORED, {}),
        (SIGNED, {}),
        (ANCHORED, {"did_document": AWAY, "status_list": AWAY, "chain": AWAY}),
        (ANCHORED, {"status_list": signed_list(INDEX)}),
        (ANCHORED, {"now": AT + timedelta(days=3650)}),
        (SIGNED, {"now": datetime(2026, 3, 31, tzinfo=UTC)}),
        ({**ANCHORED, "name": "偽"}, {}),
        ({**ANCHORED, "issuer": {**ANCHORED["issuer"], "id": "did:web:forger.example"}}, {}),
        (ANCHORED, {"expected_id": "https://badges.example.jp/credentials/A.json"}),
        (ANCHORED, {"chain": (msgspec.structs.replace(CHAIN_SAYS, finalized_block=11),)}),
        (ANCHORED, {"chain": (msgspec.structs.replace(CHAIN_SAYS, anchorings={PROOF.merkle_root: None}),)}),
    ],
)
def test_every_check_is_explained_in_both_languages(document: Document, changes: dict[str, Any]) -> None:
    for check in judged(document, **changes).checks:
        told = explanation(check)
        assert told.ja.endswith("。") and told.en.endswith(".") and not set(told.ja) & set("abcdefghijklmnopqrstuvwxyz")


def chain_with(**changes: Any) -> NetworkAnswers:
    facts = CHAIN_SAYS.transactions[TRANSACTION]
    assert facts is not None
    values = {name: getattr(facts, name) for name in facts.__struct_fields__}
    return msgspec.structs.replace(CHAIN_SAYS, transactions={TRANSACTION: TransactionFacts(**{**values, **changes})})


@pytest.mark.parametrize(
    "chain",
    [
        msgspec.structs.replace(CHAIN_SAYS, anchorings={PROOF.merkle_root: None}),
        chain_with(to="0x" + "ee" * 20),
        chain_with(to=None),
        chain_with(input=b"\0" * 32),
        chain_with(input=PROOF.merkle_root + b"\0"),
        chain_with(succeeded=False),
        chain_with(succeeded=None, block_number=None),
        chain_with(block_number=13),
    ],
)
def test_a_root_that_is_not_on_chain_as_the_file_says_makes_the_badge_not_valid(chain: NetworkAnswers) -> None:
    assert judged(chain=(chain,)).kind == "not-valid"


def test_a_badge_stays_valid_when_the_node_has_dropped_its_transaction() -> None:
    assert judged(chain=(msgspec.structs.replace(CHAIN_SAYS, transactions={TRANSACTION: None}),)).kind == "valid"


def test_a_root_of_a_network_that_nobody_asked_leaves_the_badge_unchecked() -> None:
    elsewhere = with_proof(SIGNED, encode_proof(proof_of(SIGNED, chain_id=560048)))
    unknown_here = msgspec.structs.replace(CHAIN_SAYS, anchorings={PROOF.merkle_root: None}, transactions={})
    assert judged(elsewhere, chain=(unknown_here,)).kind == "could-not-check"
    assert judged(elsewhere).kind == "valid"  # the root was moved here: it counts wherever it stands


def test_a_root_that_the_registry_revoked_makes_the_badge_revoked() -> None:
    revoked = {PROOF.merkle_root: RegistryEntry(NOW, 12, revoked_at=NOW)}
    assert judged(chain=(msgspec.structs.replace(CHAIN_SAYS, anchorings=revoked),)).kind == "revoked"


def test_an_inner_node_of_the_tree_is_not_taken_for_the_badges_leaf() -> None:
    leaf = bytes.fromhex(leaf_of(SIGNED))
    other = decode_proof(ANCHORED["proof"][1]["proofValue"])
    for forged in (
        MerkleProof(path=(), merkle_root=leaf, target_hash=leaf, anchors=other.anchors),
        MerkleProof(path=other.path[1:], merkle_root=other.merkle_root, target_hash=b"\3" * 32, anchors=other.anchors),
    ):
        assert judged(with_proof(SIGNED, encode_proof(forged))).kind != "valid"


def test_another_badge_at_this_ones_address_is_not_valid() -> None:
    assert judged(expected_id=credential(2)["id"]).kind == "not-valid"


@given(st.binary(max_size=200))
def test_bytes_that_are_no_badge_are_not_valid(content: bytes) -> None:
    try:
        verdict = verdict_on(read_credential(read_document(content)), EVIDENCE, did=ISSUER.did, now=AT)
    except Unreadable as error:
        verdict = not_readable(error, AT)
    assert verdict.kind == "not-valid"


def test_a_badge_has_the_facts_of_its_credential() -> None:
    badge = read_credential(json.loads(json.dumps(ANCHORED))).badge
    assert badge.qualification == "shunin-gishi" and badge.edition == "2026"
    assert badge.registration_number == "26-00001" and badge.pass_number == "P25-0001"
    assert badge.assertion_id is not None and len(badge.assertion_id) == 26
