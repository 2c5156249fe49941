"""What the wallet's functions are given: database, object storage, clock, secrets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from services.wallet.store import Store
from shared.clock import Clock
from shared.programme import Programme
from shared.runtime.objects import ReadableObjects
from shared.runtime.web.passwords import Passwords


@dataclass(frozen=True)
class Ports:
    store: Store
    objects: ReadableObjects
    now: Clock
    programme: Programme
    passwords: Passwords
    new_token: Callable[[], str]  # of a session: not guessable
    link_secret: bytes  # of all links in letters
    wallet_url: str  # where they lead; no slash at its end
    session_lifetime: timedelta
    receive_link_lifetime: timedelta  # of letter 1's
    mail_link_lifetime: timedelta  # of those that people ask for
    reset_link_lifetime: timedelta
    public_url: str  # of the public site, in every URL of a badge
