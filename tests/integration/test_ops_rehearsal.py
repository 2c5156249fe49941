"""The rehearsal over real HTTP and by the real command, on a real PostgreSQL; who is asked is played."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest
from click.testing import CliRunner, Result
from starlette.applications import Starlette

from services.ops.acts.rehearsal import last_rates, rehearse
from services.ops.cli import main
from services.ops.config import Links
from services.ops.ports import Ports
from services.ops.rehearsal.answers import Rehearsal
from services.ops.sources.rehearsal import RehearsalSettings, Surroundings
from services.ops.store.events import Store
from services.ops.web.rehearsal import Rehearsals
from shared.errors import TryLater
from shared.readiness import Question, Report, fault, ok
from shared.runtime.readiness import Checks, Readiness
from shared.runtime.web.metrics import metrics_site
from tests.worlds.cohorts import NOON, cycle
from tests.worlds.http_server import serving
from tests.worlds.ops import tell
from tests.worlds.ops_site import PROGRAMME, at_board, sign_in, site_of
from tests.worlds.rehearsal import Played

pytest_plugins = ("tests.worlds.ops_fixtures",)

NO_LINKS = Links(registration=None, verifier=None, inbox=None)
KEY = b"the key of readiness"


@pytest.fixture
def around() -> Played:
    return Played()


@pytest.fixture
def base(ports: Ports, around: Played) -> Iterator[str]:
    with serving(site_of(replace(ports, around=around), NO_LINKS)) as url:
        yield url


def akashi(base: str, *words: str) -> Result:
    return CliRunner().invoke(main, ["rehearse", *words], env=at_board(base))


def seen(store: Store, base: str, desk: str | None) -> str:
    with httpx.Client(base_url=base, headers={"accept-language": "ja"}) as browser:
        sign_in(store, browser, f"事務局 {desk}", desk)
        return browser.get("/rehearsal").raise_for_status().text


def test_the_command_says_what_is_at_fault_with_the_next_step_and_its_exit_code_tells(
    base: str, around: Played
) -> None:
    said = akashi(base)
    assert said.exit_code == 1, said.output
    for words in (
        "2026年度の予行",
        "12,000、発行中・発行済み 3、保留 603",
        "601  同じアドレスを複数の人が登録 / Several people share the address",
        "docomo.ne.jp  34分 / 34 min",
        "手数料 0.001000 ETH、高くて 0.005000 ETH、残高 0.100000 ETH",
        "✗ DNSのDKIM / DNS: DKIM（mailer rsa._domainkey.jci.example.jp）",
        "次の TXT を DNS に足します：v=DKIM1",
        "– 控え / Backup（ops）",
        "✓ メールの中継 / Mail relay（mailer relay.jci.example.jp:587）",
        "直すところが3件あります。 / 3 to put right.",
    ):
        assert words in said.output, words
    around.findings = {"issuer": (ok("database"),)}
    found = json.loads((asked := akashi(base, "--json")).output)
    assert found["faults"] == 3 and asked.exit_code == 1, "an answer stands for some seconds"
    assert [each.badges for each in around.asked] == [12_007]


def test_when_nothing_is_at_fault_the_exit_code_is_0(base: str, around: Played) -> None:
    around.findings = {"issuer": (ok("database"),)}
    told = akashi(base, "--json")
    assert (told.exit_code, json.loads(told.output)["is_ready"]) == (0, True)


def test_a_cohort_that_there_is_not_is_refused_and_an_ops_that_is_away_is_told_from_a_fault(base: str) -> None:
    assert akashi(base, "--cohort", "1999").exit_code == 1
    assert "expected 2026" in akashi(base, "--cohort", "1999").output
    away = CliRunner().invoke(main, ["rehearse"], env=at_board("http://127.0.0.1:1"))
    assert away.exit_code == 2


def test_an_admin_sees_everything_and_a_desk_its_own_people_only(store: Store, base: str) -> None:
    admin = seen(store, base, None)
    desks = {each: PROGRAMME.qualifications[each].desk for each in ("gishi", "shindanshi")}
    assert all(
        words in admin for words in ("R00007", "R00008", "docomo.ne.jp", "sepolia", "次にすること", "dkim-missing")
    )
    for desk, own, others in (("gishi", "R00008", "R00007"), ("shindanshi", "R00007", "R00008")):
        page = seen(store, base, desks[desk])
        assert own in page and others not in page
        assert not [words for words in ("docomo.ne.jp", "sepolia", "dkim-missing", "0xab") if words in page]
        assert "直すところが3件あります" in page.replace("<wbr>", "") and "管理者に知らせて" in page


def test_without_a_sign_in_or_the_key_nobody_learns_anything(base: str, around: Played) -> None:
    with httpx.Client(base_url=base) as nobody:
        assert nobody.get("/rehearsal").status_code == 303
        assert nobody.get("/api/v1/rehearsal").status_code == 401
    assert around.asked == []


def test_without_registration_the_checks_are_asked_and_the_page_says_so(
    store: Store, base: str, around: Played
) -> None:
    around.answer = fault("cohort", "cohort-unknown", cause="ConnectError")
    page = seen(store, base, None)
    assert "登録の受付が答えない" in page and "cohort-unknown" in page and "did-lacks-key" in page


def test_several_who_ask_at_once_ask_the_services_once(ports: Ports, around: Played) -> None:
    rehearsals = Rehearsals(lambda cohort: rehearse(replace(ports, around=around), PROGRAMME, cohort))
    assert rehearsals.get(None) is rehearsals.get(None)
    assert rehearsals.get("2026") is not rehearsals.get(None)


def test_who_asks_while_enough_wait_is_told_to_ask_again_and_the_others_get_the_one_answer(
    ports: Ports, around: Played
) -> None:
    begun, over = threading.Event(), threading.Event()

    def ask(cohort: str | None) -> Rehearsal:
        begun.set()
        over.wait(30)
        return rehearse(replace(ports, around=around), PROGRAMME, cohort)

    rehearsals = Rehearsals(ask)
    with ThreadPoolExecutor(6) as threads:
        waiting = [threads.submit(rehearsals.get, None) for _ in range(6)]
        begun.wait(30)
        while rehearsals._places.acquire(blocking=False):  # until all six are there
            rehearsals._places.release()
        with pytest.raises(TryLater, match="ask again"):
            rehearsals.get(None)
        over.set()
        assert len({id(each.result()) for each in waiting}) == 1
    assert rehearsals.get(None) is waiting[0].result() and len(around.asked) == 1


def test_the_last_run_up_to_the_cohort_says_how_fast_each_stage_was(ports: Ports) -> None:
    assert last_rates(ports, None) == (None, {})
    tell(ports, *(event for number in range(5) for event in cycle(number)))
    rates = last_rates(ports, "2027")
    assert rates.cohort == "2026" and rates.most_in_a_minute == dict.fromkeys(
        ("issued", "notified", "anchored", "rendered", "completed"), 5
    )
    assert last_rates(ports, "2025") == (None, {})


# ── the services, asked over HTTP ──────────────────────────────────────────────────────────────────────


def a_service(name: str, key: bytes = KEY) -> Starlette:
    checks = Checks()
    checks.add("database", lambda _: Report(findings=(ok("database"),)))
    return metrics_site(readiness=Readiness(name, lambda: NOON, key, checks))


def test_each_endpoint_answers_for_itself_and_one_that_does_not_says_why() -> None:
    with (
        serving(a_service("issuer")) as issuer,
        serving(a_service("mailer", b"another key, longer")) as mailer,
        serving(metrics_site()) as wallet,
    ):
        endpoints = {
            "issuer": (f"{issuer}/metrics",),
            "mailer": (f"{mailer}/metrics",),
            "wallet": (f"{wallet}/metrics",),
            "anchor": ("http://127.0.0.1:1/metrics", f"{issuer}/metrics"),
        }
        around = Surroundings(RehearsalSettings(readiness_key=KEY, endpoints=endpoints))
        found = around.services(Question(badges=1))
    assert [(each.service, each.instead.code if each.instead else None) for each in found] == [
        ("issuer", None),
        ("mailer", "not-allowed"),
        ("wallet", "not-set-up"),
        ("anchor", "no-answer"),
        ("anchor", None),
    ]


def test_a_page_that_answers_is_well_and_one_that_does_not_is_named() -> None:
    with serving(metrics_site()) as url:
        pages = (f"{url}/healthz", f"{url}/none", "http://127.0.0.1:1/")
        found = Surroundings(RehearsalSettings(pages=pages)).own(Question(badges=0))
    assert [each.code for each in found if each.check == "pages"] == [None, "page-answers", "page-away"]
