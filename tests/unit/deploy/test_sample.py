"""The sample cohort: what is checked in, and what it promises."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from deploy.local.demo.sample.cohort import CSV_NAME, JSONL_NAME, write_sample
from services.registration.domain.cohort import AddressUse, Candidate, cycle_of, judge
from services.registration.domain.delivery import Delivery
from services.registration.domain.spelling import missing_characters
from shared.addresses import same_address_key
from tests.worlds.records import ROOT, programme, read_delivery, rules


def test_the_files_checked_in_are_those_of_2026(tmp_path: Path) -> None:
    write_sample(tmp_path, "2026")
    for name in (CSV_NAME, JSONL_NAME):
        assert (tmp_path / name).read_bytes() == (ROOT / "deploy/local/demo/sample" / name).read_bytes(), name


@pytest.mark.parametrize("cohort", ["2024", "2026", "2027", "2040"])
def test_the_sample_has_the_expected_counts_in_any_year(tmp_path: Path, cohort: str) -> None:
    expected = write_sample(tmp_path, cohort)
    deliveries = [
        read_delivery((tmp_path / CSV_NAME).read_bytes(), "csv", rules()),
        read_delivery((tmp_path / JSONL_NAME).read_bytes(), "jsonl", rules()),
    ]
    records = {record.registration_id: record for delivery in deliveries for _, record in delivery.records}
    candidates = [
        Candidate(
            r.registration_id, r.person_id, r.valid_from, r.completed_on, _key(r.email), None, False, lacks_glyphs=lacks
        )
        for r in records.values()
        for lacks in [bool(missing_characters(r, rules().missing_glyphs))]
    ]
    uses = [AddressUse(c.registration_id, c.person_id, c.address_key, None) for c in candidates if c.address_key]
    cycle = cycle_of(programme(), cohort)
    judged = judge(candidates, uses, cycle)
    assert Counter(each.reason for each in judged if each.reason) == expected.held_by_reason
    assert sum(each.reason is None for each in judged) == expected.eligible
    assert {each.notify_from for each in judged if each.reason is None} == {cycle.begins_at}
    assert sum(map(_rejected_fields, deliveries)) == expected.rejected
    assert sum(len(delivery.records) for delivery in deliveries) == expected.accepted + expected.unchanged
    assert {r.qualification for r in records.values()} == set(programme().qualifications)
    assert all(r.birth_date and r.birth_date < date(int(cohort) - 20, 1, 1) for r in records.values())


def _key(email: str | None) -> str | None:
    return None if email is None else same_address_key(email)


def _rejected_fields(delivery: Delivery) -> int:
    assert len(delivery.rejected) == delivery.rejected_rows  # one wrong field a row: rows and problems count alike
    return len(delivery.rejected)
