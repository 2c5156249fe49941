"""What the wallet's functions are given: database, object storage, clock, secrets."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from services.wallet.domain.paper import ORDER_DIGITS
from services.wallet.store import Account, Store, WalletTransaction
from services.wallet.stored_files import StoredFiles
from shared.clock import Clock
from shared.programme import Programme
from shared.runtime.web.passwords import Passwords


def draw_order_id() -> str:
    """Digits, the first not 0: what people write on a bank transfer. Knowing one doesn't help to guess another."""
    return str(secrets.randbelow(9 * 10 ** (ORDER_DIGITS - 1)) + 10 ** (ORDER_DIGITS - 1))


@dataclass(frozen=True)
class Ports:
    store: Store
    objects: StoredFiles
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
    new_order_id: Callable[[], str] = draw_order_id

    @contextmanager
    def changing(self) -> Iterator[WalletTransaction]:
        """The transaction of what writes about people and was told by no event: after an erasure in hand, or before."""
        with self.store.transaction() as tx:
            tx.await_erasures()
            yield tx

    @contextmanager
    def acting(self, account: Account) -> Iterator[WalletTransaction]:
        """The transaction of what somebody does with an account, or of a new session for it.

        The account is still the one that was logged in: LogInAgain once it was deleted or has another password.
        """
        with self.changing() as tx:
            tx.accounts.hold(account)
            yield tx
