"""What registration announced before its database was restored, taken back into its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from services.registration.domain.address_letters import confirmed_at_screen
from services.registration.domain.registration import Registration, announced_record
from services.registration.store.erasure import Erasure
from services.registration.store.registrations import RejectedRow, record_columns
from shared.addresses import same_address_key
from shared.erasure_events import PersonErased
from shared.events import (
    AddressCorrected,
    AssertionIssued,
    RegistrationHeld,
    RegistrationRejected,
    RegistrationReleased,
    RegistrationRenewed,
)
from shared.letter_events import DeskLetterRequested
from shared.office_events import DecisionSettled
from shared.runtime.db import replace
from shared.topics import SERVICES


class _Revision(NamedTuple):
    """A hold (with its reason) or a release of a registration."""

    registration_id: str
    revision: int
    reason: str | None = None
    first_registration_id: str | None = None


class RegistrationTransaction(Erasure):
    """One transaction on the registrations, with what is taken back at a start after a restore."""

    def take_back_held(self, events: Sequence[RegistrationHeld]) -> None:
        """Held as announced, and revisions go on from there. Not judged before upstream has delivered the record again.

        A registration that isn't here takes it over when its record comes. What no topic holds: private fields, changes
        of a record that was not judged yet, and which changes after the issue were not applied.
        """
        self._take_back_revisions(
            [_Revision(e.registration_id, e.revision, e.reason, e.first_registration_id) for e in events],
            due_since=None,
        )

    def take_back_released(self, events: Sequence[RegistrationReleased]) -> None:
        """No longer held, and revisions go on from there. Its badge is `take_back_renewed`'s.

        If that was never published, the registration is judged when upstream has delivered it again.
        """
        self._take_back_revisions([_Revision(e.registration_id, e.revision) for e in events], due_since=self.now())

    def take_back_renewed(self, events: Sequence[RegistrationRenewed]) -> None:
        """Released in the version announced, with its names, numbers, period and address. Nobody else gets the address.

        A registration that isn't here is created, without its private fields, until upstream delivers its record. What
        no topic holds: those fields, when it was released, and when the office confirmed the address.
        """
        self.lock()
        newest = {event.key: event for event in sorted(events, key=lambda event: event.version)}
        known = self.registrations(newest)
        self._stand_as_released(
            [
                self._released(event, known.get(id))
                for id, event in newest.items()
                if id not in known or known[id].state != "released" or known[id].version < event.version
            ]
        )
        self.take_over(list(newest))

    def take_back_addresses(self, events: Sequence[AddressCorrected]) -> None:
        """The address of a released registration is the office's, as its latest change says; nobody else gets it.

        What no topic holds: the address before.
        """
        self.lock()
        latest = {event.key: event for event in sorted(events, key=lambda event: event.revision)}
        newer = "registrations.version > new.version"  # a later version says its own
        self.update_rows(
            "registrations",
            [
                {
                    "registration_id": id,
                    "office_email": event.email,
                    "address_key": same_address_key(event.email),
                    "confirmed_at": event.corrected_at,
                    "address_revision": event.revision,
                    "version": event.version,
                }
                for id, event in latest.items()
            ],
            "registration_id",
            assign="address_revision = new.address_revision,"
            + ",".join(
                f" {name} = case when {newer} then registrations.{name} else new.{name} end"
                for name in ("office_email", "address_key", "confirmed_at")
            ),
            where="registrations.state = 'released' and registrations.address_revision < new.address_revision",
        )

    def stand_as_issued(self, events: Sequence[AssertionIssued], known: Mapping[str, Registration]) -> None:
        """What was issued stands, at most one event each, whatever `known` or a restore made of the registration.

        A hold is over, which is a revision.
        One that isn't here is created, without its private fields, until upstream delivers its record.
        """
        rows = []
        for event in events:
            before = known.get(event.award.registration_id)
            row = self._released(event, before)
            if before is not None:
                row |= {"version": max(before.version, event.version), "recalled": before.is_recalled}
            rows.append(row)
        self.cursor.execute(
            "update registrations set revision = revision + 1 where state = 'held' and registration_id = any(%s)",
            ([row["registration_id"] for row in rows],),
        )
        self._stand_as_released(rows)
        self.take_over([event.award.registration_id for event in events])

    def _stand_as_released(self, rows: Sequence[dict[str, Any]]) -> None:
        kept = ("received_at", "released_at")
        columns = [name for name in (rows[0] if rows else ()) if name not in ("registration_id", "revision", *kept)]
        self.insert_rows(
            "registrations",
            rows,
            replace("registration_id", columns)
            + "".join(f", {name} = coalesce(registrations.{name}, excluded.{name})" for name in kept),
        )

    def take_back_rejected(self, events: Sequence[RegistrationRejected]) -> None:
        """The rejected rows, for the office's list. What no topic holds: which registrations they were about."""
        now = self.now()
        self.add_rejected(
            [
                RejectedRow(
                    rejection_id=event.rejection_id,
                    source=event.source,
                    row=event.row,
                    field=event.field,
                    got=event.got,
                    expected=event.expected,
                    registration_id=None,
                    received_at=now,
                )
                for event in events
            ]
        )

    def take_back_settled(self, events: Sequence[DecisionSettled]) -> None:
        """Orders that were carried out are not carried out again: `claim` drops them.

        What they set is missing until they are read again (`recalled_orders`); their registrations wait for that.
        """
        self.insert_rows(
            "recalled_orders",
            [
                {"decision_id": event.decision_id, "registration_id": event.subject}
                for event in events
                if event.outcome == "done" and event.subject not in SERVICES
            ],
        )

    def take_back_letters(self, events: Sequence[DeskLetterRequested]) -> None:
        """Addresses that people had confirmed, as the letters to the new address name them; other letters say nothing.

        What no topic holds: sessions, requests that were not confirmed yet (people ask again), and that somebody had
        confirmed the address on file.
        """
        self.lock()
        for event in events:
            id = confirmed_at_screen(event.letter_id)
            if id is None:
                continue
            own = self.registrations([id]).get(id)
            if own is None:
                key = same_address_key(event.recipient)
                self.keep_order(id, office_email=event.recipient, address_key=key, confirmed_at=event.requested_at)
            for each in [] if own is None else self.of_person(own.record.person_id):
                if each.state != "released" and each.office_email is None:
                    self.set_office_address(each.id, event.recipient, event.requested_at, self.now())

    def take_back_erased(self, events: Sequence[PersonErased]) -> None:
        """Their people are erased once more, with what was taken back of them."""
        self.lock()
        for event in events:
            self.erase_registrations(event.decision_id, event.registration_ids)

    def recalled_orders(self, decision_ids: Sequence[str]) -> set[str]:
        """Those that were carried out before a restore and are read again now, each once."""
        found = self.cursor.execute(
            "delete from recalled_orders where decision_id = any(%s) returning decision_id", (list(decision_ids),)
        )
        return {id for (id,) in found}

    def keep_order(self, id: str, **columns: Any) -> None:
        """What an order set on a registration that isn't here: it takes it over when its record comes.

        Not of somebody who was erased: no record of theirs is taken.
        """
        if self.erased([id]):
            return
        self.insert_rows("recalled", [{"registration_id": id, **columns}], replace("registration_id", list(columns)))

    def _take_back_revisions(self, revisions: Sequence[_Revision], *, due_since: datetime | None) -> None:
        """The highest of a registration counts."""
        self.lock()
        newest = {each.registration_id: each for each in sorted(revisions, key=lambda each: each.revision)}
        self.insert_rows(
            "recalled",
            [each._asdict() for each in newest.values()],
            f"{replace('registration_id', ('revision', 'reason', 'first_registration_id'))}"
            " where recalled.revision < excluded.revision",
        )
        self.take_over(list(newest), due_since=due_since, recalled=True)

    def _released(self, event: RegistrationRenewed | AssertionIssued, known: Registration | None) -> dict[str, Any]:
        now = self.now()
        record = announced_record(event, known.record if known else None, known.spelling if known else None)
        office_email = known.office_email if known else None
        if known is not None and known.address_key != same_address_key(event.holder.email):
            office_email = event.holder.email
        return {
            **record_columns(record),
            "office_email": office_email,
            "address_key": same_address_key(event.holder.email),
            "received_at": now,
            "state": "released",
            "reason": None,
            "first_registration_id": None,
            "office_hold": False,
            "version": event.version,
            "notify_from": event.notify_from,
            "released_at": now,
            "due_since": None,
            "at_once": False,
            "recalled": True,
            "presumed_issued": True,
        }
