from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from services.issuer.domain.status import draw_indexes, status_document
from shared.credentials.credential import verify_proof
from shared.credentials.status_list import LENGTH, decoded, is_set
from tests.worlds.credentials import ISSUER, KEY, NOW, status_list


@given(st.integers(), st.integers(0, 600))
def test_drawn_bits_are_different_and_sorted(seed: int, count: int) -> None:
    drawn = draw_indexes(Random(seed), count)
    assert len(set(drawn)) == len(drawn) == count
    assert all(0 <= index < LENGTH for index in drawn)
    assert drawn == sorted(drawn)


def test_a_list_is_signed_and_valid_for_a_week() -> None:
    document = status_list(3)
    verify_proof(document, KEY.private.public_key())
    assert is_set(decoded(document["credentialSubject"]["encodedList"]), 3)
    assert (document["validFrom"], document["validUntil"]) == ("2026-04-01T09:00:12+09:00", "2026-04-08T09:00:12+09:00")
    assert document["id"] == ISSUER.status_url(1) == status_document(ISSUER, 1, [], NOW)["id"]
