"""Deliveries of records over Kafka, HTTP and as files, on a real PostgreSQL and over real HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.demo.sample.cohort import CSV_NAME, JSONL_NAME, write_sample
from services.registration import handlers
from services.registration.domain.record import HEADERS
from services.registration.web.intake import intake_site
from shared.errors import Unreadable
from shared.events import RegistrationRejected, RegistrationRenewed
from shared.runtime.batches import RawMessage
from tests.worlds.http_server import serving
from tests.worlds.registration import KEY, RegistrationWorld, as_json, record, registration_database, world_at

LIMIT = 20_000_000


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with registration_database() as url:
        yield url


@pytest.fixture
def world(database: str) -> Iterator[RegistrationWorld]:
    with world_at(database) as world:
        yield world


@pytest.fixture
def site(world: RegistrationWorld) -> Iterator[httpx.Client]:
    app = intake_site(world.ports, KEY, LIMIT, lambda: world.woken.append(world.clock.now))
    with serving(app) as url, httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        client.headers["Authorization"] = f"Bearer {KEY.decode()}"
        yield client


# ── Kafka ──────────────────────────────────────────────────────────────────────────────────────────────


def raw(value: bytes) -> RawMessage:
    return RawMessage(record_key=None, value=value)


def test_an_invalid_record_over_kafka_is_rejected_and_the_others_are_accepted(world: RegistrationWorld) -> None:
    handlers.accept_messages(
        [
            raw(json.dumps(as_json(record(1))).encode()),
            raw(json.dumps(as_json(record(2), birth_date="never")).encode()),
            raw(json.dumps(as_json(record(3))).encode()),
        ],
        world.ports,
    )
    world.settle()
    assert world.renewed() == ["R1", "R3"]
    (rejected,) = world.announced(RegistrationRejected)
    assert (rejected.source, rejected.row, rejected.field, rejected.got) == ("kafka", None, "birth_date", None)


def test_a_record_changed_and_changed_back_over_kafka_ends_as_it_was(world: RegistrationWorld) -> None:
    first, second = (raw(json.dumps(as_json(record(1), given_name=name)).encode()) for name in ("太郎", "次郎"))
    for message in (first, second, first):
        handlers.accept_messages([message], world.ports)
    world.settle()
    assert world.announced(RegistrationRenewed)[0].holder.given_name == "太郎"


@pytest.mark.parametrize("value", [b"", b"\x00\xff", b"{", b"[]", b"null", b'"R1"'])
def test_a_value_over_kafka_that_is_no_json_object_is_unreadable_and_stores_nothing(
    world: RegistrationWorld, value: bytes
) -> None:
    with pytest.raises(Unreadable):
        handlers.accept_messages([raw(json.dumps(as_json(record(1))).encode()), raw(value)], world.ports)
    assert world.rows("select 1 from registrations") == []


# ── HTTP ───────────────────────────────────────────────────────────────────────────────────────────────


def post(site: httpx.Client, body: bytes, content_type: str, **query: str) -> dict[str, Any]:
    response = site.post("/upstream/registrations", content=body, headers={"Content-Type": content_type}, params=query)
    assert response.status_code == 200, response.text
    return dict(response.json())


def test_each_form_of_delivery_is_accepted(world: RegistrationWorld, site: httpx.Client) -> None:
    one, two, three = (json.dumps(as_json(record(number)), ensure_ascii=False).encode() for number in (1, 2, 3))
    assert post(site, one, "application/json")["accepted"] == 1
    assert post(site, b"[" + two + b"]", "application/json; charset=utf-8")["accepted"] == 1
    for media_type in ("application/x-ndjson", "application/ndjson", "application/jsonl"):
        answer = post(site, one + b"\n" + three + b"\n", media_type)
    assert (answer["accepted"], answer["unchanged"], answer["rejected"]) == (0, 2, [])
    world.settle()
    assert world.renewed() == ["R1", "R2", "R3"]
    assert len(world.woken) == 5


def test_the_sample_has_the_expected_counts_over_http(
    world: RegistrationWorld, site: httpx.Client, tmp_path: Path
) -> None:
    expected = write_sample(tmp_path, "2026")
    answers = [
        post(site, (tmp_path / CSV_NAME).read_bytes(), "text/csv; charset=Shift_JIS", source=CSV_NAME),
        post(site, (tmp_path / JSONL_NAME).read_bytes(), "application/x-ndjson", source=JSONL_NAME),
    ]
    world.settle()
    assert sum(answer["accepted"] for answer in answers) == expected.accepted
    assert sum(answer["unchanged"] for answer in answers) == expected.unchanged
    assert len(world.announced(RegistrationRejected)) == expected.rejected
    assert len(world.renewed()) == expected.eligible
    assert Counter(world.held().values()) == expected.held_by_reason
    assert {"髙橋", "山﨑", "𠮷野", "辻\U000e0100"} <= {
        e.holder.family_name for e in world.announced(RegistrationRenewed)
    }


def test_a_rejected_row_is_kept_once_without_anything_personal(world: RegistrationWorld, site: httpx.Client) -> None:
    body = json.dumps(as_json(record(1), birth_date="1980-13-13", valid_from="April", phone="0\x0090")).encode()
    for _ in range(2):
        answer = post(site, body, "application/x-ndjson", first_row="500", source="april.jsonl")
    assert answer["rejected"][0] == {
        "row": 500,
        "field": "birth_date",
        "got": "1980-13-13",
        "expected": "a day of the calendar, YYYY-MM-DD",
    }
    kept = site.get("/api/v1/rejected").json()["rejected"]
    assert {(each["row"], each["field"], each["got"]) for each in kept} == {
        (500, "birth_date", None),
        (500, "phone", None),
        (500, "valid_from", "April"),
    }
    assert len(kept) == 3
    assert len(site.get("/api/v1/rejected?limit=2").json()["rejected"]) == 2
    announced = world.rows("select value from outbox")
    assert len(announced) == 3
    assert not any(b"1980" in bytes(value) for (value,) in announced)


def test_a_file_with_wrong_headers_is_refused_and_kept_as_rejected(
    world: RegistrationWorld, site: httpx.Client
) -> None:
    response = site.post(
        "/upstream/registrations", content="登録ID,氏名\r\n".encode("cp932"), headers={"Content-Type": "text/csv"}
    )
    assert response.status_code == 400
    assert response.json()["rejected"][0]["got"] == "氏名"
    assert [event.field for event in world.announced(RegistrationRejected)] == ["heads"]


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer the key of upstrea", "Basic the key of upstream", "Bearer é"])
def test_without_the_key_nothing_is_accepted_or_shown(
    world: RegistrationWorld, site: httpx.Client, header: str
) -> None:
    headers = {b"Authorization": header.encode("latin-1"), b"Content-Type": b"application/json"}
    body = json.dumps(as_json(record(1)))
    assert site.post("/upstream/registrations", content=body, headers=headers).status_code == 401
    assert site.get("/api/v1/rejected", headers=headers).status_code == 401
    assert world.rows("select 1 from registrations") == []


@pytest.mark.parametrize(
    ("content_type", "body", "query", "status"),
    [
        ("text/plain", b"{}", "", 415),
        ("", b"{}", "", 415),
        ("application/json", b"[" + b" " * LIMIT + b"]", "", 413),
        ("application/json", b"{", "", 400),
        ("application/json", b"{}", "?first_row=-1", 400),
        ("application/json", b"{}", "?first_row=99999999999", 400),
    ],
    ids=["media type", "no media type", "too long", "no JSON", "negative row", "endless row"],
)
def test_a_delivery_that_is_refused_has_its_status_and_a_reason_in_json(
    site: httpx.Client, content_type: str, body: bytes, query: str, status: int
) -> None:
    response = site.post(f"/upstream/registrations{query}", content=body, headers={"Content-Type": content_type})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"


def test_every_answer_has_the_headers_of_the_guard_and_a_large_body_without_the_key_is_401(site: httpx.Client) -> None:
    answered = site.get("/api/v1/rejected")
    assert (answered.headers["x-content-type-options"], answered.headers["cache-control"]) == ("nosniff", "no-store")
    for headers in ({"Authorization": "Bearer no"}, {"Authorization": "", "Sec-Fetch-Site": "cross-site"}):
        refused = site.post("/upstream/registrations", content=b" " * (LIMIT + 1), headers=headers)
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert refused.headers["x-content-type-options"] == "nosniff"


def test_a_cohort_of_20000_in_one_delivery_is_judged_together(world: RegistrationWorld, site: httpx.Client) -> None:
    lines = [json.dumps(as_json(record(number)), ensure_ascii=False) for number in range(20_000)]
    lines[500] = json.dumps(as_json(record(500, email="person501@EXAMPLE.jp")))
    answer = post(site, "\n".join(lines).encode(), "application/x-ndjson")
    assert answer["accepted"] == 20_000
    assert world.settle() == 20_000
    assert world.held() == {"R500": "shared-address", "R501": "shared-address"}


CSV = {1: "佐藤", 2: "髙橋", 3: "骨材"}


def csv_of(encoding: str = "cp932") -> list[bytes]:
    """The headers and three rows of a CSV."""
    rows = [as_json(record(number, family_name=name)).values() for number, name in CSV.items()]
    return [",".join(map(str, (cell or "" for cell in row))).encode(encoding) for row in (HEADERS, *rows)]


def rejected_over(site: httpx.Client, body: bytes, content_type: str) -> list[tuple[int, str]]:
    return [(each["row"], each["field"]) for each in post(site, body, content_type)["rejected"]]


def test_an_encoding_that_is_declared_is_the_only_one_that_is_tried(
    world: RegistrationWorld, site: httpx.Client
) -> None:
    office, system = csv_of("cp932"), csv_of("utf-8")
    mixed = b"\r\n".join([office[0], system[1], *office[2:]])
    assert rejected_over(site, mixed, "text/csv; charset=Windows-31J") == [(2, "encoding")]
    assert rejected_over(site, mixed, "text/csv") == [(2, "encoding")]
    english = ",".join(HEADERS.values()).encode()
    body = b"\r\n".join([english, *system[1:3], office[3]])
    assert rejected_over(site, body, 'text/csv; charset="UTF-8"') == [(4, "encoding")]
    assert rejected_over(site, b"\r\n".join([english, *office[1:]]), "text/csv; charset=utf-8") == [
        *((row, "encoding") for row in (2, 3, 4))
    ]
    world.settle()
    assert world.renewed() == ["R1", "R2", "R3"]


@pytest.mark.parametrize(
    "content_type",
    [
        "text/csv; charset=euc-jp",
        "text/csv; charset=utf-32",
        "application/json; charset=shift_jis",
        "text/csv; charset=x",
    ],
)
def test_an_encoding_that_is_not_read_is_415(site: httpx.Client, content_type: str) -> None:
    refused = site.post("/upstream/registrations", content=b"{}", headers={"Content-Type": content_type})
    assert refused.status_code == 415
    assert "utf-8" in refused.json()["error"]


BOM = b"\xef\xbb\xbf"


def test_json_with_a_byte_order_mark_is_accepted_over_http_and_kafka(
    world: RegistrationWorld, site: httpx.Client
) -> None:
    one, two, three, four = (json.dumps(as_json(record(number))).encode() for number in (1, 2, 3, 4))
    assert post(site, BOM + one, "application/json")["accepted"] == 1
    assert post(site, BOM + one + b"\n" + BOM + two, "application/x-ndjson; charset=utf-8")["accepted"] == 1
    assert post(site, BOM + b"[" + three + b"]", "application/json")["accepted"] == 1
    handlers.accept_messages([raw(BOM + four), raw(BOM + b" " + one)], world.ports)
    world.settle()
    assert world.renewed() == ["R1", "R2", "R3", "R4"]


def test_what_spreadsheets_and_encodings_leave_is_rejected_over_kafka(world: RegistrationWorld) -> None:
    spoiled = [{"family_name": "菴占陸"}, {"pass_number": "2.6E+09"}, {"given_name": "?野"}, {"person_id": "#N/A"}]
    handlers.accept_messages(
        [raw(json.dumps(as_json(record(n), **changes)).encode()) for n, changes in enumerate(spoiled)], world.ports
    )
    assert [event.field for event in world.announced(RegistrationRejected)] == [
        each for change in spoiled for each in change
    ]
    assert world.rows("select 1 from registrations") == []


# ── akashi feed ────────────────────────────────────────────────────────────────────────────────────────


def run(site: httpx.Client, file: Path, *arguments: str, key: bytes | None = KEY) -> tuple[int, str, str]:
    """Exit code, standard output and errors of `akashi feed` in a process of its own."""
    key_file = file.parent / "key"
    key_file.unlink(missing_ok=True)
    if key is not None:
        key_file.write_bytes(key + b"\n")
    command = [sys.executable, "-c", "from services.registration.cli import feed; feed()", str(file), *arguments]
    environment = os.environ | {"REGISTRATION_URL": str(site.base_url), "UPSTREAM_KEY_FILE": str(key_file)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def test_feed_delivers_a_file_and_shows_the_rows_that_were_rejected(
    world: RegistrationWorld, site: httpx.Client, tmp_path: Path
) -> None:
    expected = write_sample(tmp_path, "2026")
    code, output, _ = run(site, tmp_path / CSV_NAME)
    assert code == 3
    assert "30 accepted, 1 unchanged, 1 rejected" in output
    assert "1979/2/30" in output
    code, output, _ = run(site, tmp_path / JSONL_NAME, "--json")
    assert (code, json.loads(output)["accepted"], len(json.loads(output)["rejected"])) == (0, 6, 0)
    world.settle()
    assert len(world.renewed()) == expected.eligible


def test_feed_ends_with_0_when_all_rows_are_known(site: httpx.Client, tmp_path: Path) -> None:
    file = tmp_path / "many.jsonl"
    file.write_text("\n".join(json.dumps(as_json(record(number))) for number in range(2500)))
    code, output, _ = run(site, file, "--json")
    assert (code, json.loads(output)["accepted"]) == (0, 2500)
    code, output, _ = run(site, file, "--json")
    assert (code, json.loads(output)["unchanged"]) == (0, 2500)


def test_feed_names_what_prevents_the_delivery(site: httpx.Client, tmp_path: Path) -> None:
    unreadable = tmp_path / "unreadable.csv"
    unreadable.write_bytes(b"\x81\x20")
    code, output, _ = run(site, unreadable, "--json")
    assert code == 3
    assert json.loads(output)["rejected"][0]["expected"].startswith("UTF-8 or CP932")
    good = tmp_path / "one.jsonl"
    good.write_text(json.dumps(as_json(record(1))))
    code, _, errors = run(site, good, key=None)
    assert (code, "UPSTREAM_KEY_FILE" in errors) == (1, True)
    code, _, errors = run(site, good, key=b"a key that is not the one")
    assert (code, "401" in errors) == (1, True)


@pytest.mark.parametrize("name", ["登録者一覧.csv".encode("cp932"), "登録者一覧.csv".encode(), b"\xff\xfe\x81.csv"])
def test_feed_delivers_a_file_whatever_the_bytes_of_its_name(
    world: RegistrationWorld, site: httpx.Client, tmp_path: Path, name: bytes
) -> None:
    file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    bad = csv_of()[1].replace("佐藤".encode("cp932"), "佐藤".encode())
    file.write_bytes(b"\r\n".join([b",,", *csv_of()]))
    code, output, errors = run(site, file)
    assert (code, errors.strip()) == (0, "")
    assert "3 accepted" in output
    file.write_bytes(b"\r\n".join([*csv_of(), bad]))
    code, output, _ = run(site, file)
    assert (code, "CSV UTF-8" in " ".join(output.split())) == (3, True)
    (rejected,) = site.get("/api/v1/rejected").json()["rejected"]
    assert (rejected["row"], rejected["field"]) == (5, "encoding")
    assert rejected["source"] == ("登録者一覧.csv" if b"\xff" not in name else "\ufffd\ufffd\ufffd.csv")


def test_feed_of_a_cp932_file_in_parts_keeps_its_encoding_and_its_rows(
    world: RegistrationWorld, site: httpx.Client, tmp_path: Path
) -> None:
    file = tmp_path / "english.csv"
    ascii_only = as_json(record(9, family_name="Example", given_name="Anna"))
    line = ",".join(map(str, (cell or "" for cell in ascii_only.values()))).encode()
    file.write_bytes(b"\n".join([b"", ",".join(HEADERS.values()).encode(), *[line] * 1500, *csv_of()[1:]]))
    code, output, _ = run(site, file, "--json")
    assert (code, json.loads(output)["accepted"]) == (0, 4)
    assert world.rows("select family_name from registrations where registration_id = 'R2'") == [("髙橋",)]


def test_feed_shows_look_alikes(world: RegistrationWorld, site: httpx.Client, tmp_path: Path) -> None:
    file = tmp_path / "one.jsonl"
    file.write_text(json.dumps(as_json(record(1, family_name="⾼橋"))))
    code, output, _ = run(site, file)
    assert code == 0
    assert "U+2FBC" in output and "U+9AD8" in output
    code, output, _ = run(site, file, "--json")
    assert json.loads(output)["look_alikes"] == [
        {"row": 1, "registration_id": "R1", "field": "family_name", "got": "U+2FBC ⾼", "expected": "U+9AD8 高"}
    ]
