"""The rows of holders who have lost the mailbox. The transaction under `recalled.py`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from services.registration.domain.recovery import Recovery, is_to_move
from services.registration.domain.registration import Registration
from services.registration.store.address_screen import AddressScreen
from shared.addresses import same_address_key
from shared.recovery_events import AddressRecoveryBegun, AddressRecoverySettled, RecoveryOutcome
from shared.retry import SKEW
from shared.runtime.db import replace

_SELECT = (
    "select recovery_id, person_id, registration_id, email, former_email, language, begun_at, takes_effect_at, outcome"
    " from address_recoveries"
)
_DUE = "outcome is null and takes_effect_at <= %(now)s"
_AHEAD = "outcome is null and begun_at > %(ahead)s"
_LATER = timedelta(hours=1)


class Recoveries(AddressScreen):
    """One transaction on them."""

    def begin_recovery(self, recovery: Recovery) -> None:
        """UniqueViolation when another one of the person waits: the caller has looked, under the writers' lock."""
        self.insert_rows("address_recoveries", [vars(recovery)], None)

    def recovery(self, recovery_id: str) -> Recovery | None:
        return self.fetch_one(Recovery, f"{_SELECT} where recovery_id = %s", (recovery_id,))

    def waiting_recovery(self, person_id: str) -> Recovery | None:
        """The one of this person that has not been settled."""
        return self.fetch_one(Recovery, f"{_SELECT} where person_id = %s and outcome is null", (person_id,))

    def recoveries_wait_by_our_clock(self, now: datetime) -> None:
        """Those that began in the future, by a clock that was ahead, wait as long as they were to, from now on."""
        self.cursor.execute(
            "update address_recoveries set begun_at = %(now)s, takes_effect_at = %(now)s + (takes_effect_at - begun_at)"
            f" where {_AHEAD}",
            {"now": now, "ahead": now + SKEW},
        )

    def has_due_recoveries(self, now: datetime) -> bool:
        """Whether any is due, or began in the future. Takes no lock."""
        found: bool = self.fetch_value(
            f"select exists (select from address_recoveries where {_DUE} or {_AHEAD})",
            {"now": now, "ahead": now + SKEW},
        )
        return found

    def due_recoveries(self, now: datetime, limit: int) -> list[Recovery]:
        """Those that nobody has stopped in their time, the one that waits longest first."""
        return self.fetch_all(
            Recovery,
            f"{_SELECT} where {_DUE} order by takes_effect_at, recovery_id limit %(limit)s",
            {"now": now, "limit": limit},
        )

    def settle_recovery(self, recovery: Recovery, outcome: RecoveryOutcome, now: datetime) -> None:
        """Announced once: one that is settled already stays as it is."""
        if self.cursor.execute(
            "update address_recoveries set outcome = %s, settled_at = %s where recovery_id = %s and outcome is null",
            (outcome, now, recovery.recovery_id),
        ).rowcount:
            self.announce(recovery.settled(outcome, now))

    def try_recovery_later(self, recovery: Recovery) -> None:
        self.cursor.execute(
            "update address_recoveries set takes_effect_at = %s where recovery_id = %s",
            (self.now() + _LATER, recovery.recovery_id),
        )

    # ── after a restore ────────────────────────────────────────────────────────────────────────────────

    def take_back_recoveries(self, events: Sequence[AddressRecoveryBegun]) -> None:
        """They wait again until the announced moment. Of one person only the latest: the others were settled."""
        for event in sorted(events, key=lambda event: event.begun_at, reverse=True):
            self.insert_rows("address_recoveries", [_row(event) | {"takes_effect_at": event.takes_effect_at}])

    def take_back_settled_recoveries(self, events: Sequence[AddressRecoverySettled]) -> None:
        """They are settled, even if their beginning is read only later. The addresses of badges come back by
        AddressCorrected; those of registrations without a badge are set here.
        """
        self.lock()
        for event in events:
            settled = {"outcome": event.outcome, "settled_at": event.settled_at}
            self.insert_rows(
                "address_recoveries",
                [_row(event) | {"takes_effect_at": event.settled_at, **settled}],
                replace("recovery_id", list(settled)),
            )
            if event.outcome == "moved":
                self.move_open(event.person_id, event.email, event.former_email, event.settled_at)

    def move_open(self, person_id: str, email: str, former_email: str | None, at: datetime) -> list[Registration]:
        """The registrations of the person that are not released get the address, unless they have a third one; which
        have changed, as they were."""
        of_person = self.of_person(person_id)
        moved = [each for each in of_person if each.state != "released" and is_to_move(each, former_email)]
        for each in moved:
            self.set_office_address(each.id, email, at, self.now())
        return [each for each in moved if each.address_key != same_address_key(email)]


def _row(event: AddressRecoveryBegun | AddressRecoverySettled) -> dict[str, Any]:
    names = ("recovery_id", "person_id", "registration_id", "email", "former_email", "language", "begun_at")
    return {name: getattr(event, name) for name in names}
