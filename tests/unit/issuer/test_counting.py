"""How the public count is divided so that no number names a person, and when there is something to state."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.issuer.domain.counting import SMALLEST, Count, Division, Stated, division_of, is_news, lost, statement_of
from shared.credentials.count import Batch, CountStatement, Figures, total
from tests.worlds.credentials import SOURCES

NOW = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)
DAY = date(2030, 3, 31)


def count(added: int = 0, /, **figures: Figures) -> Count:
    leaves = tuple(f"{number:064x}" for number in range(added))
    anchored = total(figures.values()).anchored
    batches = (Batch("1" * 64, anchored),) if anchored else ()
    return Count("2026", figures, leaves, batches, (1,), DAY)


def groups(*counts: Count) -> list[CountStatement]:
    """The statements of these counts, one after the other."""
    made: list[CountStatement] = []
    for number, each in enumerate(counts):
        former = Stated(made[-1], "ab" * 32) if made else None
        made.append(statement_of(each, former, made, SOURCES.issuer, NOW + timedelta(hours=number)))
    return made


def named(division: Division) -> list[str]:
    return ["+".join(group.qualifications) for group in division]


@pytest.mark.parametrize(
    "issued, expected",
    [
        ({"a": 10, "b": 10}, ["a", "b"]),
        ({"a": 30, "b": 9, "c": 30}, ["a+b", "c"]),
        ({"a": 1, "b": 2, "c": 50}, ["a+b+c"]),  # three are still too few for a group
        ({"a": 6, "b": 5, "c": 50}, ["a+b", "c"]),
        ({"a": 3, "b": 4}, ["a+b"]),
        ({"a": 1}, ["a"]),
    ],
)
def test_a_qualification_with_fewer_than_ten_is_counted_with_others(
    issued: dict[str, int], expected: list[str]
) -> None:
    [statement] = groups(count(**{name: Figures(issued=each) for name, each in issued.items()}))
    assert named(statement.groups) == expected
    assert total(group.figures for group in statement.groups) == statement.figures


BEFORE = {"a": Figures(200, 0, 0, 100), "b": Figures(100, 0, 0, 50), "c": Figures(100, 0, 0, 50)}


@pytest.mark.parametrize(
    "changed",
    [
        {"a": Figures(201, 0, 0, 100)},  # one more issued
        {"a": Figures(200, 1, 0, 100)},  # one revoked
        {"b": Figures(100, 0, 1, 50)},  # one corrected
        {"c": Figures(100, 0, 0, 59)},  # nine anchored
        {"a": Figures(203, 0, 0, 100), "b": Figures(104, 0, 0, 50)},
    ],
)
def test_a_small_change_is_in_the_total_and_leaves_the_division_as_it_was(changed: dict[str, Figures]) -> None:
    first, second = groups(count(**BEFORE), count(**{**BEFORE, **changed}))
    assert second.figures == total({**BEFORE, **changed}.values())
    assert (second.divided_in, second.groups) == (1, first.groups)


@pytest.mark.parametrize(
    "changed, expected",
    [
        ({"a": Figures(210, 0, 0, 100)}, ["a", "b", "c"]),
        ({"a": Figures(200, 0, 0, 110), "b": Figures(100, 0, 0, 80)}, ["a", "b", "c"]),
        ({"a": Figures(220, 0, 0, 100), "b": Figures(103, 0, 0, 50)}, ["a+b", "c"]),
    ],
)
def test_a_large_change_is_shown_and_a_small_one_hides_in_it(changed: dict[str, Figures], expected: list[str]) -> None:
    _, second = groups(count(**BEFORE), count(**{**BEFORE, **changed}))
    assert second.divided_in == 2
    assert named(second.groups) == expected


def test_a_small_change_stays_hidden_however_often_something_is_stated() -> None:
    """Not only against the statement before: also against the last that showed the qualification by itself."""
    merged = {**BEFORE, "a": Figures(220, 0, 0, 100), "b": Figures(103, 0, 0, 50)}
    later = {**merged, "a": Figures(240, 0, 0, 100)}
    _, _, third = groups(count(**BEFORE), count(**merged), count(**later))
    assert named(third.groups) == ["a+b", "c"]
    enough = {**later, "b": Figures(110, 0, 0, 50), "a": Figures(260, 0, 0, 100)}
    *_, fourth = groups(count(**BEFORE), count(**merged), count(**later), count(**enough))
    assert named(fourth.groups) == ["a", "b", "c"]


histories = st.lists(
    st.dictionaries(st.sampled_from("abcd"), st.integers(0, 25), min_size=1, max_size=4), min_size=1, max_size=5
)


@given(histories, st.lists(st.integers(0, 12), min_size=20, max_size=20))
@settings(max_examples=150, deadline=None)
def test_no_two_statements_differ_by_a_small_number(history: list[dict[str, int]], more: list[int]) -> None:
    """Whatever sets of qualifications two divisions both add up to: the difference is none, or ten and more."""
    now: dict[str, Figures] = {}
    counts: list[Count] = []
    for number, issued in enumerate(history):
        for place, (name, extra) in enumerate(issued.items()):
            part = more[(3 * number + place) % 20]
            now[name] = now.get(name, Figures()).plus(Figures(extra + part, min(part, 2), 0, extra))
        counts.append(count(**now))
    divisions = {each.divided_in: each.groups for each in groups(*counts)}
    for one, other in itertools.combinations(divisions.values(), 2):
        for names in _sets(one) & _sets(other):
            if len(names) < len({name for group in other for name in group.qualifications}):
                difference = _figures(other, names).minus(_figures(one, names))
                assert all(value == 0 or abs(value) >= SMALLEST for value in difference.parts)
    for division in divisions.values():
        assert len(division) == 1 or all(group.figures.issued >= SMALLEST for group in division)


def _sets(division: Division) -> set[frozenset[str]]:
    return {
        frozenset(name for group in part for name in group.qualifications)
        for size in range(1, len(division) + 1)
        for part in itertools.combinations(division, size)
    }


def _figures(division: Division, names: frozenset[str]) -> Figures:
    return total(group.figures for group in division if names.issuperset(group.qualifications))


def stated(figures: Mapping[str, Figures]) -> Stated:
    [statement] = groups(count(**figures))
    return Stated(statement, "ab" * 32)


def test_without_news_nothing_is_stated() -> None:
    assert not is_news(count(a=Figures()), None)
    assert is_news(count(3, a=Figures(3)), None)
    assert not is_news(count(**BEFORE), stated(BEFORE))


@pytest.mark.parametrize(
    "changed",
    [
        count(1, **{**BEFORE, "a": Figures(201, 0, 0, 100)}),
        count(**{**BEFORE, "a": Figures(200, 1, 0, 100)}),
        count(**{**BEFORE, "a": Figures(200, 0, 1, 100)}),
        count(**{**BEFORE, "a": Figures(200, 0, 0, 101)}),
        replace(count(**BEFORE), batches=(Batch("1" * 64, 100), Batch("2" * 64, 100))),
    ],
)
def test_every_change_of_the_total_is_news(changed: Count) -> None:
    assert is_news(changed, stated(BEFORE))
    assert lost(changed, stated(BEFORE)) is None


@pytest.mark.parametrize(
    "restored",
    [
        count(**{**BEFORE, "a": Figures(190, 0, 0, 100)}),  # stated badges are not known
        count(5, **{**BEFORE, "a": Figures(200, 0, 0, 100)}),  # five unknown, five others new
        count(**{**BEFORE, "a": Figures(200, 0, 0, 99)}),
        replace(count(**BEFORE), batches=(Batch("2" * 64, 200),)),
    ],
)
def test_a_restored_database_that_knows_less_than_was_stated_states_nothing(restored: Count) -> None:
    assert lost(restored, stated(BEFORE)) is not None


def test_a_revocation_that_was_stated_is_never_taken_back() -> None:
    former = stated({**BEFORE, "a": Figures(200, 5, 5, 100)})
    assert lost(count(**{**BEFORE, "a": Figures(200, 4, 5, 100)}), former) is not None
    assert lost(count(**{**BEFORE, "a": Figures(200, 4, 6, 100)}), former) is None  # revoked, now corrected as well


def test_a_division_of_the_only_qualification_is_its_total() -> None:
    assert division_of({"a": Figures(12)}, [division_of({"a": Figures(11)}, []) or ()]) is not None
