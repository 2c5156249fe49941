"""The link of the letters about a badge: what it opens, and the receipt of the badge behind it. Step 5."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from services.wallet.account import letters
from services.wallet.account.sessions import Tokens, authenticate, open_session
from services.wallet.badge.badges import receive
from services.wallet.domain.account import FormProblems, name_problem
from services.wallet.domain.badge import WalletBadge, link_has_ended, state_of
from services.wallet.domain.device import Browser
from services.wallet.metrics import REFUSED
from services.wallet.ports import Ports
from services.wallet.store import Account, WalletTransaction
from shared.addresses import same_address_key
from shared.links import is_receive_token
from shared.password_strength import known_words, password_problem, society_words
from shared.runtime.erasure import erased_among

LinkState = Literal[
    "account",  # the person has to create an account
    "login",
    "login-elsewhere",  # received before; the link has ended, or its address is no longer the account's
    "receive",  # logged in with this address: a button is enough
    "received",
    "unknown-link",
    "not-here-yet",
    "revoked",
    "expired",
    "ended",  # the link is too old to prove the address: the person asks for a new one
    "deleted",  # the holder deleted the account that had received it
    "corrected",  # the badge is the new version, at the same address
    "corrected-elsewhere",  # the new version is at another address, which this link does not prove
    "moved",  # not received; the letters go to another address since: this link, in the former mailbox, proves nothing
]
_AHEAD = 3  # changes of the address that a letter may have seen before we have
_NOTHING_TO_RECEIVE: tuple[LinkState, ...] = (
    "login-elsewhere",
    "revoked",
    "expired",
    "ended",
    "deleted",
    "corrected",
    "corrected-elsewhere",
    "moved",
)


@dataclass(frozen=True)
class OpenedLink:
    """What a link opens for this visitor. `account`: who is logged in, where that matters."""

    state: LinkState
    badge: WalletBadge | None = None
    account: Account | None = None


@dataclass(frozen=True)
class SignedIn:
    """The badge is received and the person logged in: by a new session, or None where the old one continues."""

    assertion_id: str
    tokens: Tokens | None
    just_received: bool  # not before


def open_link(assertion_id: str, link_token: str, browser: Browser, ports: Ports) -> OpenedLink:
    """Look at a link. Changes nothing: mail scanners follow links, too."""
    with ports.store.reading() as tx:
        return _opened(tx, assertion_id, link_token, browser, ports)


def _opened(tx: WalletTransaction, assertion_id: str, link_token: str, browser: Browser, ports: Ports) -> OpenedLink:
    badge = tx.badges.get(assertion_id)
    if badge is None and erased_among(tx, [assertion_id]):
        return _unknown()
    revision, number = _letter_of(assertion_id, link_token, badge, ports), _new_link_of(badge, link_token, ports)
    if revision is None and number is None:
        return _unknown()
    if badge is None or (revision is not None and revision > badge.address_revision):
        return OpenedLink("not-here-yet")  # the token is right, so the badge exists: its event is on the way
    has_moved = revision is not None and revision < badge.address_revision
    if has_moved and badge.account_id is None:
        return OpenedLink("moved")
    now, address = ports.now(), badge.holder.email
    visitor = tx.sessions.account(browser.session) if browser.session else None
    state = state_of(badge, now)
    lasts, later_lasts = ports.receive_link_lifetime, ports.mail_link_lifetime
    has_ended = has_moved or link_has_ended(badge, number or 0, lasts, later_lasts, now)
    newest = tx.badges.get(badge.corrected_by) if badge.corrected_by else None
    if newest is not None and not has_ended and same_address_key(newest.holder.email) == same_address_key(address):
        return OpenedLink("corrected", newest, visitor)
    if badge.account_id is not None:
        if visitor is not None and visitor.account_id == badge.account_id:
            return OpenedLink("received", badge, visitor)
        is_its_own = badge.addressee_id == badge.account_id
        return OpenedLink("login" if is_its_own and not has_ended else "login-elsewhere", badge, visitor)
    if state == "corrected":
        return OpenedLink("corrected-elsewhere", badge) if newest or has_ended else OpenedLink("not-here-yet")
    if state == "revoked":
        return OpenedLink("revoked", badge)
    if state == "expired":
        return OpenedLink("expired", badge)
    if visitor is not None and tx.accounts.has_address(visitor.account_id, address):
        return OpenedLink("receive", badge, visitor)
    if has_ended:
        return OpenedLink("deleted" if badge.account_deleted_at is not None else "ended", badge, visitor)
    return OpenedLink("account" if badge.addressee_id is None else "login", badge)


def _unknown() -> OpenedLink:
    REFUSED.labels("unknown-link").inc()
    return OpenedLink("unknown-link")


def _letter_of(assertion_id: str, link_token: str, badge: WalletBadge | None, ports: Ports) -> int | None:
    """Of which address the letter was that has this link: how often it had changed; None for no link of a letter."""
    known = range((0 if badge is None else badge.address_revision) + _AHEAD + 1)
    return next((each for each in known if is_receive_token(ports.link_secret, assertion_id, link_token, each)), None)


def _new_link_of(badge: WalletBadge | None, link_token: str, ports: Ports) -> int | None:
    """Which of the links that the holder asked for this is, from 1; None for none of them."""
    if badge is None:
        return None
    numbers = range(1, badge.link_number + 1)
    return next((number for number in numbers if letters.is_new_link(badge, number, link_token, ports)), None)


def ask_for_new(assertion_id: str, link_token: str, browser: Browser, ports: Ports) -> bool:
    """Have a new link mailed to the registered address, by a link that has ended. False for what is no link of ours."""
    badge = open_link(assertion_id, link_token, browser, ports).badge
    if badge is not None:
        letters.ask("new-link", badge.holder.email, badge.assertion_id, browser, ports)
    return badge is not None


def receive_by_link(
    assertion_id: str, link_token: str, browser: Browser, full_name: str, password: str | None, ports: Ports
) -> OpenedLink | SignedIn | FormProblems:
    """Step 5. Create the account or log in where needed, and receive the badge. Repeating it changes nothing.

    An OpenedLink where there is nothing to receive. `password` None: the button for a logged-in visitor was pressed; if
    that session has ended since, an OpenedLink that asks for the password.
    """
    opened = open_link(assertion_id, link_token, browser, ports)
    if opened.badge is None or opened.state in _NOTHING_TO_RECEIVE:
        return opened
    try:
        if opened.state in ("account", "login"):
            if password is None:
                return opened
            if opened.state == "account":
                return create_account(opened.badge, full_name, password, browser, ports)
            return _log_in(opened.badge, password, browser, ports)
        assert opened.account is not None
        with ports.acting(opened.account) as tx:
            just_received = _receive(tx, opened.badge, opened.account.account_id)
        return SignedIn(assertion_id, None, just_received)
    except _OpensAnotherError:
        return open_link(assertion_id, link_token, browser, ports)


def create_account(
    badge: WalletBadge, full_name: str, password: str, browser: Browser, ports: Ports
) -> SignedIn | FormProblems:
    """Create the account of the badge's address and receive the badge. Logs in where the address has an account."""
    holder = badge.holder
    words = known_words(full_name, holder.email, holder.family_first, holder.latin) | society_words(ports.programme)
    problems = FormProblems(name_problem(full_name), password_problem(password, words))
    if problems:
        REFUSED.labels("account").inc()
        return problems
    password_hash = ports.passwords.hash(password)
    tokens = None
    with ports.changing() as tx:
        account_id = tx.accounts.create(full_name.strip(), password_hash, holder.email)
        if account_id is not None:
            _receive(tx, badge, account_id)
            tokens = open_session(tx, browser, account_id, ports)
    # If we die here or the answer is lost, account and receipt stand and are announced; the link asks for the password.
    if tokens is None:
        return _log_in(badge, password, browser, ports)
    return SignedIn(badge.assertion_id, tokens, just_received=True)


def _log_in(badge: WalletBadge, password: str, browser: Browser, ports: Ports) -> SignedIn | FormProblems:
    account = authenticate(badge.holder.email, password, browser, ports, link_of=badge.assertion_id)
    if isinstance(account, FormProblems):
        return account
    with ports.acting(account) as tx:
        just_received = _receive(tx, badge, account.account_id)
        return SignedIn(badge.assertion_id, open_session(tx, browser, account.account_id, ports), just_received)


class _OpensAnotherError(Exception):
    """The badge was corrected or erased, or its address has changed, since the link was looked at: nothing was done."""


def _receive(tx: WalletTransaction, badge: WalletBadge, account_id: int) -> bool:
    """Whether the account receives the badge now. `_OpensAnotherError` where it doesn't have it then."""
    if receive(tx, badge.assertion_id, account_id):
        return True
    now = tx.badges.get(badge.assertion_id)
    if now is None or now.account_id != account_id:
        raise _OpensAnotherError
    return False
