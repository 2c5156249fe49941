"""`python -m tests.doc_example` writes docs/example: a fictional person's credential and what verifies it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from services.issuer.domain.issuance import assertion_id_of
from tests.worlds.credentials import DID, SECRET, credential, status_list

FOLDER = Path(__file__).parents[1] / "docs" / "example"


def example() -> dict[str, Any]:
    """A renewal, signed with the tests' key, of a fictional issuer."""
    return credential(
        26,
        family_name="見本",
        given_name="花子",
        email="hanako@example.jp",
        qualification="shindanshi",
        kind="renewal",
        pass_number="P18-0321",
        registration_number="26-00026",
        previous_registration_id="R-00003",
        replaces=assertion_id_of(SECRET, "R-00003"),
    )


def files() -> dict[str, bytes]:
    """`credential.json` to the byte as the issuer stores it."""
    return {
        "credential.json": msgspec.json.encode(example()),
        "did.json": msgspec.json.encode(DID),
        "status.json": msgspec.json.encode(status_list()),
    }


if __name__ == "__main__":
    for name, body in files().items():
        (FOLDER / name).write_bytes(body)
    print(json.dumps(example(), ensure_ascii=False, indent=1))
