from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from random import Random
from typing import Any

import pytest

from services.issuer.signing.keys import SigningKey
from services.issuer.signing.signer import Signer, StopSigning
from shared.credentials.credential import leaf_of, verify_proof
from tests.worlds.credentials import ISSUER, KEY, NOW, SECRET, assertion, credential


def test_the_signer_makes_the_credential_that_the_key_makes() -> None:
    signer = Signer(ISSUER, KEY, SECRET, Random(1))
    for number in range(1, 40):
        sealed = signer.sign(assertion(number), NOW)
        document = json.loads(sealed.body)
        assert document == credential(number)
        assert sealed.leaf == leaf_of(document)
        verify_proof(document, KEY.private.public_key())


def test_the_first_of_each_shape_and_one_percent_of_the_others_are_checked() -> None:
    signer = Signer(ISSUER, KEY, SECRET, Random(1))
    for number in range(1, 7):
        signer.sign(assertion(number), NOW)
    assert signer.checked == 3  # three qualifications
    for number in range(7, 1007):
        signer.sign(assertion(number), NOW)
    assert 3 < signer.checked < 43  # 3 and about 10; more than 40 of 1 000 at 1 % is a wonder
    assert signer.in_full == 0


class Wrong(SigningKey):
    """A key by which the long way says something else than the template."""

    def sign_with_leaf(self, document: Mapping[str, Any], created: datetime) -> tuple[dict[str, Any], str]:
        signed, leaf = super().sign_with_leaf(document, created)
        return signed, leaf[::-1]


def test_signing_stops_when_template_and_full_algorithm_disagree() -> None:
    signer = Signer(ISSUER, Wrong(KEY.private, KEY.did), SECRET, Random(1))
    for _ in range(2):  # not the second time either
        with pytest.raises(StopSigning, match=r"got leaf .* expected"):
            signer.sign(assertion(1), NOW)
    assert signer.checked == 0


def test_at_most_64_templates_are_kept() -> None:
    signer = Signer(ISSUER, KEY, SECRET, Random(1))
    for year in range(2026, 2126):
        signer.sign(assertion(1, edition=str(year)), NOW)
    assert len(signer._templates) == 64
    assert signer.checked >= 100


def test_two_signers_make_the_same_bytes() -> None:
    one, other = (Signer(ISSUER, KEY, SECRET, Random(seed)).sign(assertion(1), NOW) for seed in (1, 2))
    assert one == other
