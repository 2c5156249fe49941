"""A holder who has a badge and has lost the mailbox: the new address waits, then takes effect or is stopped.

Events like those of `events.py`, with the same rules. Spoken by registration, wallet and ops. No date of birth in any.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from shared.events import Event
from shared.topics import REGISTRATION_RENEWED

RecoveryOutcome = Literal["moved", "stopped", "address-taken"]
"""`stopped`: by a link in a letter, or by the office. `address-taken`: another person came to use it meanwhile."""


class AddressRecoveryBegun(Event, frozen=True, kw_only=True):
    """Who knows this person's number and date of birth has proven `email`. Nothing changes before `takes_effect_at`.

    One at a time of a person. Until then `stop_url` stops it: the page asks before it does.
    """

    topic = REGISTRATION_RENEWED
    about = "recovery_id"
    recovery_id: str
    person_id: str
    registration_id: str  # the one that was signed in with
    email: str
    former_email: str | None  # on file for that registration
    begun_at: datetime
    takes_effect_at: datetime
    stop_url: str
    language: Literal["ja", "en"] = "ja"


class AddressRecoverySettled(Event, frozen=True, kw_only=True):
    """What became of it. `moved`: the person's letters go to `email` from now on, and so does the account."""

    topic = REGISTRATION_RENEWED
    about = "recovery_id"
    recovery_id: str
    person_id: str
    registration_id: str
    outcome: RecoveryOutcome
    email: str
    former_email: str | None
    begun_at: datetime
    settled_at: datetime
    language: Literal["ja", "en"] = "ja"
