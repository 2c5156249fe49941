"""The two usual ways to sign a credential in Python, compared with ours: each parses the whole document as RDF.

Both do what an issuer must do (document, proof options, signature, optionally leaf) without the checks that ours makes.
Both get the contexts from memory. PyLD caches its parsed contexts, which makes it twice as fast.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from pyoxigraph import CanonicalizationAlgorithm, Dataset, RdfFormat, parse, serialize

import shared.credentials.credential
from services.issuer.signing.keys import SigningKey
from services.issuer.signing.template import Sealed
from shared.credentials.content import OB_CONTEXT, VC_CONTEXT
from shared.credentials.credential import proof_options, proof_time
from shared.credentials.multibase import base58

Canonise = Callable[[Mapping[str, Any]], bytes]
_FILES = {VC_CONTEXT: "credentials-v2.json", OB_CONTEXT: "open-badges-3.0.3.json"}


@cache
def contexts() -> dict[str, dict[str, Any]]:
    folder = Path(shared.credentials.credential.__file__).parent / "contexts"
    return {url: json.loads((folder / name).read_text(encoding="utf-8")) for url, name in _FILES.items()}


def by_pyld(document: Mapping[str, Any]) -> bytes:
    """The canonical form as PyLD makes it (URDNA2015, of which RDFC-1.0 is the later name)."""
    from pyld import jsonld

    options = {"algorithm": "URDNA2015", "format": "application/n-quads", "documentLoader": _loaded}
    canonical: str = jsonld.normalize(document, options)
    return canonical.encode()


def _loaded(url: str, _options: object) -> dict[str, Any]:
    return {"contentType": "application/ld+json", "contextUrl": None, "documentUrl": url, "document": contexts()[url]}


def by_pyoxigraph(document: Mapping[str, Any]) -> bytes:
    """The canonical form as pyoxigraph makes it, the contexts put into the document since it loads none."""
    content = json.dumps({name: value for name, value in document.items() if name != "@context"}, ensure_ascii=False)
    dataset = Dataset(parse(f'{{"@context":{_inlined()},{content[1:]}', format=RdfFormat.JSON_LD))
    dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    lines = (serialize(dataset, format=RdfFormat.N_QUADS) or b"").splitlines(keepends=True)
    return b"".join(sorted(lines))


@cache
def _inlined() -> str:
    return json.dumps([contexts()[url]["@context"] for url in _FILES])


def sign_in_full(
    document: Mapping[str, Any], key: SigningKey, created: datetime, canonise: Canonise, *, with_leaf: bool
) -> Sealed:
    """The signed credential, canonicalised twice, or three times to have its leaf too (else "")."""
    options = proof_options(key.verification_method, proof_time(created))
    configuration = canonise({"@context": document["@context"], **options})
    signature = key.private.sign(sha256(configuration).digest() + sha256(canonise(document)).digest())
    signed = {**document, "proof": [{**options, "proofValue": base58(signature)}]}
    leaf = sha256(canonise(signed)).hexdigest() if with_leaf else ""
    return Sealed(msgspec.json.encode(signed), leaf)
