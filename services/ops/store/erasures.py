"""What is left of people who were erased, in the schema `ops`: ids, and the office's orders without what they changed.

The ids are in `erased`, which the runtime keeps (`shared/runtime/erasure.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from services.ops.board.erasures import ERASE, Erasure, PersonsRegistration, without_tracking
from services.ops.board.paper import SUBJECT
from services.ops.store.dead_letters import DeadLetterRows
from services.ops.store.outcomes import Outcomes
from services.ops.store.standing import Standing
from shared.errors import Unreadable
from shared.events import Event
from shared.office_events import OfficeDecided
from shared.paper_events import PaperOrdered
from shared.runtime.db import Transaction
from shared.topics import OFFICE_DECISIONS
from shared.wire import decode

_PEOPLE = ("people", "person_events", "search_keys", "standing", "stirred", "renamed")
_BADGES = ("assertions", "letters", "stirred", "unplaced")


class ErasureRows:
    def __init__(self, tx: Transaction, standing: Standing) -> None:
        self._tx = tx
        self._standing = standing

    def forget(self, decision_id: str, registration_ids: Sequence[str], assertion_ids: Sequence[str] = ()) -> None:
        """Delete all that is known of these registrations, and of their badges; and leave out what comes later.

        In a transaction that began with `claim_erasures`. Doing it again changes nothing.
        """
        Outcomes(self._tx).lock_orders()  # an order in hand commits first, and none is given before this does
        people = sorted(registration_ids)
        badges = sorted({*assertion_ids, *self._badges_of(people)})
        orders = self._paper_of(people, badges)
        numbers = self._numbers_of(people)
        self._standing.forget(people)
        for table in _PEOPLE:
            self._delete(table, "registration_id", people)
        for table in _BADGES:
            self._delete(table, "assertion_id", badges)
        self._forget_paper(orders)
        subjects = [*people, *badges]
        self._tx.cursor.execute("update rejections set got = null where got = any(%s)", ([*subjects, *numbers],))
        self._forget_decisions(subjects)
        self._forget_own_orders(subjects, orders)
        self._forget_requested([*subjects, *orders])
        DeadLetterRows(self._tx).forget([*subjects, *orders])
        self._tx.erase(decision_id, [*subjects, *orders])
        Outcomes(self._tx).end_orders(subjects)

    def of(self, id: str) -> Erasure | None:
        """By which order the person of a registration or a badge was erased, and when: as of the first answer."""
        return self._tx.fetch_one(
            Erasure,
            "select e.decision_id, coalesce((select min(s.settled_at) from settlements s"
            "  where s.decision_id = e.decision_id and s.outcome = 'done'), e.erased_at) as erased_at"
            " from erased e where e.subject = %s",
            (id,),
        )

    def registrations_of(self, registration_id: str) -> list[PersonsRegistration]:
        """That registration first, then the others of its person, the latest first."""
        return self._tx.fetch_all(
            PersonsRegistration,
            "select p.registration_id, p.name, p.qualification, p.cohort, p.valid_from, p.valid_until,"
            " p.assertion_id is not null as issued, a.revoked_at is not null as revoked"
            " from people p left join assertions a using (assertion_id) where p.registration_id = %(id)s"
            " or p.person_id = (select person_id from people where registration_id = %(id)s)"
            " order by p.registration_id <> %(id)s, p.cohort desc, p.registration_id",
            {"id": registration_id},
        )

    def note_left_out(self, events: Iterable[Event]) -> None:
        """Of orders of paper of people who were erased: their numbers. What comes of them later names nobody else."""
        orders = {event.order_id: event.registration_id for event in events if isinstance(event, PaperOrdered)}
        if not orders:
            return
        found = self._tx.cursor.execute(
            "insert into erased (subject, decision_id, erased_at)"
            " select o.order_id, e.decision_id, e.erased_at from unnest(%b::text[], %b::text[]) as o (order_id, id)"
            " join erased e on e.subject = o.id on conflict do nothing returning subject",
            (list(orders), list(orders.values())),
        ).fetchall()
        if found:
            numbers = [order_id for (order_id,) in found]
            self._forget_paper(numbers)
            self._forget_requested(numbers)

    def _badges_of(self, people: list[str]) -> list[str]:
        found = self._tx.cursor.execute(
            "select assertion_id from assertions where registration_id = any(%(ids)s) union"
            " select assertion_id from people where registration_id = any(%(ids)s) and assertion_id is not null",
            {"ids": people},
        )
        return [id for (id,) in found]

    def _numbers_of(self, people: list[str]) -> list[str]:
        found = self._tx.cursor.execute(
            "select unnest(array[registration_number, pass_number]) from people where registration_id = any(%s)",
            (people,),
        )
        return [number for (number,) in found if number]

    def _paper_of(self, people: list[str], badges: list[str]) -> list[str]:
        found = self._tx.cursor.execute(
            "select order_id from paper_orders where registration_id = any(%s) union"
            " select order_id from paper_items where assertion_id = any(%s) order by 1",
            (people, badges),
        )
        return [id for (id,) in found]

    def _forget_paper(self, orders: list[str]) -> None:
        for table in ("paper_orders", "paper_items"):
            self._delete(table, "order_id", orders)

    def _forget_requested(self, named: list[str]) -> None:
        """Letters that a service asked for: of paper by the order, of an address by the registration, in their ids."""
        self._tx.cursor.execute(
            "delete from requested_letters where string_to_array(letter_id, '/') && %s::text[]", (named,)
        )

    def _delete(self, table: str, column: str, ids: list[str]) -> None:
        self._tx.cursor.execute(f"delete from {table} where {column} = any(%s)", (ids,))

    def _forget_decisions(self, subjects: list[str]) -> None:
        """Of orders about them what they changed, and what was answered; who ordered it, when and why stays."""
        self._tx.cursor.execute(
            "with theirs as (update decisions set correction = null, detail = null"
            "  where subject = any(%s) and decision <> %s returning decision_id)"
            " update settlements set detail = null where decision_id in (select decision_id from theirs)",
            (subjects, ERASE),
        )

    def _forget_own_orders(self, subjects: list[str], orders: list[str]) -> None:
        """Of orders about them, as they were announced: all but the ids; of a step for paper, whose parcel is whose."""
        for table, key in (("announced", "event_id"), ("outbox", "id")):
            found = self._tx.cursor.execute(
                f"select {key}, value from {table} where topic = %s and key = any(%b::bytea[])",
                (OFFICE_DECISIONS.name, [id.encode() for id in subjects]),
            ).fetchall()
            gone = [id for id, value in found if _is_personal(bytes(value))]
            forget = "update {} set topic = '', key = '', value = ''" if table == "announced" else "delete from {}"
            self._tx.cursor.execute(f"{forget.format(table)} where {key} = any(%s)", (gone,))
        for order_id in orders:
            for id, value in self._tx.cursor.execute(
                "select event_id, value from announced where topic = %s and key = %b and position(%b in value) > 0",
                (OFFICE_DECISIONS.name, SUBJECT.encode(), f'"{order_id}"'.encode()),
            ).fetchall():
                self._tx.cursor.execute(
                    "update announced set value = %b where event_id = %s", (_without_parcel(bytes(value), orders), id)
                )
            for id, correction in self._tx.cursor.execute(
                "select decision_id, correction from decisions where subject = %s and strpos(correction, %s) > 0",
                (SUBJECT, f"{order_id}/"),
            ).fetchall():
                fields: dict[str, str] = msgspec.json.decode(correction, type=dict[str, str])
                fields["items"] = without_tracking(fields.get("items", ""), orders)
                self._tx.cursor.execute(
                    "update decisions set correction = %s where decision_id = %s",
                    (msgspec.json.encode(fields).decode(), id),
                )


def _is_personal(value: bytes) -> bool:
    """Whether it is an order, but not that of the erasure."""
    try:
        event = decode(value)
    except Unreadable:
        return True
    return isinstance(event, OfficeDecided) and event.decision != ERASE


def _without_parcel(value: bytes, orders: Sequence[str]) -> bytes:
    envelope = msgspec.json.decode(value)
    for line in envelope["data"]["paper"]:
        if line["order_id"] in orders:
            line["tracking"] = None
    return msgspec.json.encode(envelope)
