"""What the wallet's functions are given: database, object storage, clock, secrets."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from services.wallet.domain.paper import ORDER_DIGITS
from services.wallet.passwords import Passwords
from services.wallet.store import Store
from shared.clock import Clock
from shared.programme import Programme
from shared.runtime.objects import ReadableObjects


def draw_order_id() -> str:
    """Digits, the first no 0: what people write on a bank transfer. Not guessed by who has another."""
    return str(secrets.randbelow(9 * 10 ** (ORDER_DIGITS - 1)) + 10 ** (ORDER_DIGITS - 1))


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
    new_order_id: Callable[[], str] = draw_order_id
