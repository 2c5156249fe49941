"""The issuer's decentralized identifier and the names of its keys. Used by issuer, anchor and verifier; pure.

Source: did:web Method Specification (W3C CCG), section 3.2: a port's colon is percent-encoded, slashes are colons.
"""

from __future__ import annotations

from urllib.parse import urlsplit


def did_of(public_url: str) -> str:
    """`https://a.example.jp` → `did:web:a.example.jp`; `http://localhost:8603` → `did:web:localhost%3A8603`."""
    parts = urlsplit(public_url)
    return ":".join(["did:web", parts.netloc.replace(":", "%3A"), *(step for step in parts.path.split("/") if step)])


def did_document_url(public_url: str) -> str:
    """Where the document of `did_of(public_url)` is looked up."""
    parts = urlsplit(public_url)
    return f"{public_url.rstrip('/')}/{'did.json' if parts.path.strip('/') else '.well-known/did.json'}"


def chain_key_of(did: str, name: str = "chain") -> str:
    """The `verificationMethod` of proofs by a key that sends our transactions. `name`: see `chain_key.py`."""
    return f"{did}#{name}"
