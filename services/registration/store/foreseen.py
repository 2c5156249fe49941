"""What is judged before its cycle begins, so that the office sees who is held from the first delivery on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from services.registration.domain.cohort import BEFORE_OTHERS
from services.registration.store.facts import Facts

_MAY_CHANGE = "r.foreseen or r.reason <> all(%(before)s)"


class Foreseen(Facts):
    """One transaction on the registrations, with those that nothing holds and that wait for their cycle."""

    def save_foreseen(self, registrations: Sequence[tuple[str, int, datetime | None]]) -> None:
        """Nothing holds these: they wait for their cycle to begin. Each with its new revision and `confirmed_at`."""
        self.update_rows(
            "registrations",
            [
                {"registration_id": id, "state": "waiting", "reason": None, "first_registration_id": None}
                | {"revision": revision, "confirmed_at": confirmed_at, "at_once": False, "foreseen": True}
                for id, revision, confirmed_at in registrations
            ],
            "registration_id",
        )

    def look_again(self, ids: Collection[str], now: datetime) -> None:
        """These registrations are new or changed: judge those again that they may contradict and that were foreseen, or
        are held for a reason that another may come before.

        They have the same address, person or number, or renew one of them.
        """
        if not ids:
            return
        self.cursor.execute(
            "with changed as materialized (select registration_id, person_id, address_key, qualification,"
            "   registration_number_key, pass_number_key from registrations where registration_id = any(%(ids)s)),"
            " touched as ("
            "  select r.registration_id from registrations r join changed using (address_key)"
            "   where r.foreseen or (r.reason = 'office-hold' and r.with_cohort)"  # the one after those of addresses
            f"  union select r.registration_id from registrations r join changed using (person_id) where {_MAY_CHANGE}"
            "  union select r.registration_id from registrations r"
            f"   join changed using (qualification, registration_number_key) where {_MAY_CHANGE}"
            "  union select r.registration_id from registrations r"
            f"   join changed using (qualification, pass_number_key) where {_MAY_CHANGE}"
            "  union select registration_id from registrations"
            "   where foreseen and previous_registration_id = any(%(ids)s)"
            "  union select r.registration_id from registrations r"
            "   where r.reason is not null and r.previous_registration_id = any(%(ids)s)"
            f"   and ({_MAY_CHANGE}))"
            " update registrations set foreseen = false, due_since = coalesce(due_since, %(now)s) from touched"
            "  where touched.registration_id = registrations.registration_id",
            {"ids": list(ids), "before": sorted(BEFORE_OTHERS), "now": now},
        )
