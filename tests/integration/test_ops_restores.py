"""Restores that services noticed, on the board and in the API until somebody of the office has acknowledged each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.ops import queries
from services.ops.acts import restores
from services.ops.acts.orders import Attribution
from services.ops.store.events import Store
from shared.office_events import OfficeDecided, RestoreNoticed
from shared.wire import decode
from tests.worlds.cohorts import at
from tests.worlds.ops import outbox, tell
from tests.worlds.ops_restored import Restored
from tests.worlds.ops_site import Office, office_of
from tests.worlds.postgres import Databases

pytest_plugins = ("tests.worlds.ops_fixtures",)

OFFICE = Attribution("事務局", "本人の申し出")
SHOWN = "データベースが前の状態に戻されています"


@pytest.fixture
def office(store: Store) -> Iterator[Office]:
    with office_of(store) as office:
        yield office


def noticed(service: str, number: int = 1) -> RestoreNoticed:
    return RestoreNoticed(
        restore_id=f"{service}-{number}",
        service=service,
        noticed_at=at(number),
        recalled={"BadgeReceived": 3} if service == "wallet" else {},
        read_again=1200,
        replaced=True,
    )


def test_a_board_without_restores_has_no_word_of_them(office: Office) -> None:
    assert SHOWN not in office.browser.get("/").raise_for_status().text.replace("<wbr>", "")


def test_the_board_names_each_service_and_what_people_have_to_do(office: Office) -> None:
    tell(office.ports, noticed("wallet"), noticed("verifier"), noticed("wallet"))
    page = office.browser.get("/board").raise_for_status().text.replace("<wbr>", "")
    assert SHOWN in page and "復元されたデータベース 2" in page
    for words in (
        "BadgeReceived 3",
        "1,200件",
        "アカウント、パスワード",
        "リンクをもう一度開き",
        "取り戻せないものはありません",
    ):
        assert words in page
    assert [each["id"] for each in office.browser.get("/api/v1/restores").json()] == ["verifier-1", "wallet-1"]
    assert len(office.browser.get("/api/v1/status").json()["restores"]) == 2


def test_one_that_is_acknowledged_is_off_the_board_and_on_record(office: Office) -> None:
    tell(office.ports, noticed("wallet"), noticed("verifier"))
    form = {"id": "wallet-1", "by": "事務局", "why": "アカウントの作り直しを案内した"}
    page = office.browser.post("/restores", data=form, follow_redirects=True).raise_for_status().text
    assert "アカウントの作り直しを案内した" in page and "確認しました" in page  # the other one's button
    assert office.woken == 1
    assert [each["id"] for each in office.browser.get("/api/v1/restores").json()] == ["verifier-1"]
    (seen,) = office.browser.get("/api/v1/restores?state=seen").json()
    assert (seen["id"], seen["by"], seen["why"]) == ("wallet-1", "事務局", form["why"]) and seen["seen_at"]
    assert form["why"] in office.browser.get("/decisions").text
    ((topic, _, value),) = outbox(office.ports)
    event = decode(value)
    assert topic == "office.decisions" and isinstance(event, OfficeDecided)
    assert (event.decision, event.subject, event.by) == ("acknowledge", "wallet-1", "事務局")


def test_acknowledging_twice_keeps_the_first_and_announces_nothing_more(office: Office) -> None:
    tell(office.ports, noticed("wallet"))
    for by in ("一人目", "二人目"):
        body = {"ids": ["wallet-1"], "by": by, "why": "見た"}
        (line,) = office.browser.post("/api/v1/restores", json=body).raise_for_status().json()
        assert line["by"] == "一人目"
    assert len(outbox(office.ports)) == 1


def test_an_unknown_restore_acknowledges_none(office: Office) -> None:
    tell(office.ports, noticed("wallet"))
    body = {"ids": ["wallet-1", "nobody-1"], "by": "事務局", "why": "見た"}
    assert office.browser.post("/api/v1/restores", json=body).status_code == 404
    assert office.browser.post("/restores", data={"id": "nobody-1", "by": "x", "why": "x"}).status_code == 404
    assert office.browser.post("/api/v1/restores", json={"ids": ["wallet-1"], "by": "", "why": ""}).status_code == 422
    assert len(office.browser.get("/api/v1/restores").json()) == 1 and outbox(office.ports) == []


def test_after_a_restore_of_ops_what_was_acknowledged_stays_so_and_the_new_one_is_shown(databases: Databases) -> None:

    world = Restored(databases, lambda ports: tell(ports, noticed("wallet")))
    try:
        tell(world.lived, noticed("mailer"))
        restores.acknowledge(world.lived, ["wallet-1", "mailer-1"], OFFICE)
        assert world.take_back() == 2
        # Read again: what the services announced after the backup.
        tell(world.backup, noticed("mailer"), noticed("ops", 2))
        assert [each.id for each in queries.status(world.backup, None).restores] == ["ops-2"]
        assert {each.id for each in restores.restores(world.backup, "seen")} == {"wallet-1", "mailer-1"}
        assert outbox(world.backup) == []
    finally:
        world.backup.store.close()
        world.lived.store.close()
