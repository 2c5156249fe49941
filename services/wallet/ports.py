"""What the wallet's functions are given: database, object storage, clock, secrets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from services.wallet.passwords import Passwords
from services.wallet.store import Store
from shared.clock import Clock
from shared.programme import Programme
from shared.runtime.objects import ReadableObjects


@dataclass(frozen=True)
class Ports:
    store: Store
    objects: ReadableObjects
    now: Clock
    programme: Programme
    passwords: Passwords
    new_token: Callable[[], str]  # of a session: not guessable
    link_secret: bytes  # of the links in letter 1
    session_lifetime: timedelta
    public_url: str  # of the public site, in every URL of a badge
