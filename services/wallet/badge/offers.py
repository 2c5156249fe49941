"""A badge for another wallet: OpenID for Verifiable Credential Issuance 1.0, pre-authorized code flow.

Its holder, who is logged in, makes an offer, which holds a code; the other wallet redeems the code for a token, once,
and fetches the credential with it. The credential is the one that is signed already: it is bound to the holder's
address and to no key, so the other wallet proves none.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import msgspec

from services.wallet.badge.badges import finished, own
from services.wallet.domain.badge import WalletBadge, is_finished
from services.wallet.ports import Ports
from services.wallet.store import Account
from shared import object_keys
from shared.runtime.log import logger

log = logger("wallet")

CODE_LIFETIME = timedelta(minutes=10)
TOKEN_LIFETIME = timedelta(minutes=5)
"""No longer: OpenID4VCI 1.0, section 13.10, allows longer ones only if they are bound to their client."""

CONFIGURATION = "OpenBadgeCredential"


def make(account: Account, assertion_id: str, ports: Ports) -> tuple[WalletBadge, str]:
    """The account's own badge, and the code of a new offer of it. NotFound as `badges.finished`."""
    badge = finished(account, assertion_id, ports)
    code = ports.new_token()
    with ports.acting(account) as tx:
        own(tx, account, assertion_id)  # still: it was erased meanwhile, or is another account's now
        tx.offers.make(_sha256(code), badge.assertion_id, account.account_id, ports.now() + CODE_LIFETIME)
    return badge, code


def redeem(code: str, ports: Ports) -> str | None:
    """An access token for the code; None for one that is unknown, was redeemed before, or is over."""
    token = ports.new_token()
    with ports.store.transaction() as tx:
        redeemed = tx.offers.redeem(_sha256(code), _sha256(token), CODE_LIFETIME, TOKEN_LIFETIME)
    # If we die here, the code is used up and nobody has its token: the holder makes another offer.
    return token if redeemed else None


def fetch(token: str, ports: Ports) -> dict[str, Any] | None:
    """The credential that the token opens; None without any, and for a badge that was revoked or corrected since.

    TryLater while the storage is away.
    """
    with ports.store.transaction() as tx:
        offer = tx.offers.by_token(_sha256(token), TOKEN_LIFETIME)
        badge = tx.badges.own(offer.account_id, offer.assertion_id) if offer else None
    if badge is None or not is_finished(badge, ports.now()):
        return None
    content = ports.objects.owed(object_keys.credential(badge.assertion_id))
    log.info("sent", assertion_id=badge.assertion_id, account_id=badge.account_id)
    return msgspec.json.decode(content, type=dict[str, Any])


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
