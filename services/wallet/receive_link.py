"""The link of letter 1: what it opens, and the receipt of the badge behind it. Step 5."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from services.wallet.badges import receive
from services.wallet.domain.account import FormProblems, name_problem
from services.wallet.domain.badge import WalletBadge, state_of
from services.wallet.metrics import REFUSED
from services.wallet.ports import Ports
from services.wallet.sessions import account_of_session, authenticate, open_session
from services.wallet.store import Account, WalletTransaction
from shared.addresses import same_address_key
from shared.links import is_receive_token
from shared.password_strength import known_words, password_problem, society_words

LinkState = Literal[
    "account",  # the person has to create an account
    "login",
    "receive",  # logged in with this address: a button is enough
    "received",
    "unknown-link",
    "not-here-yet",
    "revoked",
    "expired",
    "corrected",  # the badge is the new version, at the same address
    "corrected-elsewhere",  # the new version is at another address, which this link does not prove
    "moved",  # the letters go to another address since: this link, in the former mailbox, proves nothing
]
_NOTHING_TO_RECEIVE: tuple[LinkState, ...] = ("revoked", "expired", "corrected", "corrected-elsewhere")
_AHEAD = 3  # changes of the address that a letter may have seen before we have


@dataclass(frozen=True)
class OpenedLink:
    """What a link opens for this visitor. `account`: who is logged in, where that matters."""

    state: LinkState
    badge: WalletBadge | None = None
    account: Account | None = None


@dataclass(frozen=True)
class SignedIn:
    """The badge is received and the person logged in: `token` of a new session, None where the old one continues."""

    assertion_id: str
    token: str | None


def open_link(assertion_id: str, link_token: str, session_token: str | None, ports: Ports) -> OpenedLink:
    """Look at a link. Changes nothing: mail scanners follow links, too."""
    with ports.store.transaction() as tx:
        badge = tx.badges.get(assertion_id)
        current = 0 if badge is None else badge.address_revision
        known = range(current + _AHEAD + 1)
        revision = next((n for n in known if is_receive_token(ports.link_secret, assertion_id, link_token, n)), None)
        if revision is None:
            REFUSED.labels("unknown-link").inc()
            return OpenedLink("unknown-link")
        if badge is None or revision > current:
            return OpenedLink("not-here-yet")  # the token is right, so the badge exists: its event is on the way
        if revision < current:
            return OpenedLink("moved")
        return _opened(tx, badge, session_token, ports)


def _opened(tx: WalletTransaction, badge: WalletBadge, session_token: str | None, ports: Ports) -> OpenedLink:
    visitor = account_of_session(tx, session_token) if session_token else None
    state = state_of(badge, ports.now())
    newest = tx.badges.get(badge.corrected_by) if badge.corrected_by else None
    if newest is not None and same_address_key(newest.holder.email) == same_address_key(badge.holder.email):
        return OpenedLink("corrected", newest, visitor)
    if badge.account_id is not None:
        own = visitor is not None and visitor.account_id == badge.account_id
        return OpenedLink("received" if own else "login", badge, visitor)
    if state == "corrected":
        return OpenedLink("corrected-elsewhere", badge) if newest else OpenedLink("not-here-yet")
    if state == "revoked":
        return OpenedLink("revoked", badge)
    if state == "expired":
        return OpenedLink("expired", badge)
    if visitor is not None and tx.accounts.has_address(visitor.account_id, badge.holder.email):
        return OpenedLink("receive", badge, visitor)
    return OpenedLink("account" if tx.accounts.by_address(badge.holder.email) is None else "login", badge)


def receive_by_link(
    assertion_id: str, link_token: str, session_token: str | None, full_name: str, password: str, ports: Ports
) -> OpenedLink | SignedIn | FormProblems:
    """Step 5. Create the account or log in where needed, and receive the badge. Repeating it changes nothing.

    An OpenedLink where there is nothing to receive.
    """
    opened = open_link(assertion_id, link_token, session_token, ports)
    if opened.badge is None or opened.state in _NOTHING_TO_RECEIVE:
        return opened
    if opened.state == "account":
        return create_account(opened.badge, full_name, password, session_token, ports)
    if opened.state == "login":
        return _log_in(opened.badge, password, session_token, ports)
    assert opened.account is not None
    with ports.store.transaction() as tx:
        receive(tx, assertion_id, opened.account.account_id)
    return SignedIn(assertion_id, None)


def create_account(
    badge: WalletBadge, full_name: str, password: str, session_token: str | None, ports: Ports
) -> SignedIn | FormProblems:
    """Create the account of the badge's address and receive the badge. Logs in where the address has an account."""
    address = badge.holder.email
    holder = badge.holder
    words = known_words(full_name, address, holder.family_first, holder.latin) | society_words(ports.programme)
    problems = FormProblems(name_problem(full_name), password_problem(password, words))
    if problems:
        REFUSED.labels("account").inc()
        return problems
    password_hash = ports.passwords.hash(password)
    token = ports.new_token()
    with ports.store.transaction() as tx:
        account_id = tx.accounts.create(full_name.strip(), password_hash, address)
        if account_id is not None:
            tx.badges.give_to_account(account_id, address)
            receive(tx, badge.assertion_id, account_id)
            open_session(tx, token, session_token, account_id, ports)
    # If we die here or the answer is lost, account and receipt stand and are announced; the link asks for the password.
    if account_id is None:
        return _log_in(badge, password, session_token, ports)
    return SignedIn(badge.assertion_id, token)


def _log_in(badge: WalletBadge, password: str, session_token: str | None, ports: Ports) -> SignedIn | FormProblems:
    account = authenticate(badge.holder.email, password, ports)
    if isinstance(account, FormProblems):
        return account
    token = ports.new_token()
    with ports.store.transaction() as tx:
        receive(tx, badge.assertion_id, account.account_id)
        open_session(tx, token, session_token, account.account_id, ports)
    return SignedIn(badge.assertion_id, token)
