"""Letters about an account: asked for by anyone who knows an address, written by a tick; and notices of changes.

What an address gets differs by whether it has an account. So a request only notes that a letter is asked for: it does
the same for every address, in the same time, and its answer tells nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from services.wallet.domain.badge import WalletBadge, state_of
from services.wallet.domain.device import Browser
from services.wallet.domain.throttle import letter_limits
from services.wallet.metrics import LETTERS, REFUSED
from services.wallet.ports import Ports
from services.wallet.store import Account, WalletTransaction
from services.wallet.store.letters import Asked, AskedLetter, Purpose
from shared.addresses import address_problem, masked, same_address_key
from shared.clock import japan_date
from shared.letter_events import AccountLetterRequested
from shared.links import is_mail_token, mail_token
from shared.recovery_events import AddressRecoveryBegun, AddressRecoverySettled
from shared.runtime.log import logger

log = logger("wallet")

Change = Literal["password-changed", "address-added", "address-removed", "passkey-added", "account-deleted"]
"""What a notice tells its holder of."""

_AT_ONCE = 50


def ask(letter: AskedLetter, address: str, assertion_id: str | None, browser: Browser, ports: Ports) -> None:
    """Ask for a letter to this address, which is sent if the address has an account, or a badge that waits there.

    Returns nothing, so the answer can't show which addresses are known. Over a limit the request is dropped silently:
    the mailbox has got such letters already.
    """
    if address_problem(address) is not None:
        return
    with ports.store.transaction() as tx:
        if tx.sessions.is_over(letter_limits(letter, same_address_key(address), browser.source)):
            REFUSED.labels("letter").inc()
        else:
            tx.letters.ask(letter, address, assertion_id, browser.language)
    # If we die here, the letter is asked for: the tick writes it.


def write_asked(ports: Ports) -> int:
    """Tick. Have the letters sent that were asked for, where there is somebody to send them to.

    While Kafka is away they wait unwritten, so that their links count from when they can leave.
    """
    with ports.changing() as tx:
        asked = tx.letters.take_asked(_AT_ONCE)
        for each in asked:
            is_sent = _reset(tx, each, ports) if each.letter == "reset-password" else _new_link(tx, each, ports)
            LETTERS.labels(each.letter, "sent" if is_sent else "nobody").inc()
    return len(asked)


def _reset(tx: WalletTransaction, asked: Asked, ports: Ports) -> bool:
    account = tx.accounts.by_address(asked.address)
    if account is None:
        return False
    # To the address as it was proven: a server may have two mailboxes for two spellings.
    address = tx.accounts.as_proven(asked.address)
    lasts = ports.reset_link_lifetime
    link_id = ports.new_token()
    facts, until = _open_link(tx, link_id, "reset", account, address, lasts, ports)
    _announce(tx, link_id, "reset-password", address, facts, asked.language, until)
    return True


def _new_link(tx: WalletTransaction, asked: Asked, ports: Ports) -> bool:
    now = ports.now()
    waiting = [
        badge
        for badge in tx.badges.to_receive(asked.address, asked.assertion_id)
        if state_of(badge, now) not in ("expired", "revoked", "corrected")
    ]
    if not waiting:
        return False
    badge, lasts = waiting[0], ports.mail_link_lifetime
    until = now + lasts
    number = tx.badges.next_link(badge.assertion_id, until)
    facts = {
        "name": badge.holder.family_first,
        "qualification": badge.qualification,
        "link": f"{ports.wallet_url}/receive/{badge.assertion_id}/"
        f"{mail_token(ports.link_secret, 'new-link', _new_link_id(badge, number))}",
        "hours": _hours(lasts),
    }
    # Drawn: after a restore the numbers begin again with those of letters that are announced already.
    _announce(tx, ports.new_token(), "new-link", badge.holder.email, facts, asked.language, until)
    return True


def is_new_link(badge: WalletBadge, number: int, token: str, ports: Ports) -> bool:
    """Whether the token is that of link `number` of those asked for about the badge, even if it has ended."""
    return is_mail_token(ports.link_secret, "new-link", _new_link_id(badge, number), token)


def _new_link_id(badge: WalletBadge, number: int) -> str:
    """Includes the address that it is mailed to: once that changes, earlier links are invalid."""
    return f"{badge.assertion_id}/{number}/{same_address_key(badge.holder.email)}"


def verify_address(tx: WalletTransaction, account: Account, address: str, browser: Browser, ports: Ports) -> None:
    """A letter to an address that the account's owner says to have. The link in it ends."""
    lasts = ports.mail_link_lifetime
    link_id = ports.new_token()
    facts, until = _open_link(tx, link_id, "verify", account, address, lasts, ports)
    _announce(tx, link_id, "verify-address", address, facts, browser.language, until)


def recovery_begun(
    tx: WalletTransaction, account: Account, event: AddressRecoveryBegun, recipients: Sequence[str]
) -> None:
    """A new address waits: the reader of any of `recipients`, addresses of the account, can stop it."""
    facts = {
        "name": account.full_name,
        "new_masked": masked(event.email),
        "deadline": japan_date(event.takes_effect_at).isoformat(),
        "link": event.stop_url,
    }
    for number, address in enumerate(recipients):
        letter_id = f"recovery-begun/{event.recovery_id}/{account.account_id}/{number}"
        _announce(tx, letter_id, "recovery-begun", address, facts, event.language, event.takes_effect_at)


def account_recovery(tx: WalletTransaction, account: Account, event: AddressRecoverySettled, ports: Ports) -> None:
    """The account is at a new address: the link to a new password, as if it had been asked for there."""
    lasts = ports.mail_link_lifetime
    link_id = event.recovery_id
    facts, until = _open_link(tx, link_id, "reset", account, event.email, lasts, ports)
    _announce(tx, f"account-recovery/{link_id}", "account-recovery", event.email, facts, event.language, until)


def recovered(
    tx: WalletTransaction, account: Account, event: AddressRecoverySettled, recipients: Sequence[str]
) -> None:
    """The account's other addresses are told that one was added."""
    facts = {"name": account.full_name, "what": "address-added", "at": event.settled_at.isoformat(timespec="seconds")}
    for number, address in enumerate(recipients):
        letter_id = f"recovered/{event.recovery_id}/{number}"
        _announce(tx, letter_id, "account-notice", address, facts, event.language, None)


def _open_link(
    tx: WalletTransaction,
    link_id: str,
    purpose: Purpose,
    account: Account,
    address: str,
    lasts: timedelta,
    ports: Ports,
) -> tuple[dict[str, str], datetime]:
    """Open a link that is mailed to `address`: the facts of its letter, and when it ends."""
    until = tx.letters.open_link(link_id, purpose, account.account_id, address, lasts)
    link = f"{ports.wallet_url}/{purpose}/{link_id}/{mail_token(ports.link_secret, purpose, link_id)}"
    return {"name": account.full_name, "link": link, "hours": _hours(lasts)}, until


def notify(tx: WalletTransaction, account: Account, change: Change, browser: Browser, ports: Ports, *also: str) -> None:
    """Tell the owner of a change, at the primary address and at those of `also`: its author can't hide it."""
    at = tx.now()
    log.info("changed", account_id=account.account_id, what=change)
    facts = {"name": account.full_name, "what": change, "at": at.isoformat(timespec="seconds")}
    for address in dict.fromkeys((tx.accounts.primary_address(account.account_id), *also)):
        _announce(tx, ports.new_token(), "account-notice", address, facts, browser.language, None, account)


def _announce(
    tx: WalletTransaction,
    letter_id: str,
    letter: str,
    recipient: str,
    facts: dict[str, str],
    language: Literal["ja", "en"],
    valid_until: datetime | None,
    changed: Account | None = None,
) -> None:
    tx.announce(
        AccountLetterRequested(
            letter_id=letter_id,
            letter=letter,
            recipient=recipient,
            facts=facts,
            requested_at=tx.now(),
            language=language,
            valid_until=valid_until,
            account_id=None if changed is None else changed.account_id,
        )
    )


def _hours(lasts: timedelta) -> str:
    return f"{lasts / timedelta(hours=1):g}"
