"""The office's search by a part of a name or a number, and when search keys are written, over real PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from services.ops.board.search import grams_of, grams_query, search_parts
from services.ops.ports import Ports
from shared.events import Event, RegistrationReleased
from shared.variant_characters import VERSION
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
    assert (found(ports, "見本"), found(ports, "高橋"), found(ports, "777")) == ([id_of(2)], [id_of(1)], [id_of(1)])


def test_a_name_is_found_by_any_variant_of_its_characters_and_stays_as_it_is_written(ports: Ports) -> None:
    tell(
        ports,
        named(renewed(1), "髙橋", "德子"),
        named(renewed(2), "高橋", "徳子"),
        named(renewed(3), "葛\U000e0100城"),
        named(renewed(4), "葛城"),
        named(renewed(5), "渡邉"),
    )
    for asked in ("髙橋", "高橋", "髙槗 徳", "高橋德子"):
        assert found(ports, asked) == [id_of(1), id_of(2)], asked
    for asked in ("葛城", "葛\U000e0101城"):
        assert found(ports, asked) == [id_of(3), id_of(4)], asked
    assert found(ports, "渡辺") == found(ports, "渡邊") == [id_of(5)]
    assert read(ports, "select family_name from people order by registration_id limit 1") == [("髙橋",)]


def test_a_search_reads_the_index_of_grams_whichever_variant_is_asked_for(ports: Ports) -> None:
    tell(ports, named(renewed(1), "髙橋"))
    assert found(ports, "高橋") == [id_of(1)]
    with ports.store.transaction() as tx:
        tx.cursor.execute(
            "insert into search_keys (registration_id, key, grams, folding) select 'X' || n, '林一' || n,"
            " to_tsvector('simple', '林一' || n), (select min(folding) from search_keys)"
            " from generate_series(1, 5000) as n"
        )
        tx.cursor.execute("analyze search_keys")
        grams = "explain (format json) select registration_id from search_keys where grams @@ %s::tsquery"
        plans = [
            tx.cursor.execute(grams, (grams_query(search_parts(asked)),)).fetchall() for asked in ("高橋", "髙𣘺", "浜")
        ]
        assert plans[0] == plans[1] and all("search_keys_by_grams" in str(plan) for plan in plans)
        folding = tx.cursor.execute(
            "explain select count(*) from search_keys where folding < %(now)s or folding > %(now)s", {"now": VERSION}
        )
        assert "search_keys_by_folding" in str(folding.fetchall())


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


# ── the release before (migration 0016): keys without variants ──────────────────────────────────────────

BEFORE_WRITES = (
    "insert into search_keys (registration_id, key, grams) select %(id)s, %(key)s,"
    " array_to_tsvector(string_to_array(%(grams)s, ' ')) on conflict (registration_id)"
    " do update set key = excluded.key, grams = excluded.grams"
)


@pytest.mark.parametrize("is_known", [False, True])
def test_keys_that_the_former_release_writes_are_made_again(ports: Ports, is_known: bool) -> None:
    tell(ports, named(renewed(1), "髙橋", "一"), *cycle(2))
    if is_known:
        assert found(ports, "高橋") == [id_of(1)]
    former = "髙橋一r00001n1"
    with ports.store.transaction() as tx:
        tx.cursor.execute("truncate renamed")
        for id, key in ((id_of(1), former), (id_of(2), "見本花子r00002n2"), ("GONE", "髙橋gone")):
            tx.cursor.execute(BEFORE_WRITES, {"id": id, "key": key, "grams": " ".join(grams_of(key))})
    with ports.store.transaction() as tx:
        assert tx.board.uncounted() >= 3
    assert found(ports, "高橋") == found(ports, "髙橋") == [id_of(1)] and found(ports, "見本") == [id_of(2)]
    with ports.store.transaction() as tx:
        assert (tx.standing.settle(), tx.board.uncounted()) == (0, 0)
    # And the release before finds, by its own way of writing, people that this one has written.
    keys = dict(read(ports, "select registration_id, key from search_keys"))
    assert former[:4] in keys[id_of(1)] and "GONE" not in keys


# ── the release before that (migration 0015) ─────────────────────────────────────────────────────────────────

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
