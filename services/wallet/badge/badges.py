"""The badges of the person who is logged in: list, receive, show, hide numbers, download."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from services.wallet.domain.badge import PdfKind, WalletBadge, is_finished, pdf_key, state_of
from services.wallet.metrics import RECEIVED
from services.wallet.ports import Ports
from services.wallet.store import Account, WalletTransaction
from shared import object_keys
from shared.credentials.baking import bake_png, bake_svg
from shared.credentials.open_badges_2 import assertion_of
from shared.errors import NotFound, TryLater
from shared.object_keys import Picture
from shared.programme import Bilingual
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
    with ports.store.reading() as tx:
        return tx.badges.list_own(account.account_id)


def own_badge(account: Account, assertion_id: str, ports: Ports) -> WalletBadge:
    """NotFound for another person's badge and for one that doesn't exist: the answer is the same."""
    with ports.store.reading() as tx:
        return own(tx, account, assertion_id)


def own(tx: WalletTransaction, account: Account, assertion_id: str) -> WalletBadge:
    """As `own_badge`, in a transaction."""
    badge = tx.badges.own(account.account_id, assertion_id)
    if badge is None:
        raise NotFound(f"badge {assertion_id}: not of account {account.account_id}")
    return badge


def show(account: Account, assertion_id: str, ports: Ports) -> RelatedBadges:
    """NotFound as for `own_badge`."""
    with ports.store.reading() as tx:
        badge = own(tx, account, assertion_id)
        renewed = tx.badges.renewed(account.account_id, badge)
        return RelatedBadges(
            badge=badge,
            corrected=tx.badges.own(account.account_id, badge.corrected_by) if badge.corrected_by else None,
            former=tx.badges.former(account.account_id, badge) if badge.replaces else None,
            renewed=renewed if renewed and state_of(renewed, ports.now()) not in ("revoked", "corrected") else None,
        )


def receive_own(account: Account, assertion_id: str, ports: Ports) -> None:
    """Step 5, from the list instead of the letter: the address is proven, so no link is needed."""
    with ports.acting(account) as tx:
        badge = own(tx, account, assertion_id)
        if state_of(badge, ports.now()) == "unreceived":
            receive(tx, assertion_id, account.account_id)


def receive(tx: WalletTransaction, assertion_id: str, account_id: int | None) -> bool:
    """Step 5. The account receives the badge; False, and nothing, for one that was received or corrected before."""
    if not tx.badges.receive(assertion_id, account_id):
        return False
    RECEIVED.inc()
    log.info("received", assertion_id=assertion_id, account_id=account_id)
    return True


def show_details(account: Account, assertion_id: str, public: bool, ports: Ports) -> None:
    """Any time. The holder decides whether the public page shows the numbers. Repeating it changes nothing.

    NotFound for a badge that isn't received and finished.
    """
    badge = own_badge(account, assertion_id, ports)
    if not is_finished(badge, ports.now()):
        raise NotFound(f"badge {assertion_id}: its public page can't be changed in its state")
    with ports.acting(account) as tx:
        if tx.badges.show_details(assertion_id, account.account_id, public=public):
            log.info("decided", assertion_id=assertion_id, account_id=account.account_id, details_public=public)


def pdf(account: Account, assertion_id: str, kind: PdfKind, ports: Ports) -> tuple[WalletBadge, bytes]:
    """A PDF of the account's own badge. NotFound while there is none; TryLater while the storage is away."""
    badge = own_badge(account, assertion_id, ports)
    key = pdf_key(badge, kind, ports.now())
    if key is None:
        raise NotFound(f"badge {assertion_id}: no {kind} in its state")
    return badge, ports.objects.owed(key)


def finished(account: Account, assertion_id: str, ports: Ports) -> WalletBadge:
    """The account's own badge, whose files may be given out. NotFound while it isn't finished, and as `own_badge`."""
    badge = own_badge(account, assertion_id, ports)
    if not is_finished(badge, ports.now()):
        raise NotFound(f"badge {assertion_id}: nothing to pass on in its state")
    return badge


def credential(account: Account, assertion_id: str, ports: Ports) -> tuple[WalletBadge, bytes]:
    """The signed credential of the account's own badge. NotFound while it isn't finished; TryLater as for PDFs."""
    badge = finished(account, assertion_id, ports)
    return badge, ports.objects.owed(object_keys.credential(assertion_id))


def baked(account: Account, assertion_id: str, form: Picture, ports: Ports) -> tuple[WalletBadge, bytes]:
    """The picture of the account's own badge with credential and Open Badges 2.0 assertion in it.

    Its holder gets it whether or not the public page shows the numbers, which are in it. As the public site bakes it.
    NotFound while the badge isn't finished; TryLater as for PDFs.
    """
    badge = finished(account, assertion_id, ports)
    return badge, bake(badge, form, ports)


def bake(badge: WalletBadge, form: Picture, ports: Ports) -> bytes:
    content = ports.objects.owed(object_keys.credential(badge.assertion_id))
    document = msgspec.json.decode(content, type=dict[str, Any])
    hosted = msgspec.json.encode(assertion_of(document, public_url=ports.public_url))
    drawn = ports.objects.owed(object_keys.badge_file(badge.qualification, edition_of(badge, ports), form))
    return (bake_png if form == "png" else bake_svg)(drawn, credential=content, assertion=hosted)


def picture(qualification: str, edition: str, ports: Ports) -> bytes:
    """The image of a badge class, which is public. NotFound for a badge class that was never published."""
    if not object_keys.is_badge_class(qualification, edition):
        raise NotFound(f"badge class {qualification}/{edition}")
    return ports.objects.get(object_keys.badge_file(qualification, edition, "png"))


def edition_of(badge: WalletBadge, ports: Ports) -> str:
    """The edition of its badge class."""
    return badge.edition or ports.programme.edition(badge.valid_from)


def qualification_name(badge: WalletBadge, ports: Ports) -> Bilingual:
    """What its qualification is called: in the programme; for one that was taken out of it, in its badge class.

    Its id when the badge class can't be read, so that pages with such a badge still work.
    """
    known = ports.programme.qualifications.get(badge.qualification)
    if known is not None:
        return known.name
    try:
        content = ports.objects.get(object_keys.badge_file(badge.qualification, edition_of(badge, ports), "json"))
        published = msgspec.json.decode(content, type=_Achievement)
    except (NotFound, TryLater, msgspec.DecodeError):
        return Bilingual(badge.qualification, badge.qualification)
    caption = published.image.caption
    _, between, english = caption.partition(f"{published.name} / ")
    return Bilingual(published.name, english if between else published.name)


class _Image(msgspec.Struct):
    caption: str = ""


class _Achievement(msgspec.Struct):
    """What a published badge class says of its names: the Japanese one, and both in the caption of its image."""

    name: str
    image: _Image
