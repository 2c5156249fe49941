"""The seven checks of a credential, each a question with one of three answers: ok, failed, unknown; pure.

Sources: Data Integrity EdDSA Cryptosuites 1.0; Bitstring Status List 1.0, section 3.2 (validate algorithm);
MerkleProof2019; did:web. More is asked than these ask: the registry that answers, the transaction's outcome, finality,
the path's length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from services.verifier.check.anchoring import Standing, standing_of
from services.verifier.check.credential import Badge, anchorings_of
from services.verifier.check.evidence import Away, ChainAnswers, Revocation
from shared.clock import JST
from shared.credentials.credential import Document, DoNotTrust, key_of, leaf_of, public_key_multibase, verify_proof
from shared.credentials.merkle import root_of
from shared.credentials.status_list import decoded, is_set
from shared.errors import Unreadable
from shared.programme import Bilingual

Outcome = Literal["ok", "failed", "unknown"]


@dataclass(frozen=True)
class Check:
    """One check. `got` and `expected` are for a technical reader, in English, and hold nothing of the person."""

    number: int
    name: Bilingual
    outcome: Outcome
    got: str
    expected: str
    finding: Literal["", "revoked", "expired", "early", "pending"] = (
        ""  # why it failed or is unknown, when that is a state
    )
    networks: tuple[str, ...] = ()  # of check 7: the ids of those on which the root stands


NAMES: dict[int, Bilingual] = {
    1: Bilingual("証明書のデータを読み取れること", "The document can be read"),
    2: Bilingual("発行者が学会であること", "The issuer is the society"),
    3: Bilingual(
        "学会の電子署名が正しく、書き換えられていないこと", "The society's signature fits the unchanged document"
    ),
    4: Bilingual("有効期間の内であること", "Within its period of validity"),
    5: Bilingual("取り消しの一覧に載っていないこと", "Not on the list of revoked ones"),
    6: Bilingual("記録の証明がこの証明書のものであること", "The proof of anchoring belongs to this document"),
    7: Bilingual("ブロックチェーンに確定した記録があること", "The record on the blockchain is final"),
}


def unread(error: Unreadable) -> Check:
    return _check(1, "failed", str(error), "an Open Badges 3.0 credential")


def unfetched(why: str) -> Check:
    return _check(1, "unknown", why, "an Open Badges 3.0 credential")


def check_readable(badge: Badge, expected_id: str | None) -> Check:
    if expected_id is not None and badge.id != expected_id:
        return _check(1, "failed", f"id {badge.id}", f"id {expected_id}")
    return _check(1, "ok", badge.id, expected_id or "an Open Badges 3.0 credential")


def check_issuer(badge: Badge, did: str, did_document: Document | Away, copied: timedelta | None = None) -> Check:
    """The issuer is ours by name, and that name's document could be fetched. Whose key signed is check 3.

    `copied`: the document is a copy so old, because its source is away.
    """
    if badge.issuer != did:
        return _check(2, "failed", badge.issuer, did)
    if isinstance(did_document, Away):
        return _check(2, "unknown", did_document.why, f"the DID document of {did}")
    if did_document.get("id") != did:
        return _check(2, "unknown", f"a DID document of {str(did_document.get('id'))[:200]}", f"one of {did}")
    return _check(2, "ok", badge.issuer + _copy(copied), did)


def check_signature(document: Document, issuer: Check, did_document: Document | Away) -> Check:
    expected = "an eddsa-rdfc-2022 proof by a key of the issuer, over the whole document"
    if issuer.outcome == "failed":
        return _check(3, "failed", "a document of another issuer", expected)
    if issuer.outcome == "unknown" or isinstance(did_document, Away):
        return _check(3, "unknown", "no key to check with: see check 2", expected)
    try:
        key = key_of(document, did_document)
        verify_proof(document, key)
    except (DoNotTrust, Unreadable) as error:
        return _check(3, "failed", str(error), expected)
    return _check(3, "ok", f"signature by {public_key_multibase(key)}", expected)


def check_period(badge: Badge, now: datetime) -> Check:
    """Both ends belong to the period."""
    expected = f"between {_time(badge.valid_from)} and {_time(badge.valid_until)}"
    if now > badge.valid_until:
        return _check(4, "failed", _time(now), expected, "expired")
    if now < badge.valid_from:
        return _check(4, "failed", _time(now), expected, "early")
    return _check(4, "ok", _time(now), expected)


class _ListSubject(msgspec.Struct, frozen=True, rename="camel"):
    type: str | tuple[str, ...]
    status_purpose: str | tuple[str, ...]
    encoded_list: str


class _List(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    issuer: Any
    type: tuple[str, ...]
    valid_until: datetime
    credential_subject: _ListSubject


def check_status(
    badge: Badge,
    status_list: Document | Away,
    did_document: Document | Away,
    revocation: Revocation | None,
    now: datetime,
    copied: timedelta | None = None,
) -> Check:
    """The list must be the one that the credential names, signed by the same issuer, and not out of date.

    Anything less is unknown, never "not revoked". What the issuer told us of a revocation counts at once.
    """
    expected = "bit 0 in the issuer's signed list"
    if revocation is not None:
        return _check(5, "failed", f"revoked at {_time(revocation.revoked_at)}", expected, "revoked")
    if badge.status is None:
        return _check(5, "unknown", "no status entry for revocation", expected)
    for source in (status_list, did_document):
        if isinstance(source, Away):
            return _check(5, "unknown", source.why, expected)
    assert not isinstance(status_list, Away) and not isinstance(did_document, Away)
    place = f"bit {badge.status.index} of {badge.status.url}"
    try:
        revoked = _bit(status_list, did_document, badge, now)
    except (DoNotTrust, Unreadable) as error:
        return _check(5, "unknown", f"{place}: {error}", expected)
    if revoked:
        return _check(5, "failed", f"{place} is 1{_copy(copied)}", expected, "revoked")
    return _check(5, "ok", f"{place} is 0{_copy(copied)}", expected)


def _bit(status_list: Document, did_document: Document, badge: Badge, now: datetime) -> bool:
    assert badge.status is not None
    verify_proof(status_list, key_of(status_list, did_document))
    try:
        read = msgspec.convert(status_list, _List)
    except msgspec.ValidationError as error:
        raise Unreadable(f"expected a BitstringStatusListCredential: {error}") from error
    if "BitstringStatusListCredential" not in read.type or read.id != badge.status.url:
        raise Unreadable(f"got {read.id[:200]}, expected the status list {badge.status.url}")
    if read.valid_until.tzinfo is None or now > read.valid_until:
        raise Unreadable(f"got a list that was valid until {read.valid_until.isoformat()}, expected a current one")
    purposes = read.credential_subject.status_purpose
    if "revocation" not in ((purposes,) if isinstance(purposes, str) else purposes):
        raise Unreadable(f"got a list of purpose {purposes}, expected revocation")
    return is_set(decoded(read.credential_subject.encoded_list), badge.status.index)


def check_path(document: Document, badge: Badge) -> Check:
    """The leaf is computed from the document itself, so no inner node can stand for it; the path is bounded."""
    expected = "a path from this document's own hash to the Merkle root"
    if not badge.anchorings:
        return _check(6, "unknown", "no proof of anchoring yet", expected, "pending")
    try:
        leaf = bytes.fromhex(leaf_of(document))
        for proof in anchorings_of(badge):
            if proof.target_hash != leaf:
                return _check(6, "failed", f"a proof for {proof.target_hash.hex()}", f"one for {leaf.hex()}")
            reached = root_of(leaf, proof.path)
            if reached != proof.merkle_root:
                return _check(6, "failed", f"a path to {reached.hex()}", f"one to {proof.merkle_root.hex()}")
    except (Unreadable, ValueError) as error:
        return _check(6, "failed", str(error), expected)
    return _check(6, "ok", f"{leaf.hex()} leads to {reached.hex()} in {len(proof.path)} steps", expected)


def check_chain(badge: Badge, path: Check, chain: ChainAnswers | Away) -> Check:
    """The root is looked up on every configured network; standing on one is enough, and the check says on which."""
    expected = "the root in the registry, in a block that is final, by a transaction that carries it"
    if path.outcome != "ok":
        return _check(7, "unknown", "no root to ask for: see check 6", expected, path.finding)
    if isinstance(chain, Away):
        return _check(7, "unknown", chain.why, expected)
    found = _best([standing_of(proof, chain) for proof in anchorings_of(badge)])
    return replace(_check(7, found.outcome, found.got, expected, found.finding), networks=found.networks)


def _best(standings: Sequence[Standing]) -> Standing:
    """One proof that stands is enough; a false one is worse than one that could not be asked for."""
    for wanted in ("ok", "failed"):
        for standing in standings:
            if standing.outcome == wanted:
                return standing
    return standings[0]


def _check(
    number: int,
    outcome: Outcome,
    got: str,
    expected: str,
    finding: Literal["", "revoked", "expired", "early", "pending"] = "",
) -> Check:
    return Check(number, NAMES[number], outcome, got[:500], expected[:500], finding)


def _copy(copied: timedelta | None) -> str:
    return "" if copied is None else f", by a copy {int(copied.total_seconds())} s old: its source gave no answer"


def _time(moment: datetime) -> str:
    return moment.astimezone(JST).isoformat(timespec="seconds")
