"""What the public site gives out: credentials, assertions, pictures, badge classes, the issuer profile."""

from __future__ import annotations

import msgspec

from services.verifier.check.checks import Check, check_status
from services.verifier.check.credential import Credential, read_credential
from services.verifier.check.disclosure import ERASED, Withheld, why_no_credential, why_no_picture
from services.verifier.check.evidence import IssuerRecord
from services.verifier.files.read import read_json
from services.verifier.ports import Ports
from services.verifier.sources.chains import NoChain
from services.verifier.sources.gather import gather
from shared import object_keys
from shared.clock import japan_date
from shared.credentials.baking import bake_png, bake_svg
from shared.credentials.open_badges_2 import (
    Assertion,
    BadgeClass,
    Profile,
    RevokedAssertion,
    assertion_of,
    badge_class_of,
    profile_of,
    revoked_assertion,
)
from shared.errors import NotFound, TryLater
from shared.file_names import file_title


def credential(assertion_id: str, ports: Ports) -> bytes | Withheld:
    """Any time. The signed credential, as stored."""
    return why_no_credential(_record(assertion_id, ports)) or ports.site.get(object_keys.credential(assertion_id))


def assertion(assertion_id: str, ports: Ports) -> Assertion | RevokedAssertion:
    """Any time. Its Open Badges 2.0 assertion, by which a hosted badge is verified.

    TryLater when it isn't known whether it was revoked: "not revoked" is never said without a list that says so.
    """
    record = _record(assertion_id, ports)
    if record.erased_at is not None:
        return revoked_assertion(assertion_id, public_url=ports.public_url, reason=None)
    read = read_credential(read_json(ports.site.get(object_keys.credential(assertion_id))))
    if _status(read, record, ports).finding == "revoked":
        reason = record.revocation.reason if record.revocation else None
        return revoked_assertion(assertion_id, public_url=ports.public_url, reason=reason)
    return assertion_of(read.document, public_url=ports.public_url, details_public=record.details_public)


def picture(assertion_id: str, form: object_keys.Picture, ports: Ports) -> bytes | Withheld:
    """Any time. The picture of its badge class and edition, with credential and assertion baked in.

    TryLater when it isn't known whether the badge was revoked.
    """
    record = _record(assertion_id, ports)
    if record.erased_at is not None:
        return ERASED
    content = ports.site.get(object_keys.credential(assertion_id))
    read = read_credential(read_json(content))
    withheld = why_no_picture(read.badge, record, _status(read, record, ports))
    if withheld is not None:
        return withheld
    if read.badge.art is None:
        raise NotFound(f"credential {assertion_id}: got no picture of ours, expected one")
    hosted = msgspec.json.encode(assertion_of(read.document, public_url=ports.public_url))
    bake = bake_png if form == "png" else bake_svg
    return bake(ports.site.get(f"{read.badge.art}.{form}"), credential=content, assertion=hosted)


def title_of_files(assertion_id: str, ports: Ports) -> str:
    """What its files are called when they are saved: コンクリート技士_2026, as in the wallet."""
    badge = read_credential(read_json(ports.site.get(object_keys.credential(assertion_id)))).badge
    return file_title(badge.award, str(japan_date(badge.valid_from).year))


def badge_class(key: str, ports: Ports) -> BadgeClass:
    """Any time. The Open Badges 2.0 badge class of the achievement at `key`."""
    return badge_class_of(read_json(ports.site.get(key)), public_url=ports.public_url)


def profile(ports: Ports) -> Profile:
    """Any time. The Open Badges 2.0 profile of the issuer."""
    return profile_of(read_json(ports.site.get(object_keys.PROFILE)), public_url=ports.public_url)


def _record(assertion_id: str, ports: Ports) -> IssuerRecord:
    with ports.store.transaction() as tx:
        return tx.issuer_record(assertion_id, ports.page) or IssuerRecord(details_public=ports.page.shows_numbers)


def _status(credential: Credential, record: IssuerRecord, ports: Ports) -> Check:
    """Check 5 by itself: whether it was revoked. TryLater when neither the issuer's record nor its list says so."""
    evidence = gather(credential, ports.site, NoChain("not asked"), public_url=ports.public_url)
    check = check_status(credential.badge, evidence.status_list, record.revocation, ports.now())
    if check.outcome == "unknown":
        raise TryLater(check.got)
    return check
