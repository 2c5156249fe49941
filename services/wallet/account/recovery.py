"""A holder who has lost the mailbox: registration has proven who it is and at which new address.

Registration alone says when the change takes effect, or that it was stopped. Here the account's own addresses are told,
and the account then moves.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.wallet.account import letters
from services.wallet.metrics import RECOVERIES
from services.wallet.ports import Ports
from services.wallet.store import Account, WalletTransaction
from services.wallet.store.recoveries import AccountRecovery
from shared.addresses import masked, same_address_key
from shared.recovery_events import AddressRecoveryBegun, AddressRecoverySettled
from shared.runtime.log import logger

log = logger("wallet")


def waiting(account: Account, ports: Ports) -> list[AccountRecovery]:
    """What waits for this account."""
    with ports.store.transaction() as tx:
        return tx.recoveries.of(account.account_id)


def note_begun(events: Sequence[AddressRecoveryBegun], ports: Ports) -> None:
    """Any time. A new address waits: the account shows it; its addresses that registration doesn't know are told."""
    with ports.store.transaction() as tx:
        for event in tx.claim(events):
            recovery = AccountRecovery(masked(event.email), event.stop_url, event.takes_effect_at)
            for account in tx.accounts.of_person(event.person_id):
                tx.recoveries.begin(event.recovery_id, account.account_id, recovery)
                letters.recovery_begun(tx, account, event, _others(tx, account, event))
                log.info("queued", account_id=account.account_id)
        # If we die before the commit, the events come again; after it, the inbox drops them.


def note_settled(events: Sequence[AddressRecoverySettled], ports: Ports) -> None:
    """Any time. The account is at the new address from now on, or nothing changes."""
    with ports.store.transaction() as tx:
        for event in tx.claim(events):
            if tx.recoveries.settle(event.recovery_id) and event.outcome == "moved":
                _move(tx, event, ports)
        # If we die before the commit, the events come again; after it, the letter with the link is asked for once.


def _move(tx: WalletTransaction, event: AddressRecoverySettled, ports: Ports) -> None:
    """The person's badges, and the account that has the newest of them, are reached by the new address.

    Where that has an account already, it is the person's: registration has proven both, and it gets the badges. The
    former address opens nothing any more. Without an account there is nothing to do: letter 1 goes out once more.
    """
    accounts = tx.accounts.of_person(event.person_id)
    if not accounts:
        RECOVERIES.labels("no-account").inc()
        return
    tx.accounts.hold_all([each.account_id for each in accounts])
    # Waits for a transaction that is giving this address to an account: that account is used then. Addresses before
    # badges, as wherever both are locked: who receives a badge with a new account can't deadlock with this.
    tx.accounts.add_address(accounts[0].account_id, event.email)
    tx.badges.lock_persons(event.person_id)
    account = tx.accounts.by_address(event.email) or accounts[0]
    others = _others(tx, account, event)
    tx.accounts.make_primary(account.account_id, tx.accounts.address_id(event.email))
    tx.badges.give_persons(event.person_id, account.account_id)
    if event.former_email is not None and same_address_key(event.former_email) != same_address_key(event.email):
        for each in accounts:
            tx.accounts.drop_address(each.account_id, event.former_email)
    letters.account_recovery(tx, account, event, ports)
    letters.recovered(tx, account, event, others)
    RECOVERIES.labels("moved").inc()
    log.info("changed", account_id=account.account_id, what="recovered")


def _others(tx: WalletTransaction, account: Account, event: AddressRecoveryBegun | AddressRecoverySettled) -> list[str]:
    """The account's addresses that registration doesn't know: it writes to the others itself."""
    known = {same_address_key(each) for each in (event.email, event.former_email) if each}
    addresses = tx.accounts.addresses(account.account_id)
    return [each.address for each in addresses if same_address_key(each.address) not in known]
