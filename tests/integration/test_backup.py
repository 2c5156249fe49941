"""Backup and restore of the local stack (deploy/local/recovery), and the retention of topics, on real servers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType

from deploy.local.environment import Place, database_url
from deploy.local.parts.topics import provision_topics
from deploy.local.ports import free_base
from deploy.local.recovery.backup import take_backup
from deploy.local.recovery.cluster import RecoveryFailed
from deploy.local.recovery.manifest import BackupUnusable
from deploy.local.recovery.restore import restore_backup
from deploy.local.stack import Stack
from shared.errors import RefuseToStart
from shared.runtime.kafka_access import KafkaAccess
from shared.runtime.objects import Objects
from shared.runtime.settings import Settings, read_object_storage
from shared.topics import ALL_TOPICS, RETENTION, TOPICS
from tests.worlds.office import akashi, done

DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def own(new_home: Callable[[str], Path]) -> Iterator[Stack]:
    """Parts for this file alone, since it replaces their data. They run."""
    with Stack(new_home("backup"), free_base(), services=()) as running:
        with psycopg.connect(database_url(running.place, "issuer")) as connection:
            connection.execute("create table words (word text)")
        yield running


@pytest.fixture
def stack(own: Stack) -> Iterator[Stack]:
    """Runs when a test begins, whatever the one before did."""
    if not own.running():
        own.start()
    with psycopg.connect(database_url(own.place, "issuer")) as connection:
        connection.execute("truncate words")
    yield own


def write(stack: Stack, word: str) -> datetime:
    """Commit a word; a moment after it by the server's clock."""
    with psycopg.connect(database_url(stack.place, "issuer"), autocommit=True) as connection:
        connection.execute("insert into words values (%s)", (word,))
        row = connection.execute("select clock_timestamp()").fetchone()
        assert row is not None and isinstance(row[0], datetime)
        return row[0].astimezone(UTC)


def words(stack: Stack) -> list[str]:
    with psycopg.connect(database_url(stack.place, "issuer")) as connection:
        return [row[0] for row in connection.execute("select word from words order by 1")]


def objects_of(stack: Stack) -> Objects:
    return Objects(read_object_storage(Settings(stack.environment("issuer"))))


def test_all_that_was_backed_up_is_there_after_a_restore_and_what_was_replaced_is_kept(
    stack: Stack, tmp_path: Path
) -> None:
    write(stack, "before")
    objects_of(stack).put("kept/word.txt", b"before", "text/plain")
    key = (stack.place.secrets / "issuer.pem").read_bytes()
    told = json.loads(done(akashi(stack, "backup", str(tmp_path / "b"), "--json")))
    assert set(told["files"]) == {"postgres", "objects", "keys"} and told["objects"] >= 1
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o700
    write(stack, "after")
    objects_of(stack).put("kept/word.txt", b"after", "text/plain")
    stack.stop()
    (stack.place.secrets / "issuer.pem").write_bytes(b"another")

    restored = json.loads(done(akashi(stack, "restore", str(tmp_path / "b"), "--json")))

    stack.start()
    assert words(stack) == ["before"]
    assert objects_of(stack).get("kept/word.txt") == b"before"
    assert (stack.place.secrets / "issuer.pem").read_bytes() == key
    assert (stack.place.secrets / "issuer.pem").stat().st_mode & 0o777 == 0o600
    replaced = Path(restored["replaced"])
    assert {path.name for path in replaced.iterdir()} == {"postgres", "s3", "secrets"}
    assert (replaced / "secrets" / "issuer.pem").read_bytes() == b"another"

    stack.stop()  # the undo, as the command names it
    (stack.place.data / "postgres").rename(tmp_path / "restored")
    (replaced / "postgres").rename(stack.place.data / "postgres")
    stack.start()
    assert words(stack) == ["after", "before"]


def test_postgres_is_restored_to_a_moment_between_two_commits(stack: Stack, tmp_path: Path) -> None:
    write(stack, "backed up")
    take_backup(stack.place, tmp_path / "b")
    moment = write(stack, "wanted")
    time.sleep(0.05)
    write(stack, "a mistake")
    stack.stop()
    restored = restore_backup(stack.place, tmp_path / "b", to=moment, only=["postgres"])
    assert restored.parts == ("postgres",) and restored.to == moment
    stack.start()
    assert words(stack) == ["backed up", "wanted"]

    write(stack, "since")  # on the new timeline; and a second restore of the same backup branches off once more
    stack.stop()
    restore_backup(stack.place, tmp_path / "b", to=moment, only=["postgres"])
    stack.start()
    assert words(stack) == ["backed up", "wanted"]
    write(stack, "later")
    take_backup(stack.place, tmp_path / "c")
    latest = write(stack, "latest")
    time.sleep(0.05)
    write(stack, "too late")
    stack.kill("postgres")  # what it had not archived is read from its own folder
    stack.stop()
    restore_backup(stack.place, tmp_path / "c", to=latest, only=["postgres"])
    stack.start()
    assert words(stack) == ["backed up", "later", "latest", "wanted"]


def test_a_restore_is_refused_while_the_stack_runs(stack: Stack, tmp_path: Path) -> None:
    take_backup(stack.place, tmp_path / "b")
    refused = akashi(stack, "restore", str(tmp_path / "b"))
    assert refused.exit_code == 1 and "akashi down" in refused.stderr


def test_a_moment_that_the_log_does_not_reach_is_refused_and_nothing_is_replaced(stack: Stack, tmp_path: Path) -> None:
    early = write(stack, "kept")
    take_backup(stack.place, tmp_path / "b")
    write(stack, "last")
    stack.stop()
    with pytest.raises(RefuseToStart, match="expected a moment after the backup"):
        restore_backup(stack.place, tmp_path / "b", to=early)
    with pytest.raises(RecoveryFailed, match="the last transaction in the log is of"):
        restore_backup(stack.place, tmp_path / "b", to=datetime.now(UTC) + timedelta(days=1))
    stack.start()
    assert words(stack) == ["kept", "last"]


def test_a_damaged_backup_is_refused_before_anything_is_replaced(stack: Stack, tmp_path: Path) -> None:
    write(stack, "kept")
    take_backup(stack.place, tmp_path / "b")
    write(stack, "last")
    damaged = tmp_path / "b" / "objects.tar"
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    stack.stop()
    with pytest.raises(BackupUnusable, match=r"objects\.tar: got"):
        restore_backup(stack.place, tmp_path / "b")
    (tmp_path / "b" / "manifest.json").unlink()
    with pytest.raises(BackupUnusable, match="no manifest"):
        restore_backup(stack.place, tmp_path / "b")
    stack.start()
    assert words(stack) == ["kept", "last"]


def test_a_stack_does_not_start_on_half_a_restore(stack: Stack, tmp_path: Path) -> None:
    take_backup(stack.place, tmp_path / "b")
    stack.stop()
    (stack.home / "restore-in-progress").write_text("postgres\nkeys\n")
    shutil.rmtree(stack.place.data / "postgres")
    with pytest.raises(RefuseToStart, match="interrupted"):
        stack.start()
    with pytest.raises(RefuseToStart, match="also left keys"):
        restore_backup(stack.place, tmp_path / "b", only=["postgres"])
    restore_backup(stack.place, tmp_path / "b")
    stack.start()


def test_a_new_home_goes_on_from_the_backup_of_another(
    stack: Stack, new_home: Callable[[str], Path], tmp_path: Path
) -> None:
    write(stack, "moved")
    objects_of(stack).put("kept/moved.txt", b"moved", "text/plain")
    take_backup(stack.place, tmp_path / "b")
    place = Place(new_home("moved"), free_base())
    restored = restore_backup(place, tmp_path / "b")
    assert restored.replaced is None
    with Stack(place.home, place.port_base, services=()) as other:
        assert words(other) == ["moved"]
        assert objects_of(other).get("kept/moved.txt") == b"moved"
        assert other.cohort == stack.cohort
        assert (place.secrets / "id.secret").read_bytes() == (stack.place.secrets / "id.secret").read_bytes()


def test_a_backup_goes_into_a_folder_of_its_own(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    with pytest.raises(RefuseToStart, match="not empty"):
        take_backup(stack.place, tmp_path)


# ── retention ──────────────────────────────────────────────────────────────────────────────────────────


def configs_of(kafka: str) -> dict[str, dict[str, str]]:
    """What is set on each topic of ours and each dead-letter topic, by name."""
    names = [topic.name for topic in ALL_TOPICS]
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        (found,) = admin.describe_configs(resources).values()
    return {topic: {name: str(entry["value"]) for name, entry in entries.items()} for topic, entries in found.items()}


def test_every_topic_and_dead_letter_topic_has_a_retention_and_the_other_settings_stay(stack: Stack) -> None:
    kafka = stack.place.address("kafka")
    first = configs_of(kafka)
    assert len(first) == 2 * len(TOPICS)
    assert {configs["retention.ms"] for configs in first.values()} == {str(RETENTION.days * DAY_MS)}
    assert {configs["segment.ms"] for configs in first.values()} == {str(DAY_MS)}
    assert {configs["message.timestamp.type"] for configs in first.values()} == {"LogAppendTime"}
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        own = ConfigResource(ConfigResourceType.TOPIC, TOPICS[0].name, configs={"max.message.bytes": "900000"})
        admin.alter_configs([own])
    told = subprocess.run(
        [Path(sys.executable).parent / "akashi", "topics", "--bootstrap", kafka],
        env=stack.environment("verifier") | {"TOPIC_RETENTION_DAYS": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == ""
    second = configs_of(kafka)
    assert {configs["retention.ms"] for configs in second.values()} == {str(7 * DAY_MS)}
    assert second[TOPICS[0].name]["max.message.bytes"] == "900000"
    provision_topics(KafkaAccess(kafka))


def test_a_message_of_a_producer_whose_clock_is_wrong_is_taken_and_kept_by_the_brokers_clock(stack: Stack) -> None:
    kafka = stack.place.address("kafka")
    with closing(KafkaProducer(bootstrap_servers=kafka)) as producer:
        for days in (-40, 40):
            wrong = time.time_ns() // 1_000_000 + days * DAY_MS
            taken = producer.send(TOPICS[1].name, value=b"{}", timestamp_ms=wrong).get(20)
            assert abs(taken.timestamp - wrong) > 39 * DAY_MS
