"""What is a status list in force, for a badge and for the public count; the browser's check reads the same list."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.issuer.domain.status import status_document
from services.verifier.check.count_evidence import read_stated
from services.verifier.check.count_outcome import Open, Wrong
from services.verifier.check.count_records import check_status
from services.verifier.check.credential import Invalid, StatusEntry, read_credential
from services.verifier.check.status_list import StatusList, is_revoked, read_status_list
from services.verifier.sources.count import gather_count
from shared.errors import Unreadable
from tests.worlds.counts import sound_world
from tests.worlds.credentials import DID, ISSUER, KEY, NOW, credential
from tests.worlds.status_forgeries import STATUS_FORGERIES, STATUS_LISTS, Document, Forge

URL = ISSUER.status_url(1)
ENTRY = StatusEntry(URL, 5)
WORLD = sound_world()
STATED = read_stated(WORLD.document("2026", 3))
EVIDENCE = gather_count(STATED, WORLD, WORLD, public_url=WORLD.url)


def true_list(now: datetime) -> Document:
    return status_document(ISSUER, 1, [each.index for each in WORLD.badges if each.state != "valid"], now)


def counted(forge: Forge) -> str:
    """Check 7 of the count, with this list. Open when it says nothing."""
    served = forge(status_document(ISSUER, 1, (), WORLD.now), KEY, WORLD.now)
    lists = {URL: read_status_list(served, DID)}
    return check_status(STATED, replace(EVIDENCE, status_lists=lists), WORLD.now)


def bit_in(forge: Forge) -> bool:
    """Bit 5 of the served list, of which only bit 7 is set. Unreadable when it is no list in force."""
    read = read_status_list(forge(status_document(ISSUER, 1, (7,), NOW), KEY, NOW), DID)
    if isinstance(read, Invalid):
        raise Unreadable(read.why)
    return is_revoked(read, ENTRY, NOW)


@pytest.mark.parametrize("name", STATUS_FORGERIES)
def test_what_is_no_status_list_in_force_says_nothing_of_a_badge(name: str) -> None:
    with pytest.raises(Unreadable, match=r"got|expected"):
        bit_in(STATUS_FORGERIES[name])


@pytest.mark.parametrize("name", STATUS_LISTS)
def test_a_status_list_in_force_says_that_a_badge_was_not_revoked(name: str) -> None:
    assert bit_in(STATUS_LISTS[name]) is False


@pytest.mark.parametrize("name", STATUS_FORGERIES)
def test_what_is_no_status_list_in_force_says_nothing_of_the_count(name: str) -> None:
    with pytest.raises(Open):
        counted(STATUS_FORGERIES[name])


def test_a_status_list_in_force_is_counted() -> None:
    for name in ("as issued", "one of several purposes", "twice as long"):
        with pytest.raises(Wrong, match="0 bits set"):  # their bits are all 0
            counted(STATUS_LISTS[name])
    assert counted(lambda d, key, now: key.sign(true_list(now), now)) == "3 bits set in 1 lists"
    with pytest.raises(Open, match="validFrom"):
        counted(STATUS_LISTS["without a beginning"])


def test_a_status_list_that_went_out_of_date_since_the_statement_leaves_the_count_unchecked() -> None:
    with pytest.raises(Open, match="valid until"):
        counted(lambda d, key, now: key.sign(true_list(now - timedelta(days=8)), now))


@pytest.mark.parametrize("index", [131_072, 262_144, 999_999_999])
def test_a_bit_outside_of_the_list_is_unknown(index: int) -> None:
    read = read_status_list(KEY.sign(status_document(ISSUER, 1, (), NOW), NOW), DID)
    assert isinstance(read, StatusList)
    with pytest.raises(Unreadable, match=str(index)):
        is_revoked(read, StatusEntry(URL, index), NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "StatusList2021Entry"},
        {"type": ""},
        {"statusSize": 2},
        {"statusSize": 8},
        {"statusPurpose": "suspension"},
    ],
)
def test_an_entry_that_is_not_one_bit_for_revocation_is_none(changes: dict[str, Any]) -> None:
    document = credential(1)
    assert read_credential(document).badge.status is not None
    document["credentialStatus"].update(changes)
    assert read_credential(document).badge.status is None
