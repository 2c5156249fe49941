"""The office's search by a part of a name or a number, and when search keys are written, over real PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from services.ops.board.search import search_parts
from services.ops.ports import Ports
from shared.events import Event, RegistrationReleased
from tests.worlds.cohorts import again, assertion_id, cycle, held, issued, renewed, version_id
from tests.worlds.ops import tell, tell_all

pytest_plugins = ("tests.worlds.ops_fixtures",)


def found(ports: Ports, asked: str) -> list[str]:
    with ports.store.transaction() as tx:
        people = tx.search.people(search_parts(asked), asked, (), None, limit=200)
    return sorted(person.registration_id for person in people)


def read(ports: Ports, query: str, *values: Any) -> list[Any]:
    with ports.store.transaction() as tx:
        return tx.cursor.execute(query, values).fetchall()


def named(event: Event, family_name: str, given_name: str = "太郎", **award: str) -> Any:
    """The event about somebody of this name."""
    holder = msgspec.structs.replace(event.holder, family_name=family_name, given_name=given_name)  # type: ignore[attr-defined]
    return msgspec.structs.replace(event, holder=holder, award=msgspec.structs.replace(event.award, **award))  # type: ignore[attr-defined]


def id_of(number: int) -> str:
    return f"R{number:05}"


def test_a_search_finds_whose_key_holds_the_parts_as_if_all_keys_were_read(ports: Ports) -> None:
    numbers = random.Random(3)

    def text(alphabet: str, longest: int) -> str:
        return "".join(numbers.choices(alphabet, k=numbers.randrange(1, longest)))

    tell_all(
        ports,
        [
            named(renewed(n), text("林森'\\𠮷ュ", 4), text("太一:*", 3), registration_number=f"T-{text('012', 7)}")
            for n in range(60)
        ],
    )
    assert len(found(ports, "R0")) == 60  # settles
    keys = dict(read(ports, "select registration_id, key from search_keys"))
    parts = {key[at : at + size] for key in keys.values() for at in (0, 1, 3, len(key) - 5) for size in (1, 2, 3, 5)}
    asked = [numbers.sample(sorted(parts), size) for size in [1] * 100 + [2] * 40] + [["林林林林林"]]
    for each in asked:
        some = [part for part in each if len(part) > 1 or not part.isascii()]
        expected = [id for id, key in keys.items() if some and all(part in key for part in each)]
        with ports.store.transaction() as tx:
            people = tx.search.people(each, "", (), None, limit=200)
        assert sorted(person.registration_id for person in people) == sorted(expected), each


def test_who_is_renamed_is_found_by_the_new_name_and_number_alone(ports: Ports) -> None:
    tell(ports, *cycle(1), *cycle(2))
    assert found(ports, "見本") == [id_of(1), id_of(2)]
    tell(ports, named(again(renewed(1), 2), "髙橋", registration_number="N-777"))
    assert (found(ports, "見本"), found(ports, "髙橋"), found(ports, "777")) == ([id_of(2)], [id_of(1)], [id_of(1)])


def test_a_person_is_found_from_the_hold_on_by_its_name_and_later_by_its_numbers(ports: Ports) -> None:
    tell(ports, held(1))
    assert (found(ports, "見本"), found(ports, "N1")) == ([id_of(1)], [])
    tell(ports, RegistrationReleased(registration_id=id_of(1), cohort="2026", revision=2), renewed(1))
    assert (found(ports, "見本"), found(ports, "N1")) == ([id_of(1)], [id_of(1)])


def test_search_keys_are_not_written_when_a_person_moves_on(ports: Ports) -> None:
    first, *later = cycle(1)
    tell(ports, first)
    assert found(ports, "見本") == [id_of(1)]
    written = read(ports, "select ctid::text, xmin::text from search_keys")
    for event in later:
        tell(ports, event, renewed(1))
        found(ports, "見本")
    assert read(ports, "select ctid::text, xmin::text from search_keys") == written


def test_a_badge_is_found_by_the_beginning_of_its_id_whichever_version_it_was(ports: Ports) -> None:
    tell(ports, *cycle(1), again(renewed(1), 2), again(issued(1, 20), 2), *cycle(12))
    assert found(ports, assertion_id(1)[:-2]) == [id_of(1), id_of(12)]
    assert found(ports, assertion_id(1).lower()) == [id_of(1)]
    assert found(ports, version_id(1, 2).lower()) == [id_of(1)]
    assert found(ports, "ass") == found(ports, "sertion") == []


def test_a_transaction_takes_up_notes_once(ports: Ports) -> None:
    tell(ports, *cycle(1))
    with ports.store.transaction() as tx:
        assert tx.board.uncounted() > 0
        groups = tx.board.groups("2026")
        assert tx.board.uncounted() == 0
        tell(ports, *cycle(2))
        assert tx.board.groups("2026") == groups and tx.standing.settle() == 0
        assert tx.board.uncounted() > 0
    assert len(found(ports, "見本")) == 2


# ── the release before (migration 0015) ─────────────────────────────────────────────────────────────────

FORMER_BADGE_KEY = "translate(lower(normalize(coalesce(assertion_id, ''), NFKC)), 'ぁ -', 'ァ')"
FORMER_WRITES = (
    "insert into search_keys (registration_id, key, badge_key)"
    f" select registration_id, left(found_by, length(found_by) - length({FORMER_BADGE_KEY})), {FORMER_BADGE_KEY}"
    " from people where registration_id = any(%s)"
    " on conflict (registration_id) do update set key = excluded.key, badge_key = excluded.badge_key"
    " where (search_keys.key, search_keys.badge_key) is distinct from (excluded.key, excluded.badge_key)"
)
FORMER_FINDS = (
    "select registration_id from search_keys where grams(key) @> (select array_agg(gram)"
    " from unnest(%s::text[]) as part, unnest(grams(part)) gram)"
    " and (select bool_and(position(part in key) > 0) from unnest(%s::text[]) as part) order by 1"
)


@pytest.mark.parametrize("counts_first", ["former", "this"])
def test_the_former_release_finds_whom_either_release_has_counted(ports: Ports, counts_first: str) -> None:
    def former(parts: Sequence[str]) -> list[str]:
        return [id for (id,) in read(ports, FORMER_FINDS, list(parts), list(parts))]

    tell(ports, *cycle(1), named(renewed(2), "ひらがな"))
    if counts_first == "this":
        assert found(ports, "見本") == [id_of(1)]
    with ports.store.transaction() as tx:
        tx.cursor.execute(FORMER_WRITES, ([id_of(1), id_of(2)],))
    assert (former(["見本"]), former(["ヒラガナ", "N2"]), former(["n2"])) == ([id_of(1)], [], [id_of(2)])
    assert former(["ヒラガナ", "n2"]) == [id_of(2)]
    assert (found(ports, "見本"), found(ports, "ひらがな")) == ([id_of(1)], [id_of(2)])


def test_who_is_renamed_while_the_former_release_counts_is_found_by_the_new_name(ports: Ports) -> None:
    tell(ports, *cycle(1))
    assert found(ports, "見本") == [id_of(1)]
    tell(ports, named(again(renewed(1), 2), "髙橋"))
    with ports.store.transaction() as tx:
        tx.cursor.execute("delete from stirred")
        tx.cursor.execute(FORMER_WRITES, ([id_of(1)],))
    assert (found(ports, "見本"), found(ports, "髙橋")) == ([], [id_of(1)])
