"""One credential of each shape that the issuer makes, signed; the people are fictional."""

from __future__ import annotations

from typing import Any

from services.issuer.issuance import assertion_id_of
from tests.issuing import SECRET, credential

RARE = {"family_name": "𠮷野", "given_name": '辻󠄀"子\\', "family_name_latin": "O'Neill"}


def shapes() -> dict[str, dict[str, Any]]:
    """By name, each of another person unless it corrects one before it."""
    former = assertion_id_of(SECRET, "R-00003")
    renewal = {"kind": "renewal", "previous_registration_id": "R-00003"}
    return {
        "new": credential(1),
        "new, of the second qualification": credential(2),
        "new, of the third qualification": credential(3),
        "rare characters": credential(5, **RARE),
        "renewal": credential(4, **renewal, replaces=former),
        "renewal of one that was never a badge": credential(6, **renewal),
        "corrected": credential(1, version=2, corrects=assertion_id_of(SECRET, "R-00001"), family_name="高橋"),
        "corrected renewal": credential(
            4, **renewal, version=2, replaces=former, corrects=assertion_id_of(SECRET, "R-00004")
        ),
        "later edition of the class": credential(7, edition="2026-2"),
    }
