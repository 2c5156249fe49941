"""The signed credential: canonical form, first proof, leaf. Signed by issuer; read by anchor and verifier; pure.

A signature covers statements (RDF), not text: whatever JSON-LD leaves out of the statements is not signed. So nothing
here accepts a document with a property that its contexts don't define, with a context that isn't built in, or with
JSON-LD keywords.

Sources: W3C Verifiable Credentials 2.0; VC Data Integrity 1.0; Data Integrity EdDSA Cryptosuites 1.0, section 3.2
(eddsa-rdfc-2022); RDF Dataset Canonicalization 1.0 (RDFC-1.0); JSON-LD 1.1.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pyoxigraph import (
    BlankNode,
    CanonicalizationAlgorithm,
    Dataset,
    Literal,
    NamedNode,
    Quad,
    RdfFormat,
    parse,
    serialize,
)

from shared.credentials.content import (
    OB_CONTEXT,
    TERMS_CONTEXT,
    VC_CONTEXT,
    Document,
    expected_count,
    refuse_keywords,
    text_problem,
    walk,
    with_only,
)
from shared.credentials.multibase import base58, ed25519_multibase, from_base58, from_ed25519_multibase
from shared.errors import AkashiError, Unreadable

COUNT_TYPE = "BadgeCountCredential"
CRYPTOSUITE = "eddsa-rdfc-2022"

_MOST_ALIKE = 6
_BASE58 = re.compile(r"z[1-9A-HJ-NP-Za-km-z]{1,200}")
_SECURITY = "https://w3id.org/security#"
_FILES = {
    VC_CONTEXT: "credentials-v2.json",
    OB_CONTEXT: "open-badges-3.0.3.json",
    TERMS_CONTEXT: "undefined-terms-v2.json",
}
_CONTEXTS: dict[str, str] = {
    url: json.dumps(json.loads((Path(__file__).parent / "contexts" / name).read_text("utf-8"))["@context"])
    for url, name in _FILES.items()
}


class DoNotSign(AkashiError):
    """This document must not be signed: correct the field that the text names."""


class DoNotTrust(AkashiError):
    """The proof doesn't fit the document or the key: it is not what the issuer signed."""


class KeyNotListed(DoNotTrust):
    """The issuer's DID document doesn't list the key that the proof names; a copy of it may be older than the key."""


# ── canonical form ─────────────────────────────────────────────────────────────────────────────────────


def canonical_form(document: Document) -> str:
    """The document's statements as canonical N-Quads (RDFC-1.0): equal for equal content in whatever order.

    Nothing is fetched. Unreadable when a property would be left out of the statements, or it isn't JSON-LD of ours.
    """
    return _canonical(_statements(document))


def leaf_of(credential: Document) -> str:
    """The hex SHA-256 that is anchored: of the canonical form of the credential with its first proof only.

    Later proofs don't change it, so the proof of the anchoring can be added to the document that it proves. Unreadable
    as above, or when there is no proof.
    """
    return SignedDocument(credential).leaf()


def first_proof(credential: Document) -> Document:
    """`proof[0]`, the issuer's signature. Unreadable when there is none."""
    proofs = credential.get("proof")
    first = proofs[0] if isinstance(proofs, list) and proofs else proofs
    if not isinstance(first, dict):
        raise Unreadable(f"proof: got {type(first).__name__}, expected a list that begins with the issuer's proof")
    return first


# ── sign ───────────────────────────────────────────────────────────────────────────────────────────────


def sign(document: Document, key: Ed25519PrivateKey, *, verification_method: str, created: datetime) -> dict[str, Any]:
    """The document with its first proof, in a list. The same arguments give the same bytes (Ed25519 is deterministic).

    `verification_method` is the key's URL in the issuer's DID document, `created` an aware time, kept to the second.
    DoNotSign, naming the field, for text that implementations canonicalise differently or a property that would not be
    covered.
    """
    return sign_with_leaf(document, key, verification_method=verification_method, created=created)[0]


def sign_with_leaf(
    document: Document, key: Ed25519PrivateKey, *, verification_method: str, created: datetime
) -> tuple[dict[str, Any], str]:
    """`sign`, and `leaf_of` what it returns, at the price of reading the document once."""
    options = proof_options(verification_method, proof_time(created))
    covered = covered_by(document, options)
    signature = key.sign(_sha256(_canonical(covered.options)) + _sha256(_canonical(covered.document)))
    proof = {**options, "proofValue": base58(signature)}
    leaf = _sha256(_canonical([*covered.document, *covered.proof(document["id"], proof["proofValue"])]))
    return {**document, "proof": [proof]}, leaf.hex()


def proof_time(moment: datetime) -> str:
    """An aware moment as proofs state it: in UTC, to the second."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def proof_options(verification_method: str, created: str) -> dict[str, str]:
    """The first proof but for its value."""
    return {
        "type": "DataIntegrityProof",
        "cryptosuite": CRYPTOSUITE,
        "created": created,
        "verificationMethod": verification_method,
        "proofPurpose": "assertionMethod",
    }


@dataclass(frozen=True)
class Covered:
    """The statements that a signature covers: the document's, and those of the proof's options."""

    document: list[Quad]
    options: list[Quad]

    def proof(self, document_id: str, value: str) -> list[Quad]:
        """What the proof adds to the document: a graph of its own, linked from it (`@container: @graph`)."""
        graph, node = BlankNode("akashiproofgraph"), BlankNode("akashiproof")
        literal = Literal(value, datatype=NamedNode(f"{_SECURITY}multibase"))
        return [
            Quad(NamedNode(document_id), NamedNode(f"{_SECURITY}proof"), graph),
            *(Quad(node, statement.predicate, statement.object, graph) for statement in self.options),
            Quad(node, NamedNode(f"{_SECURITY}proofValue"), literal, graph),
        ]


def covered_by(document: Document, options: Document) -> Covered:
    """What is to be signed. DoNotSign, naming the field, for what `sign` refuses."""
    if "proof" in document:
        raise DoNotSign("proof: got one already, expected a document without")
    _refuse_bad_text(document)
    try:
        return Covered(_statements(document), _configuration(document, options))
    except Unreadable as error:
        raise DoNotSign(str(error)) from error


# ── verify ─────────────────────────────────────────────────────────────────────────────────────────────


class SignedDocument:
    """A document with a proof. Its statements are read once, for the signature and for the leaf."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def verify(self, public_key: Ed25519PublicKey) -> None:
        """Returns when the first proof is an eddsa-rdfc-2022 signature by `public_key` over all but the proofs.

        Raises DoNotTrust otherwise. Which key may sign for which issuer is not asked here: see `key_of`.
        """
        try:
            proof = first_proof(self.document)
            _expect("proof.type", proof.get("type"), "DataIntegrityProof")
            _expect("proof.cryptosuite", proof.get("cryptosuite"), CRYPTOSUITE)
            _expect("proof.proofPurpose", proof.get("proofPurpose"), "assertionMethod")
            options = _configuration(self.document, _without(proof, "proofValue"))
            signature = from_base58(proof.get("proofValue"))
            signed = _sha256(_canonical(options)) + _sha256(_canonical(self._bare()))
        except Unreadable as error:
            raise DoNotTrust(str(error)) from error
        try:
            public_key.verify(signature, signed)
        except InvalidSignature as error:
            raise DoNotTrust(
                f"proof.proofValue: got a signature that doesn't fit the document (SHA-256 {signed[32:].hex()}) "
                f"and the key {public_key_multibase(public_key)}, expected the issuer's own"
            ) from error

    def leaf(self) -> str:
        """See `leaf_of`."""
        proof, name = first_proof(self.document), self.document.get("id")
        value, options = proof.get("proofValue"), _without(proof, "proofValue")
        bare = self._bare()
        if (
            options == proof_options(str(options.get("verificationMethod")), str(options.get("created")))
            and isinstance(value, str)
            and _BASE58.fullmatch(value)
            and any(isinstance(each.subject, NamedNode) and each.subject.value == name for each in bare)
        ):
            statements = [*bare, *Covered(bare, _configuration(self.document, options)).proof(str(name), value)]
        else:  # whatever else a stranger's proof may hold
            statements = _statements({**self.document, "proof": [proof]})
        return _sha256(_canonical(statements)).hex()

    def _bare(self) -> list[Quad]:
        """The statements of all but the proofs."""
        read = self._read
        if isinstance(read, Unreadable):
            raise read
        return read

    @cached_property
    def _read(self) -> list[Quad] | Unreadable:
        try:
            return _statements(_without(self.document, "proof"))
        except Unreadable as error:
            return error


def verify_proof(document: Document, public_key: Ed25519PublicKey) -> None:
    """See `SignedDocument.verify`."""
    SignedDocument(document).verify(public_key)


def key_of(document: Document, did_document: Document) -> Ed25519PublicKey:
    """The key that the first proof names, from the DID document of the document's issuer.

    KeyNotListed when the DID document doesn't hold the key or doesn't let it sign assertions; DoNotTrust when it is
    another's, or the key is no key.
    """
    issuer = document.get("issuer")
    issuer_id = issuer.get("id") if isinstance(issuer, dict) else issuer
    _expect("issuer.id", issuer_id, did_document.get("id"))
    try:
        method = first_proof(document).get("verificationMethod")
        allowed = did_document.get("assertionMethod")
        if not isinstance(allowed, list) or not isinstance(method, str) or method not in allowed:
            raise KeyNotListed(f"proof.verificationMethod: got {method!r}, expected one of assertionMethod: {allowed}")
        entries = did_document.get("verificationMethod")
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict) and entry.get("id") == method and entry.get("controller") == issuer_id:
                return Ed25519PublicKey.from_public_bytes(from_ed25519_multibase(entry.get("publicKeyMultibase")))
    except Unreadable as error:
        raise DoNotTrust(f"proof.verificationMethod: {error}") from error
    raise KeyNotListed(f"proof.verificationMethod: got {method}, expected a key of {issuer_id}")


def public_key_multibase(key: Ed25519PublicKey) -> str:
    """The key as `publicKeyMultibase` in a DID document: z6Mk…"""
    return ed25519_multibase(key.public_bytes_raw())


# ── statements ─────────────────────────────────────────────────────────────────────────────────────────


def _statements(document: Document) -> list[Quad]:
    """All statements of a document; Unreadable unless each of its properties is in them."""
    refuse_keywords(document)
    statements = _parsed(document)
    if len(statements) != expected_count(document):
        raise Unreadable(f"{_left_out(document)}: expected only what {' and '.join(_context_urls(document))} define")
    return statements


def _parsed(document: Document) -> list[Quad]:
    contexts = ",".join(_CONTEXTS[url] for url in _context_urls(document))
    content = json.dumps({name: value for name, value in document.items() if name != "@context"}, ensure_ascii=False)
    text = f'{{"@context":[{contexts}],{content[1:]}'
    try:
        return list(set(parse(text, format=RdfFormat.JSON_LD)))
    except (SyntaxError, ValueError, UnicodeEncodeError) as error:
        raise Unreadable(f"got a document that is no JSON-LD: {error}") from error


def _configuration(document: Document, options: Document) -> list[Quad]:
    """The statements of a proof's options, read by the contexts of the document that they secure."""
    refuse_keywords({"proof": options})
    return _configuration_of(json.dumps({**options, "@context": list(_context_urls(document))}))


@lru_cache(maxsize=64)
def _configuration_of(text: str) -> list[Quad]:
    return _statements(json.loads(text))


def _canonical(statements: list[Quad]) -> str:
    _refuse_symmetry(statements)
    dataset = Dataset(statements)
    dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    lines = (serialize(dataset, format=RdfFormat.N_QUADS) or b"").decode().split("\n")
    return "".join(sorted(f"{line}\n" for line in lines if line))


def _refuse_symmetry(statements: list[Quad]) -> None:
    """RDFC-1.0 tries every order of unnamed nodes that look alike, n! of them: a stranger's file could be endless."""
    looks: dict[BlankNode, list[str]] = {}
    for statement in statements:
        if isinstance(statement.subject, BlankNode):
            seen = "" if isinstance(statement.object, BlankNode) else str(statement.object)
            looks.setdefault(statement.subject, []).append(f"{statement.predicate} {seen}")
        if isinstance(statement.object, BlankNode):
            looks.setdefault(statement.object, []).append(f"^ {statement.predicate}")
    counts = Counter("\n".join(sorted(look)) for look in looks.values())
    alike = sum(count for count in counts.values() if count > 1)
    if alike > _MOST_ALIKE:
        raise Unreadable(f"got {alike} objects without id that look alike, expected at most {_MOST_ALIKE}")


def _context_urls(document: Document) -> tuple[str, ...]:
    urls = document.get("@context")
    given = (urls,) if isinstance(urls, str) else tuple(urls) if isinstance(urls, list) else ()
    known = _known_contexts(document)
    if not given or given[0] != VC_CONTEXT or any(not isinstance(url, str) or url not in known for url in given):
        raise Unreadable(f"@context: got {str(urls)[:200]}, expected {VC_CONTEXT} and then only {', '.join(known)}")
    return given


def _known_contexts(document: Document) -> tuple[str, ...]:
    """In a badge a property that Open Badges doesn't define stays refused."""
    types = document.get("type")
    if types == "DataIntegrityProof":  # options, read by the contexts of the document that they secure: see above
        return tuple(_FILES)
    if isinstance(types, list) and COUNT_TYPE in types:
        return (VC_CONTEXT, TERMS_CONTEXT)
    return (VC_CONTEXT, OB_CONTEXT)


def _refuse_bad_text(document: Document) -> None:
    for path, name, value in walk(document):
        for text in (name, value):
            problem = text_problem(text) if isinstance(text, str) else None
            if problem:
                raise DoNotSign(f"{path}: {problem}")


def _left_out(document: Document) -> str:
    """The path of a property that makes no statement; by halving, so that a stranger's file doesn't keep us busy."""
    paths = [path for path, name, _ in walk(document) if name not in (None, "id", "type")]

    def lacks(count: int) -> bool:
        part = with_only(document, {*paths[:count]})
        return len(_parsed(part)) != expected_count(part)

    found = bisect_left(range(len(paths)), True, key=lacks)
    if found == 0:
        return "got a type or a value that would not be signed"
    return f"{paths[found - 1]}: got a property that would not be signed"


def _without(document: Document, name: str) -> dict[str, Any]:
    return {each: value for each, value in document.items() if each != name}


def _expect(field: str, got: object, expected: object) -> None:
    if got != expected or got is None:
        raise DoNotTrust(f"{field}: got {got!r}, expected {expected!r}")


def _sha256(data: str | bytes) -> bytes:
    return sha256(data.encode() if isinstance(data, str) else data).digest()
