"""The tests' issuer, its key, and credentials of fictional people, as values: no database, no server."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.issuer.domain.credential import credential_of
from services.issuer.domain.issuance import Assertion, Issuer, StatusPlace, assertion_for
from services.issuer.domain.publication import DocumentSources
from services.issuer.domain.status import status_document
from services.issuer.signing.keys import SigningKey, did_document
from shared.events import Award, Holder, RegistrationRenewed
from shared.programme import parse_programme

ROOT = Path(__file__).resolve().parents[2]
SECRET = b"a secret of the tests only"
NOW = datetime(2026, 4, 1, 0, 0, 12, tzinfo=UTC)  # 09:00:12 in Japan
ISSUER = Issuer(
    parse_programme((ROOT / "deploy" / "programmes" / "jci.toml").read_text(encoding="utf-8")),
    "https://badges.example.jp",
)
KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))), ISSUER.did)
SOURCES = DocumentSources(ISSUER, KEY, ROOT / "node_modules" / "@expo-google-fonts")
DID = did_document(ISSUER.did, [KEY.public], profile_url=f"{ISSUER.public_url}/issuer.json")


def renewed(number: int = 1, **changes: Any) -> RegistrationRenewed:
    """The renewal of a fictional person's registration; `changes` are fields of award or holder, or the version."""
    version = changes.pop("version", 1)
    award: dict[str, Any] = {
        "registration_id": f"R-{number:05}",
        "cohort": "2026",
        "qualification": ("gishi", "shunin-gishi", "shindanshi")[number % 3],
        "kind": "new",
        "pass_number": f"P25-{number:04}",
        "registration_number": f"26-{number:05}",
        "valid_from": date(2026, 4, 1),
        "valid_until": date(2030, 3, 31),
    }
    holder: dict[str, Any] = {
        "person_id": f"person-{number}",
        "family_name": "髙橋",
        "given_name": "一郎",
        "email": f"person{number}@example.jp",
    }
    for name, value in changes.items():
        (holder if name in Holder.__struct_fields__ else award)[name] = value
    return RegistrationRenewed(award=Award(**award), holder=Holder(**holder), notify_from=NOW, version=version)


def assertion(
    number: int = 1,
    *,
    now: datetime = NOW,
    edition: str | None = None,
    replaces: str | None = None,
    corrects: str | None = None,
    **changes: Any,
) -> Assertion:
    event = renewed(number, **changes)
    return assertion_for(
        event,
        secret=SECRET,
        now=now,
        status=StatusPlace(1, Random(number).randrange(131_072)),
        edition=edition or ISSUER.programme.edition(event.award.valid_from),
        replaces=replaces,
        corrects=corrects,
    )


def unsigned(number: int = 1, **changes: Any) -> dict[str, Any]:
    return credential_of(assertion(number, **changes), ISSUER, secret=SECRET)


def credential(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A signed credential, as the issuer makes it."""
    return KEY.sign(unsigned(number, **changes), NOW)


def status_list(*revoked: int, now: datetime = NOW) -> dict[str, Any]:
    """The first status list, signed."""
    return KEY.sign(status_document(ISSUER, 1, revoked, now), now)
