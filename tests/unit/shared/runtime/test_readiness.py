"""Checks side by side: one that hangs or raises costs its own line, and nobody waits for it longer than was said."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from shared.errors import TryLater
from shared.readiness import (
    BatchesForecast,
    Finding,
    NetworkForecast,
    Question,
    ReadinessAnswer,
    Report,
    fault,
    ok,
)
from shared.runtime.access import Access, allowed_hosts
from shared.runtime.readiness import (
    Checks,
    Readiness,
    _clock,
    _schema,
    certificates_report,
    ending,
    storage_report,
)
from shared.runtime.web.metrics import metrics_site
from tests.worlds.objects import MemoryObjects
from tests.worlds.signing import signing

NOW = datetime(2027, 3, 20, tzinfo=UTC)
ASKED = Question(badges=7)


def says(finding: Finding) -> Callable[[Question], Report]:
    return lambda _: Report(findings=(finding,))


def codes(reports: list[Report]) -> list[tuple[str, str | None]]:
    return [(finding.check, finding.code) for report in reports for finding in report.findings]


def test_one_check_that_hangs_is_named_and_the_others_answer() -> None:
    over = threading.Event()
    checks = Checks(seconds=0.2)
    checks.add("first", says(ok("first")))
    checks.add("hangs", lambda _: Report(findings=(ok(str(over.wait(30))),)))
    checks.add("last", says(fault("last", "relay-away")))
    assert codes(checks.ask(ASKED)) == [("first", None), ("hangs", "late"), ("last", "relay-away")]
    over.set()


def test_a_check_that_still_hangs_is_not_asked_again_until_it_is_over() -> None:
    over, asked = threading.Event(), []

    def hangs(_: Question) -> Report:
        asked.append(1)
        over.wait(30)
        return Report(findings=(ok("hangs"),))

    checks = Checks(seconds=0.1)
    checks.add("hangs", hangs)
    assert codes(checks.ask(ASKED)) == codes(checks.ask(ASKED)) == [("hangs", "late")]
    assert len(asked) == 1
    over.set()
    while checks._running["hangs"].is_alive():
        time.sleep(0.01)
    assert codes(checks.ask(ASKED)) == [("hangs", None)]


@pytest.mark.parametrize("error", [TryLater("away"), ValueError("秘密"), KeyError(1), RuntimeError("x" * 9000)])
def test_a_check_that_raises_is_at_fault_with_its_cause_and_no_other_is(error: Exception) -> None:
    def raises(_: Question) -> Report:
        raise error

    checks = Checks(seconds=5)
    checks.add("raises", raises)
    checks.add("other", says(ok("other")))
    first, other = checks.ask(ASKED)
    assert codes([first, other]) == [("raises", "raised"), ("other", None)]
    assert (
        first.findings[0].facts["cause"].startswith(type(error).__name__)
        and len(first.findings[0].facts["cause"]) < 200
    )


def test_two_who_ask_at_once_both_get_an_answer_and_none_that_it_hangs() -> None:
    checks = Checks(seconds=5)
    checks.add("slow", lambda _: time.sleep(0.05) or Report(findings=(ok("slow"),)))  # type: ignore[func-returns-value]
    found: list[list[Report]] = []
    threads = [threading.Thread(target=lambda: found.append(checks.ask(ASKED))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert [codes(each) for each in found] == [[("slow", None)]] * 3


def answer_of(
    checks: Checks,
    body: bytes,
    authorization: str = "Bearer a key of sixteen",
    *,
    key: bytes | None = b"a key of sixteen",
    method: str = "POST",
    path: str = "/readiness",
) -> httpx.Response:
    readiness = None if key is None else Readiness("mailer", lambda: NOW, key, checks)

    async def ask() -> httpx.Response:
        site = metrics_site(Access(allowed_hosts(["http://mailer.example"])), readiness)
        transport = httpx.ASGITransport(site)
        async with httpx.AsyncClient(transport=transport, base_url="http://mailer.example") as client:
            return await client.request(method, path, content=body, headers={"authorization": authorization})

    return asyncio.run(ask())


def test_who_has_the_key_gets_what_the_checks_say() -> None:
    checks = Checks()
    networks = [NetworkForecast(network="sepolia"), NetworkForecast(network="hoodi")]
    forecasts = [
        BatchesForecast(batches=1, depth=3, closes_after=9.0, cron=None, networks=(each,)) for each in networks
    ]
    checks.add("a", lambda asked: Report(findings=(ok("a", badges=asked.badges),), batches=forecasts[0]))
    checks.add("b", lambda _: Report(batches=forecasts[1]))
    answer = answer_of(checks, msgspec.json.encode(ASKED))
    found = msgspec.json.decode(answer.content, type=ReadinessAnswer)
    assert (found.service, found.at, found.findings[0].facts) == ("mailer", NOW, {"badges": "7"})
    assert found.batches is not None and found.batches.networks == tuple(networks)


@pytest.mark.parametrize("key", ["", "Bearer", "Bearer wrong", "Basic a key of sixteen", "Bearer a key of sixteen!"])
def test_without_the_key_no_check_is_asked(key: str) -> None:
    asked: list[int] = []
    checks = Checks()
    checks.add("a", lambda _: asked.append(1) or Report())  # type: ignore[func-returns-value]
    answer = answer_of(checks, msgspec.json.encode(ASKED), key)
    assert (answer.status_code, asked) == (401, [])


@pytest.mark.parametrize("body", [b"", b"{}", b'{"badges": "many"}', b"[1]", b"\xff"])
def test_a_body_that_is_no_question_is_refused(body: bytes) -> None:
    assert answer_of(Checks(), body).status_code == 400


def test_a_service_without_a_key_has_no_such_page_and_nobody_gets_it_by_get() -> None:
    assert answer_of(Checks(), b"{}", key=None).status_code == 404
    assert answer_of(Checks(), b"", method="GET").status_code == 405
    assert answer_of(Checks(), b"", key=None, method="GET", path="/healthz").status_code == 200


def test_a_question_of_three_hundred_domains_is_not_too_long() -> None:
    letters = {f"department-{n}.a-long-name-of-a-company.example.co.jp": 20_000 for n in range(300)}
    body = msgspec.json.encode(Question(badges=10**7, letters=letters))
    assert answer_of(Checks(), body).status_code == 200


@pytest.mark.parametrize(
    ("days", "code"), [(-1, "certificate-ended"), (0, "certificate-ends"), (29, "certificate-ends"), (31, None)]
)
def test_a_certificate_is_at_fault_when_it_ended_or_ends_within_a_month(days: int, code: str | None) -> None:
    assert ending("c", "a.pem", NOW + timedelta(days=days, hours=1 if days >= 0 else 0), NOW).code == code


def test_of_several_certificates_in_a_file_the_first_to_end_counts_and_a_file_that_is_none_is_named(
    tmp_path: Path,
) -> None:
    chain, broken = tmp_path / "ca.pem", tmp_path / "broken.pem"
    chain.write_bytes(b"".join(signing(days=days).certificate.public_bytes(Encoding.PEM) for days in (400, 10)))
    broken.write_text("no certificate")
    report = certificates_report((chain, broken, tmp_path / "none.pem"), lambda: datetime.now(UTC))
    assert [(each.about, each.code) for each in report.findings] == [
        ("ca.pem", "certificate-ends"),
        ("broken.pem", "certificate-unreadable"),
        ("none.pem", "certificate-unreadable"),
    ]
    assert certificates_report((), lambda: NOW).findings[0].state == "not-asked"


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ([("runtime_version", "0005", "0005"), ("schema_version", "0009", "0009")], None),
        ([("runtime_version", "0007", "0005"), ("schema_version", "0009", "0009")], "schema-newer"),
        ([("runtime_version", "0005", "0005"), ("schema_version", "0008", "0009")], "schema-older"),
        ([("runtime_version", None, "0005"), ("schema_version", "0009", "0009")], "schema-older"),
    ],
)
def test_tables_of_another_release_are_at_fault(found: list[tuple[str, str | None, str]], code: str | None) -> None:
    assert [each.code for each in _schema(found)] == [code]


@pytest.mark.parametrize(
    ("ours", "real", "server", "code"),
    [(0, 0, 1, None), (0, 0, 3, "clock-differs"), (0, 0, -3, "clock-differs"), (86_400, 0, 0, "clock-played")],
)
def test_our_clock_is_compared_with_the_databases_unless_it_is_played(
    ours: float, real: float, server: float, code: str | None
) -> None:
    at = [NOW + timedelta(seconds=each) for each in (ours, real, server)]
    assert _clock(*at).code == code


def test_object_storage_answers_whether_or_not_the_object_is_there() -> None:
    objects = MemoryObjects({"a": b"1"})
    assert [storage_report(objects, key).findings[0].state for key in ("a", "b")] == ["ok", "ok"]
    objects.away = True
    assert storage_report(objects, "a").findings[0].code == "storage-away"
    assert objects.puts == []
