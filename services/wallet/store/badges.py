"""The tables of badges and of their progress."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from services.wallet.domain.badge import BadgeProgress, WalletBadge
from shared.addresses import same_address_key
from shared.events import AddressCorrected, AssertionIssued, BadgeReceived, BadgeVisibilityChanged, Holder
from shared.runtime.db import Transaction, replace

WITHOUT_ACCOUNT = "badges.account_id is null and badges.received_at is not null"
"""Received by an account that was deleted, or lost by a restore: the account that proves the address gets it."""
_BADGE = """
    select b.assertion_id, b.registration_id, b.qualification, b.pass_number, b.registration_number,
           b.valid_from, b.valid_until, b.issued_at, b.account_id, b.received_at,
           b.version, b.edition, b.replaces, b.details_public, b.address_revision,
           b.notify_from, b.link_number, b.link_until, b.account_deleted_at,
           (select newer.assertion_id from badges as newer where newer.registration_id = b.registration_id
             and newer.version > b.version order by newer.version desc limit 1) as corrected_by,
           (select a.account_id from addresses as a where a.address_key = b.address_key) as addressee_id,
           b.person_id, b.family_name, b.given_name, b.address as email, b.family_name_latin, b.given_name_latin,
           p.anchored_at, p.rendered_at, p.certificate_key, p.details_key, p.revoked_at, p.revoke_reason, p.replaced_by
    from badges b left join progress p using (assertion_id)
"""

# Whose a badge is: of the account that received it; before that, of the account that has proven the address it was
# awarded to.
_OWN = """
    (b.account_id = %(account)s
     or b.account_id is null and b.address_key in (select address_key from addresses where account_id = %(account)s))
"""


@dataclass(frozen=True)
class CarriedOver:
    """A badge that goes to the account that had an earlier version of it, with its holder's choice about the numbers.

    Without an account: the one that received the earlier version was lost by a restore.
    """

    assertion_id: str
    account_id: int | None
    details_public: bool | None  # None: no choice was made


_ADDRESSES = "hashtext('wallet/addresses')"


class Badges:
    """The badges as one transaction sees them."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    # ── issued and corrected ──

    def lock_versions(self, registration_ids: Sequence[str]) -> None:
        """No version of these registrations can be received until this transaction ends.

        Waits for transactions that are receiving one.
        """
        self._tx.cursor.execute(
            "select from badges where registration_id = any(%s::text[]) order by assertion_id for update",
            (list(registration_ids),),
        )

    def await_addresses(self) -> None:
        """Addresses that are being noted by others are committed, and no more of them come until this transaction ends.

        Before any row is locked. Else a badge and its new address that are noted at the same time, as after a restore,
        don't see each other: the badge would keep its former address for good.
        """
        self._tx.cursor.execute(f"select pg_advisory_xact_lock_shared({_ADDRESSES})")

    def lock_persons(self, person_id: str) -> None:
        """As `lock_versions`, for all badges of a person: waits for their new addresses and versions to be noted."""
        self._tx.cursor.execute(
            "select from badges where person_id = %s order by assertion_id for update", (person_id,)
        )

    def save_issued(self, events: Sequence[AssertionIssued]) -> None:
        """A badge that is there already stays as it is. What was taken back of the others goes into their rows."""
        self._tx.insert_rows("badges", [_row(event) for event in events])
        self._use_corrected_addresses([event.award.registration_id for event in events])
        self._put_recalled_into_rows([event.assertion_id for event in events])

    def note_addresses(self, events: Sequence[AddressCorrected]) -> None:
        """The latest address of each registration, for its badges that are here and those to come."""
        self._tx.cursor.execute(f"select pg_advisory_xact_lock({_ADDRESSES})")  # as `await_addresses`
        latest = {event.key: event for event in sorted(events, key=lambda event: event.revision)}
        self._tx.insert_rows(
            "corrected_addresses",
            [
                {"registration_id": id, "email": event.email, "version": event.version, "revision": event.revision}
                for id, event in latest.items()
            ],
            f"{replace('registration_id', ('email', 'version', 'revision'))}"
            " where corrected_addresses.revision < excluded.revision",
        )
        self._use_corrected_addresses(list(latest))

    def _use_corrected_addresses(self, registration_ids: Sequence[str]) -> None:
        self.lock_versions(registration_ids)
        moved = self._tx.cursor.execute(
            "select assertion_id, c.email, c.revision from badges join corrected_addresses as c using (registration_id)"
            " where registration_id = any(%s::text[]) and badges.version <= c.version"
            " and badges.address_revision < c.revision",
            (list(registration_ids),),
        ).fetchall()
        self._tx.update_rows(
            "badges",
            [
                {
                    "assertion_id": id,
                    "address": email,
                    "address_key": same_address_key(email),
                    "address_revision": revision,
                }
                for id, email, revision in moved
            ],
            "assertion_id",
        )
        if moved:
            self.give_to_addressees([id for id, _, _ in moved])

    def to_carry_over(self, registration_ids: Sequence[str]) -> list[CarriedOver]:
        """The newest versions that nobody has received, with the account that received an earlier one.

        Only where that account has proven the address that the new version is awarded to; one that a restore lost had
        proven the address of the version that it received.
        """
        return self._tx.fetch_all(
            CarriedOver,
            """
            select n.assertion_id, had.account_id, had.details_public from badges as n, lateral (
                select o.account_id, o.details_public from badges as o
                where o.registration_id = n.registration_id and o.version < n.version and case
                    when o.account_id is null then o.received_at is not null and o.address_key = n.address_key
                    else exists (select from addresses as a
                        where a.account_id = o.account_id and a.address_key = n.address_key) end
                order by o.version desc limit 1) as had
            where n.registration_id = any(%s::text[]) and n.received_at is null and not exists (
                select from badges as newer
                where newer.registration_id = n.registration_id and newer.version > n.version)
            order by n.assertion_id
            """,
            (list(registration_ids),),
        )

    # ── look up ──

    def get(self, assertion_id: str) -> WalletBadge | None:
        return self._tx.fetch_one(_badge, f"{_BADGE} where b.assertion_id = %s", (assertion_id,))

    def newest(self, registration_ids: Sequence[str]) -> dict[str, WalletBadge]:
        """The newest version of each of these registrations that has one."""
        found = self._tx.fetch_all(
            _badge,
            f"{_BADGE} where b.registration_id = any(%s::text[]) and not exists (select from badges as newer"
            "  where newer.registration_id = b.registration_id and newer.version > b.version)",
            (list(registration_ids),),
        )
        return {badge.registration_id: badge for badge in found}

    def own(self, account_id: int, assertion_id: str) -> WalletBadge | None:
        """The badge if it is that account's own; None for any other's and for none at all."""
        return self._tx.fetch_one(
            _badge,
            f"{_BADGE} where b.assertion_id = %(id)s and {_OWN}",
            {"id": assertion_id, "account": account_id},
        )

    def list_own(self, account_id: int) -> list[WalletBadge]:
        """All of an account's own, the newest period first."""
        return self._tx.fetch_all(
            _badge,
            f"{_BADGE} where {_OWN} order by b.valid_from desc, b.qualification, b.assertion_id",
            {"account": account_id},
        )

    def former(self, account_id: int, badge: WalletBadge) -> WalletBadge | None:
        """The newest version of what `badge` renews, if it is that account's own."""
        return self._newest_own(
            account_id,
            "(select registration_id from badges where assertion_id = %(replaces)s)",
            replaces=badge.replaces,
        )

    def renewed(self, account_id: int, badge: WalletBadge) -> WalletBadge | None:
        """The newest version of what renews any version of `badge`, if it is that account's own."""
        return self._newest_own(
            account_id,
            "(select registration_id from badges where replaces in"
            " (select assertion_id from badges where registration_id = %(registration)s))",
            registration=badge.registration_id,
        )

    def _newest_own(self, account_id: int, registrations: str, **values: str | None) -> WalletBadge | None:
        return self._tx.fetch_one(
            _badge,
            f"{_BADGE} where b.registration_id in {registrations} and {_OWN} order by b.version desc limit 1",
            {"account": account_id, **values},
        )

    def to_receive(self, address: str, assertion_id: str | None) -> list[WalletBadge]:
        """The newest versions at this address that no account has: the one asked for first, else the latest period."""
        return self._tx.fetch_all(
            _badge,
            f"{_BADGE} where b.address_key = %s and b.account_id is null and not exists (select from badges as newer"
            "  where newer.registration_id = b.registration_id and newer.version > b.version)"
            " order by (b.assertion_id = %s) is true desc, b.valid_from desc, b.assertion_id",
            (same_address_key(address), assertion_id),
        )

    # ── change ──

    def next_link(self, assertion_id: str, until: datetime) -> int:
        """The number of a new link to this badge; the one before ends, unless it is letter 1's."""
        return int(
            self._tx.fetch_value(
                "update badges set link_number = link_number + 1, link_until = %s where assertion_id = %s"
                " returning link_number",
                (until, assertion_id),
            )
        )

    def leave_account(self, account_id: int) -> list[str]:
        """The holder deletes the account: its badges stay received, and all links to them end. Which they are."""
        # Waits for a correction that is being noted, so that the next statement sees the version that it hands over.
        self._tx.cursor.execute(
            "select from badges where account_id = %s order by assertion_id for update", (account_id,)
        )
        left = self._tx.cursor.execute(
            "update badges set account_deleted_at = %(now)s, link_until = least(link_until, %(now)s)"
            " where account_id = %(account)s returning assertion_id",
            {"now": self._tx.now(), "account": account_id},
        )
        return [id for (id,) in left]

    def receive(self, assertion_id: str, account_id: int | None) -> bool:
        """Step 5. The account has the badge, and the receipt is announced once.

        False when it was received before, has been corrected since, or goes to an address that the account has not
        proven. `account_id`: None where a restore lost it.
        """
        cursor, now = self._tx.cursor, self._tx.now()
        # Waits for a correction or an address that is being noted, so that the next statement sees it.
        cursor.execute("select from badges where assertion_id = %s for update", (assertion_id,))
        row = cursor.execute(
            "update badges set account_id = %(account)s, received_at = coalesce(received_at, %(now)s)"
            " where assertion_id = %(id)s and account_id is null and not exists (select from badges as newer"
            "  where newer.registration_id = badges.registration_id and newer.version > badges.version)"
            " and (%(account)s::bigint is null or exists (select from addresses as a"
            "  where a.account_id = %(account)s and a.address_key = badges.address_key))"
            " returning received_at",
            {"account": account_id, "now": now, "id": assertion_id},
        ).fetchone()
        if row is None:
            return False
        # Received before a restore, by an account that is lost: announced then, and not again.
        self._tx.announce(BadgeReceived(assertion_id=assertion_id, received_at=row[0]))
        return True

    def show_details(self, assertion_id: str, account_id: int | None, *, public: bool) -> bool:
        """Whether the public page shows the numbers; a change is announced once. False when nothing changed."""
        row = self._tx.cursor.execute(
            "update badges set details_public = %s, visibility_revision = visibility_revision + 1"
            " where assertion_id = %s and account_id is not distinct from %s and details_public is distinct from %s"
            " returning visibility_revision",
            (public, assertion_id, account_id, public),
        ).fetchone()
        if row is None:
            return False
        self._tx.announce(BadgeVisibilityChanged(assertion_id=assertion_id, details_public=public, revision=row[0]))
        return True

    # ── after a restore ──

    def take_back_received(self, events: Sequence[BadgeReceived]) -> None:
        received = {event.assertion_id: event.received_at for event in events}  # Kafka may hold an event twice
        self._tx.upsert_rows(
            "recalled", [{"assertion_id": id, "received_at": at} for id, at in received.items()], "assertion_id"
        )
        self._put_recalled_into_rows(list(received))

    def take_back_visibility(self, events: Sequence[BadgeVisibilityChanged]) -> None:
        last: dict[str, BadgeVisibilityChanged] = {}
        for event in events:
            if event.assertion_id not in last or event.revision > last[event.assertion_id].revision:
                last[event.assertion_id] = event
        self._tx.insert_rows(
            "recalled",
            [
                {
                    "assertion_id": event.assertion_id,
                    "details_public": event.details_public,
                    "visibility_revision": event.revision,
                }
                for event in last.values()
            ],
            f"{replace('assertion_id', ['details_public', 'visibility_revision'])}"
            " where recalled.visibility_revision < excluded.visibility_revision",
        )
        self._put_recalled_into_rows(list(last))

    def give_at(self, address: str) -> None:
        """An account has proven this address: as `give_to_addressees` for the badges at it."""
        self._give("badges.address_key = %(which)s", same_address_key(address))

    def give_to_addressees(self, assertion_ids: Sequence[str]) -> None:
        """Received badges, whose account was deleted or lost, are of the account that has proven their address."""
        self._give("badges.assertion_id = any(%(which)s::text[])", list(assertion_ids))

    def _give(self, condition: str, which: str | list[str]) -> None:
        received = f"{condition} and {WITHOUT_ACCOUNT}"
        # As `lock_versions`: in one order, and the next statement sees the version that a correction hands over.
        found = self._tx.cursor.execute(
            f"select from badges where {received} order by assertion_id for update", {"which": which}
        )
        if not found.rowcount:
            return
        # Waits for the deletion of an account that would have them, which has no addresses then.
        self._tx.cursor.execute(
            "with proven as (select address_key, account_id from addresses join accounts using (account_id)"
            f"  where address_key in (select address_key from badges where {received}) for key share of accounts)"
            " update badges set account_id = proven.account_id, account_deleted_at = null from proven"
            f" where badges.address_key = proven.address_key and {received}",
            {"which": which},
        )

    def give_persons(self, person_id: str, account_id: int) -> None:
        """The badges of this person that any account has received are this account's. After `lock_persons`."""
        self._tx.cursor.execute(
            "update badges set account_id = %s where person_id = %s and account_id is not null",
            (account_id, person_id),
        )

    def _put_recalled_into_rows(self, assertion_ids: Sequence[str]) -> None:
        """What was taken back of badges whose rows are there. Those received are of the account at their address."""
        ids = list(assertion_ids)
        found = self._tx.cursor.execute(
            """
            with mine as (
                delete from recalled using badges as b
                where recalled.assertion_id = any(%s) and b.assertion_id = recalled.assertion_id
                returning recalled.*)
            update badges set
                received_at = coalesce(badges.received_at, mine.received_at),
                details_public = case when mine.visibility_revision > badges.visibility_revision
                    then mine.details_public else badges.details_public end,
                visibility_revision = greatest(badges.visibility_revision, mine.visibility_revision)
            from mine where badges.assertion_id = mine.assertion_id
            """,
            (ids,),
        ).rowcount
        if found:
            self.give_to_addressees(ids)


def _row(event: AssertionIssued) -> dict[str, Any]:
    award, holder = event.award, event.holder
    return {
        "assertion_id": event.assertion_id,
        "registration_id": award.registration_id,
        "cohort": award.cohort,
        "qualification": award.qualification,
        "kind": award.kind,
        "pass_number": award.pass_number,
        "registration_number": award.registration_number,
        "valid_from": award.valid_from,
        "valid_until": award.valid_until,
        "person_id": holder.person_id,
        "family_name": holder.family_name,
        "given_name": holder.given_name,
        "family_name_latin": holder.family_name_latin,
        "given_name_latin": holder.given_name_latin,
        "address": holder.email,
        "address_key": same_address_key(holder.email),
        "issued_at": event.issued_at,
        "notify_from": event.notify_from,
        "replaces": event.replaces,
        "version": event.version,
        "edition": event.edition,
    }


_OF_PROGRESS = tuple(field.name for field in fields(BadgeProgress))


def _badge(**columns: Any) -> WalletBadge:
    """A badge from its columns; those of its holder and of its progress become values of their own."""
    holder = Holder(**{name: columns.pop(name) for name in Holder.__struct_fields__})
    progress = BadgeProgress(**{name: columns.pop(name) for name in _OF_PROGRESS})
    return WalletBadge(**columns, holder=holder, progress=progress)
