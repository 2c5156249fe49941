"""A PDF that names the page of a badge is answered with that page's verdict. Tests verification.py."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.verifier.check.evidence import ChainAnswers, IssuerRecord
from services.verifier.files.pdf import LeadsElsewhere
from services.verifier.files.read import read_document
from services.verifier.verification import Sources, VerificationResult, verify
from shared import object_keys
from shared.credentials.merkle_proof import MerkleProof
from shared.errors import NotFound
from tests.worlds import press
from tests.worlds.credentials import DID, ISSUER, NOW, credential, status_list
from tests.worlds.objects import MemoryObjects
from tests.worlds.pdfs import printed
from tests.worlds.shapes import anchored

BADGE, CHAIN = anchored(credential(1))
OTHER = credential(2)
PAGE, OTHER_PAGE = (each["id"].replace("/credentials/", "/V/").removesuffix(".json") for each in (BADGE, OTHER))


class KnownChain:
    def answers(self, proofs: tuple[MerkleProof, ...]) -> ChainAnswers:
        return CHAIN


def asked_about(content: bytes, *documents: dict[str, Any]) -> VerificationResult:
    shelf = MemoryObjects({object_keys.DID_DOCUMENT: json.dumps(DID).encode()})
    shelf.kept[object_keys.status_list(1)] = json.dumps(status_list()).encode()
    for document in documents:
        shelf.kept[document["id"].removeprefix(f"{ISSUER.public_url}/")] = json.dumps(document).encode()
    chain: Any = KnownChain()
    told = IssuerRecord(received=False, details_public=False)

    def record_of(assertion_id: str) -> IssuerRecord | None:
        return told if any(assertion_id in document["id"] for document in documents) else None

    return verify(lambda: content, Sources(shelf, chain, record_of, ISSUER.public_url, lambda: NOW))


@pytest.mark.parametrize(
    "content", [printed("https://jci.example.jp/", PAGE), printed(PAGE.upper()), printed(identifier=PAGE)]
)
def test_the_verdict_is_that_of_the_page_which_the_pdf_names(content: bytes) -> None:
    result = asked_about(content, BADGE, OTHER)
    assert result.printed and result.verdict.kind == "valid" and not result.record.details_public
    assert result.verdict.badge is not None and result.verdict.badge.id == BADGE["id"]


def test_a_page_that_names_a_badge_which_waits_is_said_to_wait() -> None:
    result = asked_about(printed(OTHER_PAGE), BADGE, OTHER)
    assert (result.printed, result.verdict.kind) == (True, "waiting-for-receipt")


@pytest.mark.parametrize(
    "links",
    [
        (
            PAGE.replace("badges.example.jp", "badges.example.jp.evil.example"),
            PAGE.replace("https://", "https://evil@"),
        ),
        (f"https://evil.example/?{PAGE}", f"{PAGE}x", BADGE["id"], f"{PAGE}#a"),
        (PAGE, OTHER_PAGE),
    ],
)
def test_another_address_or_two_of_ours_is_no_badge_and_nothing_broken(links: tuple[str, ...]) -> None:
    result = asked_about(printed(*links), BADGE, OTHER)
    assert not result.printed and result.verdict.is_empty and result.verdict.badge is None


def test_a_page_under_which_nothing_was_issued_is_not_found() -> None:
    with pytest.raises(NotFound):
        asked_about(printed(PAGE), OTHER)


def test_our_own_certificate_leads_to_its_page_and_our_details_hold_the_credential() -> None:
    documents = press.printed()
    with pytest.raises(LeadsElsewhere) as led:
        read_document(documents.certificate)
    assert led.value.addresses == (press.CERTIFICATE.verification_url,)
    assert read_document(documents.details) == json.loads(press.CREDENTIAL)
