"""The tables of letters that people ask for, and of the links in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from shared.letter_events import AccountLetterRequested
from shared.retry import SKEW
from shared.runtime.db import Transaction

_LEAVES_WITHIN = timedelta(seconds=10)
"""What was announced is on Kafka by then, if Kafka is there."""

AskedLetter = Literal["reset-password", "new-link"]
Purpose = Literal["reset", "verify"]


@dataclass(frozen=True)
class Asked:
    """A letter that somebody asked for, at an address that may be nobody's. `assertion_id`: for which badge."""

    letter: AskedLetter
    address: str
    assertion_id: str | None
    language: Literal["ja", "en"]


@dataclass(frozen=True)
class MailLink:
    """A link that was mailed to `address`."""

    link_id: str
    account_id: int
    address: str
    expires_at: datetime
    created_at: datetime
    used_at: datetime | None

    def is_open(self, now: datetime) -> bool:
        """It has not been used and has not ended; one that was made by a clock that was ahead has ended."""
        return self.used_at is None and self.created_at <= now + SKEW and now < self.expires_at


class Letters:
    """Letters and links as one transaction sees them."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def ask(self, letter: AskedLetter, address: str, assertion_id: str | None, language: str) -> None:
        """Note that a letter is asked for. The same for every address, so that the answer and its time tell nothing."""
        self._tx.insert_rows(
            "asked_letters",
            [
                {
                    "letter": letter,
                    "address": address,
                    "assertion_id": assertion_id,
                    "language": language,
                    "asked_at": self._tx.now(),
                }
            ],
        )

    def take_asked(self, most: int) -> list[Asked]:
        """The oldest that are asked for; they are gone when this transaction commits.

        None while earlier letters wait for Kafka: what is written then waits with them, and its link may end before.
        """
        return self._tx.fetch_all(
            Asked,
            "delete from asked_letters where asked_id = any(array(select asked_id from asked_letters"
            " where not exists (select from outbox where topic = %s and announced_at < %s)"
            " order by asked_id limit %s for update skip locked)) returning letter, address, assertion_id, language",
            (AccountLetterRequested.topic.name, self._tx.now() - _LEAVES_WITHIN, most),
        )

    def open_link(self, link_id: str, purpose: Purpose, account_id: int, address: str, lasts: timedelta) -> datetime:
        """When it ends."""
        now = self._tx.now()
        row = {
            "link_id": link_id,
            "purpose": purpose,
            "account_id": account_id,
            "address": address,
            "created_at": now,
            "expires_at": now + lasts,
        }
        self._tx.insert_rows("mail_links", [row])
        return now + lasts

    def link(self, link_id: str, purpose: Purpose) -> MailLink | None:
        """Also one that was used or has ended, while it is remembered."""
        return self._tx.fetch_one(
            MailLink,
            "select link_id, account_id, address, created_at, expires_at, used_at from mail_links"
            " where link_id = %s and purpose = %s",
            (link_id, purpose),
        )

    def use(self, link: MailLink) -> bool:
        """Whether it was still open: of two requests at once, one uses it."""
        now = self._tx.now()
        if not link.is_open(now):
            return False
        used = self._tx.cursor.execute(
            "update mail_links set used_at = %s where link_id = %s and used_at is null", (now, link.link_id)
        )
        return used.rowcount == 1

    def end_links(self, account_id: int, purpose: Purpose) -> None:
        """The open ones of this account count as used."""
        self._tx.cursor.execute(
            "update mail_links set used_at = %s where account_id = %s and purpose = %s and used_at is null",
            (self._tx.now(), account_id, purpose),
        )
