"""Checks 6 to 9 of `count.py`: the count against lists, manifests, status lists and the chain; pure."""

from __future__ import annotations

from datetime import datetime

from services.verifier.check.anchoring import root_status
from services.verifier.check.count_evidence import CohortAnswers, CountEvidence, Stated
from services.verifier.check.count_outcome import Open, Wrong, expect, name_of, required
from services.verifier.check.credential import Invalid
from services.verifier.check.evidence import ChainAnswers, Unavailable
from services.verifier.check.status_list import StatusList, bits_of
from shared.credentials.count import digest_of, leaf_list
from shared.credentials.merkle import root_of
from shared.credentials.merkle_proof import MerkleProof
from shared.errors import Unreadable
from shared.retry import SKEW

# ── 6 ──────────────────────────────────────────────────────────────────────────────────────────────────


def check_manifests(stated: Stated, evidence: CountEvidence) -> str:
    told = stated.statement
    own = _listed(evidence.own, up_to=told.number)
    expect(len(own) == told.figures.issued, "list", f"{len(own)} leaves listed", f"{told.figures.issued} issued")
    strays: dict[str, frozenset[str]] = {}
    for batch in told.batches:
        leaves = required(evidence.manifests.get(batch.root), "manifest", f"the manifest of batch {batch.root}")
        found = len(leaves & own)
        code = "added-outside" if found < batch.badges else "dropped"
        expect(found == batch.badges, code, f"batch {batch.root}: {batch.badges} stated", f"{found} in its manifest")
        if rest := leaves - own:
            strays[batch.root] = rest
    if strays:
        _accounted(strays, evidence)
    return f"{len(own)} leaves listed, {told.figures.anchored} of them in {len(told.batches)} batches"


def _accounted(strays: dict[str, frozenset[str]], evidence: CountEvidence) -> None:
    """Every other leaf of a batch is a badge of another cohort, a badge counted later, or a statement."""
    known = {each.leaf for each in evidence.own.statements} | _listed(evidence.own)
    strays = {root: left for root, leaves in strays.items() if (left := leaves - known)}
    if not strays:
        return
    if isinstance(evidence.others, Unavailable):
        raise Open("away", evidence.others.why, "the statements of the other cohorts")
    for chain in evidence.others:
        known |= {each.leaf for each in chain.statements} | _listed(chain)
    for root, leaves in strays.items():
        if left := leaves - known:
            raise Wrong("stray", f"batch {root}: {len(left)} leaves that no statement counts", "none")


def _listed(chain: CohortAnswers, *, up_to: int | None = None) -> frozenset[str]:
    """The leaves that statements of the chain list, each counted once."""
    made: set[str] = set()
    for number, found in enumerate(chain.links[:up_to], 1):
        each = required(found, "gap", f"statement {chain.cohort}/{number}")
        told, what = each.statement, f"the list of statement {name_of(each)}"
        leaves = required(chain.list_of(number), "list", what)
        is_it = digest_of(leaf_list(leaves)) == told.added_digest and len(leaves) == told.added
        expect(is_it, "list", f"{what}: {len(leaves)} leaves", f"{told.added} with digest {told.added_digest}")
        expect(made.isdisjoint(leaves), "twice", f"{what}: a leaf that was listed before", "each badge once")
        made.update(leaves)
    return frozenset(made)


# ── 7 ──────────────────────────────────────────────────────────────────────────────────────────────────


def check_status(stated: Stated, evidence: CountEvidence, now: datetime) -> str:
    if isinstance(evidence.others, Unavailable):
        raise Open("away", evidence.others.why, "the statements of the other cohorts")
    last = [_newest(chain) for chain in (evidence.own, *evidence.others)]
    expected = sum(each.statement.figures.revoked + each.statement.figures.corrected for each in last)
    urls = sorted({url for each in last for url in each.statement.status_lists})
    latest = max(each.statement.stated_at for each in last)
    found, is_older = 0, True
    for url in urls:
        bits, signed_at = _bits(url, evidence.status_lists.get(url), now)
        found += int.from_bytes(bits, "big").bit_count()
        is_older = is_older and signed_at + SKEW < latest
    got = f"{found} bits set in {len(urls)} lists"
    expect(found >= expected, "fewer", got, f"{expected} revoked or corrected")
    if found > expected:
        expect(not is_older, "more", got, f"{expected} revoked or corrected")
        raise Open("pending", got, f"{expected} revoked or corrected, by statements that are older than the lists")
    return got


def _bits(url: str, listed: StatusList | Invalid | Unavailable | None, now: datetime) -> tuple[bytes, datetime]:
    """The bits of the list at `url`, and when it was signed."""
    try:
        if not isinstance(listed, StatusList):
            raise Unreadable("no usable list" if listed is None else listed.why)
        if listed.valid_from is None:
            raise Unreadable("validFrom: got none, expected when the list was signed")
        return bits_of(listed, url, now), listed.valid_from
    except Unreadable as error:
        raise Open("away", f"{url}: {error}", "the issuer's signed list") from error


def _newest(chain: CohortAnswers) -> Stated:
    """The newest statement of a cohort; of one that can't be had, no number can be told (see check 4)."""
    last = chain.links[-1] if chain.links else None
    if not isinstance(chain.newest, Stated) or not isinstance(last, Stated):
        missing = last if isinstance(chain.newest, Stated) else chain.newest
        raise Open("away", getattr(missing, "why", "nothing there"), f"the newest statement of {chain.cohort}")
    return last


# ── 8, 9 ───────────────────────────────────────────────────────────────────────────────────────────────


def check_roots(stated: Stated, chain: ChainAnswers | Unavailable) -> str:
    roots = _batch_roots(stated)
    for root in roots:
        _stands(root, chain)
    return f"{len(roots)} roots stand in the registry"


def check_record(stated: Stated, own: CohortAnswers, chain: ChainAnswers | Unavailable) -> str:
    """A later statement that is recorded covers this one: it follows by hashes. That it does is check 4."""
    pending: Wrong = Open("pending", "no proof of anchoring yet", "its hash in a batch")
    for each in records_of(stated, own):
        proofs = each.anchor_proofs
        if isinstance(proofs, Invalid):
            raise Wrong("forged", f"statement {name_of(each)}: {proofs.why}", "a proof of anchoring")
        for proof in proofs:
            _leads(each, proof)
            try:
                _stands(proof, chain)
            except Open as found:
                pending = found
                continue
            return f"statement {name_of(each)} is in the batch {proof.merkle_root.hex()}"
    raise pending


def _leads(each: Stated, proof: MerkleProof) -> None:
    try:
        reached = root_of(bytes.fromhex(each.leaf), proof.path)
    except ValueError as error:
        raise Wrong("forged", str(error), "a path of ours") from error
    is_its = proof.target_hash.hex() == each.leaf and reached == proof.merkle_root
    expect(is_its, "forged", f"statement {name_of(each)}: a path to {reached.hex()}", proof.merkle_root.hex())


def _stands(proof: MerkleProof, chain: ChainAnswers | Unavailable) -> None:
    expected = f"the root {proof.merkle_root.hex()} in the registry, at finality"
    if isinstance(chain, Unavailable):
        raise Open("away", chain.why, expected)
    status = root_status(proof, chain)
    if status.outcome == "failed":
        raise Wrong("revoked" if status.finding == "revoked" else "absent", status.got, expected)
    if status.outcome == "unknown":
        raise Open("pending" if status.finding == "pending" else "away", status.got, expected)


def records_of(stated: Stated, own: CohortAnswers) -> list[Stated]:
    """The statements whose record is one of `stated`: itself, as the site has it, and some that follow it."""
    same = [each for each in own.statements if each.number == stated.number and each.leaf == stated.leaf]
    after = [each for each in own.statements if each.number > stated.number and each.anchor_proofs]
    return [stated, *same, *after[:1], *after[1:][-2:]]


def roots_in(stated: Stated, own: CohortAnswers) -> tuple[MerkleProof, ...]:
    """What is to be asked of the chain: the proofs of its records, and the roots of its batches."""
    proofs = [
        proof
        for each in records_of(stated, own)
        if isinstance(each.anchor_proofs, tuple)
        for proof in each.anchor_proofs
    ]
    return (*proofs, *_batch_roots(stated))


def _batch_roots(stated: Stated) -> list[MerkleProof]:
    """Each batch's root as a proof of itself: its path is empty."""
    roots = [bytes.fromhex(batch.root) for batch in stated.statement.batches]
    return [MerkleProof(path=(), merkle_root=root, target_hash=root, anchors=()) for root in roots]
