"""Letters that a service asks the mailer to send, and what became of them. Those about badges are in `events.py`.

Events like those of `events.py`, with the same rules. Spoken by registration, wallet, mailer and ops.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from shared.events import Event, MessageUpdated
from shared.topics import ACCOUNT_LETTERS, DESK_LETTERS, LETTER_UPDATED


class LetterRequested(Event, frozen=True, kw_only=True):
    """The mailer is to send `letter`, once, to `recipient`; not after `valid_until`, when its link has ended.

    `letter` names a folder of the mailer's letters; `facts` are what its templates fill in, as they say.
    """

    about = "letter_id"
    letter_id: str  # derived by the service that asks, so that asking twice sends one letter
    letter: str
    recipient: str
    facts: dict[str, str]
    requested_at: datetime
    language: Literal["ja", "en"] = "ja"
    reply_to: str | None = None
    valid_until: datetime | None = None


class DeskLetterRequested(LetterRequested, frozen=True, kw_only=True):
    """About a registered address, or an enquiry to a desk."""

    topic = DESK_LETTERS


class AccountLetterRequested(LetterRequested, frozen=True, kw_only=True):
    """About an account of the wallet, its addresses, or an order of paper.

    `account_id`: the wallet's own number of the account whose change this tells of. None: of none, or of an earlier
    release.
    """

    topic = ACCOUNT_LETTERS
    account_id: int | None = None


class RequestedLetterUpdated(MessageUpdated, frozen=True, kw_only=True):
    """A message that a service asked for (`LetterRequested`) changed its state.

    `cancelled`: its link has ended, or its reader was erased.
    """

    topic = LETTER_UPDATED
    about = "letter_id"
    letter_id: str
    letter: str
