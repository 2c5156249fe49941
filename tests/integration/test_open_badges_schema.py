"""What we issue and publish, by 1EdTech's own JSON Schemas of Open Badges 3.0 and ajv."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from services.issuer.domain.credential import badge_document, profile_document
from tests.schemas import fetch
from tests.worlds.credentials import ISSUER
from tests.worlds.outside_verifier import ask_ajv
from tests.worlds.shapes import anchored, shapes

README = Path(__file__).parents[1] / "schemas" / "README.md"
SCHEMAS = fetch.schemas()
CREDENTIAL, PROFILE = (schema["$id"] for schema in SCHEMAS)
ACHIEVEMENT = f"{CREDENTIAL}#/$defs/Achievement"

Place = tuple[str | int, ...]

REQUIRED = {
    "": "@context id type issuer validFrom credentialSubject",
    "issuer": "id type",
    "issuer.image": "id type",
    "credentialSubject": "type achievement",
    "credentialSubject.identifier.0": "type hashed identityHash identityType",
    "credentialSubject.achievement": "id type name description criteria",
    "credentialSubject.achievement.image": "id type",
    "credentialSubject.achievement.alignment.0": "type targetName targetUrl",
    "credentialStatus": "type",
    "evidence.0": "type",
    "proof.0": "type",
}
LEFT_TO_OTHERS = {f"credentialStatus.{name}" for name in ("statusPurpose", "statusListIndex", "statusListCredential")}
"""Of a status entry the schema knows id and type only; the rest is for Bitstring Status List to say."""


def wrong(*questions: tuple[str, Any]) -> list[list[str]]:
    """What is wrong with each document, by ajv."""
    return ask_ajv(SCHEMAS, questions)


def test_the_fetched_schemas_have_the_hashes_that_are_checked_in() -> None:
    readme, expected = README.read_text("utf-8"), fetch.sums()
    for path in fetch.SCHEMAS.glob("*.json"):
        assert f"| {path.name} |" in readme and sha256(path.read_bytes()).hexdigest() == expected[path.name]
    assert len(expected) == 2


def test_every_shape_is_valid_also_with_its_second_proof() -> None:
    made = shapes()
    documents = [*made.values(), *(anchored(document)[0] for document in made.values())]
    assert wrong(*((CREDENTIAL, each) for each in documents)) == [[]] * len(documents)


def test_badge_classes_and_profile_are_valid() -> None:
    classes = [badge_document(ISSUER, name, "2026") for name in ISSUER.programme.qualifications]
    questions = [(ACHIEVEMENT, each) for each in classes] + [(PROFILE, profile_document(ISSUER))]
    assert wrong(*questions) == [[]] * 4
    assert all(wrong((ACHIEVEMENT, {}), (PROFILE, {})))


@pytest.mark.parametrize(("place", "names"), REQUIRED.items())
def test_a_credential_without_a_required_property_is_invalid(place: str, names: str) -> None:
    document = shapes()["renewal"]
    removed = [_changed(document, _place(f"{place}.{name}".removeprefix("."))) for name in names.split()]
    assert all(wrong(*((CREDENTIAL, each) for each in removed)))


@pytest.mark.parametrize("value", [7, None, [7]], ids=["a number", "null", "a list of a number"])
def test_a_value_of_a_wrong_type_is_invalid_in_every_place(value: object) -> None:
    document = shapes()["corrected renewal"]
    places = list(_places(document))
    answers = wrong(*((CREDENTIAL, _changed(document, place, value)) for place in places))
    passed = {".".join(map(str, place)) for place, errors in zip(places, answers, strict=True) if not errors}
    assert passed == LEFT_TO_OTHERS
    assert len(places) > 80


def _places(value: Any, at: Place = ()) -> Iterator[Place]:
    """Every member and entry below `value`."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in entries:
        yield (*at, name)
        yield from _places(inner, (*at, name))


def _place(text: str) -> Place:
    return tuple(int(step) if step.isdigit() else step for step in text.split("."))


def _changed(document: Any, place: Place, *value: object) -> Any:
    """A copy with another value there, or without that member when no value is given."""
    copied = copy.deepcopy(document)
    inner = copied
    for step in place[:-1]:
        inner = inner[step]
    if value:
        inner[place[-1]] = value[0]
    else:
        del inner[place[-1]]
    return copied
