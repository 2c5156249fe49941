from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.issuer.domain.credential import Shape, Values, credential_of, document_of, values_of
from services.issuer.signing.signer import Signer
from services.issuer.signing.statements import NeedsFullAlgorithm
from services.issuer.signing.template import Sealed, Template, placeholder
from shared.credentials.content import text_problem
from shared.credentials.credential import DoNotSign, leaf_of, proof_time, verify_proof
from tests.worlds.credentials import ISSUER, KEY, NOW, SECRET, assertion, unsigned

CREATED = proof_time(NOW)


class Never(Random):
    """Selects no credential for the check by the full algorithm, so that the template alone is tested."""

    def random(self) -> float:
        return 1.0


SIGNER = Signer(ISSUER, KEY, SECRET, Never())


@st.composite
def _characters(draw: st.DrawFn) -> str:
    plane = draw(st.integers(0, 16))
    return chr(plane * 0x10000 + draw(st.integers(0, 0xFFFF)))


_texts = (
    st.text(
        st.one_of(st.sampled_from("\"\\'`$<>_:.@#%^ aA0髙﨑㈱　é"), _characters(), st.characters()),
        min_size=1,
        max_size=16,
    )
    .filter(lambda text: text_problem(text) is None)
    .filter(lambda text: not text.isspace())
)


@st.composite
def _people(draw: st.DrawFn) -> dict[str, Any]:
    """A person, sometimes with the same text in several fields."""
    often = draw(_texts)
    one = st.one_of(_texts, st.just(often), st.sampled_from(["name", "emailAddress", "_:a", "_:c14n0", "ja"]))
    names = ("family_name", "given_name", "pass_number", "registration_number", "email")
    former, corrected = (assertion(number).assertion_id for number in (7, 8))
    return {
        **{name: draw(one) for name in names},
        "qualification": draw(st.sampled_from(sorted(ISSUER.programme.qualifications))),
        "replaces": draw(st.sampled_from([None, former])),
        "corrects": draw(st.sampled_from([None, corrected])),
    }


@settings(max_examples=600, deadline=None)
@given(st.integers(1, 10**6).filter(lambda number: number not in (7, 8)), _people())  # 7 and 8: see _people
def test_the_template_makes_what_the_full_algorithm_makes(number: int, person: dict[str, Any]) -> None:
    made = assertion(number, **person)
    document, leaf = KEY.sign_with_leaf(credential_of(made, ISSUER, secret=SECRET), NOW)
    assert SIGNER.sign(made, NOW) == Sealed(msgspec.json.encode(document), leaf)
    assert SIGNER.in_full == 0


def test_a_credential_signed_by_template_verifies() -> None:
    sealed = SIGNER.sign(assertion(3, family_name='"\\𠮷'), NOW)
    document = json.loads(sealed.body)
    verify_proof(document, KEY.private.public_key())
    assert sealed.leaf == leaf_of(document)


# ── documents of other forms ───────────────────────────────────────────────────────────────────────────


def with_identifiers(count: int, **kinds: str) -> dict[str, Any]:
    """A document with these texts as identifiers of one type."""
    document = unsigned(1)
    document["credentialSubject"]["identifier"] = [
        {"type": "IdentityObject", "hashed": False, "identityHash": placeholder(f"text{n}"), "identityType": "name"}
        for n in range(count)
    ]
    return {**document, **kinds}


def filled(document: Any, values: dict[str, str]) -> Any:
    if isinstance(document, dict):
        return {name: filled(value, values) for name, value in document.items()}
    if isinstance(document, list):
        return [filled(each, values) for each in document]
    found = [value for name, value in values.items() if document == placeholder(name)]
    return found[0] if found else document


def template_of(document: dict[str, Any], *names: str) -> Template:
    return Template(document, names, verification_method=KEY.verification_method)


def agree(document: dict[str, Any], template: Template, values: dict[str, str]) -> bool:
    """Whether template and full algorithm make the same."""
    signed, leaf = KEY.sign_with_leaf(filled(document, values), NOW)
    return template.seal(list(values.values()), KEY.private, CREATED) == Sealed(msgspec.json.encode(signed), leaf)


TWO = with_identifiers(2)
TWO_TEMPLATE = template_of(TWO, "text0", "text1")


@settings(max_examples=100, deadline=None)
@given(st.text("xy", min_size=1, max_size=3), st.text("xy", min_size=1, max_size=3))
def test_two_objects_with_equal_properties_are_left_to_the_full_algorithm(one: str, other: str) -> None:
    values = {"text0": one, "text1": other}
    if one == other:
        with pytest.raises(NeedsFullAlgorithm):
            agree(TWO, TWO_TEMPLATE, values)
    else:
        assert agree(TWO, TWO_TEMPLATE, values)


MANY = with_identifiers(13)
MANY_NAMES = [f"text{n}" for n in range(13)]
MANY_TEMPLATE = template_of(MANY, *MANY_NAMES)


@settings(max_examples=40, deadline=None)
@given(st.lists(_texts, min_size=13, max_size=13, unique=True))
def test_more_than_ten_unnamed_objects_are_ordered_as_texts_are(texts: list[str]) -> None:
    assert agree(MANY, MANY_TEMPLATE, dict(zip(MANY_NAMES, texts, strict=True)))


@settings(max_examples=60, deadline=None)
@given(st.permutations([f"https://{letter}.example/{letter}" for letter in "abyz"]))
def test_the_order_is_right_whichever_url_comes_first(urls: list[str]) -> None:
    document = unsigned(1)
    document["id"] = placeholder("id")
    document["credentialStatus"]["id"] = placeholder("status")
    document["evidence"] = [
        {"id": placeholder(name), "type": ["Evidence"], "name": name} for name in ("first", "second")
    ]
    names = ("id", "status", "first", "second")
    values = dict(zip(names, urls, strict=True))
    assert agree(document, template_of(document, *names), values)


@pytest.mark.parametrize(("one", "other"), [("first", "second"), ("id", "first")])
def test_two_objects_with_one_url_are_left_to_the_full_algorithm(one: str, other: str) -> None:
    document = unsigned(1)
    document["id"] = placeholder("id")
    document["evidence"] = [
        {"id": placeholder(name), "type": ["Evidence"], "name": name} for name in ("first", "second")
    ]
    values = {name: f"https://a.example/{name}" for name in ("id", "first", "second")}
    values[one] = values[other]
    with pytest.raises(NeedsFullAlgorithm):
        agree(document, template_of(document, *values), values)


def test_a_url_of_the_shape_itself_is_left_to_the_full_algorithm() -> None:
    document = {**unsigned(1), "id": placeholder("id")}
    with pytest.raises(NeedsFullAlgorithm):
        agree(document, template_of(document, "id"), {"id": ISSUER.badge_url("shunin-gishi", "2026")})


@settings(max_examples=60, deadline=None)
@given(_texts, _texts)
def test_two_texts_of_one_property_are_in_order_or_left_to_the_full_algorithm(one: str, other: str) -> None:
    document = unsigned(1)
    document["credentialSubject"]["achievement"]["tag"] = [placeholder("one"), placeholder("other"), "技士"]
    values = {"one": one, "other": other}
    template = template_of(document, "one", "other")
    if len({one, other, "技士"}) == 3:
        assert agree(document, template, values)
    else:
        with pytest.raises(NeedsFullAlgorithm):
            template.seal(list(values.values()), KEY.private, CREATED)


# ── refusals ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_property_in_no_context_is_refused_when_the_template_is_made() -> None:
    document = {**TWO, "passNumber": placeholder("text2")}
    with pytest.raises(DoNotSign, match="passNumber: got a property that would not be signed"):
        template_of(document, "text0", "text1", "text2")


def test_a_placeholder_that_the_document_lacks_is_refused() -> None:
    with pytest.raises(DoNotSign, match="text2: "):
        template_of(TWO, "text0", "text1", "text2")


def test_a_placeholder_within_a_text_is_refused() -> None:
    document = copy.deepcopy(TWO)
    document["name"] = f"about {placeholder('text0')}"
    with pytest.raises(DoNotSign, match="text0: got it within a text"):
        template_of(document, "text0", "text1")


def test_a_proof_is_refused() -> None:
    with pytest.raises(DoNotSign, match="proof"):
        template_of({**TWO, "proof": []}, "text0", "text1")


@pytest.mark.parametrize("text", ["a\nb", "\x7f", "\x85", "\ud800", "\uffff", "{", "}{"])
def test_a_text_that_canonicalisers_write_differently_is_refused_with_its_name(text: str) -> None:
    with pytest.raises(DoNotSign, match="text1: got"):
        TWO_TEMPLATE.seal(["x", text], KEY.private, CREATED)


def test_braces_in_pairs_are_signed() -> None:
    assert agree(TWO, TWO_TEMPLATE, {"text0": "{a}", "text1": "{}{}"})


@pytest.mark.parametrize(
    "url", ["", "R-1", "/x", "_:b0", "urn:x", "http://a b", 'https://a/"', "https://a/髙", "https://a/#b#c"]
)
def test_a_text_that_is_no_url_is_refused_in_the_place_of_a_url(url: str) -> None:
    document = {**unsigned(1), "id": placeholder("id")}
    with pytest.raises(DoNotSign, match=r"id: got .* expected a URL"):
        template_of(document, "id").seal([url], KEY.private, CREATED)


def test_a_missing_text_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="got 1 texts, expected 2"):
        TWO_TEMPLATE.seal(["x"], KEY.private, CREATED)


# ── what is signed ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("is_renewal", [False, True])
@pytest.mark.parametrize("is_correction", [False, True])
def test_every_text_of_every_shape_is_signed(is_renewal: bool, is_correction: bool) -> None:
    """Each value, changed alone, changes signature and leaf: by the template and by the full algorithm."""
    former = assertion(7).assertion_id if is_renewal else None
    corrected = assertion(8).assertion_id if is_correction else None
    made = assertion(1, replaces=former, corrects=corrected)
    shape, values = Shape.of(made), values_of(made, ISSUER, secret=SECRET)
    names = [name for name, value in zip(Values._fields, values, strict=True) if value is not None]
    texts = [value for value in values if value is not None]
    placeholders = Values._make(placeholder(name) if name in names else None for name in Values._fields)
    template = template_of(document_of(shape, placeholders, ISSUER), *names)
    seen = {_marks(template.seal(texts, KEY.private, CREATED))}
    for place, name in enumerate(names):
        other = [*texts[:place], texts[place] + "0", *texts[place + 1 :]]
        sealed = template.seal(other, KEY.private, CREATED)
        document = document_of(shape, values._replace(**{name: texts[place] + "0"}), ISSUER)
        assert sealed.leaf == KEY.sign_with_leaf(document, NOW)[1]
        seen.add(_marks(sealed))
    assert len(seen) == len(names) + 1
    assert len({proof for proof, _ in seen}) == len({leaf for _, leaf in seen}) == len(names) + 1


def _marks(sealed: Sealed) -> tuple[str, str]:
    return json.loads(sealed.body)["proof"][0]["proofValue"], sealed.leaf
