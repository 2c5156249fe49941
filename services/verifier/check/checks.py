"""The seven checks of a credential, each with one of three outcomes: ok, failed, unknown; pure.

Sources: Data Integrity EdDSA Cryptosuites 1.0; Bitstring Status List 1.0, section 3.2 (validate algorithm);
MerkleProof2019; did:web. Checked beyond them: the registry that answers, the transaction's outcome, finality, the
length of the path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.verifier.check.anchoring import RootStatus, root_status
from services.verifier.check.credential import Badge, Credential, Invalid
from services.verifier.check.evidence import ChainAnswers, Revocation, Unavailable
from services.verifier.check.outcome import CheckOutcome, Finding
from services.verifier.check.status_list import StatusList, is_revoked
from shared.clock import JST
from shared.credentials.content import Document
from shared.credentials.credential import DoNotTrust, KeyNotListed, key_of, public_key_multibase
from shared.credentials.merkle import root_of
from shared.errors import Unreadable
from shared.programme import Bilingual


@dataclass(frozen=True)
class Check:
    """One check. `got` and `expected` are for a technical reader, in English, and hold nothing of the person."""

    number: int
    name: Bilingual
    outcome: CheckOutcome
    got: str
    expected: str
    finding: Finding = ""
    networks: tuple[str, ...] = ()  # of check 7: the ids of those on which the root is final


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

_NOT_REVOKED = "bit 0 in the issuer's signed list"


def unread(error: Unreadable, *, is_empty: bool = False) -> Check:
    return _check(1, "failed", str(error), "an Open Badges 3.0 credential", "empty" if is_empty else "")


def unfetched(why: str) -> Check:
    return _check(1, "unknown", why, "an Open Badges 3.0 credential")


def check_readable(badge: Badge, expected_id: str | None, contradicted: str | None = None) -> Check:
    if contradicted is not None:
        return _check(1, "failed", contradicted, "an Open Badges 2.0 half that says the same as the credential")
    if expected_id is not None and badge.id != expected_id:
        return _check(1, "failed", f"id {badge.id}", f"id {expected_id}")
    return _check(1, "ok", badge.id, expected_id or "an Open Badges 3.0 credential")


def check_issuer(
    badge: Badge, did: str, did_document: Document | Unavailable, copied: timedelta | None = None
) -> Check:
    """The issuer is ours by its DID, whose document could be read. Whose key signed is check 3.

    `copied`: the age of the copy that was used because its source is unavailable.
    """
    if badge.issuer != did:
        return _check(2, "failed", badge.issuer, did)
    if isinstance(did_document, Unavailable):
        return _check(2, "unknown", did_document.why, f"the DID document of {did}")
    if did_document.get("id") != did:
        return _check(2, "unknown", f"a DID document of {str(did_document.get('id'))[:200]}", f"one of {did}")
    return _check(2, "ok", badge.issuer + _copy(copied), did)


def check_signature(
    credential: Credential,
    issuer: Check,
    did_document: Document | Unavailable,
    copied: timedelta | None = None,
) -> Check:
    """A copy of the DID document may be older than the key: a key that it doesn't list is unknown then, not false."""
    expected = "an eddsa-rdfc-2022 proof by a key of the issuer, over the whole document"
    if issuer.outcome == "failed":
        return _check(3, "failed", "a document of another issuer", expected)
    if issuer.outcome == "unknown" or isinstance(did_document, Unavailable):
        return _check(3, "unknown", "no key to check with: see check 2", expected)
    try:
        key = key_of(credential.document, did_document)
        credential.signed.verify(key)
    except KeyNotListed as error:
        return _check(3, "failed" if copied is None else "unknown", f"{error}{_copy(copied)}", expected)
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


def check_status(
    badge: Badge,
    status_list: StatusList | Invalid | Unavailable,
    revocation: Revocation | None,
    now: datetime,
    copied: timedelta | None = None,
) -> Check:
    """The list must be the one that the credential names, as `status_list.py` says, and in force.

    Anything less is unknown, never "not revoked". A revocation that the issuer announced counts at once.
    """
    expected = _NOT_REVOKED
    if revocation is not None:
        return _check(5, "failed", f"revoked at {_time(revocation.revoked_at)}", expected, "revoked")
    if badge.status is None:
        return _check(5, "unknown", "no status entry for revocation", expected)
    if isinstance(status_list, Unavailable):
        return _check(5, "unknown", status_list.why, expected)
    place = f"bit {badge.status.index} of {badge.status.url}"
    if isinstance(status_list, Invalid):
        return _check(5, "unknown", f"{place}: {status_list.why}", expected)
    try:
        revoked = is_revoked(status_list, badge.status, now)
    except Unreadable as error:
        return _check(5, "unknown", f"{place}: {error}", expected)
    if revoked:
        return _check(5, "failed", f"{place} is 1{_copy(copied)}", expected, "revoked")
    return _check(5, "ok", f"{place} is 0{_copy(copied)}", expected)


def check_erased(revocation: Revocation, erased_at: datetime) -> Check:
    """Check 5 of a badge of which the issuer has no document any more: what its own record says."""
    got = f"revoked at {_time(revocation.revoked_at)}, erased at {_time(erased_at)}"
    return _check(5, "failed", got, _NOT_REVOKED, "revoked")


def check_path(credential: Credential) -> Check:
    """The leaf is computed from the document itself, so no inner node is taken for it; the path is bounded."""
    expected = "a path from this document's own hash to the Merkle root"
    proofs = credential.anchor_proofs
    if proofs == ():
        return _check(6, "unknown", "no proof of anchoring yet", expected, "pending")
    try:
        leaf = bytes.fromhex(credential.signed.leaf())
        if isinstance(proofs, Invalid):
            return _check(6, "failed", proofs.why, expected)
        for proof in proofs:
            if proof.target_hash != leaf:
                return _check(6, "failed", f"a proof for {proof.target_hash.hex()}", f"one for {leaf.hex()}")
            reached = root_of(leaf, proof.path)
            if reached != proof.merkle_root:
                return _check(6, "failed", f"a path to {reached.hex()}", f"one to {proof.merkle_root.hex()}")
    except (Unreadable, ValueError) as error:
        return _check(6, "failed", str(error), expected)
    return _check(6, "ok", f"{leaf.hex()} leads to {reached.hex()} in {len(proof.path)} steps", expected)


def check_chain(credential: Credential, path: Check, chain: ChainAnswers | Unavailable) -> Check:
    """The root is looked up on every configured network; one where it is final is enough, and the check names it."""
    expected = "the root in the registry, in a block that is final, by a transaction that carries it"
    if path.outcome != "ok" or isinstance(credential.anchor_proofs, Invalid):
        return _check(7, "unknown", "no root to ask for: see check 6", expected, path.finding)
    if isinstance(chain, Unavailable):
        return _check(7, "unknown", chain.why, expected)
    found = _best([root_status(proof, chain) for proof in credential.anchor_proofs])
    return replace(_check(7, found.outcome, found.got, expected, found.finding), networks=found.networks)


def _best(found: Sequence[RootStatus]) -> RootStatus:
    """One anchored root is enough; a false proof is worse than one whose network gave no answer."""
    for outcome in ("ok", "failed"):
        for each in found:
            if each.outcome == outcome:
                return each
    return found[0]


def _check(
    number: int,
    outcome: CheckOutcome,
    got: str,
    expected: str,
    finding: Finding = "",
) -> Check:
    return Check(number, NAMES[number], outcome, got[:500], expected[:500], finding)


def _copy(copied: timedelta | None) -> str:
    return "" if copied is None else f", by a copy {int(copied.total_seconds())} s old: its source gave no answer"


def _time(moment: datetime) -> str:
    return moment.astimezone(JST).isoformat(timespec="seconds")
