"""What the registrations of one person, and those that they renew, say: read, and judged again when it changes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from services.registration.domain.facts import KnownFacts, PersonRecord, facts_of
from services.registration.domain.numbers import NumberUse, number_key
from services.registration.domain.record import UpstreamRecord
from services.registration.domain.registration import Registration
from shared.events import CONTRADICTIONS
from shared.runtime.db import Transaction

COUNTS = "(state = 'released' or version > 1 or valid_from >= %s)"
"""SQL: whether others must agree with a registration: it was released ever, or its period begins from a day on."""


class Facts(Transaction):
    """One transaction on the registrations, by their people."""

    def known_facts(self, judged: Sequence[Registration], not_before: date, today: date) -> KnownFacts:
        """What records that count (as in `address_uses`) say of these people, and whose registrations they renew."""
        people = {each.record.person_id for each in judged}
        previous = {each.record.previous_registration_id for each in judged} - {None}
        records = self.fetch_all(
            PersonRecord,
            "select registration_id, person_id, family_name, given_name, birth_date, valid_from, released_at"
            f" from registrations where person_id = any(%s) and {COUNTS}",
            (sorted(people), not_before),
        )
        numbers = self.number_uses([each.record for each in judged], not_before)
        renewed = self.cursor.execute(
            "select registration_id, person_id from registrations where registration_id = any(%s)", (list(previous),)
        )
        return facts_of(records, dict(renewed.fetchall()), today, numbers)

    def number_uses(self, records: Sequence[UpstreamRecord], not_before: date) -> list[NumberUse]:
        """The registrations that count (as in `address_uses`) with a number of these in the same qualification."""
        return self.fetch_all(
            NumberUse,
            "with asked as (select * from unnest(%s::text[], %s::text[], %s::text[])"
            "  as given (qualification, registration_number_key, pass_number_key)),"
            " found as ("
            "  select registration_id from registrations"
            "   join asked using (qualification, registration_number_key)"
            "  union"
            "  select registration_id from registrations join asked using (qualification, pass_number_key))"
            " select registration_id, person_id, qualification, registration_number_key, pass_number_key, valid_from,"
            "  released_at from registrations join found using (registration_id)"
            f" where {COUNTS}",
            (
                [record.qualification for record in records],
                [number_key(record.registration_number) for record in records],
                [number_key(record.pass_number) for record in records],
                not_before,
            ),
        )

    def judge_contradicted(self, people: Collection[str], ids: Collection[str], now: datetime) -> None:
        """Records of these people, or these records, changed: judge at once those held because of what they said."""
        if not ids:
            return
        self.cursor.execute(
            "update registrations set due_since = %s, at_once = true where reason = any(%s)"
            " and (person_id = any(%s) or previous_registration_id = any(%s) or first_registration_id = any(%s))",
            (now, sorted(CONTRADICTIONS), list(people), list(ids), list(ids)),
        )

    def confirm_facts(self, id: str, now: datetime) -> None:
        """The office says that this record is right, until upstream changes it. The registration is judged at once."""
        self.cursor.execute(
            "update registrations set facts_confirmed = true, due_since = %s, at_once = true"
            " where registration_id = %s",
            (now, id),
        )
