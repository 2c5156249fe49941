"""Upstream's door: NDJSON as a stream, the result file, the dry run, and its OpenAPI document, over real HTTP."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from jsonschema import Draft7Validator, Draft202012Validator  # type: ignore[import-untyped]  # it brings no types

from services.registration.domain.record import HEADERS
from services.registration.domain.upstream_schema import upstream_schema
from services.registration.intake.receiving import PART_ROWS
from services.registration.office.outlook import MOST_ASKED
from services.registration.web.intake import intake_site
from tests.worlds.http_server import serving
from tests.worlds.registration import KEY, RegistrationWorld, as_json, record, registration_database, world_at

LIMIT = 300_000
NDJSON = {"Content-Type": "application/x-ndjson", "Accept": "application/x-ndjson"}


@pytest.fixture(scope="module")
def world() -> Iterator[RegistrationWorld]:
    with registration_database() as url, world_at(url) as world:
        yield world


@pytest.fixture(scope="module")
def site(world: RegistrationWorld) -> Iterator[httpx.Client]:
    app = intake_site(world.ports, KEY, LIMIT, lambda: world.woken.append(world.clock.now))
    with serving(app) as url, httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        client.headers["Authorization"] = f"Bearer {KEY.decode()}"
        yield client


@pytest.fixture(autouse=True)
def empty(world: RegistrationWorld) -> None:
    with world.ports.store.transaction() as tx:
        tx.cursor.execute("truncate registrations, not_applied, rejected, outbox, announced")


def ndjson(*records: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in records)


def csv_of(*records: dict[str, Any], encoding: str = "utf-8-sig", delimiter: str = ",") -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(HEADERS)
    writer.writerows([each[name] or "" for name in HEADERS.values()] for each in records)
    return text.getvalue().encode(encoding)


# ── NDJSON ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stream_is_answered_with_a_line_for_each_row_that_is_not_simply_accepted(
    world: RegistrationWorld, site: httpx.Client
) -> None:
    site.post("/upstream/registrations", content=ndjson(as_json(record(1))), headers=NDJSON)
    world.settle()
    world.issue()
    body = ndjson(
        as_json(record(1, family_name="別", phone="090-1")),
        as_json(record(2, email="team@example.jp")),
        as_json(record(3)) | {"birth_date": "never"},
        as_json(record(4, email="team@example.jp")),
    )
    answer = site.post("/upstream/registrations", content=body + b"no JSON\n" + b"{" + b" " * 70_000, headers=NDJSON)
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines[-1] == {
        "outcome": "summary",
        "rows": 6,
        "accepted": 2,
        "unchanged": 0,
        "not_applied": 1,
        "rejected": 3,
        "erased": 0,
        "held": 2,
    }
    assert [(each["outcome"], each["row"]) for each in lines[:-1]] == [
        ("not-applied", 1),
        *(("rejected", row) for row in (3, 5, 6)),
        *(("held", row) for row in (2, 4)),
    ]
    assert lines[0]["changes"] == [{"field": "family_name", "got": "別", "kept": "骨材"}]
    assert "65536 bytes" in lines[3]["expected"]


def test_a_body_far_beyond_the_limit_of_other_forms_is_read_as_a_stream(site: httpx.Client) -> None:
    count = 15 * PART_ROWS + 1

    def body() -> Iterator[bytes]:  # chunks that end anywhere
        whole = ndjson(
            *(as_json(record(number, email=None if number % 500 else f"p{number}@x.jp")) for number in range(count))
        )
        yield from (whole[at : at + 77_777] for at in range(0, len(whole), 77_777))

    with site.stream("POST", "/upstream/registrations?first_row=11", content=body(), headers=NDJSON) as answer:
        lines = [json.loads(line) for line in answer.iter_lines()]
    assert lines[-1]["accepted"] == count
    assert [each["row"] for each in lines[:-1]] == [number + 11 for number in range(count) if number % 500]
    again = site.post("/upstream/registrations", content=body(), headers={"Content-Type": "application/x-ndjson"})
    assert (again.json()["unchanged"], again.json()["counts"]["held"]) == (count, len(lines) - 1)


def test_what_is_known_is_answered_while_the_body_is_still_coming(site: httpx.Client) -> None:
    url = httpx.URL(site.base_url)
    bad = ndjson(*(as_json(record(1)) | {"email": f"{number}"} for number in range(PART_ROWS)))
    with socket.create_connection((url.host, url.port or 0), timeout=30) as connection:
        head = [
            *("POST /upstream/registrations HTTP/1.1", f"Host: {url.host}:{url.port}", "Transfer-Encoding: chunked"),
            *(
                f"Authorization: Bearer {KEY.decode()}",
                "Content-Type: application/x-ndjson",
                "Accept: application/x-ndjson",
            ),
        ]
        connection.sendall("\r\n".join([*head, "", ""]).encode() + b"%x\r\n" % len(bad) + bad + b"\r\n")
        answer = connection.makefile("rb")
        assert answer.readline().startswith(b"HTTP/1.1 200")
        while not answer.readline().startswith(b"{"):
            pass
        connection.sendall(b"0\r\n\r\n")  # the end of the body, after the first line of the answer
        assert b'"outcome":"summary"' in answer.read()


def test_a_client_that_sends_all_before_it_reads_is_served(world: RegistrationWorld) -> None:
    chunks = [ndjson(*(as_json(record(1)) | {"email": f"{n}"} for n in range(PART_ROWS))) for _ in range(3)]
    lines: list[dict[str, Any]] = []
    sent = asyncio.Event()

    async def receive() -> dict[str, Any]:
        body = chunks.pop()
        if not chunks:
            sent.set()
        return {"type": "http.request", "body": body, "more_body": bool(chunks)}

    async def send(message: dict[str, Any]) -> None:
        await sent.wait()  # the client takes nothing of the answer before
        lines.append(message)

    headers = {"host": "127.0.0.1", "authorization": f"Bearer {KEY.decode()}"} | NDJSON
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/upstream/registrations",
        "query_string": b"",
        "scheme": "http",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
        "http_version": "1.1",
    }
    app: Any = intake_site(world.ports, KEY, LIMIT, lambda: None)
    asyncio.run(asyncio.wait_for(app(scope, receive, send), 300))
    answer = b"".join(each.get("body", b"") for each in lines)
    assert json.loads(answer.splitlines()[-1])["rejected"] == 3 * PART_ROWS


def test_a_stream_that_the_database_leaves_says_from_which_row_to_send_again(world: RegistrationWorld) -> None:
    moments = [world.clock.now] * 2

    def clock() -> datetime:
        if not moments:
            raise psycopg.OperationalError("the server closed the connection unexpectedly")
        return moments.pop()

    ports = replace(world.ports, now=clock)
    body = ndjson(*(as_json(record(1)) | {"email": f"{number}"} for number in range(3 * PART_ROWS)))
    with serving(intake_site(ports, KEY, LIMIT, lambda: None)) as url:
        headers = NDJSON | {"Authorization": f"Bearer {KEY.decode()}"}
        answer = httpx.post(f"{url}/upstream/registrations?first_row=11", content=body, headers=headers, timeout=60)
        last = json.loads(answer.text.splitlines()[-1])
        assert (answer.status_code, last["status"], last["send_again_from_row"]) == (200, 503, 11 + 2 * PART_ROWS)
        assert httpx.post(f"{url}/upstream/registrations", content=body, headers=headers).status_code == 503


def test_a_stream_without_the_key_or_of_another_kind_is_refused(world: RegistrationWorld, site: httpx.Client) -> None:
    refused = site.post("/upstream/registrations", content=b"{}", headers=NDJSON | {"Authorization": "Bearer no"})
    assert refused.status_code == 401
    other = site.post("/upstream/registrations", content=b"dear all\n", headers=NDJSON)
    assert (other.status_code, other.json()["rejected"][0]["field"]) == (400, "delivery")
    large = site.post("/upstream/registrations", content=b" " * (LIMIT + 1), headers={"Content-Type": "text/csv"})
    assert large.status_code == 413
    assert str(LIMIT) in large.json()["error"] and "application/x-ndjson" in large.json()["error"]
    assert world.rows("select 1 from registrations") == []


# ── the result file ────────────────────────────────────────────────────────────────────────────────────


def table(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))


def saved(rows: list[dict[str, str]], encoding: str, delimiter: str) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode(encoding)


def outcomes(rows: list[dict[str, str]]) -> list[tuple[str, str, str]]:
    return [(row["【結果】元の行"], row["【結果】判定"], row["【結果】項目"]) for row in rows]


SENT = [
    as_json(record(1)),
    as_json(record(2, email="team@example.jp", pass_number="0012")),
    as_json(record(3, email="team@example.jp")),
    as_json(record(4)) | {"birth_date": "令和8年2月30日", "valid_from": "R8.4.1"},
    as_json(record(5)) | {"family_name": "=cmd|' /C calc'!A0"},
    as_json(record(6)) | {"given_name": "\x1b[31m花子", "valid_until": "1999/1/1"},
]


def test_a_result_file_over_http_is_corrected_in_its_cells_and_accepted(
    world: RegistrationWorld, site: httpx.Client
) -> None:
    def deliver(body: bytes, content_type: str = "text/csv") -> list[dict[str, str]]:
        headers = {"Content-Type": content_type, "Accept": "text/csv"}
        answer = site.post("/upstream/registrations", content=body, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
        assert answer.content.startswith(b"\xef\xbb\xbf")
        return table(answer.content)

    rows = deliver(csv_of(*SENT))
    assert outcomes(rows) == [
        ("2", "受付", ""),
        ("3", "保留", "メールアドレス"),
        ("4", "保留", "メールアドレス"),
        ("5", "受け取れません", "生年月日"),
        ("6", "受け取れません", "氏"),
        ("7", "受け取れません", "名 ／ 有効期間満了日"),
    ]
    assert rows[4]["氏"] == "'=cmd|' /C calc'!A0"
    assert rows[1]["合格番号"] == "'0012"
    assert "\x1b" not in rows[5]["【結果】届いた値"]
    rows[2]["メールアドレス"] = "own@example.jp"
    rows[3]["生年月日"] = "昭和55年2月29日"
    rows[4]["氏"] = "佐藤"
    rows[5] |= {"名": "花子", "有効期間満了日": "令和12年3月31日"}
    again = deliver(saved(rows, "utf-16", "\t"), "text/csv; charset=utf-16")
    assert [row["【結果】判定"] for row in again] == ["受付"] * 6
    world.settle()
    assert world.renewed() == ["R1", "R2", "R3", "R4", "R5", "R6"]
    assert world.rows("select pass_number from registrations where registration_id = 'R2'") == [("0012",)]
    late = deliver(csv_of(as_json(record(1, given_name="別"))))
    assert outcomes(late) == [("2", "受付", "")]  # not issued yet: it may change
    world.settle()
    world.issue()
    late = deliver(csv_of(as_json(record(1, given_name="三"))))
    assert outcomes(late) == [("2", "一部反映なし", "名")]
    assert (late[0]["【結果】届いた値"], "「別」のまま" in late[0]["【結果】求められる値"]) == ("三", True)


def run(site: httpx.Client, folder: Path, *arguments: str, command: str = "feed") -> tuple[int, str, str]:
    key_file = folder / "key"
    key_file.write_bytes(KEY)
    call = [sys.executable, "-c", f"from services.registration.cli import {command}; {command}()", *arguments]
    environment = os.environ | {"REGISTRATION_URL": str(site.base_url), "UPSTREAM_KEY_FILE": str(key_file)}
    done = subprocess.run(call, env=environment, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


def test_feed_writes_a_result_file_that_is_fed_again(
    world: RegistrationWorld, site: httpx.Client, tmp_path: Path
) -> None:
    people = [as_json(record(100 + number)) for number in range(1200)]  # more than one request
    people[5] |= {"email": "person1290@EXAMPLE.jp"}  # of a later request
    file, result = tmp_path / "名簿.csv", tmp_path / "結果.csv"
    file.write_bytes(csv_of(*SENT, *people, encoding="cp932"))
    code, output, errors = run(site, tmp_path, str(file), "--result", str(result))
    assert (code, "\x1b" in output + errors) == (3, False)
    rows = table(result.read_bytes())
    assert len(rows) == len(SENT) + 1200
    held = [row["登録ID"] for row in rows if row["【結果】判定"] == "保留"]
    assert held == ["R2", "R3", "R105", "R1290"]
    rows[2]["メールアドレス"], rows[11]["メールアドレス"] = "r3@example.jp", "r105@example.jp"
    rows[3]["生年月日"], rows[4]["氏"] = "1980/2/29", "佐藤"
    rows[5] |= {"名": "花子", "有効期間満了日": "2030/3/31"}
    result.write_bytes(saved(rows, "cp932", ","))
    code, output, _ = run(site, tmp_path, str(result), "--result", str(tmp_path / "again.csv"))
    assert (code, "0 rejected, 0 too late, 0 held" in output) == (0, True)
    assert {row["【結果】判定"] for row in table((tmp_path / "again.csv").read_bytes())} == {"受付"}
    world.settle()
    assert len(world.renewed()) == len(SENT) + 1200
    assert (
        run(site, tmp_path, str(file), "--result", str(file))[0],
        run(site, tmp_path, str(file), "--result", "x", "--via", "kafka")[0],
    ) == (2, 2)
    code, output, errors = run(site, tmp_path, command="cohort")
    assert (code, len(output.splitlines()), "released 1206" in errors) == (0, len(SENT) + 1200, True)


def test_a_csv_that_is_too_large_is_refused_before_it_is_read(site: httpx.Client, tmp_path: Path) -> None:
    file = tmp_path / "large.csv"
    with file.open("wb") as sparse:
        sparse.truncate(2**30)
    code, _, errors = run(site, tmp_path, str(file))
    assert (code, "128 MB" in errors, "1,024 MB" in errors) == (1, True, True)


def test_every_field_may_hold_sql_and_html_and_the_good_rows_are_taken(
    world: RegistrationWorld, site: httpx.Client
) -> None:
    attacks = [
        "'; drop table registrations; --",
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "${7*7}",
    ]
    rows = [
        as_json(record(10 * number + at)) | {name: attack}
        for number, attack in enumerate(attacks, 10)
        for at, name in enumerate(HEADERS.values())
    ]
    rows += [as_json(record(9)), as_json(record(8, family_name="あ" * 64)) | {"given_name": "い" * 10_000}]
    answer = site.post(
        "/upstream/registrations", content=ndjson(*rows), headers={"Content-Type": "application/x-ndjson"}
    )
    told = answer.json()
    assert told["accepted"] + len({each["row"] for each in told["rejected"]}) == len(rows)
    assert all(len(each["got"] or "") <= 80 for each in told["rejected"])
    world.settle()
    assert "R9" in world.renewed()


def test_swapped_numbers_two_birth_dates_and_one_registration_under_two_ids_are_held(
    world: RegistrationWorld, site: httpx.Client
) -> None:
    def held(*rows: dict[str, Any]) -> list[tuple[int, str]]:
        headers = {"Content-Type": "application/x-ndjson"}
        answer = site.post("/upstream/registrations", content=ndjson(*rows), headers=headers)
        return [(each["row"], each["reason"]) for each in answer.json()["held"]]

    assert held(as_json(record(1)), as_json(record(2))) == []
    world.settle()
    swapped = (
        as_json(record(11, person_id="P1", pass_number="25-2", email="person1@example.jp")),
        as_json(record(12, person_id="P2", pass_number="25-1", email="person2@example.jp")),
    )
    assert held(*swapped) == [(1, "duplicate-pass-number"), (2, "duplicate-pass-number")]
    other = {"qualification": "shindanshi", "email": "person3@example.jp"}
    dates = as_json(record(3)), as_json(record(4, person_id="P3", birth_date=date(1981, 1, 1), **other))
    assert held(*dates) == [(1, "birth-date-differs"), (2, "birth-date-differs")]
    same = {"person_id": "P5", "registration_number": "26G5", "pass_number": "25-5", "email": "person5@example.jp"}
    twice = as_json(record(5)), as_json(record(6, **same)), as_json(record(7))
    assert held(*twice) == [(1, "duplicate-registration-number"), (2, "duplicate-registration-number")]


# ── what is described ──────────────────────────────────────────────────────────────────────────────────


def test_every_answer_is_as_the_openapi_document_says(world: RegistrationWorld, site: httpx.Client) -> None:
    described = site.get("/api/v1/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    site.post("/upstream/registrations", content=ndjson(as_json(record(1))), headers=NDJSON)
    world.settle()
    world.issue()

    def check(method: str, path: str, **request: Any) -> int:
        answer = site.request(method, path, **request)
        told = described["paths"][path.partition("?")[0]][method.lower()]["responses"][str(answer.status_code)][
            "content"
        ]
        media_type = answer.headers["content-type"].partition(";")[0]
        schema = {**told[media_type]["schema"], "components": described["components"]}
        lines = answer.text.splitlines() if media_type == "application/x-ndjson" else [answer.text]
        documents = lines if media_type == "text/csv" else [json.loads(line) for line in lines]
        assert documents
        for document in documents:
            Draft202012Validator(schema).validate(document)
        return answer.status_code

    bad = as_json(record(2)) | {"birth_date": "x", "email": "no"}
    odd = [
        as_json(record(1, given_name="別")),
        bad,
        as_json(record(3, email=None)),
        as_json(record(4, family_name="⾼橋")),
    ]
    door = "/upstream/registrations"
    body, json_type, csv_type = ndjson(*odd), {"Content-Type": "application/json"}, {"Content-Type": "text/csv"}
    statuses = [
        check("POST", door, content=body, headers=NDJSON),
        check("POST", door, content=body, headers={"Content-Type": "application/jsonl"}),
        check("POST", door, content=json.dumps(odd).encode(), headers=json_type),
        check("POST", door, content=csv_of(*odd), headers=csv_type | {"Accept": "text/csv"}),
        check("GET", "/api/v1/rejected?limit=3"),
        check("GET", "/api/v1/cohort"),
        check("POST", "/api/v1/outlook", json=["R1", "R3", "none"]),
        check("POST", door, content=b"{", headers=json_type),
        check("POST", door + "?first_row=0", content=b"{}", headers=json_type),
        check("POST", door, content=b"a,b", headers=csv_type),
        check("GET", "/api/v1/rejected?limit=x"),
        check("POST", "/api/v1/outlook", json={"a": 1}),
        check("POST", "/api/v1/outlook", content=b'["\xff"]'),
        check("POST", "/api/v1/outlook", content=b"[" * 100_000),
        check("POST", "/api/v1/outlook", json=["x"] * (MOST_ASKED + 1)),
        *(
            check(method, path, headers={"Authorization": "no"})
            for method, path in (
                ("GET", "/api/v1/rejected"),
                ("GET", "/api/v1/cohort"),
                ("POST", "/api/v1/outlook"),
                ("POST", door),
            )
        ),
        check("POST", door, content=b" " * (LIMIT + 1), headers=csv_type),
        check("POST", door, content=b"x", headers={"Content-Type": "text/plain"}),
    ]
    assert statuses == [200] * 7 + [400] * 8 + [401] * 4 + [413, 415]


@pytest.mark.parametrize("validator", [Draft7Validator, Draft202012Validator])
def test_every_record_that_is_accepted_is_valid_by_the_schema(validator: Any, site: httpx.Client) -> None:
    schema = upstream_schema()
    validator.check_schema(schema)
    check = validator(schema)
    good = [
        as_json(record(1)),
        as_json(record(2, email=None)),
        as_json(record(3, kind="renewal", previous_registration_id="R0")),
        as_json(record(4))
        | {"valid_from": "2026/4/1", "completed_on": "", "qualification": "コンクリート技士", "kind": "新規"},
    ]
    bad = [
        {name: value for name, value in good[0].items() if name != "birth_date"},
        good[0] | {"email": 1},
        good[0] | {"valid_from": "令和8年4月1日"},
    ]
    answer = site.post(
        "/upstream/registrations", content=ndjson(*good, *bad), headers={"Content-Type": "application/jsonl"}
    )
    assert (answer.json()["accepted"], answer.json()["counts"]["rejected"]) == (len(good), len(bad))
    assert [check.is_valid(each) for each in (*good, *bad)] == [True] * len(good) + [False] * len(bad)
    assert re.search("registration_id", json.dumps(schema))
