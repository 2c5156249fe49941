"""Whether a credential is valid: seven numbered checks, one verdict; pure.

The page, the API and `akashi verify` say the same.

The verdicts:
- valid: all seven checks are ok. Nothing else reads as valid.
- not-valid: forged or changed: it is not what the society issued (checks 1, 2, 3, 6 or 7 failed).
- revoked, expired: the society issued it, and it is no longer valid. Signature and issuer are known to be right; the
  chain is not needed for this answer. Of one whose holder was erased there may be no document: then nothing of it is
  shown, and check 5 is the only one.
- not-yet-valid: issued, its period has not begun.
- waiting-for-receipt: 受領待ち. Signed by the society; its holder has not received it (受領), perhaps for months.
  The registration is as the society states it, the badge is not anchored, so it is not valid yet.
- in-progress: 発行手続き中. Received, not yet anchored at finality, or nobody told whether it was received. A
  verifier must find it on chain, so it is not valid yet.
- could-not-check: a source did not answer, so it is neither valid nor invalid. The unknown checks say which.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.verifier.check.checks import (
    Check,
    check_chain,
    check_erased,
    check_issuer,
    check_path,
    check_period,
    check_readable,
    check_signature,
    check_status,
    unfetched,
    unread,
)
from services.verifier.check.credential import Badge, Credential
from services.verifier.check.evidence import UNTOLD, Evidence, IssuerRecord
from shared.errors import HoldsNothing, Unreadable

Kind = Literal[
    "valid",
    "expired",
    "revoked",
    "not-valid",
    "not-yet-valid",
    "waiting-for-receipt",
    "in-progress",
    "could-not-check",
]
EXIT_CODES: dict[Kind, int] = {
    "valid": 0,
    "expired": 1,
    "revoked": 1,
    "not-valid": 1,
    "not-yet-valid": 1,
    "waiting-for-receipt": 2,
    "in-progress": 2,
    "could-not-check": 2,
}

_GENUINE = (1, 2, 3)


@dataclass(frozen=True)
class Verdict:
    """The answer, when it was found, and by which checks. Show `badge`, what it says, only when `is_genuine`."""

    kind: Kind
    checks: tuple[Check, ...]
    checked_at: datetime
    badge: Badge | None = None
    record: IssuerRecord = UNTOLD

    @property
    def is_genuine(self) -> bool:
        """The society signed exactly this. Says nothing about whether it is still valid."""
        return self.kind != "not-valid" and all(self.outcome(number) == "ok" for number in _GENUINE)

    @property
    def is_replaced(self) -> bool:
        """Corrected: revoked in favour of a newer version, which is no reproach to its holder."""
        revocation = self.record.revocation
        return self.kind == "revoked" and revocation is not None and revocation.replaced_by is not None

    @property
    def is_erased(self) -> bool:
        """Revoked because its holder was erased: the issuer has nothing of it any more."""
        return self.kind == "revoked" and self.record.erased_at is not None

    @property
    def registration_counts(self) -> bool:
        """The issuer says that the registration is valid, though the badge waits for its receipt: within its period."""
        return self.kind == "waiting-for-receipt" and self.record.registration_counts and self.outcome(4) == "ok"

    @property
    def unknown(self) -> tuple[Check, ...]:
        """The checks whose source gave no answer."""
        return tuple(check for check in self.checks if check.outcome == "unknown" and check.finding != "pending")

    @property
    def networks(self) -> tuple[str, ...]:
        """The ids of the networks on which its root is final."""
        return next((check.networks for check in self.checks if check.number == 7), ())

    @property
    def is_of_another_issuer(self) -> bool:
        """It names another issuer, whose certificates this verifier can't judge."""
        return self.badge is not None and self.outcome(2) == "failed"

    @property
    def is_unread(self) -> bool:
        """Nothing in it could be read as a credential."""
        return self.kind == "not-valid" and self.badge is None

    @property
    def is_empty(self) -> bool:
        """A file that never held a certificate: a photo, a document of another kind. Nothing says that it is broken."""
        return any(check.finding == "empty" for check in self.checks)

    def outcome(self, number: int) -> str:
        return next((check.outcome for check in self.checks if check.number == number), "unknown")


def not_readable(error: Unreadable, now: datetime) -> Verdict:
    """The verdict on bytes that are no credential."""
    return Verdict("not-valid", (unread(error, is_empty=isinstance(error, HoldsNothing)),), now)


def no_document(why: str, now: datetime) -> Verdict:
    """The verdict while the document itself can't be fetched."""
    return Verdict("could-not-check", (unfetched(why),), now)


def gone(record: IssuerRecord | None, now: datetime) -> Verdict | None:
    """The verdict on a badge whose holder was erased: there is no document to check. None for any other."""
    if record is None or record.erased_at is None or record.revocation is None:
        return None
    return Verdict("revoked", (check_erased(record.revocation, record.erased_at),), now, record=record)


# The seven checks, in the order in which they are made and shown. Each is ok, failed or unknown (`checks.py`).
#
# 1. The document can be read, is the credential `expected_id`, if one is expected, and its file says nothing else.
# 2. Its issuer is `did`, whose DID document could be read.
# 3. The first proof is a signature over the whole document by a key of that DID document.
# 4. `now` is within its period of validity.
# 5. Its bit in the issuer's signed, current status list is 0, and no revocation was announced.
# 6. Each proof of anchoring leads from the hash of this very document to its Merkle root.
# 7. A configured network's registry holds that root at finality, and no registry has revoked it.


def verdict_on(
    credential: Credential,
    evidence: Evidence,
    *,
    did: str,
    now: datetime,
    expected_id: str | None = None,
    contradicted: str | None = None,
) -> Verdict:
    """The verdict on a credential that should be issued by `did` and have the id `expected_id`, if given.

    `contradicted`: where the file that held it contradicts it.
    """
    badge = credential.badge
    readable = check_readable(badge, expected_id, contradicted)
    issuer = check_issuer(badge, did, evidence.did_document, evidence.did_document_copied)
    signature = check_signature(credential, issuer, evidence.did_document, evidence.did_document_copied)
    period = check_period(badge, now)
    status = check_status(badge, evidence.status_list, evidence.record.revocation, now, evidence.status_list_copied)
    path = check_path(credential)
    chain = check_chain(credential, path, evidence.chain)
    checks = (readable, issuer, signature, period, status, path, chain)
    is_unreceived = evidence.record.received is False and not badge.has_anchor_proof
    return Verdict(_kind(checks, is_unreceived), checks, now, badge, evidence.record)


def _kind(checks: tuple[Check, ...], is_unreceived: bool) -> Kind:
    """In this order: a forgery is nothing else; revoked and expired need no other source; then what is unknown."""
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
        return "waiting-for-receipt" if is_unreceived else "in-progress"
    if "early" in findings:
        return "not-yet-valid"
    return "valid"
