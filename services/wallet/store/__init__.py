"""The wallet's tables: what other services announced (here); a module for each further subject."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg

from services.wallet.store.accounts import Account, Accounts, Address, LogInAgain
from services.wallet.store.badges import Badges
from services.wallet.store.erasure import Erased, Erasures
from services.wallet.store.letters import Letters
from services.wallet.store.offers import Offers
from services.wallet.store.paper import PaperOrders
from services.wallet.store.passkeys import Passkeys
from services.wallet.store.recoveries import Recoveries
from services.wallet.store.sessions import Sessions
from shared.clock import Clock
from shared.events import (
    AddressCorrected,
    AssertionAnchored,
    AssertionRevoked,
    BadgeReceived,
    BadgeVisibilityChanged,
    CertificateRendered,
)
from shared.letter_events import AccountLetterRequested
from shared.paper_events import PaperOrdered, PaperUpdated
from shared.runtime.db import Database, Transaction

__all__ = ["Account", "Accounts", "Address", "Badges", "LogInAgain", "Store", "WalletTransaction"]


class WalletTransaction(Transaction):
    """One transaction on the wallet's schema.

    What is noted may come in any order, also before the badge itself is known.
    """

    def __init__(self, connection: psycopg.Connection[Any], source: str, clock: Clock) -> None:
        super().__init__(connection, source, clock)
        self.badges = Badges(self)
        self.accounts = Accounts(self)
        self.sessions = Sessions(self)
        self.letters = Letters(self)
        self.passkeys = Passkeys(self)
        self.offers = Offers(self)
        self.paper = PaperOrders(self)
        self.recoveries = Recoveries(self)
        self.erasures = Erasures(self)

    def note_addresses(self, events: Sequence[AddressCorrected]) -> None:
        """Any time. A badge that nobody has received is received at the new address, by a new link."""
        self.badges.note_addresses(events)

    def note_anchored(self, events: Sequence[AssertionAnchored]) -> None:
        """Step 7. The badge's root is final on the chain."""
        self._note_progress({"assertion_id": event.assertion_id, "anchored_at": event.anchored_at} for event in events)

    def note_rendered(self, events: Sequence[CertificateRendered]) -> None:
        """Step 8. Both PDFs are in object storage."""
        self._note_progress(
            {
                "assertion_id": event.assertion_id,
                "rendered_at": event.rendered_at,
                "certificate_key": event.certificate_key,
                "certificate_sha256": event.certificate_sha256,
                "details_key": event.details_key,
                "details_sha256": event.details_sha256,
            }
            for event in events
        )

    def note_revoked(self, events: Sequence[AssertionRevoked]) -> None:
        """Any time. The badge no longer counts: it can't be received, and its PDFs are no longer given out."""
        self._note_progress(
            {
                "assertion_id": event.assertion_id,
                "revoked_at": event.revoked_at,
                "revoke_reason": event.reason,
                "replaced_by": event.replaced_by,
            }
            for event in events
        )

    def take_back_received(self, events: Sequence[BadgeReceived]) -> None:
        """After a restore. The badge was received, also if its row comes only later by the re-read AssertionIssued.

        It is of the account that has proven its address. Without one it is received all the same: who opens a link at
        that address and makes the account again finds it received. No topic holds accounts, names as typed, passwords,
        sessions and login attempts: what was made of them since the backup can't be taken back.
        """
        self.badges.take_back_received(events)

    def take_back_visibility(self, events: Sequence[BadgeVisibilityChanged]) -> None:
        """After a restore. The holder's last decision stands; the next one gets a higher revision."""
        self.badges.take_back_visibility(events)

    def take_back_letters(self, events: Sequence[AccountLetterRequested]) -> None:
        """After a restore. An account that was deleted since the backup is deleted again; a password that was changed
        since opens nothing: its holder sets a new one by letter.

        Whatever addresses it had by then: the notice went to one that the backup may lack, or have with another
        account. The letters themselves were asked of the mailer, and are not asked for once more.
        """
        for event in events:
            what = event.facts.get("what") if event.letter == "account-notice" else None
            account = self._told(event) if what else None
            if account is None:
                continue
            if what == "account-deleted":
                self.delete_account(account.account_id)
            elif what == "password-changed":
                self.accounts.set_password(account.account_id, "")
                self.sessions.close_all(account.account_id)

    def _told(self, event: AccountLetterRequested) -> Account | None:
        """The account that a notice told of. None for one that was made since: after a restore numbers begin again."""
        account = (
            self.accounts.by_address(event.recipient)
            if event.account_id is None
            else self.accounts.get(event.account_id)
        )
        return account if account is not None and account.created_at <= event.requested_at else None

    def delete_account(self, account_id: int) -> None:
        """The account and all that is the person's own. Its badges stay, and their links end and say so.

        Those whose address another account has proven are of that one.
        """
        left = self.badges.leave_account(account_id)
        self.sessions.close_all(account_id)
        self.accounts.delete(account_id)
        self.badges.give_to_addressees(left)

    def erase_rows(self, registration_ids: Sequence[str], assertion_ids: Sequence[str]) -> Erased:
        """Delete all about these registrations and badges, and the accounts that are nobody else's; what that was.

        An account that has received somebody else's badge stays as it is, with its name and addresses.
        """
        erased = self.erasures.find(registration_ids, assertion_ids)
        for account_id in erased.accounts:
            self.delete_account(account_id)
        self.erasures.delete(erased)
        return erased

    def take_back_paper_ordered(self, events: Sequence[PaperOrdered]) -> None:
        """After a restore. The order stands with its number. No topic holds its address: its holder gives it again."""
        self.paper.take_back_ordered(events)

    def take_back_paper_updated(self, events: Sequence[PaperUpdated]) -> None:
        """After a restore. How far each item is: nothing is printed or sent twice, also if its order comes later."""
        self.paper.take_back_updated(events)

    def _note_progress(self, rows: Iterable[dict[str, Any]]) -> None:
        """The last row of each badge counts."""
        last = {row["assertion_id"]: row for row in rows}
        self.upsert_rows("progress", list(last.values()), key="assertion_id")


Store = Database[WalletTransaction]
