"""What the wallet does by itself: one function a batch of events or tick.

Events that are only written down go straight to the store (`app.py`). What people ask for: `account/`, `badge/`,
`paper.py`; what the office orders: `office_orders.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.wallet.badge import offers
from services.wallet.badge.badges import receive
from services.wallet.domain.paper import forgotten_before
from services.wallet.metrics import CARRIED_OVER
from services.wallet.ports import Ports
from shared.events import AssertionIssued


def note_issued(events: Sequence[AssertionIssued], ports: Ports) -> None:
    """Step 3. A badge was issued: it waits to be received.

    A corrected version is received at once by the account that received the version before, if that account has proven
    the address of the new one. Its holder's choice about the public page is kept.
    """
    with ports.store.transaction() as tx:
        if not (new := tx.claim(events)):
            return
        tx.badges.await_addresses()
        corrected = [event.award.registration_id for event in new if event.version > 1]
        tx.badges.lock_versions(corrected)
        tx.badges.save_issued(new)
        for each in tx.badges.to_carry_over(corrected):
            receive(tx, each.assertion_id, each.account_id)
            if each.details_public is not None:
                tx.badges.show_details(each.assertion_id, each.account_id, public=each.details_public)
            CARRIED_OVER.inc()


def forget(ports: Ports) -> int:
    """Tick. Delete ended sessions, tries, links, offers; no answer depends on it, because the queries compare times.

    And the postal addresses of orders that ended, or were not paid, long ago.
    """
    paper = ports.programme.paper
    with ports.changing() as tx:
        past = tx.offers.forget_past(offers.CODE_LIFETIME, most=1000) + tx.sessions.forget_past(most=1000)
        return past + (tx.paper.forget_addresses(forgotten_before(paper, ports.now()), most=1000) if paper else 0)
