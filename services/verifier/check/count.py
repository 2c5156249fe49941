"""Whether a statement of the count is right: nine numbered checks, one verdict; pure.

The kinds of verdict:
- right: all nine checks are ok.
- not-recorded-yet: all that can be checked agrees; the statement's own hash waits for the next batch, or the status
  lists have revocations that are newer than the newest statement.
- not-right: what the society states is contradicted by its own manifests, status lists, earlier statements or the
  chain; or the society did not sign it.
- could-not-check: a source did not answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.verifier.check.count_evidence import CohortAnswers, CountEvidence, Stated
from services.verifier.check.count_outcome import Open, Wrong, expect, name_of, required
from services.verifier.check.count_records import check_manifests, check_record, check_roots, check_status
from services.verifier.check.evidence import Unavailable
from services.verifier.check.outcome import CheckOutcome
from shared.credentials.content import Document
from shared.credentials.count import CountStatement, DoesNotAddUp, total
from shared.credentials.credential import DoNotTrust, KeyNotListed, key_of, verify_proof
from shared.errors import Unreadable

CountKind = Literal["right", "not-recorded-yet", "not-right", "could-not-check"]
COUNT_EXIT_CODES: dict[CountKind, int] = {"right": 0, "not-recorded-yet": 0, "not-right": 1, "could-not-check": 2}


@dataclass(frozen=True)
class CountCheck:
    """One check. `code` names what was found, for its words; `got` and `expected` are for a technical reader."""

    number: int
    outcome: CheckOutcome
    code: str
    got: str
    expected: str


@dataclass(frozen=True)
class CountVerdict:
    kind: CountKind
    checks: tuple[CountCheck, ...]
    checked_at: datetime
    statement: CountStatement | None = None
    newest: int | None = None  # the number of the newest statement of the cohort

    @property
    def is_genuine(self) -> bool:
        """The society signed exactly this, whether or not its numbers are right."""
        return [check.outcome for check in self.checks[:3]] == ["ok"] * 3


# The nine checks, in the order in which they are made and shown. Each is ok, failed or unknown.
#
# 1. The document can be read, is a statement of the cohort that is expected, and no figure contradicts another.
# 2. Its issuer is the society, whose DID document could be read.
# 3. It, every statement of its chain, and those of other cohorts are signed by a key of that DID document.
# 4. The statements from 1 to the newest are all there, each names the hash of the one before, nothing ever went back;
#    the statement in hand is one of them, and none is newer than what the site gives out as the newest.
# 5. Its figures add up: groups, batches, and the badges added by each statement.
# 6. The published lists of leaves and the manifests of its batches hold as many badges as it says, and no others.
# 7. The status lists have as many bits set as all cohorts' statements count as revoked and corrected.
# 8. The roots of its batches stand in the registry, at finality.
# 9. Its own hash, or that of a statement after it, is in a batch whose root stands there.


def count_verdict(
    stated: Stated, evidence: CountEvidence, *, did: str, now: datetime, cohort: str | None = None
) -> CountVerdict:
    """The verdict on a statement, which should be one of `cohort`, if given."""
    own = evidence.own
    checks = (
        _check(1, lambda: _readable(stated, cohort)),
        _check(2, lambda: _issuer(stated, did, evidence.did_document)),
        _check(3, lambda: _signatures(stated, evidence)),
        _check(4, lambda: _unbroken(stated, own)),
        _check(5, lambda: _adds_up(stated, own)),
        _check(6, lambda: check_manifests(stated, evidence)),
        _check(7, lambda: check_status(stated, evidence, now)),
        _check(8, lambda: check_roots(stated, evidence.chain)),
        _check(9, lambda: check_record(stated, own, evidence.chain)),
    )
    last = own.last
    return CountVerdict(_kind(checks), checks, now, stated.statement, None if last is None else last.number)


def unread_count(error: Unreadable, now: datetime) -> CountVerdict:
    code = "sum" if isinstance(error, DoesNotAddUp) else "unreadable"
    check = CountCheck(1, "failed", code, str(error)[:500], "a statement of the count")
    return CountVerdict("not-right", (check,), now)


def no_count(why: str, now: datetime) -> CountVerdict:
    check = CountCheck(1, "unknown", "away", why[:500], "a statement of the count")
    return CountVerdict("could-not-check", (check,), now)


def _kind(checks: Sequence[CountCheck]) -> CountKind:
    if any(check.outcome == "failed" for check in checks):
        return "not-right"
    if any(check.outcome == "unknown" and check.code != "pending" for check in checks):
        return "could-not-check"
    return "right" if all(check.outcome == "ok" for check in checks) else "not-recorded-yet"


def _check(number: int, ask: Callable[[], str]) -> CountCheck:
    try:
        got = ask()
    except Open as found:
        return CountCheck(number, "unknown", found.code, found.got[:500], found.expected[:500])
    except Wrong as found:
        return CountCheck(number, "failed", found.code, found.got[:500], found.expected[:500])
    return CountCheck(number, "ok", "ok", got[:500], "")


# ── 1 to 3 ─────────────────────────────────────────────────────────────────────────────────────────────


def _readable(stated: Stated, cohort: str | None) -> str:
    statement = stated.statement
    expect(cohort in (None, statement.cohort), "cohort", f"a statement of {statement.cohort}", f"one of {cohort}")
    return f"statement {statement.number} of {statement.cohort}"


def _issuer(stated: Stated, did: str, did_document: Document | Unavailable) -> str:
    expect(stated.statement.issuer == did, "other", stated.statement.issuer, did)
    if isinstance(did_document, Unavailable):
        raise Open("away", did_document.why, f"the DID document of {did}")
    if did_document.get("id") != did:
        raise Open("away", f"a DID document of {str(did_document.get('id'))[:200]}", f"one of {did}")
    return did


def _signatures(stated: Stated, evidence: CountEvidence) -> str:
    keys, expected = evidence.did_document, "an eddsa-rdfc-2022 proof by a key of the issuer"
    if isinstance(keys, Unavailable):
        raise Open("away", "no key to check with: see check 2", expected)
    others = () if isinstance(evidence.others, Unavailable) else evidence.others
    chains = [each for chain in (evidence.own, *others) for each in chain.statements]
    checked: set[str] = set()
    for each in (stated, *chains):
        if each.leaf in checked:  # the hash covers the proof as well
            continue
        try:
            verify_proof(each.document, key_of(each.document, keys))
        except (DoNotTrust, Unreadable) as error:
            text = f"statement {name_of(each)}: {error}"
            if isinstance(error, KeyNotListed) and evidence.did_document_is_copy:  # which may be older than the key
                raise Open("away", f"{text}, by a copy", expected) from error
            raise Wrong("forged" if each is stated else "forged-other", text, expected) from error
        checked.add(each.leaf)
    return f"{len(checked)} statements signed by keys of the issuer"


# ── 4 ──────────────────────────────────────────────────────────────────────────────────────────────────


def _unbroken(stated: Stated, own: CohortAnswers) -> str:
    for number, found in enumerate(own.links, 1):
        required(found, "gap", f"statement {own.cohort}/{number}")
    former: Stated | None = None
    for number, each in enumerate(own.statements, 1):
        is_it = (each.statement.cohort, each.number) == (own.cohort, number)
        expect(is_it, "gap", f"statement {name_of(each)}", f"statement {own.cohort}/{number}")
        _follows(each, former)
        former = each
    newest = required(own.newest, "gap", f"the newest statement of {own.cohort}")
    in_chain = [each for each in own.statements if each.number == stated.number]
    if not in_chain:
        raise Wrong("gap", f"nothing under number {stated.number}", f"statement {name_of(stated)}")
    expect(in_chain[0].leaf == stated.leaf, "forked", f"{in_chain[0].leaf} under its number", stated.leaf)
    last = own.statements[-1]
    expect(newest.leaf == last.leaf and not own.beyond, "older", f"{name_of(newest)} given out as newest", "the newest")
    return f"{len(own.statements)} statements, each with the hash of the one before"


def _follows(each: Stated, former: Stated | None) -> None:
    told = each.statement
    if former is None:
        expect(told.former is None, "broken", f"statement {name_of(each)} names one before it", "the first")
        return
    before = former.statement
    link = told.former
    expected = f"{before.url} with hash {former.leaf}"
    expect(
        link is not None and (link.url, link.leaf) == (before.url, former.leaf),
        "broken",
        f"statement {name_of(each)} names {None if link is None else f'{link.url} with hash {link.leaf}'}",
        expected,
    )
    now, then = told.figures, before.figures
    batches = {batch.root: batch.badges for batch in told.batches}
    went_back = (
        told.stated_at < before.stated_at
        or now.issued < then.issued
        or now.anchored < then.anchored
        or now.revoked + now.corrected < then.revoked + then.corrected
        or any(batches.get(batch.root) != batch.badges for batch in before.batches)
        or not set(told.status_lists).issuperset(before.status_lists)
    )
    expect(
        not went_back, "back", f"statement {name_of(each)}: {now}", f"nothing less than in {name_of(former)}: {then}"
    )


# ── 5 ──────────────────────────────────────────────────────────────────────────────────────────────────


def _adds_up(stated: Stated, own: CohortAnswers) -> str:
    told, figures = stated.statement, stated.statement.figures
    chain = {each.number: each.statement for each in own.statements}
    expect(figures.valid >= 0, "sum", f"{figures.valid} valid", "0 or more")
    expect(figures.anchored <= figures.issued, "sum", f"{figures.anchored} anchored", f"{figures.issued} at most")
    in_batches = sum(batch.badges for batch in told.batches)
    expect(in_batches == figures.anchored, "batches", f"{in_batches} in its batches", f"{figures.anchored} anchored")
    divided = told if told.divided_in == told.number else chain.get(told.divided_in)
    if divided is None or told.divided_in > told.number:
        raise Wrong("groups", f"a division of statement {told.divided_in}", "one of this statement or an earlier one")
    expect(divided.groups == told.groups, "groups", "other groups", f"those of statement {told.divided_in}")
    sums = total(group.figures for group in divided.groups)
    expect(sums == divided.figures, "groups", f"{sums} in its groups", f"{divided.figures}")
    before = chain.get(told.number - 1)
    if before is not None or told.number == 1:
        known = 0 if before is None else before.figures.issued
        expect(
            known + told.added == figures.issued, "added", f"{known} and {told.added} new", f"{figures.issued} issued"
        )
    return (
        f"{figures.issued} issued = {figures.valid} valid + {figures.revoked} revoked + {figures.corrected} corrected"
    )
