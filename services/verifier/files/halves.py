"""The two halves of a baked badge: its Open Badges 2.0 assertion must say what its credential says."""

from __future__ import annotations

from typing import Any

import msgspec

from services.verifier.files.read import read_json
from shared.credentials.baking import Unbaked
from shared.credentials.content import Document
from shared.credentials.open_badges_2 import assertion_of
from shared.errors import Unreadable


def contradiction(credential: Document, unbaked: Unbaked) -> str | None:
    """Where the 2.0 half of a picture contradicts the credential in it; None when it doesn't, or there is no such half.

    Only what the half says is compared: what it leaves out is no false statement, and a credential of others, which
    has no half of ours, is judged by the other checks.
    """
    public_url = str(credential.get("id", "")).partition("/credentials/")[0]
    try:
        made = msgspec.json.encode(assertion_of(credential, public_url=public_url))
    except Unreadable:
        return None
    expected: dict[str, Any] = msgspec.json.decode(made)
    if unbaked.verify is not None and unbaked.verify != expected["id"]:
        return f"verify: got {unbaked.verify[:200]!r}, expected {expected['id']}"
    if unbaked.assertion is None:
        return None
    try:
        said = read_json(unbaked.assertion)
    except Unreadable as error:
        return str(error)
    # The values may be personal: only the member's name is told.
    differing = (name for name, value in said.items() if name not in expected or value != expected[name])
    return next((f"{name[:60]!r} differs between its two halves" for name in differing), None)
