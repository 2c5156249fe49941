"""Events of invented people, as the other services announce them, for the tests of ops."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

import msgspec

from shared.events import (
    AssertionAnchored,
    AssertionIssued,
    AssertionRevoked,
    Award,
    BadgeReceived,
    CertificateRendered,
    Event,
    Holder,
    IssuanceRefused,
    LetterUpdated,
    RegistrationHeld,
    RegistrationRenewed,
    RenderingFailed,
)

E = TypeVar("E", bound=Event)

NOON = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def award(number: int, cohort: str = "2026", qualification: str = "gishi") -> Award:
    return Award(
        registration_id=f"R{number:05}",
        cohort=cohort,
        qualification=qualification,
        kind="new",
        pass_number=f"P{number}",
        registration_number=f"N{number}",
        valid_from=date(int(cohort), 4, 1),
        valid_until=date(int(cohort) + 4, 3, 31),
    )


def holder(number: int) -> Holder:
    return Holder(person_id=f"H{number}", family_name="見本", given_name=f"第{number}", email=f"p{number}@example.jp")


def assertion_id(number: int) -> str:
    return f"ASSERTION{number:05}"


def renewed(number: int, cohort: str = "2026", qualification: str = "gishi") -> RegistrationRenewed:
    return RegistrationRenewed(
        award=award(number, cohort, qualification), holder=holder(number), notify_from=NOON - timedelta(hours=12)
    )


def held(
    number: int, reason: str = "shared-address", revision: int = 1, qualification: str = "gishi"
) -> RegistrationHeld:
    return RegistrationHeld(
        registration_id=f"R{number:05}",
        person_id=f"H{number}",
        qualification=qualification,
        cohort="2026",
        reason=reason,  # type: ignore[arg-type]  # the caller gives one of the event's reasons
        revision=revision,
        name=f"見本 第{number}",
    )


def unprintable(number: int = 1) -> RegistrationHeld:
    """Held for a character that no font of ours has."""
    event = held(number, "no-glyph")
    return msgspec.structs.replace(event, name="渡\U00030ede 太郎", characters=("U+30EDE \U00030ede",))


def issued(number: int, minutes: float = 1, qualification: str = "gishi") -> AssertionIssued:
    return AssertionIssued(
        assertion_id=assertion_id(number),
        leaf=f"{number:064x}",
        award=award(number, qualification=qualification),
        holder=holder(number),
        issued_at=at(minutes),
        notify_from=NOON,
        status_list=1,
        status_index=number,
    )


def refused(number: int, version: int = 1, field: str = "pass_number", issued_version: int = 0) -> IssuanceRefused:
    return IssuanceRefused(
        registration_id=f"R{number:05}",
        cohort="2026",
        version=version,
        field=field,
        expected="curly brackets in pairs",
        got="{ or } alone",
        refused_at=at(1),
        issued_version=issued_version,
    )


def failed(number: int, reason: str = "no-glyph", revision: int = 1, **more: Any) -> RenderingFailed:
    return RenderingFailed(
        assertion_id=assertion_id(number),
        reason=reason,  # type: ignore[arg-type]  # the caller gives one of the event's reasons
        revision=revision,
        failed_at=at(5),
        **more,
    )


def letter(
    number: int, kind: str, state: str, minutes: float, *, attempt: int = 1, answer: str | None = None
) -> LetterUpdated:
    return LetterUpdated(
        assertion_id=assertion_id(number),
        letter=kind,  # type: ignore[arg-type]  # "award" or "completion"
        message_id=f"<{kind}.{number}@example.jp>",
        state=state,  # type: ignore[arg-type]  # one of the event's states
        attempt=attempt,
        at=at(minutes),
        answer=answer,
    )


def received(number: int) -> BadgeReceived:
    return BadgeReceived(assertion_id=assertion_id(number), received_at=at(3))


def anchored(number: int, root: str = "ab" * 32) -> AssertionAnchored:
    return AssertionAnchored(
        assertion_id=assertion_id(number),
        leaf=f"{number:064x}",
        merkle_root=root,
        path=(),
        network="local",
        chain_id=31337,
        contract="0x" + "11" * 20,
        transaction="0x" + "cd" * 32,
        block_number=7,
        block_hash="0x" + "ef" * 32,
        anchored_at=at(4),
    )


def rendered(number: int) -> CertificateRendered:
    return CertificateRendered(
        assertion_id=assertion_id(number),
        certificate_key=f"certificates/{number}/certificate.pdf",
        certificate_sha256="0" * 64,
        details_key=f"certificates/{number}/details.pdf",
        details_sha256="0" * 64,
        rendered_at=at(5),
    )


def version_id(number: int, version: int) -> str:
    return assertion_id(number) if version == 1 else f"{assertion_id(number)}V{version}"


def again(event: E, version: int, **unlike: Any) -> E:
    """The same event of a later version of the badge."""
    if isinstance(event, RegistrationRenewed):
        unlike = {"correction": "a correction"} | unlike
    else:
        number = int(str(event.assertion_id)[9:14])  # type: ignore[attr-defined]  # every other one of a cycle has it
        unlike |= {"assertion_id": version_id(number, version)}
    if isinstance(event, LetterUpdated):
        unlike |= {"message_id": f"{event.message_id}/{version}"}
    if isinstance(event, AssertionIssued):
        unlike |= {"corrects": version_id(int(event.assertion_id[9:14]), version - 1)}
    if isinstance(event, RegistrationRenewed | AssertionIssued):
        unlike |= {"version": version}
    return msgspec.structs.replace(event, **unlike)


def revoked(number: int, minutes: float = 9, *, version: int = 1, replaced: bool = False) -> AssertionRevoked:
    return AssertionRevoked(
        assertion_id=version_id(number, version),
        reason="訂正" if replaced else "withdrawal",
        revoked_at=at(minutes),
        replaced_by=version_id(number, version + 1) if replaced else None,
    )


def cycle(number: int, qualification: str = "gishi") -> list[Event]:
    """Everything that happens to one badge, in order of time."""
    return [
        renewed(number, qualification=qualification),
        issued(number, qualification=qualification),
        letter(number, "award", "queued", 1.5, attempt=0),
        letter(number, "award", "sent", 2),
        received(number),
        anchored(number),
        rendered(number),
        letter(number, "completion", "sent", 6),
    ]
