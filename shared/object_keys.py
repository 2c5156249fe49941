"""Every key of object storage, and the patterns of the ids in them. Used by all services but mailer and ops.

A key is made from ids that match these patterns only, so no id from a URL or an event can leave its folder.
The public site serves some of them under the same path: `credentials/<id>.json` is at `/credentials/<id>.json`.
"""

from __future__ import annotations

import re
from typing import Literal

ASSERTION_ID = r"[A-Z2-7]{26}"
"""26 characters of base32 (RFC 4648): the first 130 bits of an HMAC."""
QUALIFICATION = r"[a-z0-9-]{1,64}"
EDITION = r"[0-9]{4}(?:-[1-9][0-9]{0,2})?"
"""The year in which the period begins; from the second edition on with its number: 2026, 2026-2."""
COHORT = r"[0-9]{4}"
"""The 年度 whose April 1 it is. The pattern of a key: nothing else gets into a folder's name."""
STATEMENT_NUMBER = r"[1-9][0-9]{0,8}"
SHEET_ID = r"[0-9]{8}-(?:certificate|card)-[0-9a-f]{12}"
"""The day of the order, what is printed, and the first digits of a hash of the order."""

DID_DOCUMENT = "issuer/did.json"
PROFILE = "issuer/profile.json"
ISSUER_IMAGE = "issuer/image.png"

CREDENTIALS = "credentials/"
BATCHES = "batches/"
CERTIFICATES = "certificates/"
STATEMENTS = "statements/"
STATEMENT_INDEX = f"{STATEMENTS}index.json"
"""Of the public site only: which cohorts have statements, and how many."""
PRINT_SHEETS = "print-sheets/"
SCRUBBED = "scrubbed/"
"""Folders: each belongs to one service, which finds there what its tables don't have."""

Picture = Literal["png", "svg"]
BadgeFile = Literal["json", "png", "svg"]

_ASSERTION_ID = re.compile(ASSERTION_ID)
_QUALIFICATION = re.compile(QUALIFICATION)
_EDITION = re.compile(EDITION)
_SHEET_ID = re.compile(SHEET_ID)
_COHORT = re.compile(COHORT)
_ROOT = re.compile(r"[0-9a-f]{64}")
_ABOUT_ASSERTION = re.compile(
    rf"(?:{SCRUBBED})?(?:{CREDENTIALS}(?P<credential>{ASSERTION_ID})\.json|{CERTIFICATES}(?P<certificate>{ASSERTION_ID}))(?:/.*)?"
)
_STATEMENT = re.compile(rf"({COHORT})/({STATEMENT_NUMBER})")


def is_assertion_id(text: str) -> bool:
    return _ASSERTION_ID.fullmatch(text) is not None


def is_badge_class(qualification: str, edition: str) -> bool:
    """Whether both can be parts of a badge class's key."""
    return _QUALIFICATION.fullmatch(qualification) is not None and is_edition(edition)


def is_edition(text: str) -> bool:
    return _EDITION.fullmatch(text) is not None


def is_sheet_id(text: str) -> bool:
    return _SHEET_ID.fullmatch(text) is not None


def is_cohort(text: str) -> bool:
    return _COHORT.fullmatch(text) is not None


def is_merkle_root(text: str) -> bool:
    return _ROOT.fullmatch(text) is not None


def credential(assertion_id: str) -> str:
    """The signed credential: written by issuer with the first proof, by anchor with the second."""
    return f"{CREDENTIALS}{assertion_id}.json"


def badge_class(qualification: str, edition: str) -> str:
    """A badge class without its ending: .json is the achievement, .png and .svg are its pictures."""
    return f"badges/{qualification}/{edition}"


def badge_file(qualification: str, edition: str, form: BadgeFile) -> str:
    return f"{badge_class(qualification, edition)}.{form}"


def status_list(number: int) -> str:
    return f"status/{number}.json"


def certificate(assertion_id: str) -> str:
    """The PDF 証書."""
    return f"{CERTIFICATES}{assertion_id}/certificate.pdf"


def details(assertion_id: str) -> str:
    """The PDF 内容詳細."""
    return f"{CERTIFICATES}{assertion_id}/details.pdf"


def print_sheet(sheet_id: str) -> str:
    """The PDF of a print sheet: names and numbers of many people, never served by the public site."""
    return f"{PRINT_SHEETS}{sheet_id}.pdf"


def scrubbed(key: str, sha256: str) -> str:
    """The bytes of a broken object that was made again: evidence, never served."""
    return f"{SCRUBBED}{key}/{sha256}"


def assertion_in(key: str) -> str | None:
    """The assertion of which the object is the credential or a PDF, or what a scrub kept of one; None for others."""
    found = _ABOUT_ASSERTION.fullmatch(key)
    return None if found is None else found["credential"] or found["certificate"]


def batch_manifest(merkle_root: bytes) -> str:
    """Leaves in order and where the root is anchored; nothing personal."""
    return f"{BATCHES}{merkle_root.hex()}.json"


def statement(cohort: str, number: int) -> str:
    """A statement of the count: written by issuer with the first proof, by anchor with the second."""
    return f"{STATEMENTS}{cohort}/{number}.json"


def newest_statement(cohort: str) -> str:
    """Of the public site only: the newest statement of a cohort. No object: a second copy could be an older one."""
    return f"{STATEMENTS}{cohort}.json"


def stated_leaves(cohort: str, number: int) -> str:
    """The leaves of the badges that this statement counts and none before it: a list of hexadecimal texts."""
    return f"{STATEMENTS}{cohort}/{number}.leaves.json"


def statement_id(cohort: str, number: int) -> str:
    """What names a statement among signed documents: no assertion id has a slash."""
    return f"{cohort}/{number}"


def is_statement_id(text: str) -> bool:
    return _STATEMENT.fullmatch(text) is not None


def signed_document(id: str) -> str:
    """The key of an assertion's credential, or of the statement with this `statement_id`."""
    found = _STATEMENT.fullmatch(id)
    return credential(id) if found is None else statement(found[1], int(found[2]))
