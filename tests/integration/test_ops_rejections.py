"""Rows of deliveries that could not be read: counted as rows, said in words, dismissed by the office with a reason."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.ops import queries
from services.ops.acts import rejections
from services.ops.acts.orders import Attribution
from services.ops.store.events import Store
from shared.errors import NotFound
from shared.events import RegistrationRejected
from shared.office_events import OfficeDecided
from shared.wire import decode
from tests.worlds.ops import outbox, tell
from tests.worlds.ops_restored import Restored
from tests.worlds.ops_site import Office, office_of
from tests.worlds.postgres import Databases

pytest_plugins = ("tests.worlds.ops_fixtures",)

OFFICE = Attribution("事務局", "上流で直した")
REASON = {"by": OFFICE.by, "why": OFFICE.why}


@pytest.fixture
def office(store: Store) -> Iterator[Office]:
    with office_of(store) as office:
        yield office


def rejected(
    id: str, source: str = "登録者.csv", row: int | None = 7, field: str = "valid_from"
) -> RegistrationRejected:
    return RegistrationRejected(rejection_id=id, source=source, row=row, field=field, expected="YYYY-MM-DD", got="春")


def crowd(office: Office) -> None:
    """Three rows of one file, one of them with three wrong fields, and two records that came by themselves."""
    tell(office.ports, rejected("a"), rejected("b", field="kind"), rejected("c", field="family_name"))
    tell(office.ports, rejected("d", row=8), rejected("e", row=9, field="encoding"))
    tell(office.ports, rejected("k1", "kafka", None), rejected("k2", "kafka", None, "email"))


def count(office: Office) -> int:
    return int(str(office.status()["rejected"]))


def test_a_row_with_several_wrong_fields_is_one_row(office: Office) -> None:
    crowd(office)
    assert count(office) == 5
    rows = office.browser.get("/api/v1/rejected").raise_for_status().json()
    assert sorted(len(row["problems"]) for row in rows) == [1, 1, 1, 1, 3]


def test_what_is_wrong_is_said_in_the_readers_language_with_the_raw_value_beside(office: Office) -> None:
    crowd(office)
    for path in ("/", "/rejected"):
        page = office.browser.get(path).raise_for_status().text.replace("<wbr>", "")
        assert "有効期間の開始日：日付として受け取れません" in page and "「CSV UTF-8」で保存し直します" in page
        assert "春 — expected YYYY-MM-DD" in page and "7行目" in page
        english = office.browser.get(f"{path}?lang=en").text
        assert "Valid from: not taken as a day" in english and "row 7" in english
        office.browser.cookies.delete("lang")


def test_rows_are_dismissed_with_a_reason_on_record_and_leave_the_board(office: Office) -> None:
    crowd(office)
    row = next(row for row in office.browser.get("/api/v1/rejected").json() if row["row_number"] == 7)
    form = {"id": row["id"], **REASON}
    page = office.browser.post("/rejected", data=form, follow_redirects=True).raise_for_status().text
    assert OFFICE.why in page and office.woken == 1 and count(office) == 4
    ((topic, _, value),) = outbox(office.ports)
    event = decode(value)
    assert topic == "office.decisions" and isinstance(event, OfficeDecided)
    assert (event.decision, event.subject, sorted(event.rejections)) == ("dismiss", "登録者.csv", ["a", "b", "c"])
    assert OFFICE.why in office.browser.get("/decisions").text


def test_a_whole_delivery_or_everything_is_dismissed_at_once(office: Office) -> None:
    crowd(office)
    order = {"source": "登録者.csv", **REASON}
    assert office.browser.post("/api/v1/rejected/dismiss", json=order).raise_for_status().json() == {"dismissed": 5}
    assert count(office) == 2
    assert office.browser.post("/api/v1/rejected/dismiss", json={"everything": True, **REASON}).is_success
    assert count(office) == 0 and office.browser.get("/api/v1/rejected").json() == []
    assert len(office.browser.get("/api/v1/rejected?state=dismissed").json()) == 5


def test_the_page_says_when_nothing_was_ticked_and_when_somebody_else_was_faster(office: Office) -> None:
    crowd(office)
    page = office.browser.post("/rejected", data={"why": "直した"})
    assert page.status_code == 422 and "何も選ばれていない" in page.text
    for status in (303, 409):
        page = office.browser.post("/rejected", data={"why": "直した", "source": "登録者.csv"})
        assert page.status_code == status
    assert "先に対応済みにしました" in page.text and "kafka" in page.text


def test_a_row_that_is_rejected_later_or_for_another_reason_is_open(office: Office) -> None:
    crowd(office)
    rejections.dismiss(office.ports, OFFICE, source="登録者.csv")
    tell(office.ports, rejected("a"), rejected("f", field="phone"))  # the same again, and something new in row 7
    (row,) = [row for row in rejections.rejected_rows(office.ports, "open") if row.source != "kafka"]
    assert row.row_number == 7 and "f" in {problem.rejection_id for problem in row.problems}


@pytest.mark.parametrize(
    ("order", "status"),
    [
        ({"ids": ["a", "nobody"]}, 404),
        ({"source": "nothing.csv"}, 404),
        ({}, 422),
        ({"ids": ["a"], "everything": True}, 422),
        ({"ids": ["a"], "why": " "}, 422),
        ({"everything": True, "by": ""}, 422),
    ],
)
def test_an_order_that_can_not_be_meant_dismisses_none(office: Office, order: dict[str, object], status: int) -> None:
    crowd(office)
    assert office.browser.post("/api/v1/rejected/dismiss", json={**REASON, **order}).status_code == status
    assert count(office) == 5 and outbox(office.ports) == []


def test_many_rows_are_dismissed_by_few_decisions(office: Office) -> None:
    tell(office.ports, *(rejected(f"{number:05}", "photo.png", number) for number in range(1678)))
    rejections.dismiss(office.ports, OFFICE)
    events = [decode(value) for _, _, value in outbox(office.ports)]
    assert [len(event.rejections) for event in events if isinstance(event, OfficeDecided)] == [1000, 678]
    assert all(len(value) < 100_000 for _, _, value in outbox(office.ports)) and count(office) == 0
    with pytest.raises(NotFound):
        rejections.dismiss(office.ports, OFFICE, source="photo.png")


def test_after_a_restore_of_ops_what_was_dismissed_stays_so(databases: Databases) -> None:
    world = Restored(databases, lambda ports: tell(ports, rejected("a")))
    try:
        tell(world.lived, rejected("b", row=8))
        rejections.dismiss(world.lived, OFFICE)
        world.take_back()
        tell(world.backup, rejected("b", row=8), rejected("c", row=9))  # read again
        assert [row.row_number for row in rejections.rejected_rows(world.backup, "open")] == [9]
        assert queries.status(world.backup, None).rejected == 1
    finally:
        world.backup.store.close()
        world.lived.store.close()
