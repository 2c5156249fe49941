"""Log in, log out, and who is logged in."""

from __future__ import annotations

import hashlib

from services.wallet.domain import account as rules
from services.wallet.domain.account import FormProblems
from services.wallet.metrics import REFUSED
from services.wallet.ports import Ports
from services.wallet.store import Account, WalletTransaction
from shared.addresses import same_address_key
from shared.plain_text import hidden_in


def visitor(token: str | None, ports: Ports) -> Account | None:
    """Whose session the browser's token is; None for no token, an unknown one, and an ended session."""
    if not token:
        return None
    with ports.store.transaction() as tx:
        return account_of_session(tx, token)


def account_of_session(tx: WalletTransaction, token: str) -> Account | None:
    return tx.accounts.by_session(_sha256(token))


def login(address: str, password: str, former: str | None, ports: Ports) -> str | FormProblems:
    """The token of a new session; `former` is the token that the browser sent, whose session ends.

    An unknown address and a wrong password get the same answer in the same time.
    """
    account = authenticate(address, password, ports)
    if isinstance(account, FormProblems):
        return account
    token = ports.new_token()
    with ports.store.transaction() as tx:
        open_session(tx, token, former, account.account_id, ports)
    return token


def authenticate(address: str, password: str, ports: Ports) -> Account | FormProblems:
    """The account of this address and password. At most 10 attempts for one address in 15 minutes."""
    if hidden_in(address.strip()):  # no address has control characters, and the database takes none
        REFUSED.labels("wrong-password").inc()
        return FormProblems(login="wrong")
    address_sha256 = _sha256(same_address_key(address))
    with ports.store.transaction() as tx:
        attempts = tx.accounts.count_attempt(address_sha256, rules.ATTEMPTS_WINDOW)
        account = tx.accounts.by_address(address)
    # The attempt is counted before the password is compared: a client that disconnects, or sends a hundred requests at
    # once, has used them up.
    if rules.is_blocked(attempts):
        REFUSED.labels("blocked").inc()
        return FormProblems(login="blocked")
    right = ports.passwords.is_right(account.password_hash if account else None, password)
    if account is None or not right:
        REFUSED.labels("wrong-password").inc()
        return FormProblems(login="wrong")
    with ports.store.transaction() as tx:
        tx.accounts.forget_attempts(address_sha256)
    return account


def logout(token: str | None, ports: Ports) -> None:
    if token:
        with ports.store.transaction() as tx:
            tx.accounts.close_session(_sha256(token))


def open_session(tx: WalletTransaction, token: str, former: str | None, account_id: int, ports: Ports) -> None:
    """A new session; the one that this browser had ends, so a token planted in the browser is worth nothing."""
    if former:
        tx.accounts.close_session(_sha256(former))
    tx.accounts.open_session(_sha256(token), account_id, ports.session_lifetime)


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
