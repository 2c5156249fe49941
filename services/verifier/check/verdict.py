"""Whether a credential counts: seven numbered checks, one verdict; pure.

The page, the API and `akashi verify` say the same.

The verdicts:
- valid: all seven checks are ok. Nothing else reads as valid.
- not-valid: forged or changed: it is not what the society issued (checks 1, 2, 3, 6 or 7 failed).
- revoked, expired: it is what the society issued, and no longer counts. Signature and issuer are known to be right; the
  chain is not needed for saying no.
- not-yet-valid: issued, its period has not begun.
- in-progress: 発行手続き中. Signed by the society, not yet anchored at finality. Between issue and anchoring a badge is
  real but its issue isn't finished, and whoever relies on it must find it on chain; so it does not read as valid.
- could-not-check: a source did not answer, so it is neither valid nor invalid. The unknown checks say which.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.verifier.check.checks import (
    Check,
    check_chain,
    check_issuer,
    check_path,
    check_period,
    check_readable,
    check_signature,
    check_status,
    unfetched,
    unread,
)
from services.verifier.check.credential import Badge, read_badge
from services.verifier.check.evidence import Evidence, Revocation
from shared.credentials.credential import Document
from shared.errors import Unreadable

Kind = Literal["valid", "expired", "revoked", "not-valid", "not-yet-valid", "in-progress", "could-not-check"]
EXIT_CODES: dict[Kind, int] = {
    "valid": 0,
    "expired": 1,
    "revoked": 1,
    "not-valid": 1,
    "not-yet-valid": 1,
    "in-progress": 2,
    "could-not-check": 2,
}

_GENUINE = (1, 2, 3)


@dataclass(frozen=True)
class Verdict:
    """The answer, when it was found, and how. `badge` is what the credential says: show it only when `is_genuine`."""

    kind: Kind
    checks: tuple[Check, ...]
    checked_at: datetime
    badge: Badge | None = None
    revocation: Revocation | None = None

    @property
    def is_genuine(self) -> bool:
        """The society signed just this. Says nothing about whether it still counts."""
        return self.kind != "not-valid" and all(self.outcome(number) == "ok" for number in _GENUINE)

    @property
    def unknown(self) -> tuple[Check, ...]:
        """The checks whose source gave no answer."""
        return tuple(check for check in self.checks if check.outcome == "unknown" and check.finding != "pending")

    @property
    def networks(self) -> tuple[str, ...]:
        """The ids of the networks on which its root stands."""
        return next((check.networks for check in self.checks if check.number == 7), ())

    @property
    def is_of_another_issuer(self) -> bool:
        """It names an issuer that isn't ours: no word about whether that one's certificate is good."""
        return self.badge is not None and self.outcome(2) == "failed"

    @property
    def is_unread(self) -> bool:
        """There was nothing in it that could be a credential."""
        return self.kind == "not-valid" and self.badge is None

    def outcome(self, number: int) -> str:
        return next((check.outcome for check in self.checks if check.number == number), "unknown")


def not_readable(error: Unreadable, now: datetime) -> Verdict:
    """The verdict on bytes that are no credential."""
    return Verdict("not-valid", (unread(error),), now)


def no_document(why: str, now: datetime) -> Verdict:
    """The verdict while the document itself can't be fetched."""
    return Verdict("could-not-check", (unfetched(why),), now)


def verdict_on(
    document: Document, evidence: Evidence, *, did: str, now: datetime, expected_id: str | None = None
) -> Verdict:
    """The verdict on `document`, which should be issued by `did` and be the credential `expected_id`, if given."""
    try:
        badge = read_badge(document)
    except Unreadable as error:
        return not_readable(error, now)
    issuer = check_issuer(badge, did, evidence.did_document, evidence.did_document_copied)
    path = check_path(document, badge)
    checks = (
        check_readable(badge, expected_id),
        issuer,
        check_signature(document, issuer, evidence.did_document),
        check_period(badge, now),
        check_status(
            badge,
            evidence.status_list,
            evidence.did_document,
            evidence.revocation,
            now,
            evidence.status_list_copied,
        ),
        path,
        check_chain(badge, path, evidence.chain),
    )
    return Verdict(_kind(checks), checks, now, badge, evidence.revocation)


def _kind(checks: tuple[Check, ...]) -> Kind:
    """In this order: a forgery is nothing else besides; a certain no needs no other source; then the unknown."""
    findings = {check.finding for check in checks}
    if any(check.outcome == "failed" and not check.finding for check in checks):
        return "not-valid"
    if any(check.outcome != "ok" for check in checks[:3]):
        return "could-not-check"
    if "revoked" in findings:
        return "revoked"
    if "expired" in findings:
        return "expired"
    if any(check.outcome == "unknown" and not check.finding for check in checks):
        return "could-not-check"
    if "pending" in findings:
        return "in-progress"
    if "early" in findings:
        return "not-yet-valid"
    return "valid"
