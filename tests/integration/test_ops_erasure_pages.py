"""The office orders that a person is erased: by the page, by the command and by the API; what is shown afterwards."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from services.ops.board.erasures import ERASERS
from services.ops.cli import main
from services.ops.store.events import Store
from shared.events import Event
from shared.office_events import OfficeDecided
from shared.runtime.log import configure
from shared.wire import decode
from tests.worlds.cohorts import NOON, assertion_id, at
from tests.worlds.erased_person import BADGES_GONE, DECISION, GONE, OTHERS, erased, settle, their_events
from tests.worlds.ops import ops_store, outbox, tell
from tests.worlds.ops_site import CROSS_SITE, OFFICE, Office, at_board, office_of, sign_in

WHY = {"why": "本人の申し出"}
TYPED = {**WHY, "typed": "消去"}


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    configure("json")  # the service's log goes to the real stderr, not into a command's output
    with ops_store(lambda: NOON) as store:
        yield store


@pytest.fixture
def office(store: Store) -> Iterator[Office]:
    with office_of(store) as office:
        tell(office.ports, *OTHERS, *their_events())
        yield office


def given(office: Office) -> list[OfficeDecided]:
    events: list[Event] = [decode(value) for _, _, value in outbox(office.ports)]
    return [event for event in events if isinstance(event, OfficeDecided)]


def text(office: Office, path: str, **options: Any) -> str:
    return office.browser.get(path, **options).raise_for_status().text.replace("<wbr>", "")


def akashi(office: Office, *words: str, input: str | None = None) -> Result:
    return CliRunner().invoke(main, ["erase", *words], env=at_board(office.browser.base_url), input=input)


def unlike_admin(office: Office) -> httpx.Client:
    browser = httpx.Client(base_url=office.browser.base_url, headers={"accept-language": "ja"})
    sign_in(office.ports.store, browser, "山田", "gishi")
    return browser


# ── the page before it ──────────────────────────────────────────────────────────────────────────────────


def test_the_page_before_it_names_all_registrations_what_is_lost_and_what_stays(office: Office) -> None:
    assert 'href="/erase/R00001"' in text(office, "/people/R00001")
    page = text(office, "/erase/R00001")
    for words in ("消去 花子", "R00001", "R00002", "2026年4月1日", "2030年3月31日", "有効なバッジあり", "取り消され"):
        assert words in page, words
    for words in ("ウォレットのアカウント", "元に戻すことはできません", "30日", "事務局から", "個人の情報は書かないで"):
        assert words in page, words
    assert "失われる紙の申し込み" not in page  # it was sent
    assert "erase" in text(office, "/erase/R00001?lang=en") and "cannot" not in page


def test_orders_of_paper_that_would_be_lost_are_named(office: Office) -> None:
    page = text(office, "/erase/R00003")
    assert "失われる紙の申し込み" in page and "10000009" in page and "2,500" in page


def test_without_the_word_nothing_is_ordered_and_with_it_one_order_however_often_it_is_sent(office: Office) -> None:
    for typed in ("", "取り消し", "消去する"):
        answer = office.browser.post("/erase/R00001", data={**WHY, "typed": typed})
        assert answer.status_code == 422 and "何もしていません" in answer.text
    assert office.browser.post("/erase/R00001", data={"typed": "消去", "why": " "}).status_code == 422
    assert given(office) == []
    for path, typed in (("R00001", "消去"), ("R00001", " Erase "), ("R00002", "消去")):
        answer = office.browser.post(f"/erase/{path}", data={**WHY, "typed": typed})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/people/{path}")
    (order,) = given(office)
    assert (order.decision, order.subject, order.by, order.why) == ("erase", "R00001", OFFICE, "本人の申し出")
    assert "すでに受け付けて" in text(office, "/erase/R00002")


def test_role_office_neither_sees_nor_orders_it(office: Office) -> None:
    with unlike_admin(office) as browser:
        assert "/erase/" not in browser.get("/people/R00001").raise_for_status().text
        assert browser.get("/erase/R00001").status_code == 403
        assert browser.post("/erase/R00001", data=TYPED).status_code == 403
        assert given(office) == []
        erased(office.ports)
        assert browser.get("/people/R00001").status_code == 404
        assert "消去されています" not in browser.get("/search?q=R00001").raise_for_status().text


def test_an_order_from_another_site_is_refused(office: Office) -> None:
    assert office.browser.post("/erase/R00001", data=TYPED, headers=CROSS_SITE).status_code == 403
    body = {"registration_id": "R00001", "by": "x", **WHY}
    assert office.browser.post("/api/v1/erase", json=body, headers=CROSS_SITE).status_code in (401, 403)
    assert given(office) == []


# ── how far it is, and afterwards ───────────────────────────────────────────────────────────────────────


def test_pages_say_how_many_services_have_erased_and_which_have_not(office: Office) -> None:
    office.browser.post("/erase/R00001", data=TYPED)
    assert "消去中：6のうち0が完了" in text(office, "/people/R00001")
    settle(office.ports, "registration", "mailer", "wallet", "renderer")
    tell(office.ports, GONE)
    for path in ("/decisions", "/people/R00001", "/decisions?about=R00002", "/"):
        page = text(office, path)
        assert "消去中：6のうち4が完了" in page and "まだのところ：バッジの発行、このボード" in page, path
    assert "again" in text(office, "/people/R00001")  # it looks again by itself
    tell(office.ports, BADGES_GONE)
    settle(office.ports, "issuer", "ops")
    page = text(office, "/decisions")
    assert "消去中" not in page and "まだのところ" not in page and "個人情報の消去" in page
    assert office.browser.get(f"/api/v1/decisions/{DECISION}").json()["outcome"] == "done"
    assert "個人情報の消去" in text(office, "/decisions.csv")


@pytest.mark.parametrize("id", ["R00001", "R00002", assertion_id(1)])
def test_the_page_of_who_was_erased_says_when_by_whom_and_why(office: Office, id: str) -> None:
    office.browser.post("/erase/R00001", data=TYPED)
    erased(office.ports)
    settle(office.ports, *ERASERS)
    page = text(office, f"/people/{id}")
    assert "この登録の個人情報は" in page and "2026年4月1日" in page and "に消去されました。" in page
    assert OFFICE in page and "本人の申し出" in page and "花子" not in page
    assert f'href="/people/{id}"' in text(office, f"/search?q={id}")
    for path, form in ((f"/people/{id}", {"act": "hold", **WHY}), (f"/erase/{id}", TYPED)):
        answer = office.browser.post(path, data=form, follow_redirects=True)
        assert "に消去されました。" in answer.text
    assert "に消去されました。" in text(office, f"/revoke/{id}") and "に消去されました。" in text(
        office, f"/erase/{id}"
    )
    assert office.browser.get("/people/R00009").status_code == 404
    assert len(given(office)) == 1


def test_without_the_order_on_record_the_page_says_when(office: Office) -> None:
    erased(office.ports)
    assert "に消去されました。" in text(office, "/people/R00001") and DECISION in text(office, "/people/R00001")


def test_open_boards_and_lists_show_the_person_no_more(office: Office) -> None:
    assert "R00001" in text(office, "/people?cohort=2026")
    erased(office.ports)
    for path in ("/", "/board?cohort=2026", "/people?cohort=2026", "/letters", "/paper?state=sent", "/search?q=花子"):
        page = text(office, path)
        assert "R00001" not in page and "第1" not in page, path
    assert office.status()["cohort"]["eligible"] == 2  # type: ignore[index]


# ── the API and the command ─────────────────────────────────────────────────────────────────────────────


def test_the_api_shows_and_orders_it_once_and_says_why_it_cannot(office: Office) -> None:
    plan = office.browser.get("/api/v1/erase/R00002").raise_for_status().json()
    assert [each["registration_id"] for each in plan["registrations"]] == ["R00002", "R00001"]
    body = {"registration_id": "R00001", "by": "事務局", **WHY}
    first, second = (office.browser.post("/api/v1/erase", json=body).raise_for_status().json() for _ in range(2))
    assert first == second and [each["service"] for each in first["producers"]] == list(ERASERS)
    assert office.browser.post("/api/v1/erase", json={**body, "registration_id": "R00404"}).status_code == 404
    assert office.browser.get("/api/v1/erase/R00404").status_code == 404
    assert office.browser.post("/api/v1/erase", json={**body, "why": " "}).status_code == 422
    erased(office.ports)
    settle(office.ports, *ERASERS)
    refused = office.browser.post("/api/v1/erase", json=body)
    assert refused.status_code == 409 and "R00001 was erased on 2026-04-01" in refused.json()["detail"]
    for path in ("/api/v1/erase/R00001", "/api/v1/people/R00001"):
        answer = office.browser.get(path)
        assert answer.status_code == 404 and "was erased on" in answer.json()["detail"]
    revoke = office.browser.post("/api/v1/revoke", json={"id": assertion_id(2), "by": "x", "why": "x"})
    assert revoke.status_code == 404 and "was erased on" in revoke.json()["detail"]
    assert "/api/v1/erase" in office.browser.get("/api/v1/openapi.json").json()["paths"]


def test_the_command_shows_who_would_be_erased_and_asks_for_the_word(office: Office) -> None:
    for typed in (None, "\n", "はい\n"):
        result = akashi(office, "R00001", "--why", "x", input=typed)
        assert result.exit_code == 1 and "消去 花子" in result.stderr and "R00002" in result.stderr
    assert given(office) == []
    assert akashi(office, "R00001", "--yes").exit_code == 2  # no reason
    done = akashi(office, "R00001", "--why", "本人の申し出", "--by", "山田", "--no-wait", input="消去\n")
    assert done.exit_code == 0 and "registration" in done.stdout and f"akashi decisions {DECISION}" in done.stderr
    (order,) = given(office)
    assert (order.by, order.why, order.decided_at) == ("山田", "本人の申し出", at(0))
    result = CliRunner().invoke(main, ["decisions"], env=at_board(office.browser.base_url))
    assert "0/6" in result.stdout


@pytest.mark.parametrize("as_json", [False, True])
def test_the_command_waits_until_every_service_has_erased(office: Office, as_json: bool) -> None:
    def carry_out() -> None:
        pause = threading.Event()
        while not given(office):
            pause.wait(0.05)
        erased(office.ports)
        settle(office.ports, *ERASERS)

    services = threading.Thread(target=carry_out)
    services.start()
    done = akashi(office, "R00001", "--why", "x", "--yes", *(["--json"] if as_json else []))
    services.join(30)
    assert done.exit_code == 0, done.output
    if as_json:
        assert json.loads(done.stdout)["outcome"] == "done"
    else:
        assert [line.split("\t")[0] for line in done.stdout.splitlines()] == [*ERASERS, "erase"]


def test_the_command_says_why_somebody_cannot_be_erased(office: Office) -> None:
    erased(office.ports)
    for id, why in (("R00404", "expected one that the board knows"), ("R00002", "was erased on")):
        for words in (("--yes",), ()):
            result = akashi(office, id, "--why", "x", *words)
            assert result.exit_code == 1 and id in result.stderr and why in result.stderr
