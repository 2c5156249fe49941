"""The live board, what it shows while parts are away, and the acts on its pages, over real HTTP and PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from itertools import permutations

import httpx
import msgspec
import psycopg
import pytest

from services.ops import queries
from services.ops.acts import paper
from services.ops.acts.dead_letters import decide_all
from services.ops.acts.orders import Attribution
from services.ops.config import Links
from services.ops.ports import Ports
from services.ops.store.events import Store
from services.ops.web import live
from services.ops.web.cohorts import ORDER_WORDS
from shared.count_events import StatementAnchored, StatementPublished
from shared.events import Event
from shared.office_events import CohortHoldChanged, DecisionSettled, OfficeDecided
from shared.paper_events import PaperOrdered
from shared.wire import decode
from tests.worlds.cohorts import assertion_id, at, cycle, held, issued, letter, received, renewed, revoked
from tests.worlds.http_server import serving
from tests.worlds.ops import BOARD_AGE, counts, dead_letter, outbox, tell, tell_all
from tests.worlds.ops_site import PROGRAMME, Office, office_of, sign_in, site_of

pytest_plugins = ("tests.worlds.ops_fixtures",)

STREAM = {"accept": "text/event-stream"}


@pytest.fixture
def office(store: Store) -> Iterator[Office]:
    with office_of(store) as office:
        yield office


def announced(ports: Ports) -> list[object]:
    return [decode(value) for topic, _, value in outbox(ports) if topic == "office.decisions"]


# ── what is counted ──


def test_counts_are_those_of_the_view_after_any_events_in_any_transactions(ports: Ports) -> None:
    tell_all(ports, [event for number in range(20) for event in cycle(number)[: number % 9]])
    assert counts(ports)[0] > 0
    tell(ports, held(3), held(40), revoked(8), *cycle(7), letter(5, "award", "bounced", 7), received(30))
    queries.status(ports, None)
    with ports.store.transaction() as tx:
        of_view = tx.cursor.execute(
            "select reached, ended, case when held then held_reason end, stuck_as, count(*) from progress"
            " where cohort = '2026' group by 1, 2, 3, 4 order by 1, 2, 3, 4"
        ).fetchall()
        groups = tx.board.groups("2026")
    counted = [(each.reached, each.ended, each.held_reason, each.stuck_as, each.count) for each in groups]
    assert sorted(counted, key=str) == sorted(of_view, key=str)
    assert queries.status(ports, None).unplaced == 1


def test_a_reader_that_fails_leaves_what_is_to_be_counted(ports: Ports) -> None:
    tell(ports, *cycle(1))
    with pytest.raises(ZeroDivisionError), ports.store.transaction() as tx:
        assert tx.standing.settle() > 0
        raise ZeroDivisionError
    assert counts(ports) == [1] * 7


def test_letters_are_counted_by_domain_with_the_answer_that_is_most_frequent(ports: Ports) -> None:
    for number, (domain, state, answer) in enumerate(
        [
            ("a.jp", "deferred", "451 busy"),
            ("a.jp", "deferred", "451 busy"),
            ("a.jp", "bounced", "550 no"),
            ("b.jp", "sent", None),
        ]
    ):
        told = letter(number, "award", state, 2, answer=answer)
        tell(ports, renewed(number), issued(number), msgspec.structs.replace(told, domain=domain))
    (row,) = queries.status(ports, None).letters_by_domain
    assert (row.domain, row.counts, row.answer) == ("a.jp", {"deferred": 2, "bounced": 1}, "451 busy")


# ── the live board ──


@contextmanager
def open_board(office: Office) -> Iterator[Iterator[tuple[str, str]]]:
    """Id and HTML of each event of an open board."""

    def events(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
        id, data = "", list[str]()
        for line in lines:
            if line.startswith("id: "):
                id, data = line.removeprefix("id: "), []
            elif line.startswith("data: "):
                data.append(line.removeprefix("data: "))
            elif not line and data:
                yield id, "\n".join(data)
                data = []

    with office.browser.stream("GET", "/board/events", headers=STREAM) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        yield events(stream.iter_lines())


def test_an_open_board_is_told_of_a_change_without_asking_again(office: Office) -> None:
    tell(office.ports, *cycle(1)[:3])
    with open_board(office) as events:
        first, board = next(events)
        assert "見本 第1" in board and 'data-part="funnel"' in board and 'data-part="differences"' in board
        tell(office.ports, *cycle(2))
        id, figures = next(events)
        assert (id, 'data-part="funnel"' in figures, 'data-part="differences"' in figures) == (first, True, False)
        assert "対象2人" in figures.replace("</span>", "")


def test_the_lists_of_an_open_board_follow(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_WHOLE", 1.0)
    tell(office.ports, *cycle(1))
    with open_board(office) as events:
        first, _ = next(events)
        tell(office.ports, held(3))
        assert next(board for id, board in events if id != first and 'data-part="held"' in board and "R00003" in board)


def test_after_a_decision_an_open_board_is_drawn_anew(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_WHOLE", 10_000.0)
    tell(office.ports, *cycle(1))
    dead_letter(office.ports, offset=1, cause="KeyError: x", value=b"poison")
    with open_board(office) as events:
        first, board = next(events)
        assert "KeyError: x" in board
        form = {"act": "discard", "why": "試験", "topic": "assertion.issued", "cause": "KeyError"}
        assert office.browser.post("/dead-letters", data=form).status_code == 303
        assert "KeyError: x" not in next(board for id, board in events if id != first)


def test_a_later_cohort_takes_the_place_of_the_one_on_an_open_board(office: Office) -> None:
    tell(office.ports, *cycle(1))
    with open_board(office) as events:
        first, _ = next(events)
        tell(office.ports, renewed(2, cohort="2027"))
        assert "2027年度" in next(board for id, board in events if id != first)


def test_who_does_not_ask_for_a_stream_gets_one_event(office: Office) -> None:
    tell(office.ports, *cycle(1))
    answer = office.browser.get("/board/events").raise_for_status()
    assert answer.text.count("event: board") == 1 and "data-part" in answer.text
    assert office.browser.get("/board/events", params={"cohort": "1999"}).status_code == 404


def test_while_the_database_is_away_the_board_is_that_of_before_and_says_so(office: Office) -> None:
    tell(office.ports, *cycle(1), *cycle(2)[:3])
    assert "このボードのデータベース" not in office.browser.get("/").raise_for_status().text
    name = office.ports.store.url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(office.ports.store.url.replace(f"/{name}?", "/postgres?"), autocommit=True) as server:
        server.execute(f"alter database {name} allow_connections false")
        server.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))
        time.sleep(BOARD_AGE)
        try:
            page = office.browser.get("/", timeout=40).raise_for_status().text
            assert "つながらないもの" in page and "このボードのデータベース" in page and "見本 第2" in page
            assert office.browser.get("/", timeout=40).is_success
            form = {"act": "hold", "why": "x"}
            assert office.browser.post("/people/R00002", data=form, timeout=40).status_code == 503
            with httpx.Client(base_url=office.browser.base_url) as stranger:
                assert stranger.get("/", cookies={"office": "x"}, timeout=40).status_code == 503
        finally:
            server.execute(f"alter database {name} allow_connections true")


# ── acts ──


def test_a_cohort_is_held_and_resumed_from_its_page_one_order_for_each(office: Office) -> None:
    tell(office.ports, renewed(1), renewed(2), held(3, "office-hold"), *cycle(4))
    page = office.browser.get("/hold-cohort?cohort=2026").raise_for_status().text
    digest = page.split('name="digest" value="')[1].split('"')[0]
    form = {"cohort": "2026", "digest": digest, "why": "試験", "typed": "別の言葉"}
    assert "2人の発行を止める" in page and office.browser.post("/hold-cohort", data=form).status_code == 422
    assert outbox(office.ports) == []
    form["typed"] = ORDER_WORDS["hold-cohort"].typed[0]
    assert office.browser.post("/hold-cohort", data=form).status_code == 303
    orders = [each for each in announced(office.ports) if isinstance(each, OfficeDecided)]
    assert [(each.decision, each.subject) for each in orders] == [
        ("hold-cohort", "2026"),
        ("hold", "R00001"),
        ("hold", "R00002"),
    ]
    assert office.browser.post("/hold-cohort", data=form).status_code == 409  # twice is once
    assert [each.part_of for each in orders[1:]] == [orders[0].decision_id] * 2 and all(o.lasting for o in orders)
    for each in [*orders[1:], orders[0]]:
        assert queries.decision(office.ports, orders[0].decision_id).outcome is None
        settled = DecisionSettled(
            decision_id=each.decision_id,
            subject=each.subject,
            service="registration",
            outcome="done",
            settled_at=each.decided_at,
        )
        tell(office.ports, settled)
        if each.part_of:
            tell(office.ports, held(int(each.subject[1:]), "office-hold"))
    assert queries.decision(office.ports, orders[0].decision_id).outcome == "done"
    resumed = office.browser.get("/api/v1/resume-cohort?cohort=2026").json()
    assert [each["registration_id"] for each in resumed["people"]] == ["R00001", "R00002", "R00003"]


def carried_out(order: OfficeDecided, minutes: int) -> list[Event]:
    """What registration announces of an order about a cohort that was given so many minutes after noon."""
    return [
        CohortHoldChanged(
            cohort=order.subject,
            qualification=order.qualification,
            held=order.decision == "hold-cohort",
            decision_id=order.decision_id,
            by=order.by,
            why=order.why,
            decided_at=at(minutes),
            begins_on=date(int(order.subject), 4, 1),
        ),
        settled_by_registration(order),
    ]


def settled_by_registration(order: OfficeDecided) -> DecisionSettled:
    return DecisionSettled(
        decision_id=order.decision_id,
        subject=order.subject,
        service="registration",
        outcome="done",
        settled_at=order.decided_at,
    )


def ordered(office: Office, act: str, cohort: str, qualification: str | None = None) -> OfficeDecided:
    """The order of the list as it is now, over the API."""
    scope = {"cohort": cohort} | ({"qualification": qualification} if qualification else {})
    digest = office.browser.get(f"/api/v1/{act}", params=scope).raise_for_status().json()["digest"]
    body = {**scope, "digest": digest, "by": "佐藤", "why": "様式の確認"}
    id = office.browser.post(f"/api/v1/{act}", json=body).raise_for_status().json()["id"]
    return next(each for each in announced(office.ports) if isinstance(each, OfficeDecided) and each.decision_id == id)


def refused(office: Office, act: str, **scope: str) -> str:
    digest = office.browser.get(f"/api/v1/{act}", params=scope).raise_for_status().json()["digest"]
    answer = office.browser.post(f"/api/v1/{act}", json={**scope, "digest": digest, "by": "x", "why": "x"})
    assert answer.status_code == 409
    return str(answer.json()["detail"])


def test_a_cohort_that_nobody_has_yet_is_held_and_the_board_shows_start_author_and_reason(office: Office) -> None:
    tell(office.ports, *cycle(1))
    page = office.browser.get("/hold-cohort?cohort=2027").raise_for_status().text
    assert "この年度の発行を止める" in page and "あとから届く登録" in page
    order = ordered(office, "hold-cohort", "2027")
    assert ordered(office, "hold-cohort", "2027").decision_id == order.decision_id  # twice is once
    assert queries.decision(office.ports, order.decision_id).outcome is None
    assert "あとから届く登録も" not in office.browser.get("/").text
    tell(office.ports, *carried_out(order, 1))
    assert queries.decision(office.ports, order.decision_id).outcome == "done"
    time.sleep(BOARD_AGE)
    board = office.browser.get("/").text
    assert all(each in board for each in ("あとから届く登録も", "2027年度", "佐藤", "様式の確認", "/resume-cohort"))
    status = office.browser.get("/api/v1/status").json()["cohorts_held"]
    assert [(each["cohort"], each["by"], each["why"]) for each in status] == [("2027", "佐藤", "様式の確認")]
    assert "held already" in refused(office, "hold-cohort", cohort="2027")
    resume = ordered(office, "resume-cohort", "2027")
    tell(office.ports, *carried_out(resume, 2))
    time.sleep(BOARD_AGE)
    assert "あとから届く登録も" not in office.browser.get("/").text
    assert "nobody" in refused(office, "resume-cohort", cohort="2027")


def test_holds_of_two_qualifications_are_told_each_by_itself_and_one_of_the_cohort_names_what_was_resumed(
    office: Office,
) -> None:
    def told() -> list[tuple[str | None, list[str]]]:
        found = office.browser.get("/api/v1/status").json()["cohorts_held"]
        time.sleep(BOARD_AGE)
        return [(each["qualification"], each["resumed"]) for each in found]

    tell(office.ports, renewed(1))
    for qualification in ("gishi", "shindanshi"):
        tell(office.ports, *carried_out(ordered(office, "hold-cohort", "2026", qualification), 1))
    time.sleep(BOARD_AGE)
    assert told() == [("gishi", []), ("shindanshi", [])]
    tell(office.ports, *carried_out(ordered(office, "hold-cohort", "2026"), 2))
    tell(office.ports, *carried_out(ordered(office, "resume-cohort", "2026", "gishi"), 3))
    time.sleep(BOARD_AGE)
    assert told() == [(None, ["gishi"])]
    assert "再開した資格" in office.browser.get("/").text
    tell(office.ports, *carried_out(ordered(office, "resume-cohort", "2026"), 4))
    time.sleep(BOARD_AGE)
    assert told() == []


@pytest.mark.parametrize("cohort", ["26", "R00001", "２０２６", "0000", "2026年"])
def test_no_cohort_that_is_no_year_is_held(office: Office, cohort: str) -> None:
    for act in ("hold-cohort", "resume-cohort"):
        assert office.browser.get(f"/api/v1/{act}", params={"cohort": cohort}).status_code == 404
        body = {"cohort": cohort, "digest": "x", "by": "x", "why": "x"}
        assert office.browser.post(f"/api/v1/{act}", json=body).status_code == 404
        assert office.browser.get(f"/{act}", params={"cohort": cohort}).status_code == 404
    assert announced(office.ports) == []


def test_the_later_order_about_a_cohort_counts_whichever_is_read_first(office: Office) -> None:
    hold = ordered(office, "hold-cohort", "2027")
    tell(office.ports, *carried_out(hold, 1))
    resume = ordered(office, "resume-cohort", "2027")
    tell(office.ports, *carried_out(resume, 2))
    again = msgspec.structs.replace(carried_out(hold, 1)[0], decision_id="an older one, read late")
    tell(office.ports, again)
    assert office.browser.get("/api/v1/status").json()["cohorts_held"] == []


def stated(number: int, cohort: str = "2026", issued: int | None = 40) -> StatementPublished:
    valid = None if issued is None else issued - 1
    return StatementPublished(
        cohort=cohort, number=number, leaf="ab" * 32, stated_at=at(number), issued=issued, valid=valid
    )


def anchored_statement(number: int, cohort: str = "2026") -> StatementAnchored:
    return StatementAnchored(
        statement_id=f"{cohort}/{number}",
        cohort=cohort,
        number=number,
        leaf="ab" * 32,
        merkle_root="cd" * 32,
        network="local",
        chain_id=31337,
        contract="0x" + "1" * 40,
        transaction="0x" + "2" * 64,
        block_number=7,
        block_hash="0x" + "3" * 64,
        anchored_at=at(number + 5),
    )


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_newest_statement_of_each_cohort_is_on_the_board_with_what_is_anchored_of_it(
    office: Office, order: tuple[int, ...]
) -> None:
    events: list[Event] = [stated(1), stated(2, issued=41), anchored_statement(1), stated(3, "2025", issued=None)]
    tell(office.ports, *cycle(1), *(events[each] for each in order))
    found = office.browser.get("/api/v1/status").json()["statements"]
    assert [(e["cohort"], e["number"], e["issued"], e["valid"], e["anchored_number"]) for e in found] == [
        ("2026", 2, 41, 40, 1),
        ("2025", 3, None, None, None),
    ]
    tell(office.ports, anchored_statement(2), anchored_statement(2))
    time.sleep(BOARD_AGE)
    (newest, _) = office.browser.get("/api/v1/status").json()["statements"]
    assert (newest["anchored_number"], newest["network"], newest["anchored_at"] is not None) == (2, "local", True)


def test_the_board_links_the_public_count_and_says_what_waits_for_its_batch(office: Office) -> None:
    tell(office.ports, *cycle(1), anchored_statement(9, "2024"), stated(1), anchored_statement(1), stated(2))
    page = office.browser.get("/").text
    assert "第2号" in page and "記録は第1号まで" in page and "2024年度" not in page
    tell(office.ports, anchored_statement(2))
    links = Links(registration=None, verifier="https://badges.example.jp", inbox=None)
    with serving(site_of(office.ports, links)) as base, httpx.Client(base_url=base) as browser:
        sign_in(office.ports.store, browser, "別の担当")
        page = browser.get("/").text
    assert "no. 1;" not in page and 'href="https://badges.example.jp/statements/2026"' in page


def test_dead_letters_of_one_cause_are_replayed_together_and_twice_is_once(office: Office) -> None:
    for offset in (1, 2, 3):
        dead_letter(office.ports, offset=offset, value=b'{"type": "AssertionIssued"}', cause=f"KeyError: {offset}")
        dead_letter(office.ports, "ops", offset=offset, value=b'{"type": "AssertionIssued"}', cause="KeyError: x")
    dead_letter(office.ports, offset=9, cause="Unreadable: y", value=b"poison")
    page = office.browser.get("/dead-letters").raise_for_status().text
    assert "3件をまとめて再投入する" in page and "AssertionIssued" in page and "poison" in page
    form = {"act": "replay", "why": "直した", "topic": "assertion.issued", "cause": "KeyError"}
    assert [office.browser.post("/dead-letters", data=form).status_code for _ in range(2)] == [303, 303]
    assert sum(topic == "assertion.issued" for topic, _, _ in outbox(office.ports)) == 3
    (left,) = queries.dead_letters(office.ports, "open")
    assert left.cause == "Unreadable: y"
    assert decide_all(office.ports, "replay", by="x", why="x", topic=None, cause="KeyError") == 0
    assert decide_all(office.ports, "discard", by="x", why="x", topic=None, cause=None) == 1


def test_what_can_not_be_replayed_stays_open_when_all_are(ports: Ports) -> None:
    dead_letter(ports, offset=1, value=None)
    dead_letter(ports, offset=2, size=2_000_000)
    assert decide_all(ports, "replay", by="x", why="x", topic=None, cause=None) == 0
    assert len(queries.dead_letters(ports, "open")) == 2


def test_services_are_ordered_to_compare_and_to_announce_again_from_the_page(office: Office) -> None:
    for form in ({"act": "repair", "service": "issuer"}, {"act": "count", "service": "mailer", "producer": "issuer"}):
        assert office.browser.post("/services", data={**form, "why": "確認"}).status_code == 303
    assert office.browser.post("/services", data={"act": "scrub", "service": "mailer", "why": "x"}).status_code == 422
    assert [type(each).__name__ for each in announced(office.ports)] == ["ScrubOrdered", "RebuildOrdered"]


def test_an_account_is_made_on_the_page_with_a_password_that_is_shown_once(office: Office) -> None:
    made = office.browser.post("/accounts", data={"act": "add", "name": "佐藤", "role": "office", "desk": "nowhere"})
    assert made.status_code == 409 and "窓口を選んでください" in made.text
    same = office.browser.post("/accounts", data={"act": "add", "name": "事務局", "role": "admin"})
    assert same.status_code == 409 and "同じ名前のアカウントがあります" in same.text
    made = office.browser.post("/accounts", data={"act": "add", "name": "佐藤", "role": "admin"}).raise_for_status()
    drawn = made.text.split('<p class="mono">')[1].split("<")[0]
    assert len(drawn) > 10 and drawn not in office.browser.get("/accounts").text
    own = {"act": "remove", "name": "事務局"}
    assert office.browser.post("/accounts", data=own).status_code == 409
    assert office.browser.post("/accounts", data={"act": "remove", "name": "佐藤", "typed": "消す"}).is_success
    assert (
        "佐藤" not in office.browser.get("/accounts").text.partition("いまのアカウント")[2].partition("</section>")[0]
    )


def test_the_office_of_a_desk_takes_steps_for_the_paper_of_its_own_people_only(office: Office) -> None:
    tell(office.ports, *cycle(1, qualification="gishi"), *cycle(2, qualification="shindanshi"))
    orders = {1: "10000001", 2: "10000002"}
    for number, id in orders.items():
        ordered = PaperOrdered(
            order_id=id, registration_id=f"R{number:05}", items=("certificate",), total=3000, ordered_at=at(1)
        )
        tell(office.ports, ordered)
    with httpx.Client(base_url=office.browser.base_url, headers={"accept-language": "ja"}) as browser:
        sign_in(office.ports.store, browser, "窓口", desk=PROGRAMME.qualifications["gishi"].desk)
        page = browser.get("/paper").raise_for_status().text
        assert orders[1] in page and orders[2] not in page and "akashi paper sheet" not in page
        form = {"act": "paid", "why": "入金", "state": "ordered"}
        for ids in ([orders[2]], [f"{orders[2]}/certificate"], list(orders.values())):
            assert browser.post("/paper", data={**form, "id": ids}).status_code == 409, ids
        assert outbox(office.ports) == []
        elsewhere = Attribution("事務局", "ほかの窓口の入金")
        paper.take_step(office.ports, "paid", elsewhere, ids=[f"{orders[2]}/certificate"])
        assert browser.post("/paper", data={**form, "id": [f"{orders[1]}/certificate"]}).status_code == 303
        steps = browser.get("/paper").text.partition("最近の操作")[2].partition("</section>")[0]
        assert "実行中" in steps and f"{orders[1]}/certificate" in steps and orders[2] not in steps
        assert orders[2] in office.browser.get("/paper").text.partition("最近の操作")[2]
    _, order = announced(office.ports)
    assert isinstance(order, OfficeDecided) and (order.by, [line.order_id for line in order.paper]) == (
        "窓口",
        [orders[1]],
    )


def test_a_badge_is_found_by_its_id_and_by_that_of_an_earlier_version(office: Office) -> None:
    tell(office.ports, *cycle(1), *cycle(2))
    for asked in (assertion_id(1), assertion_id(1)[:-1].lower() + "1", "林"):
        found = office.browser.get("/api/v1/search", params={"q": asked}).raise_for_status().json()
        assert [each["registration_id"] for each in found] == ([] if asked == "林" else ["R00001"]), asked
