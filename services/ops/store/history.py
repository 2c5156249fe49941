"""What registration and issuer said of a person, in the schema `ops`: versions, holds, addresses, lost mailboxes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from services.ops.board.decisions import Happening
from services.ops.board.rows import WaitingRecovery
from shared.events import AddressCorrected, IssuanceRefused, RegistrationHeld, RegistrationReleased, RegistrationRenewed
from shared.recovery_events import AddressRecoveryBegun, AddressRecoverySettled
from shared.runtime.db import Transaction


class PersonEvents:
    """Each fact is kept once, however often and in whatever order its event comes."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def note_versions(self, events: Sequence[RegistrationRenewed]) -> None:
        now = self._tx.now()
        self._note(
            [
                _row(
                    event.key,
                    "version",
                    event.version,
                    now,
                    event.correction,
                    {
                        "family_name": event.holder.family_name,
                        "given_name": event.holder.given_name,
                        "family_name_latin": event.holder.family_name_latin,
                        "given_name_latin": event.holder.given_name_latin,
                        "pass_number": event.award.pass_number,
                        "registration_number": event.award.registration_number,
                        "valid_from": event.award.valid_from.isoformat(),
                        "valid_until": event.award.valid_until.isoformat(),
                    },
                )
                for event in events
            ]
        )

    def note_holds(self, events: Sequence[RegistrationHeld | RegistrationReleased]) -> None:
        now = self._tx.now()
        self._note(
            [
                _row(event.registration_id, "held", event.revision, now, event.reason)
                if isinstance(event, RegistrationHeld)
                else _row(event.registration_id, "released", event.revision, now)
                for event in events
            ]
        )

    def note_addresses(self, events: Sequence[AddressCorrected]) -> None:
        self._note([_row(event.key, "address", event.revision, event.corrected_at) for event in events])

    def note_refused(self, events: Sequence[IssuanceRefused]) -> None:
        self._note(
            [
                _row(event.key, "refused", event.version, event.refused_at, None, {"field": event.field})
                for event in events
            ]
        )

    def note_recoveries(self, events: Sequence[AddressRecoveryBegun | AddressRecoverySettled]) -> None:
        self._note([_recovery(event) for event in events])

    def waiting_recoveries(self, *, limit: int, seen: Sequence[str] | None = None) -> list[WaitingRecovery]:
        """The people whose address is to change because they have lost the mailbox; the next one first."""
        return self._tx.fetch_all(
            WaitingRecovery,
            "select registration_id, p.name, e.at as begun_at, (e.facts::json ->> 'takes_effect_at')::timestamptz"
            "  as takes_effect_at"
            " from person_events e left join people p using (registration_id) where e.kind = 'recovery-begun'"
            " and (%s::text[] is null or p.qualification = any(%s)) and not exists (select from person_events after"
            "  where after.registration_id = e.registration_id and after.kind like 'recovery-%%'"
            "  and after.kind <> e.kind and after.number = e.number) order by takes_effect_at, 1 limit %s",
            (*[None if seen is None else list(seen)] * 2, limit),
        )

    def of(self, registration_id: str) -> list[Happening]:
        """The oldest first."""
        return self._tx.fetch_all(
            Happening,
            "select kind, number, at, reason, facts::json as facts from person_events where registration_id = %s"
            " order by at, number, kind",
            (registration_id,),
        )

    def _note(self, rows: Sequence[dict[str, Any]]) -> None:
        self._tx.insert_rows("person_events", rows, "(registration_id, kind, number) do nothing")


def _row(
    id: str, kind: str, number: int, at: Any, reason: str | None = None, facts: dict[str, str | None] | None = None
) -> dict[str, Any]:
    return {
        "registration_id": id,
        "kind": kind,
        "number": number,
        "at": at,
        "reason": reason,
        "facts": None if facts is None else msgspec.json.encode(facts).decode(),
    }


_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


def _recovery(event: AddressRecoveryBegun | AddressRecoverySettled) -> dict[str, Any]:
    """Numbered by the second in which it began: one of a person waits at a time."""
    number = int((event.begun_at - _EPOCH).total_seconds())
    if isinstance(event, AddressRecoveryBegun):
        facts: dict[str, str | None] = {"takes_effect_at": event.takes_effect_at.isoformat()}
        return _row(event.registration_id, "recovery-begun", number, event.begun_at, None, facts)
    return _row(event.registration_id, f"recovery-{event.outcome}", number, event.settled_at)
