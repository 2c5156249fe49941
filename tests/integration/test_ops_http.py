from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.ops.ports import Ports
from services.ops.store.events import Store
from shared.events import AssertionRevoked, RegistrationRejected
from shared.office_events import OfficeDecided
from shared.programme import parse_programme
from tests.worlds.cohorts import NOON, assertion_id, at, cycle, failed, held, issued, letter, refused, renewed
from tests.worlds.ops import dead_letter, ops_store, tell, tell_all
from tests.worlds.ops_site import CROSS_SITE, Office, office_of

pytest_plugins = ("tests.worlds.ops_fixtures",)

PROGRAMME = parse_programme(Path("deploy/programmes/jci.toml").read_text(encoding="utf-8"))
STAGES = ["eligible", "issued", "notified", "received", "anchored", "rendered", "completed"]


@pytest.fixture
def office(store: Store) -> Iterator[Office]:
    with office_of(store) as office:
        yield office


def populate(ports: Ports) -> None:
    """Six people on their way, three held, one revoked, a rejected row, a dead letter."""
    tell_all(ports, [event for number in range(2) for event in cycle(number)])
    tell(ports, *cycle(2)[:4], *cycle(3)[:2], letter(3, "award", "bounced", 2, answer="550 5.1.1 no such user"))
    tell(ports, *cycle(4)[:2], letter(4, "award", "deferred", 2, answer="451 4.7.1 greylisted"), renewed(5), issued(5))
    tell(ports, AssertionRevoked(assertion_id=assertion_id(5), reason="withdrawal", revoked_at=at(9)))
    tell(ports, held(6), held(7), held(8, "missing-address", qualification="shindanshi"))
    tell(
        ports, RegistrationRejected(rejection_id="x", source="a.csv", row=7, field="valid_from", expected="YYYY-MM-DD")
    )
    dead_letter(ports, cause="Unreadable: <script>alert(1)</script>")


@pytest.fixture(scope="module")
def shown() -> Iterator[Office]:
    """For tests that only look: those of `populate`, on a database of their own."""
    with ops_store(lambda: NOON) as store, office_of(store) as office:
        populate(office.ports)
        yield office


def test_the_status_has_the_documented_shape(office: Office) -> None:
    populate(office.ports)
    found = office.browser.get("/api/v1/status").raise_for_status().json()
    assert [found["cohort"][stage] for stage in STAGES] == [5, 5, 3, 2, 2, 2, 2]
    assert (found["revoked"]["count"], found["revoked"]["people"][0]["reason"]) == (1, "withdrawal")
    assert (found["cohort"]["id"], found["cohort"]["held"], found["cohort"]["revoked"]) == ("2026", 3, 1)
    assert found["held_by_reason"] == {"missing-address": 1, "shared-address": 2}
    assert (found["dead_letters"], found["rejected"], found["matches"]) == (1, 1, False)
    assert found["lag"] == {"issuer": 12, "mailer": None} and "mailer" in found["lag_unknown"]
    assert found["letters"] == {"queued": 0, "sent": 5, "deferred": 1, "bounced": 1, "suppressed": 0, "cancelled": 0}
    assert [one["registration_id"] for one in found["people_missing"]["notified"]["people"]] == ["R00003", "R00004"]


@pytest.mark.parametrize("cohort", ["1999", "2026 ", "abc", "令和8年"])
def test_an_unknown_cohort_is_refused_with_those_there_are(office: Office, cohort: str) -> None:
    populate(office.ports)
    for path in ("/api/v1/status", "/api/v1/people"):
        answer = office.browser.get(path, params={"cohort": cohort})
        assert answer.status_code == 404 and "expected one of: 2026" in answer.json()["detail"]
        assert office.browser.get(path, params={"cohort": "2026"}).is_success
    for path in ("/", "/board", "/people", "/differences/issued"):
        assert office.browser.get(path, params={"cohort": cohort}).status_code == 404


def test_a_bounce_that_only_the_inbox_for_trials_makes_is_explained(office: Office) -> None:
    populate(office.ports)
    tell(
        office.ports,
        *cycle(11)[:2],
        letter(11, "award", "bounced", 2, answer="501 Error: Bad recipient address syntax"),
    )
    explained = "実際のメールサーバーでは、このアドレスにも届きます"
    assert explained in office.browser.get("/people/R00011").raise_for_status().text
    assert "A real mail server takes this one" in office.browser.get("/people/R00011?lang=en").text
    assert explained not in office.browser.get("/people/R00003?lang=ja").raise_for_status().text  # no such user


def test_an_empty_office_has_a_page_and_a_status(office: Office) -> None:
    assert "まだ" in office.browser.get("/").raise_for_status().text
    found = office.browser.get("/api/v1/status").raise_for_status().json()
    assert found["cohort"]["id"] is None and [found["cohort"][stage] for stage in STAGES] == [0] * 7


def test_the_board_names_every_person_who_makes_a_difference_and_every_held_one(office: Office) -> None:
    populate(office.ports)
    page = office.browser.get("/").raise_for_status().text
    for name in ("見本 第2", "見本 第3", "見本 第4", "見本 第6", "見本 第7", "見本 第8"):
        assert name in page
    assert "見本 第1" not in page
    assert "550 5.1.1 no such user" in page and "a.csv" in page


def test_the_board_puts_held_people_under_the_desk_that_answers_for_them(office: Office) -> None:
    populate(office.ports)
    page = office.browser.get("/board").raise_for_status().text.partition('data-part="stuck"')[0]
    assert page.index("見本 第6") < page.rindex("<h3>") < page.index("見本 第8")


def test_board_and_person_name_who_is_stuck_with_reason_and_order(office: Office) -> None:
    populate(office.ports)
    tell(office.ports, renewed(9), refused(9), renewed(10), issued(10))
    tell(office.ports, failed(10, field="name", characters=("U+1F600",)))
    status = office.browser.get("/api/v1/status").raise_for_status().json()
    assert status["stuck_by_reason"] == {"award-letter-bounced": 1, "issuance-refused": 1, "rendering-no-glyph": 1}
    board = office.browser.get("/board", headers={"accept-language": "ja"}).raise_for_status().text
    for number, order in ((3, "--email …"), (9, "--pass-number …"), (10, "--family-name … --given-name …")):
        page = office.browser.get(f"/people/R{number:05}", headers={"accept-language": "ja"}).raise_for_status().text
        for shown in (board, page):
            assert f"akashi correct R{number:05} {order}" in shown
        assert 'value="correct"' in page
    assert "氏名" in board and "U+1F600" in board and "curly brackets in pairs ← { or } alone" in board
    form = {"act": "correct", "version": "1", "by": "事務局", "why": "確認", "pass_number": "P-9"}
    assert office.browser.post("/people/R00009", data=form).status_code in (200, 303)
    waits = office.browser.get("/people/R00009", headers={"accept-language": "ja"}).text
    assert "いま実行しています" in waits and 'value="correct"' not in waits


def test_the_cause_of_a_dead_letter_is_shown_as_text(office: Office) -> None:
    populate(office.ports)
    for path in ("/", "/dead-letters"):
        page = office.browser.get(path).text
        assert "<script>alert" not in page and "&lt;script&gt;alert" in page


OFFICE = ["/decisions", "/decisions?about=R00000", "/people/R00000", "/people/R00005", "/people/R00006"]


@pytest.mark.parametrize(
    "path",
    ["/", "/people", "/people?state=held", "/differences/received", "/dead-letters", "/letters", "/restores", *OFFICE],
)
@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_page_opens_in_both_languages(shown: Office, path: str, language: str) -> None:
    page = shown.browser.get(path, headers={"accept-language": language}).raise_for_status().text
    assert f'<html lang="{language}">' in page


def test_a_cohort_of_another_year_is_shown_when_asked_for(office: Office) -> None:
    tell(office.ports, *cycle(1), renewed(2, "2025"))
    assert office.browser.get("/api/v1/status").json()["cohort"]["completed"] == 1
    assert office.browser.get("/api/v1/status?cohort=2025").json()["cohort"]["eligible"] == 1
    assert "2025年度" in office.browser.get("/").text


def test_people_are_listed_by_state_with_their_reason(office: Office) -> None:
    populate(office.ports)
    (person,) = office.browser.get("/api/v1/people?state=notified").json()
    assert (person["registration_id"], person["assertion_id"]) == ("R00002", assertion_id(2))
    assert {p["reason"] for p in office.browser.get("/api/v1/people?state=held").json()} == {
        "missing-address",
        "shared-address",
    }
    assert len(office.browser.get("/api/v1/people").json()) == 9


def test_the_board_says_what_a_service_reports_and_what_to_do(store: Store) -> None:
    with office_of(store, issuer='akashi_topic_gap{topic="registration.renewed"} 30.0\n', mailer="") as office:
        page = office.browser.get("/").text
        services = office.browser.get("/api/v1/status").json()["services"]
    assert "akashi rebuild issuer" in page and "registration.renewed 30" in page and "様子のおかしいサービス 1" in page
    assert services["issuer"]["gaps"] == {"registration.renewed": 30}
    assert services["mailer"]["gaps"] == {} and services["mailer"]["unknown"] is None


def test_the_board_has_one_calm_line_when_no_service_is_in_trouble(store: Store) -> None:
    with office_of(store, issuer="", mailer="") as office:
        assert "2のサービスすべてが、いつもどおりです" in office.browser.get("/").text.replace("<wbr>", "")


def test_a_dead_letter_that_was_cut_has_size_and_hash_and_no_button_to_replay_it(office: Office) -> None:
    id = dead_letter(office.ports, size=700_000)
    page = office.browser.get("/dead-letters").text
    assert "700,000" in page and "ab" * 32 in page and 'value="replay"' not in page and 'value="discard"' in page
    (line,) = office.browser.get("/api/v1/dead-letters").json()
    assert (line["size"], line["sha256"]) == (700_000, "ab" * 32)
    answer = office.browser.post(f"/api/v1/dead-letters/{id}/replay", json={"by": "office", "why": "x"})
    assert answer.status_code == 409 and "700000 bytes" in answer.json()["detail"]


def test_an_unknown_state_or_stage_is_refused(office: Office) -> None:
    assert office.browser.get("/api/v1/people?state=lost").status_code == 422
    assert office.browser.get("/people?state=lost").status_code == 404
    assert office.browser.get("/differences/eligible").status_code == 404


def test_a_replay_puts_the_bytes_into_the_outbox_and_wakes_the_ticks(office: Office) -> None:
    id = dead_letter(office.ports, value=b"as they were")
    answer = office.browser.post(f"/api/v1/dead-letters/{id}/replay", json={"by": "office", "why": "repaired"})
    assert answer.json() == {"id": id, "state": "replayed"}
    with office.ports.store.transaction() as tx:
        rows = tx.cursor.execute("select topic, value from outbox order by id").fetchall()
    assert rows[0] == ("assertion.issued", b"as they were") and rows[1][0] == "office.decisions"
    assert office.woken == 1 and office.status()["dead_letters"] == 0


def test_a_second_replay_is_refused_and_leaves_the_outbox_as_it_is(office: Office) -> None:
    id = dead_letter(office.ports)
    order = {"by": "office", "why": "repaired"}
    office.browser.post(f"/api/v1/dead-letters/{id}/replay", json=order).raise_for_status()
    assert office.browser.post(f"/api/v1/dead-letters/{id}/replay", json=order).status_code == 409
    with office.ports.store.transaction() as tx:
        assert tx.cursor.execute("select count(*) from outbox").fetchone() == (2,)


@pytest.mark.parametrize("body", [{}, {"by": "office"}, {"by": "office", "why": "  "}, {"by": "o", "why": "a\0b"}])
def test_a_decision_without_author_or_reason_is_refused(office: Office, body: dict[str, str]) -> None:
    id = dead_letter(office.ports)
    assert office.browser.post(f"/api/v1/dead-letters/{id}/discard", json=body).status_code == 422
    assert office.status()["dead_letters"] == 1


def test_an_unknown_dead_letter_is_not_found(office: Office) -> None:
    answer = office.browser.post("/api/v1/dead-letters/none/discard", json={"by": "office", "why": "x"})
    assert answer.status_code == 404


def test_the_form_discards_with_a_reason_that_stays_on_the_page(office: Office) -> None:
    id = dead_letter(office.ports)
    form = {"act": "discard", "by": "事務局", "why": "試験の送信"}
    page = office.browser.post(f"/dead-letters/{id}", data=form, follow_redirects=True).raise_for_status().text
    assert "試験の送信" in page
    assert office.browser.post(f"/dead-letters/{id}", data=form).status_code == 409


def test_a_form_sent_from_another_site_is_refused(office: Office) -> None:
    id = dead_letter(office.ports)
    form = {"act": "discard", "by": "x", "why": "x"}
    answer = office.browser.post(f"/dead-letters/{id}", data=form, headers=CROSS_SITE)
    assert answer.status_code == 403 and office.status()["dead_letters"] == 1


def test_the_record_shows_who_decided_what(office: Office) -> None:
    tell(
        office.ports,
        OfficeDecided(
            decision_id="d", decision="discard", subject="dead-1", by="事務局", why="試験の送信", decided_at=NOON
        ),
    )
    assert "試験の送信" in office.browser.get("/").text
