"""The keys of object storage, and the ids that may stand in them."""

from __future__ import annotations

import pytest

from shared import object_keys
from shared.object_keys import assertion_in, is_assertion_id, is_badge_class, is_edition

ID = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def test_keys_are_those_that_the_public_site_serves() -> None:
    assert object_keys.credential(ID) == f"credentials/{ID}.json"
    assert object_keys.badge_file("gishi", "2026-2", "png") == "badges/gishi/2026-2.png"
    assert object_keys.status_list(3) == "status/3.json"
    assert object_keys.certificate(ID) == f"certificates/{ID}/certificate.pdf"
    assert object_keys.details(ID) == f"certificates/{ID}/details.pdf"
    assert object_keys.batch_manifest(bytes(32)) == f"batches/{'00' * 32}.json"


def test_the_evidence_of_a_repair_lies_in_a_folder_of_its_own() -> None:
    assert object_keys.scrubbed("status/3.json", "ab" * 32) == f"scrubbed/status/3.json/{'ab' * 32}"


@pytest.mark.parametrize("text", [ID, "A" * 26, "234567" + "Z" * 20])
def test_twenty_six_characters_of_base32_are_an_assertion_id(text: str) -> None:
    assert is_assertion_id(text)


@pytest.mark.parametrize(
    "text", ["", ID[:-1], ID + "A", ID.lower(), ID[:-1] + "1", ID + "\n", "../" + ID[3:], "Ａ" * 26]
)
def test_anything_else_is_no_assertion_id(text: str) -> None:
    assert not is_assertion_id(text)


@pytest.mark.parametrize("text", ["2026", "2026-2", "2026-999"])
def test_a_year_with_or_without_a_number_is_an_edition(text: str) -> None:
    assert is_edition(text)
    assert is_badge_class("shunin-gishi", text)


@pytest.mark.parametrize("text", ["", "26", "2026-0", "2026-02", "2026-1000", "2026-", "2026/..", "2026\n", "２０２６"])
def test_anything_else_is_no_edition(text: str) -> None:
    assert not is_edition(text)


@pytest.mark.parametrize("qualification", ["", "Gishi", "../issuer", "a/b", "技士", "x" * 65])
def test_a_qualification_outside_its_alphabet_is_no_badge_class(qualification: str) -> None:
    assert not is_badge_class(qualification, "2026")


ABOUT = [object_keys.credential(ID), object_keys.certificate(ID), object_keys.details(ID)]


@pytest.mark.parametrize("key", [*ABOUT, *(object_keys.scrubbed(key, "0" * 64) for key in ABOUT)])
def test_a_credential_its_pdfs_and_what_a_scrub_kept_of_them_are_about_the_assertion(key: str) -> None:
    assert assertion_in(key) == ID


@pytest.mark.parametrize(
    "key",
    [
        object_keys.credential("a"),
        f"{object_keys.credential(ID)}.old",
        f"certificates/{ID}x/details.pdf",
        f"x/{object_keys.credential(ID)}",
        object_keys.status_list(1),
        object_keys.print_sheet("20260501-card-0123456789ab"),
        object_keys.scrubbed(object_keys.status_list(1), "0" * 64),
    ],
)
def test_other_objects_are_about_no_assertion(key: str) -> None:
    assert assertion_in(key) is None
