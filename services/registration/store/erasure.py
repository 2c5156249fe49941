"""A person who is erased: the rows of all their registrations, and what was announced of them. Under `recalled.py`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from urllib.parse import quote

from services.registration.store.recoveries import Recoveries
from shared.addresses import as_mailed
from shared.errors import Unreadable
from shared.events import Event, RegistrationHeld
from shared.letter_events import DeskLetterRequested
from shared.runtime.erasure import SAYS, as_said, erased_among
from shared.topics import DESK_LETTERS, REGISTRATION_HELD, Topic
from shared.wire import decode

_ABOUT = (
    "not_applied",
    "order_changes",
    "recalled",
    "recalled_orders",
    "screen_sessions",
    "address_requests",
    "address_recoveries",
    "registrations",
)
"""Every table with a registration_id but `rejected`; the one that another refers to is last."""

_ADDRESSES = """
select unnest(array[email, office_email, contact_email]) from registrations where registration_id = any(%(ids)s)
union select office_email from recalled where registration_id = any(%(ids)s)
union select address from address_requests where registration_id = any(%(ids)s)
union select unnest(array[email, former_email]) from address_recoveries where registration_id = any(%(ids)s)
union select unnest(array[old, new]) from order_changes where registration_id = any(%(ids)s) and field = 'email'
"""

_SAID = f"topic = %s and {SAYS}"


class Erasure(Recoveries):
    """One transaction on the registrations, in which a person may be erased."""

    def erased(self, ids: Iterable[str]) -> set[str]:
        """Those of these registrations whose person was erased."""
        return erased_among(self, ids)

    def registrations_of_person(self, id: str) -> tuple[str, ...]:
        """All registrations of the person of this one, in order; none for one that is not known.

        After a restore some are known by their holds alone, until upstream delivers them: `recalled` says no person,
        so those are found by what was announced.
        """
        lone = self.cursor.execute(
            "select registration_id from recalled"
            " where registration_id not in (select registration_id from registrations)"
        ).fetchall()
        unknown = {each for (each,) in lone}
        person = self.fetch_value("select person_id from registrations where registration_id = %s", (id,))
        if person is None and id in unknown:
            person = next((each.person_id for each in self._held("registration_id", id)), None)
        ids = {id} & unknown
        if person is not None:
            ids |= {each.id for each in self.of_person(person)}
            if unknown:
                ids |= {each.registration_id for each in self._held("person_id", person)} & unknown
        return tuple(sorted(ids))

    def _held(self, field: str, value: str) -> list[RegistrationHeld]:
        """The holds announced of one registration, or one person."""
        events = self._announced_that_say(REGISTRATION_HELD, [as_said(field, value)])
        return [each for each in events if isinstance(each, RegistrationHeld)]

    def erase_registrations(self, decision_id: str, ids: Collection[str]) -> None:
        """Nothing of these registrations stays but their ids; who was held because of them is judged at once.

        Under the writers' lock: who writes of a registration looks under it who was erased. Doing it again changes
        nothing. What this transaction announced of them before is erased with the rest.
        """
        ids = sorted(ids)
        gone = self.registrations(ids).values()
        found = self.cursor.execute(_ADDRESSES, {"ids": ids}).fetchall()
        addresses = {form for (each,) in found if each for form in (each, as_mailed(each))}
        names = {
            f"{each.family_name} {each.given_name}"
            for registration in gone
            for each in (registration.record, registration.written)
        }
        self.flush()
        self._forget_letters(ids, names, addresses)
        self._forget_rejected(ids)
        for table in _ABOUT:
            self.cursor.execute(f"delete from {table} where registration_id = any(%s)", (ids,))
        now = self.now()
        self.judge_address_sharers({each.address_key for each in gone if each.address_key is not None}, now)
        self.judge_contradicted({each.record.person_id for each in gone}, ids, now)
        self.erase(decision_id, ids, sorted(addresses))

    def _forget_letters(self, ids: Sequence[str], names: Collection[str], addresses: Collection[str]) -> None:
        """Of letters that say no registration: enquiries, found by the link to the record or by their copy, and those
        to addresses that are not kept any more, found by the name. A namesake's are forgotten, too: they were sent.
        """
        about = [f'/people/{quote(id, safe="")}"'.encode() for id in ids]
        about += [as_said("recipient", each) for each in addresses]
        letters = self._announced_that_say(DESK_LETTERS, about)
        numbers = {
            each.facts["number"] for each in letters if isinstance(each, DeskLetterRequested) and "number" in each.facts
        }
        enquiries = [as_said("number", each) for each in numbers]
        self._unsay(DESK_LETTERS, enquiries, [as_said("name", each) for each in names])

    def _forget_rejected(self, ids: Sequence[str]) -> None:
        """Their rows at fault: the announcement has their number, perhaps, and no registration."""
        found = self.cursor.execute(
            "delete from rejected where registration_id = any(%s) returning rejection_id", (ids,)
        )
        self._unsay(REGISTRATION_HELD, [as_said("rejection_id", id) for (id,) in found.fetchall()])

    def _announced_that_say(self, topic: Topic, said: Sequence[bytes]) -> list[Event]:
        """What we announced there that says one of these, the last first."""
        query = f"select value from announced where {_SAID} order by seq desc"
        found = []
        for (value,) in self.cursor.execute(query, (topic.name, said)).fetchall():
            with suppress(Unreadable):  # of a later release
                found.append(decode(bytes(value)))
        return found

    def _unsay(self, topic: Topic, said: Sequence[bytes], sent: Sequence[bytes] = ()) -> None:
        """Announce nothing that says one of these, and never again; of those with one of `sent` only that."""
        self.cursor.execute(f"delete from outbox where {_SAID}", (topic.name, said))
        self.cursor.execute(
            f"update announced set topic = '', key = '', value = '' where {_SAID}", (topic.name, [*said, *sent])
        )
