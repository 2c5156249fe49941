"""The erasure of people: which accounts are theirs alone, and all rows about their registrations, in every table."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.addresses import same_address_key
from shared.letter_events import AccountLetterRequested
from shared.runtime.db import Transaction
from shared.runtime.erasure import SAYS, as_said
from shared.wire import decode


@dataclass(frozen=True)
class Erased:
    """Who is to be erased. `accounts`: that nobody else uses; of those that somebody else uses, how many are `shared`.

    `addresses`: to which anything about them was written.
    """

    registration_ids: list[str]
    assertion_ids: list[str]
    order_ids: list[str]
    accounts: list[int]
    shared: int
    addresses: list[str]


class Erasures:
    """What one transaction erases. It has waited for all that writes about people, and lets none begin."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def find(self, registration_ids: Sequence[str], assertion_ids: Sequence[str]) -> Erased:
        """All that is known of them.

        An account is theirs that has received a badge of theirs, or has proven an address of one, unless it has
        received a badge of somebody else.
        """
        registrations = list(registration_ids)
        badges = self._rows(
            "select assertion_id, account_id, address from badges where registration_id = any(%s)", registrations
        )
        corrected = self._rows("select email from corrected_addresses where registration_id = any(%s)", registrations)
        orders = self._rows("select order_id from paper_orders where registration_id = any(%s)", registrations)
        addresses = {*(address for *_, address in badges), *(address for (address,) in corrected)}
        found = self._rows(
            "select account_id, created_at, exists (select from badges as b"
            "  where b.account_id = accounts.account_id and b.registration_id <> all(%s)) as is_shared"
            " from accounts where account_id = any(array("
            "  select unnest(%s::bigint[]) union select account_id from addresses where address_key = any(%s)))"
            " order by account_id",
            registrations,
            [id for _, id, _ in badges if id is not None],
            [same_address_key(address) for address in addresses],
        )
        accounts = {id: created_at for id, created_at, is_shared in found if not is_shared}
        account_ids = list(accounts)
        for table in ("addresses", "mail_links"):
            theirs = self._rows(f"select address from {table} where account_id = any(%s)", account_ids)
            addresses |= {address for (address,) in theirs}
        ids, order_ids = sorted({*assertion_ids, *(id for id, *_ in badges)}), [id for (id,) in orders]
        addresses |= self._written_to(ids, order_ids, accounts)
        return Erased(registrations, ids, order_ids, account_ids, len(found) - len(accounts), sorted(addresses))

    def delete(self, erased: Erased) -> None:
        """All rows about them, once their accounts are deleted."""
        of_badges, of_registrations, of_orders = erased.assertion_ids, erased.registration_ids, erased.order_ids
        for table, column, ids in (
            ("offers", "assertion_id", of_badges),
            ("recalled", "assertion_id", of_badges),
            ("progress", "assertion_id", of_badges),
            ("asked_letters", "assertion_id", of_badges),
            ("paper_items", "order_id", of_orders),
            ("paper_orders", "registration_id", of_registrations),
            ("badges", "registration_id", of_registrations),
            ("corrected_addresses", "registration_id", of_registrations),
        ):
            self._tx.cursor.execute(f"delete from {table} where {column} = any(%s)", (ids,))
        self._delete_letters({*map(same_address_key, erased.addresses)})

    def _delete_letters(self, address_keys: Collection[str]) -> None:
        """Letters asked for at these addresses, and links in them; but for addresses that an account still has."""
        proven = self._rows("select address_key from addresses where address_key = any(%s)", list(address_keys))
        gone = {*address_keys} - {key for (key,) in proven}
        for table, column in (("asked_letters", "asked_id"), ("mail_links", "link_id")):
            found = self._rows(f"select {column}, address from {table}")
            ids = [id for id, address in found if same_address_key(address) in gone]
            if ids:
                self._tx.cursor.execute(f"delete from {table} where {column} = any(%s)", (ids,))

    def _written_to(
        self, assertion_ids: Sequence[str], order_ids: Sequence[str], accounts: Mapping[int, datetime]
    ) -> set[str]:
        """The recipients of letters with a link to one of these badges, about one of these orders or accounts.

        So an address is found that has changed since, or that an account had once. `accounts`: since when each is
        there; after a restore numbers begin again.
        """
        said = [
            *(f"/receive/{id}/".encode() for id in assertion_ids),
            *(as_said("order_number", id) for id in order_ids),
            *(f'"account_id":{id}{end}'.encode() for id in accounts for end in ",}"),
        ]
        letters = self._rows(
            f"select value from announced where topic = %s and {SAYS}",
            AccountLetterRequested.topic.name,
            said,
        )
        return {
            event.recipient
            for event in (decode(bytes(value)) for (value,) in letters)
            if isinstance(event, AccountLetterRequested)
            and accounts.get(event.account_id or 0, event.requested_at) <= event.requested_at
        }

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self._tx.cursor.execute(query, values).fetchall()
