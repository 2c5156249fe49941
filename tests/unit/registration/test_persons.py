"""Which person each registration of a delivery is of: as a dictionary has it, in a temporary file."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.registration.intake.persons import Persons

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=8)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["set", "get", "del"]), ANY_TEXT, ANY_TEXT), max_size=30))
def test_persons_are_kept_as_in_a_dictionary(steps: list[tuple[str, str, str]]) -> None:
    persons, known = Persons(), dict[str, str]()
    for step, registration, person in steps:
        match step:
            case "set":
                persons[registration] = known[registration] = person
            case "get":
                assert persons.get(registration) == known.get(registration)
            case _:
                assert persons.pop(registration, None) == known.pop(registration, None)
    assert dict(persons) == known and len(persons) == len(known)
    persons.close()


@pytest.mark.parametrize("registration", ["", "R\0", "R", "髙橋", "\ud83d"])
def test_a_registration_that_was_not_there_has_no_person(registration: str) -> None:
    persons = Persons()
    persons["R-1"] = "P"
    with pytest.raises(KeyError):
        persons[registration]
    with pytest.raises(KeyError):
        del persons[registration]
