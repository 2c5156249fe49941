"""What the public site gives of a badge to whoever asks for a file of it, and why not; pure.

The page and the API always answer: these rules are about what can be carried away.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.verifier.check.checks import Check
from services.verifier.check.credential import Badge
from services.verifier.check.evidence import Noted
from shared.programme import Bilingual


@dataclass(frozen=True)
class Withheld:
    """Not given: the HTTP status, a word that stays, and what the reader should know."""

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
IN_PROGRESS = Withheld(
    409,
    "in-progress",
    Bilingual(
        "発行の手続き中です。バッジの画像は、手続きが終わるとお渡しできます。",
        "Its issue is in progress: the badge can be had once that is finished.",
    ),
)


def why_no_credential(noted: Noted) -> Withheld | None:
    """A credential can't be shown in part: whoever has its numbers has all, and a changed one is worth nothing.

    A revoked one is given: its own status entry says so to every verifier, which must be able to read it.
    """
    return None if noted.details_public else DETAILS_HIDDEN


def why_no_picture(badge: Badge, noted: Noted, status: Check) -> Withheld | None:
    """Why the badge with all in it isn't given. `status` is the check of its revocation, and known.

    A picture is looked at, mostly by people who check nothing: a revoked one would go on saying what is no longer so.
    One of before its anchoring would say "in progress" for ever, in whatever hands it is.
    """
    if status.finding == "revoked":
        return REVOKED
    if not noted.details_public:
        return DETAILS_HIDDEN
    return None if badge.anchorings else IN_PROGRESS
