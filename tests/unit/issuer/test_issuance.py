from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from services.issuer.domain.issuance import assertion_id_of, issued
from shared.credentials.credential import leaf_of
from tests.worlds.credentials import ISSUER, NOW, SECRET, assertion, credential, renewed

_ids = st.text(min_size=1, max_size=30)


@given(_ids)
def test_an_id_is_a_short_upper_case_text(registration_id: str) -> None:
    id = assertion_id_of(SECRET, registration_id)
    assert len(id) == 26
    assert set(id) <= set(string.ascii_uppercase + "234567")


@given(_ids, _ids, st.integers(1, 9), st.integers(1, 9))
def test_two_awards_have_different_ids(one: str, other: str, version: int, another: int) -> None:
    same = (one, version) == (other, another) or f"{one}/{version}" == f"{other}/{another}"
    if "/" not in one + other:
        assert (assertion_id_of(SECRET, one, version) == assertion_id_of(SECRET, other, another)) is same


def test_an_id_depends_on_the_secret_and_the_version() -> None:
    assert assertion_id_of(SECRET, "R-1") != assertion_id_of(b"another secret here", "R-1")
    assert assertion_id_of(SECRET, "R-1") == assertion_id_of(SECRET, "R-1", version=1)
    assert assertion_id_of(SECRET, "R-1/2") == assertion_id_of(SECRET, "R-1", version=2)


def test_the_event_of_a_correction_names_version_edition_and_what_it_corrects() -> None:
    event = issued(assertion(1, version=2, corrects="A" * 26, edition="2026-2"), "00")
    assert (event.version, event.corrects, event.edition) == (2, "A" * 26, "2026-2")


def test_the_event_says_what_the_credential_says() -> None:
    document, made = credential(1), assertion(1)
    event = issued(made, leaf_of(document))
    assert event.award == renewed(1).award
    assert event.holder == renewed(1).holder
    assert (event.issued_at, event.notify_from) == (NOW, NOW)
    assert document["credentialStatus"]["statusListIndex"] == str(event.status_index)
    assert document["credentialStatus"]["statusListCredential"] == ISSUER.status_url(event.status_list)
    assert event.key in document["id"]
