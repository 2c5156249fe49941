"""People found by what the office types, in the schema `ops`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from services.ops.board.counts import Person, Stage
from services.ops.board.decisions import OtherRegistration
from services.ops.board.search import grams_query
from services.ops.store.board import Seen
from services.ops.store.standing import HELD, Standing
from shared.runtime.db import Transaction

_MOST = 2000  # people found that are put in order
_BADGE_BEGINS = 4  # characters of a badge's id that find it
_PERSON = ", ".join(field.name for field in fields(Person))
# Who has something to do stands first: held or stuck, then who waits for the receipt, then the others.
_WORK_FIRST = "held desc, (stuck_as is not null) desc, (received_at is null) desc, cohort desc, name, registration_id"


class SearchRows:
    def __init__(self, tx: Transaction, standing: Standing) -> None:
        self._tx = tx
        self._standing = standing

    def people(self, parts: Sequence[str], asked: str, also: Sequence[str], seen: Seen, *, limit: int) -> list[Person]:
        """Whose name, number or id holds each of `parts` (search_key), or whose badge's id begins so; work first.

        And the registrations `also`, and that of the badge `asked`, whichever version it was. A part that is
        one ASCII character finds nobody by itself. Of more than 2000 people found 2000 are put in order.
        """
        of = None if seen is None else list(seen)
        self._standing.settle()
        (part, *others) = parts or [""]
        is_badge = not others and len(part) >= _BADGE_BEGINS and part.isascii() and part.isalnum()
        values = {
            "parts": list(parts),
            "grams": grams_query(parts),
            "also": list(also),
            "asked": asked,
            "badge": part if is_badge else None,
            "of": of,
            "most": _MOST,
            "limit": limit,
        }
        return self._tx.fetch_all(
            Person,
            # The index finds by three characters; whether they stand together, the key itself says. An id that begins
            # so is sought as a range, which any plan takes from the index; "{" follows "z". What is found is put in
            # order by the narrow rows of `standing`: a row of `progress` is joined of five.
            "with found as materialized ("
            "  (select registration_id from search_keys where grams @@ %(grams)s::tsquery"
            "   and (select bool_and(position(part in key) > 0) from unnest(%(parts)s::text[]) as part) limit %(most)s)"
            "  union (select registration_id from assertions where lower(assertion_id) ~>=~ %(badge)s"
            "   and lower(assertion_id) ~<~ (%(badge)s || '{') limit %(most)s)"
            "  union select registration_id from assertions where assertion_id = %(asked)s"
            "  union select unnest(%(also)s::text[])),"
            " first as materialized (select p.registration_id from found join people p using (registration_id)"
            "  left join standing s using (registration_id)"
            "  where %(of)s::text[] is null or p.qualification = any(%(of)s)"
            f"  order by coalesce(s.place & {HELD} <> 0, true) desc, s.stuck_as <> '' desc,"
            f"  s.place & {Stage.RECEIVED.bit} = 0 desc, p.cohort desc, p.name, p.registration_id limit %(limit)s)"
            f" select {_PERSON} from progress where registration_id in (select registration_id from first)"
            f" order by {_WORK_FIRST}",
            values,
        )

    def of_person(self, person_id: str | None, besides: str) -> list[OtherRegistration]:
        """The other registrations of a person, the latest first."""
        return self._tx.fetch_all(
            OtherRegistration,
            "select registration_id, qualification, cohort from people where person_id = %s and registration_id <> %s"
            " order by cohort desc, registration_id limit 50",
            (person_id, besides),
        )

    def held_characters(self, registration_ids: Sequence[str]) -> dict[str, str]:
        """Of those held as no-glyph: the characters that no font has."""
        return dict(
            self._tx.cursor.execute(
                "select registration_id, held_characters from people where registration_id = any(%s)"
                " and held_characters is not null",
                (list(registration_ids),),
            ).fetchall()
        )

    def numbers(self, registration_ids: Sequence[str]) -> dict[str, tuple[str | None, str | None]]:
        """Registration number and pass number of each."""
        found = self._tx.cursor.execute(
            "select registration_id, registration_number, pass_number from people where registration_id = any(%s)",
            (list(registration_ids),),
        )
        return {id: (registration, passed) for id, registration, passed in found}
