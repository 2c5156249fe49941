"""Which files of a badge the public site gives out, and the reasons for withholding one; pure.

The page and the API always answer: these rules are about files.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.verifier.check.checks import Check
from services.verifier.check.credential import Badge
from services.verifier.check.evidence import IssuerRecord
from shared.programme import Bilingual


@dataclass(frozen=True)
class Withheld:
    """Not given out: the HTTP status, a word that never changes, and the text for the reader."""

    status: int
    reason: str
    text: Bilingual


DETAILS_HIDDEN = Withheld(
    403,
    "details-hidden",
    Bilingual(
        "この証明書の詳細は、ご本人の設定により公開されていません。証明書のデータは、ご本人からお受け取りください。",
        "Its holder does not show the details of this certificate in public. Ask the holder for the file.",
    ),
)
REVOKED = Withheld(
    410,
    "revoked",
    Bilingual(
        "この証明書は取り消されたため、バッジの画像はお渡ししていません。",
        "This certificate was revoked, so its badge is no longer given out.",
    ),
)
ERASED = Withheld(
    410,
    "erased",
    Bilingual(
        "この証明書は取り消され、発行者の記録は消去されました。",
        "This certificate was revoked, and the issuer's record of it was erased.",
    ),
)
IN_PROGRESS = Withheld(
    409,
    "in-progress",
    Bilingual(
        "発行の手続き中です。バッジの画像は、手続きが終わるとお渡しできます。",
        "Its issue is in progress: the badge can be had once that is finished.",
    ),
)


def why_no_credential(record: IssuerRecord) -> Withheld | None:
    """With hidden details it is withheld as a whole: a credential without some of them has no valid signature.

    A revoked one is given out: every verifier finds the revocation by its status entry, and must be able to read it.
    """
    if record.erased_at is not None:
        return ERASED
    return None if record.details_public else DETAILS_HIDDEN


def why_no_picture(badge: Badge, record: IssuerRecord, status: Check) -> Withheld | None:
    """Why the baked picture isn't given out. `status` is check 5, not unknown.

    Most people who look at a picture don't check it: a revoked one would still be believed. One from before its
    anchoring would read as "in progress" for ever.
    """
    if status.finding == "revoked":
        return REVOKED
    if not record.details_public:
        return DETAILS_HIDDEN
    return None if badge.has_anchor_proof else IN_PROGRESS
