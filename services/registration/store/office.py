"""What the office's orders write, what each changed (old and new), and what the office asks about registrations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.registration.domain.registration import Registration
from services.registration.domain.spelling import Spelling
from services.registration.store.cohort_holds import CohortHoldRows
from shared.addresses import same_address_key
from shared.office_answers import search_key, search_sql

_FOUND = 200  # people that one question of the office finds


@dataclass(frozen=True)
class OrderChange:
    """What an order changed of one field. `old` None: there was nothing."""

    decision_id: str
    registration_id: str
    field: str
    old: str | None
    new: str | None
    changed_at: datetime


@dataclass(frozen=True)
class Sharer:
    """Another registration at the same address."""

    registration_id: str
    qualification: str
    name: str
    state: str


class OfficeRows(CohortHoldRows):
    """One transaction on the registrations, for the office."""

    def set_office_address(self, id: str, address: str, confirmed_at: datetime, now: datetime) -> None:
        """Use the office's address from now on. The registration and who shared the former one are judged at once."""
        self._leave_address(id, address, now)
        self.cursor.execute(
            "update registrations set office_email = %s, confirmed_at = %s, address_key = %s, due_since = %s,"
            " at_once = true where registration_id = %s",
            (address, confirmed_at, same_address_key(address), now, id),
        )
        self.look_again([id], now)

    def confirm_office_address(self, id: str, address: str, confirmed_at: datetime) -> None:
        """The address of a released registration is the office's, as confirmed before a restore."""
        self.cursor.execute(
            "update registrations set office_email = %s, confirmed_at = %s where registration_id = %s",
            (address, confirmed_at, id),
        )

    def _leave_address(self, id: str, address: str, now: datetime) -> None:
        """Judge at once those held because they share the address that the registration leaves for another one."""
        former = self.fetch_value(
            "select address_key from registrations where registration_id = %s and address_key <> %s",
            (id, same_address_key(address)),
        )
        self.judge_address_sharers([former] if former is not None else [], now)

    def move_letters(self, id: str, address: str, confirmed_at: datetime) -> int:
        """Use the office's address of a registration that has a badge, which stays; the number of this change."""
        self._leave_address(id, address, self.now())
        row = self.cursor.execute(
            "update registrations set office_email = %s, address_key = %s, confirmed_at = %s,"
            " address_revision = address_revision + 1 where registration_id = %s returning address_revision",
            (address, same_address_key(address), confirmed_at, id),
        ).fetchone()
        if row is None:
            raise LookupError(f"registration {id}: got none, expected the one that this transaction read")
        revision: int = row[0]
        return revision

    def set_spelling(self, id: str, spelling: Spelling | None, now: datetime) -> None:
        """How the names are written, as was agreed. The registration is judged at once."""
        self.cursor.execute(
            "update registrations set spelling = %s, due_since = %s, at_once = true where registration_id = %s",
            (None if spelling is None else spelling.as_text(), now, id),
        )

    def set_office_hold(self, id: str, now: datetime) -> None:
        """Hold by the office's order. The registration is judged at once."""
        self.cursor.execute(
            "update registrations set office_hold = true, due_since = %s, at_once = true where registration_id = %s",
            (now, id),
        )

    def end_office_hold(self, id: str, resumed_at: datetime, now: datetime) -> None:
        """End the office's hold; one of its cohort from before lets it pass. The registration is judged at once."""
        self.cursor.execute(
            "update registrations set office_hold = false, resumed_at = greatest(resumed_at, %s), due_since = %s,"
            " at_once = true where registration_id = %s",
            (resumed_at, now, id),
        )

    def correct(self, corrected: Sequence[Registration], now: datetime) -> None:
        """Write released registrations as corrected, each at its new version and with the moment of its notice.

        Unless the issuer refuses that, upstream amends them no more: it may deliver what the office has corrected.
        """
        self.update(corrected, now, judge=False)
        self.update_rows(
            "registrations",
            [
                {
                    "registration_id": each.id,
                    "office_email": each.office_email,
                    "confirmed_at": each.confirmed_at,
                    "version": each.version,
                    "notify_from": each.notify_from,
                    "presumed_issued": True,
                }
                for each in corrected
            ],
            "registration_id",
        )

    # ── what they changed ──────────────────────────────────────────────────────────────────────────────

    def keep_changes(self, changes: Sequence[OrderChange]) -> None:
        """Old and new of each field that an order changed. The first that is kept of an order stands."""
        self.insert_rows("order_changes", [vars(change) for change in changes], "(decision_id, field) do nothing")

    def changes_by(self, decision_ids: Sequence[str]) -> list[OrderChange]:
        """What these orders changed."""
        return self.fetch_all(
            OrderChange,
            "select decision_id, registration_id, field, old, new, changed_at from order_changes"
            " where decision_id = any(%s) order by changed_at, decision_id, field",
            (list(decision_ids),),
        )

    # ── what the office asks ───────────────────────────────────────────────────────────────────────────

    def find(self, texts: Sequence[str], address_key: str, qualifications: Sequence[str] | None) -> list[str]:
        """The registrations whose names or kana hold each of `texts`, or whose address has this key; by id."""
        names = " || ' ' || ".join(
            f"coalesce({column}, '')"
            for column in ("family_name", "given_name", "family_name_kana", "given_name_kana", "family_name_latin")
        )
        parts = [search_key(text) for text in texts]  # of an ops of the former release, too
        text = search_sql(f"{names} || ' ' || coalesce(given_name_latin, '')", parts)
        found = self.cursor.execute(
            "select registration_id from registrations where (%s::text[] is null or qualification = any(%s))"
            " and (address_key = %s or (select bool_and(position(part in " + text + ") > 0)"
            "  from unnest(%s::text[]) as part)) order by valid_from desc, registration_id limit %s",
            (qualifications, qualifications, address_key, parts, _FOUND),
        )
        return [id for (id,) in found]

    def sharers(self, registration: Registration) -> list[Sharer]:
        """The other registrations at its address, of this person and of others."""
        return self.fetch_all(
            Sharer,
            "select registration_id, qualification, family_name || ' ' || given_name as name, state from registrations"
            " where address_key = %s and registration_id <> %s order by registration_id limit %s",
            (registration.address_key, registration.id, _FOUND),
        )

    def not_applied(self, id: str) -> list[tuple[str, datetime]]:
        """The fields that upstream changed after the issue, which keep their values; and when."""
        rows: list[Any] = self.cursor.execute(
            "select field, noted_at from not_applied where registration_id = %s order by noted_at, field", (id,)
        ).fetchall()
        return [(field, at) for field, at in rows]
