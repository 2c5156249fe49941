"""What the sources answered about a credential; pure. Gathered by `sources/gather.py`, judged by `verdict.py`.

A source without an answer is `Unavailable`: its check is then unknown, which is neither a yes nor a no.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.verifier.check.credential import Invalid
from services.verifier.check.status_list import StatusList
from shared.chain.facts import NetworkAnswers, NetworkAway
from shared.credentials.content import Document


@dataclass(frozen=True)
class Unavailable:
    """No answer, and why."""

    why: str


ChainAnswers = tuple[NetworkAnswers | NetworkAway, ...]
"""What each configured network answered, in the order of the configuration."""


@dataclass(frozen=True)
class Revocation:
    """A revocation as the issuer announced it; may be newer than the status list."""

    revoked_at: datetime
    reason: str
    replaced_by: str | None = None  # assertion id of the newest version of the same registration


@dataclass(frozen=True)
class IssuerRecord:
    """What the issuer says of an assertion outside its credential. Ids are of assertions that are not revoked.

    `received`: whether its holder has received it; None where nobody told. `registration_counts`: the programme lets
    the page say that the registration is valid while the receipt is awaited. `erased_at`: its holder was erased, and
    nothing but this and `revocation` (without a reason) is said of it. `former_is_erased`: what it renews was erased,
    so no page of ours leads there.
    """

    details_public: bool = True
    revocation: Revocation | None = None
    renewed_as: str | None = None
    renews: str | None = None
    received: bool | None = None
    registration_counts: bool = False
    erased_at: datetime | None = None
    former_is_erased: bool = False


UNTOLD = IssuerRecord()
"""Of a badge of which the issuer says nothing but its credential."""


@dataclass(frozen=True)
class Evidence:
    """All answers about one credential.

    `did_document_copied`, `status_list_copied`: the age of the copy that was used because its source is unavailable;
    None for a current one.
    """

    did_document: Document | Unavailable
    status_list: StatusList | Invalid | Unavailable
    chain: ChainAnswers | Unavailable
    did_document_copied: timedelta | None = None
    status_list_copied: timedelta | None = None
    record: IssuerRecord = UNTOLD
