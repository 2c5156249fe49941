"""What the issuer announces of a registration that must not become a credential. Pure; nothing personal."""

from __future__ import annotations

from datetime import datetime

from services.issuer.domain.selection import IssuedVersion
from services.issuer.domain.soundness import Unsound
from shared.credentials.credential import DoNotSign
from shared.events import IssuanceRefused, RegistrationRenewed


def refusal_of(
    event: RegistrationRenewed, error: DoNotSign, newest: IssuedVersion | None, now: datetime
) -> IssuanceRefused:
    """Why this version gets no credential. `newest`: the newest version that we issued, if any."""
    if isinstance(error, Unsound):
        field, got, expected = error.field, error.got, error.expected
    else:
        field, got, expected = "credential", None, str(error)
    return IssuanceRefused(
        registration_id=event.award.registration_id,
        cohort=event.award.cohort,
        version=event.version,
        field=field,
        expected=expected,
        got=got,
        refused_at=now,
        issued_version=newest.number if newest is not None else 0,
    )
