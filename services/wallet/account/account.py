"""What a person changes about the own account: password, addresses, and its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from services.wallet.account import letters
from services.wallet.account.sessions import Tokens, confirm, open_session
from services.wallet.domain.account import DELETE_WORDS, FormProblems
from services.wallet.domain.device import Browser
from services.wallet.domain.throttle import address_limits
from services.wallet.metrics import REFUSED
from services.wallet.ports import Ports
from services.wallet.store import Account, Address, LogInAgain, WalletTransaction
from services.wallet.store.letters import MailLink
from shared.addresses import address_problem, as_mailed
from shared.errors import NotFound
from shared.links import is_mail_token
from shared.password_strength import PasswordProblem, known_words, password_problem, society_words
from shared.plain_text import hidden_in

MailLinkState = Literal["open", "unknown", "ended", "other-account", "added"]
"""`added`: the address is the account's, since another press of the button or by another link."""


@dataclass(frozen=True)
class OpenedMailLink:
    """What a link in a letter opens. `address`: that it was sent to, once somebody may know."""

    state: MailLinkState
    address: str = ""


# ── the password ────────────────────────────────────────────────────────────────────────────────────────


def change_password(account: Account, current: str, new: str, browser: Browser, ports: Ports) -> Tokens | FormProblems:
    """All other sessions end; this browser gets a new one. A notice goes out."""
    if (problems := confirm(account, current, ports)) is not None:
        return problems
    with ports.store.transaction() as tx:
        problem = _judge(tx, account, new, ports)
    if problem is not None:
        return FormProblems(password=problem)
    hashed = ports.passwords.hash(new)
    with ports.acting(account) as tx:
        return _set_password(tx, account, hashed, browser, ports)
    # If we die here or the answer is lost, the new password counts, and the notice is asked for.


def look_at_reset(link_id: str, token: str, ports: Ports) -> OpenedMailLink:
    """What the link of a reset letter opens. Changes nothing: mail scanners follow links, too."""
    with ports.store.transaction() as tx:
        link = _mail_link(tx, "reset", link_id, token, ports)
        if link is None:
            return OpenedMailLink("unknown")
        is_open = link.is_open(ports.now()) and _reaches_account(tx, link)
    return OpenedMailLink("open", link.address) if is_open else OpenedMailLink("ended")


def reset_password(
    link_id: str, token: str, new: str, browser: Browser, ports: Ports
) -> Tokens | OpenedMailLink | FormProblems:
    """Set the password by a letter's link, which is then used. All sessions end; this browser gets one.

    Strangers' wrong tries count no longer. An OpenedMailLink where the link opens nothing.
    """
    opened = look_at_reset(link_id, token, ports)
    if opened.state != "open":
        return opened
    with ports.store.transaction() as tx:
        link, account = _reset_link(tx, link_id, token, ports)
        problem = _judge(tx, account, new, ports)
    if problem is not None:
        return FormProblems(password=problem)
    hashed = ports.passwords.hash(new)
    try:
        with ports.acting(account) as tx:
            if not _reaches_account(tx, link) or not tx.letters.use(link):
                return OpenedMailLink("ended")
            return _set_password(tx, account, hashed, browser, ports)
    except LogInAgain:  # another password was set meanwhile, which ended the link
        return look_at_reset(link_id, token, ports)
    # If we die here, the new password counts, and the link is used: the person logs in with it.


def _reaches_account(tx: WalletTransaction, link: MailLink) -> bool:
    """Whether the address to which the link was mailed is still the account's: else its reader is a stranger."""
    return tx.accounts.has_address(link.account_id, link.address)


def _reset_link(tx: WalletTransaction, link_id: str, token: str, ports: Ports) -> tuple[MailLink, Account]:
    link = _mail_link(tx, "reset", link_id, token, ports)
    account = tx.accounts.get(link.account_id) if link is not None else None
    if link is None or account is None:
        raise NotFound(f"reset link {link_id}: its account was deleted meanwhile")
    return link, account


def _set_password(tx: WalletTransaction, account: Account, hashed: str, browser: Browser, ports: Ports) -> Tokens:
    tx.accounts.set_password(account.account_id, hashed)
    tx.letters.end_links(account.account_id, "reset")
    tx.sessions.close_all(account.account_id)
    tx.sessions.forget_devices(account.account_id, but=browser.device)
    letters.notify(tx, account, "password-changed", browser, ports)
    return open_session(tx, browser, account.account_id, ports)


def _judge(tx: WalletTransaction, account: Account, password: str, ports: Ports) -> PasswordProblem | None:
    """By what is known of the person: the name as typed and as registered, and the addresses."""
    holders = [badge.holder for badge in tx.badges.list_own(account.account_id)]
    names = [text for holder in holders for text in (holder.family_first, holder.latin)]
    addresses = [each.address for each in tx.accounts.addresses(account.account_id)]
    words = known_words(account.full_name, *names, *addresses) | society_words(ports.programme)
    return password_problem(password, words)


# ── addresses ───────────────────────────────────────────────────────────────────────────────────────────


def addresses(account: Account, ports: Ports) -> list[Address]:
    with ports.store.transaction() as tx:
        return tx.accounts.addresses(account.account_id)


def address(account: Account, address_id: int, ports: Ports) -> Address:
    """NotFound for another account's and for none at all: the answer is the same."""
    found = next((each for each in addresses(account, ports) if each.address_id == address_id), None)
    if found is None:
        raise NotFound(f"address {address_id}: not of account {account.account_id}")
    return found


def add_address(account: Account, typed: str, password: str, browser: Browser, ports: Ports) -> FormProblems | None:
    """Send the letter that proves an address. The same answer whether or not anybody has an account with it."""
    if hidden_in(typed.strip()) or address_problem(typed) is not None:
        return FormProblems(address="invalid")
    if (problems := confirm(account, password, ports)) is not None:
        return problems
    with ports.acting(account) as tx:
        if tx.accounts.has_address(account.account_id, typed):
            return FormProblems(address="own")
        if tx.sessions.is_over(address_limits(account.account_id)):
            REFUSED.labels("letter").inc()
            return FormProblems(address="too-many")
        letters.verify_address(tx, account, as_mailed(typed), browser, ports)
    # If we die here, the letter is asked for; asked again, there are two, and each link is good.
    return None


def look_at_verification(account: Account, link_id: str, token: str, ports: Ports) -> OpenedMailLink:
    """What the link to an address opens for the account that is logged in. Changes nothing.

    Only for the account that asked: another reader of that mailbox must not give the address, and the badges that wait
    there, to a stranger's account.
    """
    with ports.store.transaction() as tx:
        link = _mail_link(tx, "verify", link_id, token, ports)
        is_own = link is not None and tx.accounts.has_address(account.account_id, link.address)
    if link is None:
        return OpenedMailLink("unknown")
    if link.account_id != account.account_id:
        return OpenedMailLink("other-account")
    if is_own:
        return OpenedMailLink("added", link.address)
    return OpenedMailLink("open" if link.is_open(ports.now()) else "ended", link.address)


def verify(account: Account, link_id: str, token: str, browser: Browser, ports: Ports) -> OpenedMailLink | FormProblems:
    """The address is the account's from now on, with the badges that wait there: `open`. A notice goes out.

    FormProblems where another account has it: only who reads that mailbox is told.
    """
    opened = look_at_verification(account, link_id, token, ports)
    if opened.state != "open":
        return opened
    with ports.acting(account) as tx:
        link = _mail_link(tx, "verify", link_id, token, ports)
        if link is None or not tx.letters.use(link):
            was_added = tx.accounts.has_address(account.account_id, opened.address)
            return OpenedMailLink("added" if was_added else "ended", opened.address)
        if not tx.accounts.add_address(account.account_id, link.address):
            return FormProblems(address="taken")
        letters.notify(tx, account, "address-added", browser, ports)
    # If we die here or the answer is lost, the address is the account's, and the link says so.
    return opened


def make_primary(account: Account, address_id: int, password: str, ports: Ports) -> FormProblems | None:
    """Notices go to this address from now on."""
    if (problems := confirm(account, password, ports)) is not None:
        return problems
    with ports.acting(account) as tx:
        if not tx.accounts.make_primary(account.account_id, address_id):
            raise NotFound(f"address {address_id}: not of account {account.account_id}")
    return None


def remove_address(
    account: Account, address_id: int, password: str, browser: Browser, ports: Ports
) -> FormProblems | None:
    """Badges that were received stay; those that wait at this address no longer appear. A notice goes to it, too.

    One that is none of the account's is answered as one that was removed before. NotFound for the primary one.
    """
    if (problems := confirm(account, password, ports)) is not None:
        return problems
    with ports.acting(account) as tx:
        removed = tx.accounts.remove_address(account.account_id, address_id)
        if removed is not None:
            letters.notify(tx, account, "address-removed", browser, ports, removed)
        elif any(each.address_id == address_id for each in tx.accounts.addresses(account.account_id)):
            raise NotFound(f"address {address_id}: the primary one of account {account.account_id}")
    # If we die here or the answer is lost, the address is removed, and removing it again says so.
    return None


# ── the end ─────────────────────────────────────────────────────────────────────────────────────────────


def delete(account: Account, word: str, password: str, browser: Browser, ports: Ports) -> FormProblems | None:
    """Delete all that is the person's own in the wallet. The badges stay with the society and can be verified."""
    if word.strip().casefold() not in DELETE_WORDS:
        return FormProblems(word="wrong")
    if (problems := confirm(account, password, ports)) is not None:
        return problems
    with ports.acting(account) as tx:
        letters.notify(tx, account, "account-deleted", browser, ports)
        tx.delete_account(account.account_id)
    # If we die here, the account is gone, and its notice is asked for.
    return None


def _mail_link(
    tx: WalletTransaction, purpose: Literal["reset", "verify"], link_id: str, token: str, ports: Ports
) -> MailLink | None:
    if not is_mail_token(ports.link_secret, purpose, link_id, token):
        REFUSED.labels("unknown-link").inc()
        return None
    return tx.letters.link(link_id, purpose)
