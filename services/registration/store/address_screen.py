"""The rows behind the screen where people register their address: sessions, attempts, requests."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from services.registration.domain.address_screen import RequestState
from services.registration.domain.registration import Registration
from services.registration.domain.sign_in import HYPHENS
from services.registration.store.office import OfficeRows
from shared.addresses import same_address_key
from shared.retry import SKEW
from shared.runtime.attempts import Attempts

_REQUEST = (
    "select request_id, desk, registration_id, person_id, address, language, expires_at, outcome, recovers"
    " from address_requests"
)


@dataclass(frozen=True)
class AddressRequest:
    """That a person wants this address. `outcome`: what became of it; None: nothing yet."""

    request_id: str
    desk: str
    registration_id: str
    person_id: str
    address: str
    language: Literal["ja", "en"]
    expires_at: datetime
    outcome: RequestState | None = None
    recovers: bool = False  # its person has a badge and has lost the mailbox


class ScreenAttempts(Attempts):
    """Their keys are HMACs: who reads the table learns nothing of numbers and addresses."""

    table = "screen_attempts"


class AddressScreen(OfficeRows):
    """One transaction of the screen."""

    # ── who signs in ───────────────────────────────────────────────────────────────────────────────────

    def with_pass_number(self, key: str, qualifications: Collection[str]) -> list[Registration]:
        """The registrations of these qualifications with a pass number of this `sign_in_key`."""
        found = self.cursor.execute(
            "select registration_id from registrations"
            f" where regexp_replace(pass_number_key, '[{HYPHENS}]', '', 'g') = %s and qualification = any(%s)",
            (key, list(qualifications)),
        )
        return list(self.registrations(id for (id,) in found.fetchall()).values())

    def born_on(self, day: date, qualifications: Collection[str]) -> list[Registration]:
        """The registrations of these qualifications whose person was born on this day."""
        found = self.cursor.execute(
            "select registration_id from registrations where birth_date = %s and qualification = any(%s)",
            (day, list(qualifications)),
        )
        return list(self.registrations(id for (id,) in found.fetchall()).values())

    def of_person(self, person_id: str) -> list[Registration]:
        """All registrations of a person, in order."""
        found = self.cursor.execute("select registration_id from registrations where person_id = %s", (person_id,))
        by_id = self.registrations(id for (id,) in found.fetchall())
        return [by_id[id] for id in sorted(by_id)]

    def open_session(self, token_sha256: bytes, desk: str, registration_id: str, lifetime: timedelta) -> None:
        now = self.now()
        self.cursor.execute(
            "insert into screen_sessions (token_sha256, desk, registration_id, created_at, expires_at)"
            " values (%s, %s, %s, %s, %s)",
            (token_sha256, desk, registration_id, now, now + lifetime),
        )

    def session(self, token_sha256: bytes, desk: str) -> str | None:
        """The registration that signed in at this desk, until the session ends.

        One that was opened by a clock that was ahead has ended.
        """
        now = self.now()
        found: str | None = self.fetch_value(
            "select registration_id from screen_sessions"
            " where token_sha256 = %s and desk = %s and expires_at > %s and created_at <= %s",
            (token_sha256, desk, now, now + SKEW),
        )
        return found

    def close_session(self, token_sha256: bytes) -> None:
        self.cursor.execute("delete from screen_sessions where token_sha256 = %s", (token_sha256,))

    @property
    def attempts(self) -> ScreenAttempts:
        return ScreenAttempts(self)

    # ── requests ───────────────────────────────────────────────────────────────────────────────────────

    def add_request(self, request: AddressRequest) -> None:
        """From now on the only one of its person that can be confirmed. Needs the writers' lock."""
        self.cursor.execute(
            "update address_requests set outcome = 'replaced' where person_id = %s and outcome is null",
            (request.person_id,),
        )
        self.insert_rows("address_requests", [{**vars(request), "requested_at": self.now()}], None)

    def request(self, request_id: str) -> AddressRequest | None:
        return self.fetch_one(AddressRequest, f"{_REQUEST} where request_id = %s", (request_id,))

    def pending_request(self, registration_id: str, address: str, since: datetime) -> AddressRequest | None:
        """The one for this address that was asked for since then, and that nothing has ended."""
        now = self.now()
        return self.fetch_one(
            AddressRequest,
            f"{_REQUEST} where registration_id = %s and address = %s and outcome is null and expires_at > %s"
            " and requested_at > %s and requested_at <= %s order by requested_at desc limit 1",
            (registration_id, address, now, since, now + SKEW),
        )

    def settle_request(self, request_id: str, outcome: RequestState) -> None:
        self.cursor.execute(
            "update address_requests set outcome = %s where request_id = %s and outcome is null", (outcome, request_id)
        )

    def confirm_address(self, registration: Registration, address: str) -> None:
        """The person has confirmed that this address is theirs. The registration is judged at once.

        With the address on file there is nothing to judge: it keeps the day of its notice.
        """
        now = self.now()
        if registration.address_key == same_address_key(address):
            self.cursor.execute(
                "update registrations set office_email = %s where registration_id = %s", (address, registration.id)
            )
        else:
            self.set_office_address(registration.id, address, now, now)

    # ── what is forgotten ──────────────────────────────────────────────────────────────────────────────

    def forget_past(self, kept: timedelta, most: int) -> int:
        """Delete ended sessions and windows, requests `kept` after their link ended, recoveries `kept` after they were
        settled; at most `most` of each."""
        now = self.now()
        deleted = 0
        for table, key, ends, past, begins in (
            ("screen_sessions", "token_sha256", "expires_at", now, "created_at"),
            ("screen_attempts", "key_sha256", "began_at + lasts", now, "began_at"),
            ("address_requests", "request_id", "expires_at", now - kept, "requested_at"),
            ("address_recoveries", "recovery_id", "settled_at", now - kept, "settled_at"),
        ):
            deleted += self.delete_some(table, key, f"{ends} <= %s or {begins} > %s", (past, now + SKEW), most)
        return deleted
