"""What registration and issuer said of a person, in the schema `ops`: versions, holds, addresses, refusals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from services.ops.board.decisions import Happening
from shared.events import AddressCorrected, IssuanceRefused, RegistrationHeld, RegistrationReleased, RegistrationRenewed
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
