from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.issuer.domain.revocation import (
    AssertionState,
    decision_settled,
    outcomes,
    revocation_by,
    revocation_by_correction,
)
from tests.worlds.credentials import NOW
from tests.worlds.issuer import order

_ids = st.sampled_from(["A", "B", "C", "D"])


@given(st.lists(_ids, max_size=12), st.dictionaries(_ids, st.builds(AssertionState, st.booleans(), st.booleans())))
def test_each_assertion_is_revoked_once_and_only_if_it_was_valid(
    subjects: list[str], states: dict[str, AssertionState]
) -> None:
    orders = [order(subject, f"D{number}") for number, subject in enumerate(subjects)]
    found = outcomes(orders, states)
    assert len(found) == len(orders)
    done = [each.subject for each, outcome in zip(orders, found, strict=True) if outcome == "done"]
    assert sorted(done) == sorted({id for id in subjects if id in states and not states[id].revoked})
    for each, outcome in zip(orders, found, strict=True):
        assert (outcome == "no-such-assertion") is (each.subject not in states)


def test_the_event_gives_the_offices_reason() -> None:
    revocation = revocation_by(order("A", "D1", "退会のため"), NOW)
    assert revocation.decision_id == "D1"
    said = revocation.announcement
    assert (said.assertion_id, said.reason, said.revoked_at, said.replaced_by) == ("A", "退会のため", NOW, None)


def test_the_event_of_a_correction_gives_the_replacement_and_the_reason() -> None:
    said = revocation_by_correction("A", "B", "氏名の誤り", NOW).announcement
    assert (said.replaced_by, said.reason) == ("B", "訂正のため、新しい登録証に替わりました：氏名の誤り")
    assert revocation_by_correction("A", "B", None, NOW).reason == "訂正のため、新しい登録証に替わりました"


def test_the_settled_event_names_its_decision() -> None:
    answer = decision_settled(order("A", "D1"), "revoked-before", NOW)
    assert (answer.decision_id, answer.subject, answer.service) == ("D1", "A", "issuer")
    assert answer.identity == "D1/issuer"


def test_an_order_with_the_reason_of_a_revocation_taken_back_is_done_once() -> None:
    states = {"A": AssertionState(stored=True, revoked=True, unordered_reason="退会")}
    orders = [order("A", "D1", why="誤り"), order("A", "D2", why="退会"), order("A", "D3", why="退会")]
    assert outcomes(orders, states) == ["revoked-before", "done", "revoked-before"]
