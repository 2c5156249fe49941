"""The tables of accounts and their addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.wallet.store.badges import Badges
from shared.addresses import same_address_key
from shared.errors import AkashiError
from shared.runtime.db import Transaction

ACCOUNT = "select account_id, full_name, password_hash, accounts.created_at from accounts"


class LogInAgain(AkashiError):
    """The account was deleted, or has another password, since it was read: the request is not carried out."""


@dataclass(frozen=True)
class Account:
    account_id: int
    full_name: str  # as typed
    password_hash: str
    created_at: datetime


@dataclass(frozen=True)
class Address:
    """An address that its account has proven."""

    address_id: int
    address: str
    is_primary: bool
    verified_at: datetime


class Accounts:
    """The accounts as one transaction sees them."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def get(self, account_id: int) -> Account | None:
        return self._tx.fetch_one(Account, f"{ACCOUNT} where account_id = %s", (account_id,))

    def hold(self, account: Account) -> None:
        """Nobody else changes the account until this transaction ends; badges are still received by it meanwhile.

        Before any other row is locked: everything that an account does begins so, and can't deadlock. LogInAgain for
        one that was deleted, or has another password, since it was read.
        """
        cursor = self._tx.cursor
        row = cursor.execute(
            "select password_hash from accounts where account_id = %s for no key update", (account.account_id,)
        ).fetchone()
        if row is None or row[0] != account.password_hash:
            raise LogInAgain(f"account {account.account_id}: got one that is gone or has another password now")

    def hold_all(self, account_ids: Sequence[int]) -> None:
        """As `hold`, for what is no account's own doing."""
        self._tx.cursor.execute(
            "select from accounts where account_id = any(%s::bigint[]) order by account_id for no key update",
            (list(account_ids),),
        )

    def by_address(self, address: str) -> Account | None:
        """The account that has proven this address."""
        return self._tx.fetch_one(
            Account,
            f"{ACCOUNT} join addresses using (account_id) where address_key = %s",
            (same_address_key(address),),
        )

    def of_person(self, person_id: str) -> list[Account]:
        """The accounts that have received badges of this person, the one with the newest period first."""
        return self._tx.fetch_all(
            Account,
            f"{ACCOUNT} join badges using (account_id) where person_id = %s"
            " group by account_id order by max(valid_from) desc, account_id",
            (person_id,),
        )

    def of_registration(self, registration_id: str) -> list[int]:
        """The accounts of the person whose registration this is: by the badges received, or by an address of theirs."""
        rows = self._tx.cursor.execute(
            "with theirs as (select account_id, address_key from badges where person_id in"
            "  (select person_id from badges where registration_id = %s))"
            " select account_id from theirs where account_id is not null"
            " union select addresses.account_id from addresses join theirs using (address_key) order by account_id",
            (registration_id,),
        )
        return [row[0] for row in rows]

    def has_address(self, account_id: int, address: str) -> bool:
        row = self._tx.cursor.execute(
            "select 1 from addresses where account_id = %s and address_key = %s",
            (account_id, same_address_key(address)),
        ).fetchone()
        return row is not None

    def create(self, full_name: str, password_hash: str, address: str) -> int | None:
        """The new account's id; None when the address has one already, for example from another browser window.

        As by `add_address` it has the badges that were received at the address.
        """
        # Waits for a transaction that is giving this address to another account.
        account_id: int | None = self._tx.fetch_value(
            "with proven as (insert into addresses (address_key, account_id, address, is_primary, verified_at)"
            "  values (%(key)s, nextval(pg_get_serial_sequence('accounts', 'account_id')), %(address)s, true, %(now)s)"
            "  on conflict (address_key) do nothing returning account_id),"
            " account as (insert into accounts (account_id, full_name, password_hash, created_at)"
            "  overriding system value select account_id, %(name)s, %(hash)s, %(now)s from proven)"
            " select account_id from proven",
            {
                "name": full_name,
                "hash": password_hash,
                "now": self._tx.now(),
                "key": same_address_key(address),
                "address": address,
            },
        )
        if account_id is not None:
            Badges(self._tx).give_at(address)
        return account_id

    def set_password(self, account_id: int, password_hash: str) -> None:
        self._tx.cursor.execute(
            "update accounts set password_hash = %s where account_id = %s", (password_hash, account_id)
        )

    def delete(self, account_id: int) -> None:
        """With its addresses, sessions, devices, passkeys and links. Its badges stay, without an account."""
        self._tx.cursor.execute("delete from accounts where account_id = %s", (account_id,))

    # ── addresses ──

    def addresses(self, account_id: int) -> list[Address]:
        """All of an account's, the primary one first."""
        return self._tx.fetch_all(
            Address,
            "select address_id, address, is_primary, verified_at from addresses where account_id = %s"
            " order by is_primary desc, address_id",
            (account_id,),
        )

    def primary_address(self, account_id: int) -> str:
        return str(self.addresses(account_id)[0].address)

    def add_address(self, account_id: int, address: str) -> bool:
        """False when another account has it. Adding it again changes nothing.

        The badges received at it are this account's, if the one before was deleted or lost.
        """
        # Waits for a transaction that is giving this address to an account; the next statement sees its row.
        self._tx.cursor.execute(
            "insert into addresses (address_key, account_id, address, is_primary, verified_at)"
            " values (%s, %s, %s, false, %s) on conflict (address_key) do nothing",
            (same_address_key(address), account_id, address, self._tx.now()),
        )
        if not self.has_address(account_id, address):
            return False
        Badges(self._tx).give_at(address)
        return True

    def address_id(self, address: str) -> int:
        """LookupError for one that no account has."""
        return int(self._of_address("address_id", address))

    def as_proven(self, address: str) -> str:
        """The address in the spelling in which its account has proven it. LookupError for one that no account has."""
        return str(self._of_address("address", address))

    def _of_address(self, column: str, address: str) -> Any:
        found = self._tx.fetch_value(
            f"select {column} from addresses where address_key = %s", (same_address_key(address),)
        )
        if found is None:
            raise LookupError("got an address of nobody, expected one that an account has")
        return found

    def drop_address(self, account_id: int, address: str) -> None:
        """It is no longer the account's; nothing where it was not, or is its only one.

        If it was the primary one, the oldest of the others is.
        """
        key = same_address_key(address)
        known = self.addresses(account_id)
        others = [each for each in known if same_address_key(each.address) != key]
        if 0 < len(others) < len(known):
            self.make_primary(account_id, others[0].address_id)
            self._tx.cursor.execute(
                "delete from addresses where account_id = %s and address_key = %s", (account_id, key)
            )

    def make_primary(self, account_id: int, address_id: int) -> bool:
        """False for what is no address of this account."""
        cursor = self._tx.cursor
        self.hold_all([account_id])
        if cursor.execute(
            "select 1 from addresses where account_id = %s and address_id = %s", (account_id, address_id)
        ).fetchone():
            cursor.execute(
                "update addresses set is_primary = (address_id = %s) where account_id = %s", (address_id, account_id)
            )
            return True
        return False

    def remove_address(self, account_id: int, address_id: int) -> str | None:
        """The address that was removed; None for the primary one, which stays, and for what is none of this account."""
        removed = self._tx.fetch_value(
            "delete from addresses where account_id = %s and address_id = %s and not is_primary returning address",
            (account_id, address_id),
        )
        return None if removed is None else str(removed)
