"""A property that would not be signed: named, wherever it stands, and found without reading the document for ever."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.credentials import credential
from shared.credentials.content import Document
from shared.credentials.credential import canonical_form
from shared.errors import Unreadable
from tests.worlds.credentials import unsigned

DOCUMENT = unsigned(1)


def objects_in(value: Any, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Every object of a document, with its path."""
    if isinstance(value, list):
        return [each for n, inner in enumerate(value) for each in objects_in(inner, f"{path}[{n}]")]
    if not isinstance(value, dict):
        return []
    below = [each for name, inner in value.items() for each in objects_in(inner, f"{path}.{name}" if path else name)]
    return [(path, value), *below]


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 10_000), at=st.integers(0, 10_000), value=st.sampled_from(["x", 1, True, {"name": "x"}]))
def test_a_property_that_is_not_signed_is_named_wherever_it_stands(place: int, at: int, value: Any) -> None:
    document = unsigned(1)
    objects = objects_in(document)
    path, found = objects[place % len(objects)]
    members = list(found.items())
    members.insert(at % (len(members) + 1), ("unheardOf", value))
    found.clear()
    found.update(members)
    with pytest.raises(Unreadable) as refused:
        canonical_form(document)
    assert str(refused.value).startswith(f"{path}.unheardOf: ".removeprefix("."))


def test_a_strangers_file_with_many_properties_is_not_read_hundreds_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    readings, parsed = [0], credential._parsed

    def counted(document: Document) -> Any:
        readings[0] += 1
        return parsed(document)

    monkeypatch.setattr(credential, "_parsed", counted)
    evidence = [{"id": f"urn:example:{n}", "type": ["Evidence"], "name": str(n)} for n in range(300)]
    with pytest.raises(Unreadable, match=r"^unheardOf: "):
        canonical_form({**DOCUMENT, "evidence": evidence, "unheardOf": 1})
    assert readings[0] < 20


def test_a_class_in_the_place_of_a_property_is_refused_though_it_makes_the_same_statement() -> None:
    document = unsigned(1)
    achievement = document["credentialSubject"]["achievement"]
    achievement["Criteria"] = achievement.pop("criteria")
    with pytest.raises(Unreadable, match="Criteria: got a JSON-LD keyword or a class"):
        canonical_form(document)
