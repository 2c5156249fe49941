"""The badges of the person who is logged in: list, receive, show, hide numbers, download."""

from __future__ import annotations

from dataclasses import dataclass

from services.wallet.domain.badge import PdfKind, WalletBadge, is_finished, pdf_key, state_of
from services.wallet.metrics import RECEIVED
from services.wallet.ports import Ports
from services.wallet.store import Account, WalletTransaction
from shared import object_keys
from shared.errors import NotFound
from shared.runtime.log import logger

log = logger("wallet")


@dataclass(frozen=True)
class RelatedBadges:
    """A badge with the person's own others that its page links to, each in its newest version."""

    badge: WalletBadge
    corrected: WalletBadge | None  # the newest version of this one
    former: WalletBadge | None  # what it renews
    renewed: WalletBadge | None  # what renews it


def own_badges(account: Account, ports: Ports) -> list[WalletBadge]:
    with ports.store.transaction() as tx:
        return tx.badges.list_own(account.account_id)


def own_badge(account: Account, assertion_id: str, ports: Ports) -> WalletBadge:
    """NotFound for another person's badge and for one that doesn't exist: the answer is the same."""
    with ports.store.transaction() as tx:
        return _own(tx, account, assertion_id)


def _own(tx: WalletTransaction, account: Account, assertion_id: str) -> WalletBadge:
    badge = tx.badges.own(account.account_id, assertion_id)
    if badge is None:
        raise NotFound(f"badge {assertion_id}: not of account {account.account_id}")
    return badge


def show(account: Account, assertion_id: str, ports: Ports) -> RelatedBadges:
    """NotFound as for `own_badge`."""
    badge = own_badge(account, assertion_id, ports)
    with ports.store.transaction() as tx:
        renewed = tx.badges.renewed(account.account_id, badge)
        return RelatedBadges(
            badge=badge,
            corrected=tx.badges.own(account.account_id, badge.corrected_by) if badge.corrected_by else None,
            former=tx.badges.former(account.account_id, badge),
            renewed=renewed if renewed and state_of(renewed, ports.now()) != "revoked" else None,
        )


def receive_own(account: Account, assertion_id: str, ports: Ports) -> None:
    """Step 5, from the list instead of the letter: the address is proven, so no link is needed."""
    with ports.store.transaction() as tx:
        badge = _own(tx, account, assertion_id)
        if state_of(badge, ports.now()) == "unreceived":
            receive(tx, assertion_id, account.account_id)


def receive(tx: WalletTransaction, assertion_id: str, account_id: int | None) -> None:
    """Step 5. The account receives the badge; nothing for one that was received or corrected before."""
    if tx.badges.receive(assertion_id, account_id):
        RECEIVED.inc()
        log.info("received", assertion_id=assertion_id, account_id=account_id)


def show_details(account: Account, assertion_id: str, public: bool, ports: Ports) -> None:
    """Any time. The holder decides whether the public page shows the numbers. Repeating it changes nothing.

    NotFound for a badge that isn't received and finished.
    """
    badge = own_badge(account, assertion_id, ports)
    if not is_finished(badge, ports.now()):
        raise NotFound(f"badge {assertion_id}: its public page can't be changed in its state")
    with ports.store.transaction() as tx:
        if tx.badges.show_details(assertion_id, account.account_id, public=public):
            log.info("decided", assertion_id=assertion_id, account_id=account.account_id, details_public=public)


def pdf(account: Account, assertion_id: str, kind: PdfKind, ports: Ports) -> tuple[WalletBadge, bytes]:
    """A PDF of the account's own badge. NotFound while there is none; TryLater while the storage is away."""
    badge = own_badge(account, assertion_id, ports)
    key = pdf_key(badge, kind, ports.now())
    if key is None:
        raise NotFound(f"badge {assertion_id}: no {kind} in its state")
    return badge, ports.objects.get(key)


def credential(account: Account, assertion_id: str, ports: Ports) -> tuple[WalletBadge, bytes]:
    """The signed credential of the account's own badge. NotFound while it isn't finished; TryLater as for PDFs."""
    badge = own_badge(account, assertion_id, ports)
    if not is_finished(badge, ports.now()):
        raise NotFound(f"badge {assertion_id}: no credential in its state")
    return badge, ports.objects.get(object_keys.credential(assertion_id))


def picture(qualification: str, edition: str, ports: Ports) -> bytes:
    """The image of a badge class, which is public. NotFound for a badge class that the programme doesn't have."""
    if qualification not in ports.programme.qualifications or not object_keys.is_edition(edition):
        raise NotFound(f"badge class {qualification}/{edition}")
    return ports.objects.get(object_keys.badge_file(qualification, edition, "png"))
