"""The schema `mailer`: the erasure of people. No row of theirs stays: the office's counts are in ops."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.mailer.store.holders import address_sha256
from services.mailer.store.messages import MessageStatus, MessageTransaction
from shared.events import AddressCorrected, AssertionIssued
from shared.letter_events import LetterRequested

_UNSENT = ("waiting", "queued", "deferred")


@dataclass(frozen=True)
class ErasedRows:
    """What was deleted. `unsent`: letters that were asked for and had not come to their end."""

    assertion_ids: list[str]
    addresses: list[str]
    unsent: list[MessageStatus]


@dataclass(frozen=True)
class _Holder:
    assertion_id: str
    email: str | None
    family_name: str | None
    given_name: str | None


@dataclass(frozen=True)
class _Request:
    letter: str
    request_id: str
    letter_id: str
    recipient: str
    reply_to: str | None
    name: str | None
    link: str | None


class ErasureTransaction(MessageTransaction):
    """Erases, and leaves out what comes later."""

    def erase_rows(
        self, registration_ids: Sequence[str], assertion_ids: Sequence[str], erased_at: datetime
    ) -> ErasedRows:
        """Delete all about these registrations and badges, and the letters that were asked for to their addresses.

        A letter on its way arrives; its answer finds no row and changes nothing. Of letters to other addresses that say
        one of their names, all but the ids is forgotten if they have come to their end; as `forget_bytes` does later.
        """
        registrations = list(registration_ids)
        holders = self.fetch_all(  # before their messages, as every `note_` locks them
            _Holder,
            "select assertion_id, email, family_name, given_name from holders"
            " where registration_id = any(%s) or assertion_id = any(%s) order by assertion_id for update",
            (registrations, list(assertion_ids)),
        )
        ids = sorted({*assertion_ids, *(holder.assertion_id for holder in holders)})
        corrected = self.cursor.execute(
            "delete from corrected_addresses where registration_id = any(%s) returning email", (registrations,)
        ).fetchall()
        addresses = sorted({*(email for (email,) in corrected), *(each.email for each in holders if each.email)})
        self.cursor.execute("delete from messages where assertion_id = any(%s)", (ids,))
        self.cursor.execute("delete from holders where assertion_id = any(%s)", (ids,))
        names = {_squeezed(f"{holder.family_name}{holder.given_name}") for holder in holders if holder.family_name}
        former = self.cursor.execute(
            "delete from former_addresses where registration_id = any(%s) returning address_sha256", (registrations,)
        ).fetchall()
        keys = {*map(address_sha256, addresses), *(bytes(key) for (key,) in former)}
        unsent = self._erase_requests({*registrations, *ids}, keys, names, erased_at)
        return ErasedRows(ids, addresses, unsent)

    def erase_late(self, events: Sequence[AssertionIssued | AddressCorrected]) -> list[MessageStatus]:
        """The letters that were asked for to people of `events` who were erased before these said their addresses.

        Returns those that had not come to their end.
        """
        told: dict[str, set[bytes]] = {}
        for event in events:
            if isinstance(event, AssertionIssued):
                told.setdefault(event.award.registration_id, set()).add(address_sha256(event.holder.email))
            else:
                told.setdefault(event.registration_id, set()).add(address_sha256(event.email))
        found = self.cursor.execute(
            "select subject, erased_at from erased where subject = any(%s)", (list(told),)
        ).fetchall()
        return [status for id, erased_at in found for status in self._erase_requests({id}, told[id], (), erased_at)]

    def _erase_requests(
        self, subjects: Collection[str], address_keys: Collection[bytes], names: Collection[str], erased_at: datetime
    ) -> list[MessageStatus]:
        """Delete those that are there, and leave out those to come; returns those that had not come to their end."""
        known = self.fetch_all(
            _Request,
            "select letter, request_id, letter_id, recipient, reply_to, facts ->> 'name' as name,"
            " facts ->> 'link' as link from requests join messages using (request_id) where recipient is not null",
        )
        theirs = [each for each in known if _is_about(each, subjects, address_keys)]
        ids = sorted(each.request_id for each in theirs)
        unsent = self.fetch_all(
            MessageStatus,
            "delete from messages where request_id = any(%s)"
            " returning letter, request_id as subject,"
            " (select letter_id from requests where requests.request_id = messages.request_id) as letter_id,"
            " state, attempts, null::text as void",
            (ids,),
        )
        self.cursor.execute("delete from requests where request_id = any(%s)", (ids,))
        named = [each.request_id for each in known if each.name is not None and _squeezed(each.name) in names]
        self.cursor.execute(
            "with old as (select id, request_id from messages where request_id = any(%s) and state <> all(%s)"
            "  for update skip locked),"
            " asked as (update requests set facts = null, recipient = null, reply_to = null from old"
            "  where requests.request_id = old.request_id)"
            " update messages set message = null from old where messages.id = old.id",
            (named, list(_UNSENT)),
        )
        self.insert_rows(
            "erased_recipients",
            [{"address_sha256": key, "erased_at": erased_at} for key in address_keys],
            "(address_sha256) do update set erased_at = greatest(erased_recipients.erased_at, excluded.erased_at)",
        )
        return [each for each in unsent if each.state in _UNSENT]

    def without_erased_recipients(self, events: Sequence[LetterRequested]) -> list[LetterRequested]:
        """Those of `events` that are to or from nobody who was erased after they were asked for."""
        keys = [address_sha256(_address_of(event)) for event in events]
        found = self.cursor.execute(
            "select address_sha256, erased_at from erased_recipients where address_sha256 = any(%b::bytea[])", (keys,)
        )
        erased_at = {bytes(key): at for key, at in found}
        return [
            event
            for event, key in zip(events, keys, strict=True)
            if key not in erased_at or erased_at[key] < event.requested_at
        ]

    def forget_recipients(self, before: datetime) -> None:
        """Forget addresses that changed, or whose holder was erased, before then: no topic holds a letter to them."""
        self.cursor.execute("delete from erased_recipients where erased_at < %s", (before,))
        self.cursor.execute("delete from former_addresses where changed_at < %s", (before,))


def _is_about(request: _Request, subjects: Collection[str], address_keys: Collection[bytes]) -> bool:
    """By its address, by the badge behind its link, or by the registration that its id names."""
    if address_sha256(_address_of(request)) in address_keys:
        return True
    return not {*request.letter_id.split("/"), *(request.link or "").split("/")}.isdisjoint(subjects)


def _address_of(request: _Request | LetterRequested) -> str:
    """That of the person: an enquiry goes to a desk, which answers to it."""
    return (request.reply_to if request.letter == "enquiry" else None) or request.recipient


def _squeezed(name: str) -> str:
    return "".join(name.split())
