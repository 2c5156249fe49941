"""An assertion, one award to one person: its id, its versions, and the event that announces it. Pure."""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from datetime import datetime

from shared import object_keys
from shared.credentials.did import did_of
from shared.events import AssertionIssued, Award, Holder, RegistrationRenewed
from shared.object_keys import BadgeFile
from shared.programme import Programme


@dataclass(frozen=True)
class Issuer:
    """The society, and the URLs under which it issues."""

    programme: Programme
    public_url: str

    @property
    def did(self) -> str:
        return did_of(self.public_url)

    @property
    def image_url(self) -> str:
        return f"{self.public_url}/{object_keys.ISSUER_IMAGE}"

    def badge_url(self, qualification: str, edition: str, form: BadgeFile = "json") -> str:
        return f"{self.public_url}/{object_keys.badge_file(qualification, edition, form)}"

    def status_url(self, number: int) -> str:
        return f"{self.public_url}/{object_keys.status_list(number)}"

    def credential_url(self, assertion_id: str) -> str:
        return f"{self.public_url}/{object_keys.credential(assertion_id)}"


@dataclass(frozen=True)
class StatusPlace:
    """The bit that says whether an assertion is revoked."""

    number: int  # of the list, from 1
    index: int  # of the bit, from 0, the left-most


@dataclass(frozen=True)
class Assertion:
    """One award to one person, in one version.

    `edition` is the badge class's ("2026", "2026-2"). `replaces` is the assertion that this one renews, `corrects` the
    one that it corrects and revokes; both only if we issued them. Every version of a registration has its own id.
    """

    assertion_id: str
    award: Award
    holder: Holder
    issued_at: datetime
    notify_from: datetime
    status: StatusPlace
    edition: str
    version: int = 1
    replaces: str | None = None
    corrects: str | None = None


def assertion_id_of(secret: bytes, registration_id: str, version: int = 1) -> str:
    """26 characters A–Z, 2–7 (130 bits): deterministic, and not to be guessed without the secret.

    A correction is the next version of the same registration.
    """
    named = registration_id if version == 1 else f"{registration_id}/{version}"
    return base64.b32encode(keyed_digest(secret, named))[:26].decode()


def assertion_for(
    event: RegistrationRenewed,
    *,
    secret: bytes,
    now: datetime,
    status: StatusPlace,
    edition: str,
    replaces: str | None = None,
    corrects: str | None = None,
) -> Assertion:
    """The assertion of a registration in the event's version; deterministic.

    `edition` is the current one of the year in which the period begins. `replaces` is the newest assertion of the
    former registration, `corrects` the newest earlier version of this one: None where we issued none.
    """
    return Assertion(
        assertion_id=assertion_id_of(secret, event.award.registration_id, event.version),
        award=event.award,
        holder=event.holder,
        issued_at=now,
        notify_from=event.notify_from,
        status=status,
        edition=edition,
        version=event.version,
        replaces=replaces,
        corrects=corrects,
    )


def issued(assertion: Assertion, leaf: str) -> AssertionIssued:
    """The event that is announced once the credential is in object storage."""
    return AssertionIssued(
        assertion_id=assertion.assertion_id,
        leaf=leaf,
        award=assertion.award,
        holder=assertion.holder,
        issued_at=assertion.issued_at,
        notify_from=assertion.notify_from,
        status_list=assertion.status.number,
        status_index=assertion.status.index,
        replaces=assertion.replaces,
        version=assertion.version,
        corrects=assertion.corrects,
        edition=assertion.edition,
    )


def keyed_digest(secret: bytes, text: str) -> bytes:
    """HMAC-SHA-256."""
    return hmac.digest(secret, text.encode(), "sha256")
