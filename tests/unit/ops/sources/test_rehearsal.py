"""What ops sees itself at a rehearsal: disks, backups, topics; and what it says where nothing is set up."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.ops.config import read_config
from services.ops.sources.rehearsal import RehearsalSettings, Surroundings, _disk
from services.ops.sources.topics import findings_of, wanted_from
from shared.errors import RefuseToStart
from shared.readiness import Finding, Question
from tests.worlds.ops_site import good_settings

DAY = 86_400_000
GOOD = good_settings()


def codes(*findings: Finding) -> list[tuple[str, str | None]]:
    return [(each.check, each.code) for each in findings]


def test_where_nothing_is_set_up_everything_is_said_to_be_so() -> None:
    around = Surroundings()
    found = around.cohort(None)
    assert isinstance(found, Finding) and found.code == "cohort-unknown"
    (answered,) = around.services(Question(badges=1))
    assert answered.instead is not None and answered.instead.code == "not-set-up"
    assert codes(*around.own(Question(badges=1))) == [
        ("pages", "no-pages"),
        ("disks", "no-disks"),
        ("backup", "no-backup-folder"),
    ]


@pytest.mark.parametrize(
    ("total", "free", "badges", "code"),
    [
        (100, 50, 0, None),
        (100, 9, 0, "disk-full"),  # a tenth stays free
        (100, 50, 99_000, None),
        (100, 49, 100_000, "disk-full"),
        (1000, 101, 0, None),
    ],
)
def test_a_disk_wants_a_tenth_free_and_room_for_the_cohort(
    total: int, free: int, badges: int, code: str | None
) -> None:
    usage: Callable[[Path], tuple[int, int, int]] = lambda _: (total * 10**9, 0, free * 10**9)  # noqa: E731
    assert _disk(Path("/data"), badges, usage).code == code


def test_a_disk_that_is_not_there_is_at_fault(tmp_path: Path) -> None:
    assert _disk(tmp_path / "none", 0).code == "disk-unreadable"


def backed_up(folder: Path, name: str, content: Any) -> None:
    (folder / name).mkdir()
    (folder / name / "manifest.json").write_text(content if isinstance(content, str) else json.dumps(content))


def backup_of(folder: Path) -> str | None:
    found = Surroundings(RehearsalSettings(backups=folder)).own(Question(badges=0))
    return next(each.code for each in found if each.check == "backup")


def test_the_newest_whole_backup_counts(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    assert backup_of(tmp_path / "none") == "backup-none"
    assert backup_of(tmp_path) == "backup-none"
    backed_up(tmp_path, "half", "{")
    backed_up(tmp_path, "unzoned", {"ended_at": now.replace(tzinfo=None).isoformat()})
    backed_up(tmp_path, "none", {"began_at": now.isoformat()})
    (tmp_path / "no-manifest").mkdir()
    assert backup_of(tmp_path) == "backup-none"
    backed_up(tmp_path, "old", {"ended_at": (now - timedelta(hours=27)).isoformat()})
    assert backup_of(tmp_path) == "backup-old"
    backed_up(tmp_path, "new", {"ended_at": (now - timedelta(hours=25)).isoformat()})
    assert backup_of(tmp_path) is None


# ── topics ─────────────────────────────────────────────────────────────────────────────────────────────


WANTED = wanted_from(4)


def topics(partitions: int = 4, **changed: int) -> list[dict[str, Any]]:
    """All topics as `describe_topics` answers; `changed`: other numbers of partitions, 0 for none at all."""
    wanted = {**wanted_from(partitions), **{name.replace("__", "."): number for name, number in changed.items()}}
    return [
        {"name": name, "partitions": [{"partition_index": n, "leader_id": 1} for n in range(number)]}
        for name, number in wanted.items()
        if number
    ]


def kept(days: float = 30, **of: float) -> dict[str, int]:
    return {**{name: int(days * DAY) for name in WANTED}, **{n.replace("__", "."): int(d * DAY) for n, d in of.items()}}


def test_topics_as_akashi_makes_them_are_well() -> None:
    assert codes(*findings_of(topics(), kept(), WANTED)) == [("topics", None)]
    assert codes(*findings_of(topics(assertion__issued=8), kept(60), WANTED)) == [("topics", None)]


@pytest.mark.parametrize(
    ("setting", "there", "code"),
    [
        (1, 1, None),
        (2, 2, None),
        (3, 3, None),
        (3, 4, None),
        (1, 4, None),
        (3, 2, "topics-narrow"),
        (8, 4, "topics-narrow"),
    ],
)
def test_topics_are_narrow_when_they_have_fewer_partitions_than_the_setting_says(
    setting: int, there: int, code: str | None
) -> None:
    assert codes(*findings_of(topics(there), kept(), wanted_from(setting))) == [("topics", code)]
    assert codes(*findings_of(topics(setting, assertion__issued__dead=1), kept(), wanted_from(setting))) == [
        ("topics", None)
    ]


@pytest.mark.parametrize(
    ("described", "days", "code"),
    [
        (topics(assertion__issued=0), kept(), "topics-missing"),
        (topics(assertion__issued__dead=0), kept(), "topics-missing"),
        ([], {}, "topics-missing"),
        (topics(assertion__issued=3), kept(), "topics-narrow"),
        (topics(), kept(0.5), "topics-retention"),
        (topics(), kept(assertion__issued=61), "topics-retention"),
        (topics(), {**kept(), "assertion.issued": -1}, "topics-retention"),
    ],
)
def test_a_topic_that_is_missing_narrow_or_kept_for_another_time_is_at_fault(
    described: list[dict[str, Any]], days: dict[str, int], code: str
) -> None:
    assert codes(*findings_of(described, days, WANTED)) == [("topics", code)]


def test_a_partition_without_a_leader_is_at_fault() -> None:
    described = topics()
    described[0]["partitions"][0]["leader_id"] = -1
    assert codes(*findings_of(described, kept(), WANTED)) == [("topics", "topics-without-leader")]


# ── settings ───────────────────────────────────────────────────────────────────────────────────────────


def test_pages_disks_and_backups_are_read_from_the_settings() -> None:
    given = {
        "PUBLIC_PAGES": "https://a.example, http://localhost:8603 ,",
        "DISKS": "/data,/backups",
        "BACKUP_FOLDER": "/b",
    }
    config = read_config({**GOOD, **given})
    assert config.pages == ("https://a.example", "http://localhost:8603")
    assert (config.disks, config.backups) == ((Path("/data"), Path("/backups")), Path("/b"))
    assert (read_config(GOOD).pages, read_config(GOOD).disks, read_config(GOOD).backups) == ((), (), None)


@pytest.mark.parametrize("pages", ["a.example", "ftp://a.example", "https://", "https://a.example,b"])
def test_a_page_that_is_no_url_is_refused_by_name(pages: str) -> None:
    with pytest.raises(RefuseToStart, match="PUBLIC_PAGES"):
        read_config({**GOOD, "PUBLIC_PAGES": pages})
