"""Is the issuer ready: its key is readable, and listed by the did.json that verifiers see. Changes nothing."""

from __future__ import annotations

from pathlib import Path

from services.issuer.signing.key_files import load_key
from services.issuer.signing.keys import SigningKey, keys_in
from shared import object_keys
from shared.credentials.credential import public_key_multibase
from shared.errors import RefuseToStart, TryLater, cause_of
from shared.readiness import Finding, Report, fault, not_asked, ok
from shared.runtime.objects import ReadableObjects
from shared.runtime.readiness import read

KEY, DID = "signing-key", "did-document"


def signing_key(file: Path, key: SigningKey, objects: ReadableObjects) -> Report:
    """The key never leaves: its file, and whether its public half is where verifiers look for it."""
    try:
        published = read(objects, object_keys.DID_DOCUMENT)
    except TryLater as error:
        listed = fault(DID, "storage-away", cause=cause_of(error, 160))
    else:
        listed = _listed(key.public, published)
    return Report(findings=(_of_file(file, key.public), listed))


def _of_file(file: Path, public: str) -> Finding:
    try:
        found = public_key_multibase(load_key(file).public_key())
    except (OSError, ValueError) as error:
        return fault(KEY, "key-unreadable", file.name, cause=cause_of(error, 160))
    if found != public:
        return fault(KEY, "key-replaced", file.name, got=found, expected=public)
    return ok(KEY, file.name, key=public)


def _listed(public: str, published: bytes | None) -> Finding:
    if published is None:
        return not_asked(DID, "did-not-yet")  # it is published with the first badge, or by akashi issuer publish
    try:
        listed = keys_in(published)
    except RefuseToStart as error:
        return fault(DID, "did-unreadable", cause=cause_of(error, 160))
    return ok(DID, keys=len(listed)) if public in listed else fault(DID, "did-lacks-key", key=public)
