from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.issuer.domain.revocation import Standing, outcomes, revocation_by, revocation_by_correction, settled
from tests.worlds.issuer import order
from tests.worlds.issuing import NOW

_ids = st.sampled_from(["A", "B", "C", "D"])


@given(st.lists(_ids, max_size=12), st.dictionaries(_ids, st.builds(Standing, st.booleans(), st.booleans())))
def test_each_assertion_is_revoked_once_and_only_one_that_stands(
    subjects: list[str], standing: dict[str, Standing]
) -> None:
    orders = [order(subject, f"D{number}") for number, subject in enumerate(subjects)]
    found = outcomes(orders, standing)
    assert len(found) == len(orders)
    done = [each.subject for each, outcome in zip(orders, found, strict=True) if outcome == "done"]
    assert sorted(done) == sorted({id for id in subjects if id in standing and not standing[id].revoked})
    for each, outcome in zip(orders, found, strict=True):
        assert (outcome == "no-such-assertion") is (each.subject not in standing)


def test_the_others_are_told_the_offices_reason() -> None:
    revocation = revocation_by(order("A", "D1", "退会のため"), NOW)
    assert revocation.decision_id == "D1"
    said = revocation.announcement
    assert (said.assertion_id, said.reason, said.revoked_at, said.replaced_by) == ("A", "退会のため", NOW, None)


def test_the_others_are_told_what_replaces_it_and_why() -> None:
    said = revocation_by_correction("A", "B", "氏名の誤り", NOW).announcement
    assert (said.replaced_by, said.reason) == ("B", "訂正のため、新しい登録証に替わりました：氏名の誤り")
    assert revocation_by_correction("A", "B", None, NOW).reason == "訂正のため、新しい登録証に替わりました"


def test_an_answer_names_its_order() -> None:
    answer = settled(order("A", "D1"), "revoked-before", NOW)
    assert (answer.decision_id, answer.subject, answer.service) == ("D1", "A", "issuer")
    assert answer.identity == "D1/issuer"
