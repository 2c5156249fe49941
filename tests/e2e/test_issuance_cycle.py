"""The whole cycle over the sample cohort, and the same events once more."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from deploy.local.demo.letters import Inbox, Letter
from deploy.local.demo.run import Players, feed
from deploy.local.demo.sample.cohort import Expected, write_sample
from deploy.local.loopback import ask
from deploy.local.office import ask_ops
from deploy.local.stack import Stack
from shared.events import AssertionAnchored, AssertionIssued, BadgeReceived, CertificateRendered, RegistrationRenewed
from shared.topics import SERVICES
from tests.worlds import personal_data
from tests.worlds.outside_verifier import ask_outside_verifier, published_at
from tests.worlds.story import Story, until


@pytest.fixture(scope="module")
def sample(stack: Stack) -> tuple[Expected, list[Letter]]:
    """The sample cohort, fed once and played to the end."""
    expected = write_sample(stack.home / "sample", stack.cohort)
    answers = feed_sample(stack)
    assert sum(len(answer["rejected"]) for answer in answers) == expected.rejected
    players = Players(Inbox(stack.home / "inbox"), expected.eligible, seconds=120)
    players.start()
    until(lambda: completed(stack) >= expected.eligible, seconds=120, what="the sample completes")
    players.stop()
    players.check()
    return expected, players.received


def feed_sample(stack: Stack) -> list[dict[str, Any]]:
    folder = stack.home / "sample"
    return [
        feed(stack, (folder / name).read_bytes(), content_type)
        for name, content_type in (
            ("registrations.csv", "text/csv; charset=Shift_JIS"),
            ("registrations.jsonl", "application/x-ndjson"),
        )
    ]


def status(stack: Stack) -> dict[str, Any]:
    answer = ask_ops(stack.place, "/api/v1/status")
    return dict(answer.json())


def completed(stack: Stack) -> int:
    return int(status(stack)["cohort"]["completed"])


def akashi(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "akashi", *arguments],
        env=stack.environment("verifier") | {"AKASHI_HOME": str(stack.home), "AKASHI_PORT_BASE": str(stack.port_base)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def completed_people(stack: Stack) -> list[dict[str, Any]]:
    lines = akashi(stack, "people", "--state", "completed", "--json").stdout.splitlines()
    return [json.loads(line) for line in lines]


def test_every_count_matches_and_everybody_else_is_held_for_the_right_reason(
    stack: Stack, sample: tuple[Expected, list[Letter]]
) -> None:
    expected, _ = sample
    found = json.loads(akashi(stack, "status", "--json").stdout)
    counts = {
        stage: count for stage, count in found["cohort"].items() if stage not in ("id", "held", "released", "revoked")
    }
    assert set(counts.values()) == {expected.eligible}, counts
    assert found["held_by_reason"] == dict(expected.held_by_reason)
    assert found["cohort"]["held"] == sum(expected.held_by_reason.values())
    assert found["rejected"] == expected.rejected
    assert found["dead_letters"] == 0
    until(lambda: not any(status(stack)["lag"].values()), seconds=15, what="no service lags")


def test_a_stranger_with_the_url_or_the_file_gets_the_verdict(
    stack: Stack, sample: tuple[Expected, list[Letter]], tmp_path: Path
) -> None:
    people = completed_people(stack)
    assertion_id = people[0]["assertion_id"]
    page = ask.get(f"{stack.urls['verifier']}/V/{assertion_id}")
    assert page.status_code == 200
    assert "有効な" in page.text.replace("<wbr>", "")
    url = f"{stack.urls['verifier']}/credentials/{assertion_id}.json"
    answer = akashi(stack, "verify", url, "--json")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    genuine = ask.get(url).text
    forged = tmp_path / "forged.json"
    forged.write_text(genuine.replace(people[0]["name"], "偽物 太郎"), encoding="utf-8")
    assert forged.read_text(encoding="utf-8") != genuine
    assert akashi(stack, "verify", str(forged)).returncode == 1


def test_a_verifier_of_somebody_else_accepts_an_anchored_credential_as_it_is(
    stack: Stack, sample: tuple[Expected, list[Letter]]
) -> None:
    site = stack.urls["verifier"]
    credential = ask.get(f"{site}/credentials/{completed_people(stack)[0]['assertion_id']}.json").json()
    assert [proof["cryptosuite"] for proof in credential["proof"]] == ["eddsa-rdfc-2022", "merkle-proof-2019"]
    [answer] = ask_outside_verifier(published_at(site, credential))
    assert (answer["verified"], answer["error"], answer["status"]) == (True, None, False)


def test_the_public_count_agrees_with_every_record(stack: Stack, sample: tuple[Expected, list[Letter]]) -> None:
    counts = status(stack)["cohort"]
    site = stack.urls["verifier"]

    def stated() -> bool:
        answer = ask.get(f"{site}/statements/{stack.cohort}.json")
        subject = answer.json()["credentialSubject"] if answer.status_code == 200 else {}
        return (subject.get("issued"), subject.get("anchored")) == (counts["issued"], counts["anchored"])

    until(stated, seconds=120, what="all badges are stated")
    answer = akashi(stack, "statement", "verify", stack.cohort, "--json")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    verdict = json.loads(answer.stdout)
    assert [check["outcome"] for check in verdict["checks"][:8]] == ["ok"] * 8
    assert verdict["figures"]["valid"] == counts["issued"]


def test_birth_dates_phones_and_addresses_on_file_are_in_the_register_only(
    stack: Stack, sample: tuple[Expected, list[Letter]]
) -> None:
    told = personal_data.of_the_sample(stack.home / "sample", personal_data.NEVER_TOLD)
    assert personal_data.tables_with(stack, told) == {("registration", "registrations")}
    for read in (personal_data.topics_as_text, personal_data.objects_as_text, personal_data.logs_as_text):
        places = dict(read(stack))
        assert places and [place for place, text in places.items() if told.search(text)] == []


def test_names_and_addresses_are_where_the_document_says_and_in_no_log(
    stack: Stack, sample: tuple[Expected, list[Letter]]
) -> None:
    named = personal_data.of_the_sample(stack.home / "sample", personal_data.TOLD)
    documented = personal_data.documented()
    for service in SERVICES:
        assert documented.get(service, set()) <= set(personal_data.tables_of(stack, service)), service
    assert personal_data.tables_with(stack, named) <= {(s, table) for s, said in documented.items() for table in said}
    assert [log for log, text in personal_data.logs_as_text(stack) if named.search(text)] == []


def test_the_rare_characters_of_the_sample_come_out_as_they_were_registered(
    stack: Stack, sample: tuple[Expected, list[Letter]]
) -> None:
    together = "".join(person["name"] for person in completed_people(stack))
    for character in ("髙", "﨑", "𠮷", "辻\U000e0100"):
        assert character in together, character


def test_the_same_deliveries_and_the_same_events_once_more_change_nothing(
    stack: Stack, sample: tuple[Expected, list[Letter]]
) -> None:
    before = status(stack)
    letters = len(list(Inbox(stack.home / "inbox").new()))
    again = feed_sample(stack)
    assert sum(answer["accepted"] for answer in again) == 0
    story = Story(stack, "NOBODY", 0)
    kinds = (RegistrationRenewed, AssertionIssued, BadgeReceived, AssertionAnchored, CertificateRendered)
    producer = KafkaProducer(bootstrap_servers=stack.environment("issuer")["KAFKA_BOOTSTRAP"])
    for topic, key, value in story.records(*kinds):
        producer.send(topic, key=key, value=value)
    producer.flush(20)
    producer.close()
    until(lambda: not any(status(stack)["lag"].values()), seconds=30, what="all services read the copies")
    after = status(stack)
    assert after["cohort"] == before["cohort"]
    assert after["letters"] == before["letters"]
    assert after["dead_letters"] == 0
    assert len(list(Inbox(stack.home / "inbox").new())) == letters
