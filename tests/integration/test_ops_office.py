"""The office's orders over real HTTP and by the real commands, on a real PostgreSQL. Kafka is the outbox."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from services.ops.cli import main
from services.ops.config import Links
from services.ops.ports import Ports
from services.ops.sources.lag import LagMeter
from services.ops.store.events import Store
from shared.office_events import Correction, DecisionSettled, OfficeDecided
from shared.runtime.log import configure
from shared.wire import decode
from tests.worlds.cohorts import NOON, again, assertion_id, at, cycle, issued, renewed, revoked
from tests.worlds.http_server import serving
from tests.worlds.ops import NoBroker, empty, ops_store, tell, tell_all
from tests.worlds.ops_site import CROSS_SITE, at_board, sign_in, site_of

WHO = {"by": "事務局", "why": "本人の申し出"}


class Office:
    """ops over HTTP. `settling` plays the services that carry the orders out."""

    def __init__(self, ports: Ports, base: str, browser: httpx.Client) -> None:
        self.ports, self.base, self.browser = ports, base, browser

    def orders(self) -> list[OfficeDecided]:
        with self.ports.store.transaction() as tx:
            rows = tx.cursor.execute("select value from outbox where topic = 'office.decisions' order by id").fetchall()
        return [event for event in (decode(bytes(row[0])) for row in rows) if isinstance(event, OfficeDecided)]

    def akashi(self, *words: str, input: str | None = None) -> Result:
        return CliRunner().invoke(main, words, env=at_board(self.base), input=input)

    @contextmanager
    def settling(self, outcome: str = "done", detail: str | None = None) -> Iterator[None]:
        over = threading.Event()

        def settle() -> None:
            seen: set[str] = set()
            while not over.wait(0.1):
                fresh = [each for each in self.orders() if each.decision_id not in seen]
                seen |= {each.decision_id for each in fresh}
                tell_all(
                    self.ports,
                    [
                        DecisionSettled(
                            decision_id=each.decision_id,
                            subject=each.subject,
                            service="issuer",
                            outcome=outcome,
                            settled_at=at(30),
                            detail=detail,
                        )
                        for each in fresh
                        if each.decision not in ("undo", "reissue")
                    ],
                )
                corrected = [each for each in fresh if each.decision == "correct" and outcome == "done"]
                tell_all(
                    self.ports, [again(issued(int(each.subject[1:]), 40), each.version or 0) for each in corrected]
                )

        thread = threading.Thread(target=settle)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    configure("json")  # the service's log goes to the real stderr, not into a command's output
    with ops_store(lambda: NOON) as store:
        yield store


@pytest.fixture
def office(store: Store) -> Iterator[Office]:
    empty(store)
    ports = Ports(store=store, lag=LagMeter(NoBroker()), now=lambda: NOON)
    links = Links(registration=None, verifier="http://localhost:8603", inbox=None)
    with (
        serving(site_of(ports, links)) as base,
        httpx.Client(base_url=base, headers={"accept-language": "ja"}) as browser,
    ):
        sign_in(store, browser)
        yield Office(ports, base, browser)


def crowd(office: Office, size: int) -> None:
    tell_all(office.ports, [event for number in range(size) for event in cycle(number)])


# ── the API ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_request_twice_gives_one_order_and_the_same_answer(office: Office) -> None:
    crowd(office, 1)
    for path, body in (
        ("/api/v1/revoke", {"id": "R00000", **WHO}),
        ("/api/v1/correct", {"registration_id": "R00000", "version": 1, "correction": {"given_name": "一郎"}, **WHO}),
    ):
        first, second = (office.browser.post(path, json=body).raise_for_status().json() for _ in range(2))
        assert first == second and first["outcome"] is None
        assert office.browser.get(f"/api/v1/decisions/{first['id']}").json() == first
    assert [order.decision for order in office.orders()] == ["revoke", "correct"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/v1/revoke", {"id": "R404"}, 404),
        ("/api/v1/revoke", {"id": "R00001"}, 409),  # revoked already
        ("/api/v1/revoke", {"id": "R00002"}, 409),  # no badge yet
        ("/api/v1/revoke", {"id": " "}, 422),
        ("/api/v1/revoke", {"id": "R00000", "why": " "}, 422),
        ("/api/v1/correct", {"registration_id": "R404", "version": 1}, 404),
        ("/api/v1/correct", {"registration_id": "R00000", "version": 2}, 409),
        ("/api/v1/correct", {"registration_id": "R00000"}, 422),
        ("/api/v1/correct", {"registration_id": "R00000", "version": 1, "correction": {"family_name": "a\0"}}, 422),
        ("/api/v1/correct", {"registration_id": "R00000", "version": 1, "correction": {"valid_from": "soon"}}, 422),
        ("/api/v1/undo", {"cohort": "2026", "digest": "other"}, 409),
        ("/api/v1/reissue", {"cohort": "2026", "digest": "other"}, 409),
        ("/api/v1/undo", {"cohort": "2026"}, 422),
        ("/api/v1/undo", {"cohort": "2026", "digest": "x", "issued_after": "2026-04-01T00:00:00"}, 422),
    ],
)
def test_an_impossible_order_is_refused_with_the_reason_and_not_announced(
    office: Office, path: str, body: dict[str, Any], status: int
) -> None:
    crowd(office, 2)
    tell(office.ports, revoked(1), renewed(2))
    answer = office.browser.post(path, json=WHO | body)
    assert answer.status_code == status and answer.json()["detail"]
    assert office.orders() == []


def test_unknown_decisions_and_people_are_not_found(office: Office) -> None:
    assert office.browser.get("/api/v1/decisions/none").status_code == 404
    assert office.browser.get("/api/v1/people/none").status_code == 404
    assert office.browser.get("/people/none").status_code == 404
    assert office.browser.get("/api/v1/decisions?about=none").json() == []


def test_an_order_sent_from_another_site_is_refused(office: Office) -> None:
    crowd(office, 1)
    headers = CROSS_SITE
    for path, body in (
        ("/api/v1/revoke", {"id": "R00000", **WHO}),
        ("/api/v1/undo", {"cohort": "2026", "digest": "x", **WHO}),
    ):
        assert office.browser.post(path, json=body, headers=headers).status_code == 403
    form = {"typed": "取り消し", "subject": assertion_id(0), **WHO}
    assert office.browser.post("/revoke/R00000", data=form, headers=headers).status_code == 403
    assert office.orders() == []


# ── the commands ────────────────────────────────────────────────────────────────────────────────────────


def test_revoke_waits_for_the_outcome_and_prints_it(office: Office) -> None:
    crowd(office, 2)
    with office.settling():
        done = office.akashi("revoke", "R00000", assertion_id(1), "--reason", "退会", "--by", "山田")
    assert done.exit_code == 0 and done.stdout.count("done") == 2 and "見本 第0" in done.stdout
    assert [(o.subject, o.by, o.why) for o in office.orders()] == [(assertion_id(n), "山田", "退会") for n in range(2)]
    again_ = office.akashi("revoke", "R00000", "--reason", "退会")
    assert again_.exit_code == 1 and "revoked" in again_.stderr


def test_revoke_prints_the_outcome_of_an_order_that_came_to_nothing(office: Office) -> None:
    crowd(office, 1)
    with office.settling("no-such-assertion", "got A, expected one that was issued"):
        result = office.akashi("revoke", "R00000", "--reason", "x", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["outcome"] == "no-such-assertion"


def test_revoke_without_waiting_ends_at_once_and_names_the_order(office: Office) -> None:
    crowd(office, 1)
    result = office.akashi("revoke", "R00000", "--reason", "x", "--no-wait")
    assert result.exit_code == 0 and "akashi decisions revoke/" in result.stderr


def test_correct_shows_old_and_new_and_a_dry_run_orders_nothing(office: Office) -> None:
    crowd(office, 1)
    dry = office.akashi("correct", "R00000", "--family-name", "髙橋", "--valid-until", "2031-03-31", "--dry-run")
    assert dry.exit_code == 0 and "見本 → 髙橋" in dry.stderr and "2030-03-31 → 2031-03-31" in dry.stderr
    preview = json.loads(office.akashi("correct", "R00000", "--family-name", "髙橋", "--dry-run", "--json").stdout)
    assert preview["changes"] == [{"field": "family_name", "old": "見本", "new": "髙橋"}]
    assert office.orders() == []
    with office.settling():
        done = office.akashi("correct", "R00000", "--family-name", "髙橋", "--email", "new@example.jp", "--why", "改姓")
    assert done.exit_code == 0, done.output
    (order,) = office.orders()
    assert order.correction == Correction(family_name="髙橋", email="new@example.jp")


def test_correct_is_refused_without_a_change_or_a_reason(office: Office) -> None:
    crowd(office, 1)
    assert office.akashi("correct", "R00000", "--why", "x").exit_code == 2
    assert office.akashi("correct", "R00000", "--again", "--given-name", "一郎", "--why", "x").exit_code == 2
    assert office.akashi("correct", "R00000", "--given-name", "一郎").exit_code == 2
    assert office.akashi("correct", "R00000", "--family-name", "見本", "--why", "x").exit_code == 1
    assert office.akashi("correct", "R404", "--again", "--why", "x").exit_code == 1
    assert office.orders() == []


def test_an_undo_lists_first_and_revokes_exactly_that_list(office: Office) -> None:
    crowd(office, 40)
    dry = office.akashi("undo", "2026", "--json")
    run = json.loads(dry.stdout)
    assert (run["count"], len(run["people"]), office.orders()) == (40, 40, [])
    shown = office.akashi("undo", "2026", "--reason", "誤った発行")
    assert len(shown.stdout.splitlines()) == 40 and f"--apply {run['digest']}" in shown.stderr
    assert office.akashi("undo", "2026", "--why", "x", "--apply", "0" * 12).exit_code == 1
    assert office.akashi("undo", "2026", "--apply", run["digest"]).exit_code == 2  # no reason
    with office.settling():
        done = office.akashi("undo", "2026", "--why", "誤った発行", "--apply", run["digest"], "--json")
    line = json.loads(done.stdout)
    assert done.exit_code == 0, done.output
    assert (line["outcome"], line["parts"]) == ("done", {"total": 40, "settled": 40, "outcomes": {"done": 40}})
    assert office.akashi("undo", "2026", "--why", "x", "--apply", run["digest"]).exit_code == 1
    assert len(office.orders()) == 41
    record = office.akashi("decisions", line["id"], "--json").stdout.splitlines()
    assert len(record) == 41 and json.loads(record[0])["decision"] == "undo"
    assert len(office.akashi("decisions").stdout.splitlines()) == 1
    tell_all(office.ports, [revoked(number) for number in range(40)])
    again_ = json.loads(office.akashi("reissue", "2026", "--json").stdout)
    assert again_["count"] == 40
    with office.settling():
        result = office.akashi("reissue", "2026", "--why", "誤りを直した", "--apply", again_["digest"])
    assert result.exit_code == 0 and "done\t40" in result.stdout


def test_a_time_without_a_zone_is_in_japan_time(office: Office) -> None:
    tell(office.ports, renewed(1), issued(1, 0), renewed(2), issued(2, 60))
    found = json.loads(office.akashi("undo", "2026", "--issued-after", "2026-04-01T13:00", "--json").stdout)
    assert [person["registration_id"] for person in found["people"]] == ["R00002"]
    assert office.akashi("undo", "2026", "--issued-after", "noon").exit_code == 2


# ── the pages ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_form_revokes_once_and_the_page_shows_the_order(office: Office) -> None:
    crowd(office, 1)
    form = {"typed": "取り消し", "subject": assertion_id(0), **WHO}
    for _ in range(2):
        page = office.browser.post("/revoke/R00000", data=form, follow_redirects=True).raise_for_status()
    assert "実行中" in page.text and "本人の申し出" in page.text
    (order,) = office.orders()
    settled = DecisionSettled(
        decision_id=order.decision_id, subject=order.subject, service="issuer", outcome="done", settled_at=at(9)
    )
    tell(office.ports, settled, revoked(0))
    assert office.browser.post("/revoke/R00000", data=form).status_code == 409


def test_the_form_corrects_only_what_was_changed(office: Office) -> None:
    crowd(office, 1)
    filled = {
        "act": "correct", "version": "1", "family_name": "髙橋", "given_name": "第0", "family_name_latin": "",
        "email": "", "pass_number": "P0", "registration_number": "N0", "valid_from": "2026-04-01",
        "valid_until": "2030-03-31", **WHO,
    }  # fmt: skip
    for _ in range(2):
        office.browser.post("/people/R00000", data=filled, follow_redirects=True).raise_for_status()
    (order,) = office.orders()
    assert order.correction == Correction(family_name="髙橋")


def test_a_form_without_a_change_or_with_a_bad_date_is_refused(office: Office) -> None:
    crowd(office, 1)
    form = {"act": "correct", "version": "1", "family_name": "見本", **WHO}
    assert office.browser.post("/people/R00000", data=form).status_code == 422
    assert office.browser.post("/people/R00000", data=form | {"valid_until": "soon"}).status_code == 422
    assert office.orders() == []


def test_a_page_that_answers_a_refused_form_does_not_look_again_by_itself_and_sends_the_form_once(
    office: Office,
) -> None:
    crowd(office, 1)
    form = {"act": "address", "address": "one@example.jp", **WHO}
    pending = office.browser.post("/people/R00000", data=form, follow_redirects=True).raise_for_status()
    assert "/static/again" in pending.text
    refused = office.browser.post("/people/R00000", data=form | {"address": "other@example.jp"})
    assert refused.status_code == 409 and "結果を見る" in refused.text and "/static/again" not in refused.text
    assert len(office.orders()) == 1
    script = next(word for word in pending.text.split('"') if "/static/again" in word)
    assert "reload(" not in office.browser.get(script).text  # of the answer to a form it sends the form again


@pytest.mark.parametrize(("outcome", "is_said"), [("address-taken", True), ("done", False)])
def test_an_order_that_came_to_nothing_is_said_at_the_top_of_the_page(
    office: Office, outcome: str, is_said: bool
) -> None:
    crowd(office, 1)
    form = {"act": "address", "address": "one@example.jp", **WHO}
    assert office.browser.post("/people/R00000", data=form).status_code == 303
    (order,) = office.orders()
    settled = DecisionSettled(
        decision_id=order.decision_id,
        subject=order.subject,
        service="registration",
        outcome=outcome,
        settled_at=at(9),
        detail="R00009",
    )
    tell(office.ports, settled)
    top = office.browser.get("/people/R00000").text.partition('<section class="stack">')[0]
    for words in ("最後の操作は行われていません", "ほかの人のアドレス", "R00009"):
        assert (words in top) == is_said


def test_a_revoked_badge_is_issued_again_by_its_form(office: Office) -> None:
    crowd(office, 1)
    tell(office.ports, revoked(0))
    page = office.browser.get("/people/R00000").text
    assert "発行し直す" in page and "取り消しへ進む" not in page
    form = {"act": "again", "version": "1", **WHO}
    for _ in range(2):
        office.browser.post("/people/R00000", data=form, follow_redirects=True).raise_for_status()
    assert [(o.decision, o.correction) for o in office.orders()] == [("correct", Correction())]
