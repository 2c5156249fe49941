from __future__ import annotations

import pytest

from shared.credentials.did import chain_key_of, did_document_url, did_of


@pytest.mark.parametrize(
    ("public_url", "did", "document"),
    [
        ("https://badges.example.jp", "did:web:badges.example.jp", "https://badges.example.jp/.well-known/did.json"),
        (
            "http://localhost:8603",
            "did:web:localhost%3A8603",
            "http://localhost:8603/.well-known/did.json",
        ),
        ("https://example.jp/jci/ob", "did:web:example.jp:jci:ob", "https://example.jp/jci/ob/did.json"),
    ],
)
def test_the_identifier_leads_others_to_the_document(public_url: str, did: str, document: str) -> None:
    assert did_of(public_url) == did
    assert did_document_url(public_url) == document
    assert chain_key_of(did) == f"{did}#chain"
