"""What is judged before its cycle begins, so that the office sees who is held from the first delivery on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from services.registration.store.facts import Facts


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

    def look_again(self, ids: Collection[str]) -> None:
        """These registrations are new or changed: judge those again that were foreseen and that they may contradict.

        They have the same address, person or number, or renew one of them.
        """
        if not ids or self.cursor.execute("select from registrations where foreseen limit 1").fetchone() is None:
            return
        self.cursor.execute(
            "with changed as materialized (select registration_id, person_id, address_key, qualification,"
            "   registration_number_key, pass_number_key from registrations where registration_id = any(%(ids)s)),"
            " touched as ("
            "  select r.registration_id from registrations r join changed using (address_key) where r.foreseen"
            "  union select r.registration_id from registrations r join changed using (person_id) where r.foreseen"
            "  union select r.registration_id from registrations r"
            "   join changed using (qualification, registration_number_key) where r.foreseen"
            "  union select r.registration_id from registrations r"
            "   join changed using (qualification, pass_number_key) where r.foreseen"
            "  union select registration_id from registrations"
            "   where foreseen and previous_registration_id = any(%(ids)s))"
            " update registrations set foreseen = false from touched"
            "  where touched.registration_id = registrations.registration_id",
            {"ids": list(ids)},
        )
