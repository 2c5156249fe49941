"""Log in, log out, and who is logged in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.wallet.domain.account import FormProblems
from services.wallet.domain.device import Browser
from services.wallet.domain.throttle import account_limits, link_limits, login_limits
from services.wallet.metrics import REFUSED
from services.wallet.ports import Ports
from services.wallet.store import Account, WalletTransaction
from services.wallet.store.sessions import Session
from shared.addresses import same_address_key
from shared.attempt_limit import Limit
from shared.plain_text import hidden_in
from shared.runtime.log import logger

log = logger("wallet")


@dataclass(frozen=True)
class Tokens:
    """Of a new session, and by which the browser is known from now on."""

    session: str
    device: str


def visitor(browser: Browser, ports: Ports) -> Account | None:
    """Whose session the browser's token is; None for no token, an unknown one, and an ended session."""
    if not browser.session:
        return None
    with ports.store.reading() as tx:
        return tx.sessions.account(browser.session)


def login(address: str, password: str, browser: Browser, ports: Ports) -> Tokens | FormProblems:
    """A new session; the one that the browser had ends.

    An unknown address and a wrong password get the same answer in the same time.
    """
    account = authenticate(address, password, browser, ports)
    if isinstance(account, FormProblems):
        return account
    with ports.acting(account) as tx:
        return open_session(tx, browser, account.account_id, ports)


def authenticate(
    address: str, password: str, browser: Browser, ports: Ports, *, link_of: str | None = None
) -> Account | FormProblems:
    """The account of this address and password. `link_of`: the badge whose letter's link was followed."""
    if hidden_in(address.strip()):  # no address has control characters, and the database takes none
        REFUSED.labels("wrong-password").inc()
        return FormProblems(login="wrong")
    with ports.store.transaction() as tx:
        account = tx.accounts.by_address(address)
        account_id = account.account_id if account else None
        is_known = tx.sessions.knows(browser.device, account_id or 0)  # asked for in any case: it takes time
        limits = (
            link_limits(link_of)
            if link_of is not None
            else login_limits(same_address_key(address), browser.source, account_id, is_known=is_known)
        )
        is_over = tx.sessions.is_over(limits)
    result = _compared(account, password, limits, is_over, ports)
    if isinstance(result, Account) and ports.passwords.needs_rehash(result.password_hash):
        return _rehashed(result, password, ports)
    return result


def _rehashed(account: Account, password: str, ports: Ports) -> Account:
    """With the same password, hashed with today's parameters."""
    hashed = ports.passwords.hash(password)
    with ports.acting(account) as tx:
        tx.accounts.set_password(account.account_id, hashed)
    return replace(account, password_hash=hashed)


def confirm(account: Account, password: str, ports: Ports) -> FormProblems | None:
    """Ask who is logged in for the password once more; None where it is right."""
    limits = account_limits(account.account_id)
    with ports.store.transaction() as tx:
        is_over = tx.sessions.is_over(limits)
    result = _compared(account, password, limits, is_over, ports)
    return result if isinstance(result, FormProblems) else None


def _compared(
    account: Account | None, password: str, limits: Sequence[Limit], is_over: bool, ports: Ports
) -> Account | FormProblems:
    """The account if the password is its own. The try was counted before: a client that disconnects, or sends a hundred
    requests at once, has used them up.
    """
    account_id = account.account_id if account else None
    if is_over:
        REFUSED.labels("blocked").inc()
        log.warning("refused", cause="blocked", account_id=account_id)
        return FormProblems(login="blocked")
    right = ports.passwords.is_right(account.password_hash if account else None, password)
    if account is None or not right:
        REFUSED.labels("wrong-password").inc()
        log.warning("refused", cause="wrong-password", account_id=account_id)
        return FormProblems(login="wrong")
    with ports.store.transaction() as tx:
        tx.sessions.forgive(limits)
    return account


def logout(browser: Browser, ports: Ports) -> None:
    if browser.session:
        with ports.store.transaction() as tx:
            tx.sessions.close(browser.session)


def open_session(tx: WalletTransaction, browser: Browser, account_id: int, ports: Ports) -> Tokens:
    """A new session; the one that this browser had ends, so a token planted in it becomes invalid."""
    if browser.session:
        tx.sessions.close(browser.session)
    known = browser.device if tx.sessions.knows(browser.device, account_id) else None
    tokens = Tokens(session=ports.new_token(), device=known or ports.new_token())
    tx.sessions.open(tokens.session, account_id, ports.session_lifetime, tokens.device, browser.name)
    log.info("logged-in", account_id=account_id)
    return tokens


def own_sessions(account: Account, browser: Browser, ports: Ports) -> list[Session]:
    with ports.store.reading() as tx:
        return tx.sessions.all_of(account.account_id, browser.session or "")


def end_session(account: Account, session_id: int, password: str, ports: Ports) -> FormProblems | None:
    """Log out there. One of another account is answered as one that has ended."""
    if (problems := confirm(account, password, ports)) is not None:
        return problems
    with ports.acting(account) as tx:
        tx.sessions.close_one(account.account_id, session_id)
    return None


def end_others(account: Account, password: str, browser: Browser, ports: Ports) -> FormProblems | None:
    """Log out everywhere else. Those browsers are no longer known either."""
    if (problems := confirm(account, password, ports)) is not None:
        return problems
    with ports.acting(account) as tx:
        tx.sessions.close_all(account.account_id, but=browser.session)
        tx.sessions.forget_devices(account.account_id, but=browser.device)
    return None
