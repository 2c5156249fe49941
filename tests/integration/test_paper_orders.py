"""Orders of paper from the holder's form over the office's steps to the parcel: wallet, renderer and ops together.

Tests services/wallet: paper, paper_office, store/paper, web/paper, web/paper_office; services/renderer/print_sheets;
services/ops: paper, store/paper, web/paper, commands/paper.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from runpy import run_path
from typing import Any

import httpx
import pypdfium2
import pytest

from services.mailer.domain.requested import request_problem
from services.wallet import handlers
from services.wallet.app import build
from services.wallet.stored_files import StoredFiles
from shared.office_events import DecisionSettled
from shared.paper_events import PaperOrdered, PaperUpdated
from shared.wire import encode
from tests.worlds.ops import tell
from tests.worlds.ops_site import office_of
from tests.worlds.paper import ADDRESS, PaperWorld, number_of, said
from tests.worlds.recalled import announced, back_up, take_back
from tests.worlds.renderer import Stage
from tests.worlds.wallet import PAPER_KEY, START, config, corrected, join, log_in, revoked, running_wallet

pytest_plugins = ("tests.worlds.ops_fixtures", "tests.worlds.renderer_fixtures", "tests.worlds.wallet_fixtures")


@pytest.fixture
def world(wallet_url: str, store: object, stage: Stage, tmp_path: Path) -> Iterator[PaperWorld]:
    with running_wallet(wallet_url) as wallet, office_of(store) as office:  # type: ignore[arg-type]
        wallet.objects = stage.objects
        object.__setattr__(wallet.ports, "objects", StoredFiles(stage.objects))
        yield PaperWorld(wallet, stage, office, tmp_path)


def text_of(pdf: bytes) -> list[str]:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [page.get_textpage().get_text_range() for page in document]
    finally:
        document.close()


def test_from_the_form_over_payment_and_print_to_the_parcel(world: PaperWorld) -> None:
    badge = world.badge(1)
    with world.owner(badge) as browser:
        assert f"/badges/{badge.assertion_id}/paper" in browser.get(f"/badges/{badge.assertion_id}").text
        form = browser.get(f"/badges/{badge.assertion_id}/paper")
        assert "登録番号の入力はいりません" in form.text and "registration" not in form.text
        assert "2026年4月15日" in form.text  # the card's day
        answer = world.order(browser, badge, "certificate", "card")
        order = number_of(answer)
        assert len(order) == 8 and order in answer.text and "見本銀行" in answer.text
        (received,) = world.letters()
        assert (received.letter, received.recipient) == ("paper-received", badge.holder.email)
        assert received.facts == {
            "name": "髙橋 一郎",
            "items": "登録証（紙）、登録者証（カード）",
            "total": "5,500円",
            "how_to_pay": received.facts["how_to_pay"],
            "order_number": order,
        }
        assert world.states() == {f"{order}/certificate": ("ordered", None), f"{order}/card": ("ordered", None)}
        page = world.office.browser.get("/paper").text
        assert order in page and "髙橋 一郎" in page and "千代田区" not in page

        assert world.step("paid", order) == "done"
        assert world.step("print", "--all") == "done"
        (certificate,) = text_of(world.sheet("certificate"))
        assert f"登録番号 {badge.award.registration_number}" in certificate.replace("　", " ")
        (card,) = text_of(world.sheet("card"))
        assert order in card and badge.award.registration_number in card

        assert world.step("sent", f"{order}/card", "--shipper", "見本運輸").startswith(
            f"not-possible 0 done; not: {order}/card too-early"
        )
        sent = world.step("sent", f"{order}/certificate=4021-5566", "--shipper", "見本運輸")
        assert sent == "done"
        assert world.letters()[-1].letter == "paper-sent"
        assert world.letters()[-1].facts == {
            "name": "髙橋 一郎",
            "items": "登録証（紙）",
            "order_number": order,
            "shipper": "見本運輸",
            "tracking": "4021-5566",
        }
        assert "4021-5566" in browser.get(f"/badges/{badge.assertion_id}/paper").text
        world.later(timedelta(days=14))
        with world.wallet.browser() as again:
            assert again.get("/login").status_code == 200
        assert world.step("sent", f"{order}/card") == "done"
        assert world.letters()[-1].facts["shipper"] == ""
        assert [request_problem(letter) for letter in world.letters()] == [None] * 3  # the mailer writes each of them
        assert world.step("returned", f"{order}/card") == "done"
        assert {state for state, _ in world.states().values()} == {"sent", "returned"}
    counts = world.office.browser.get("/api/v1/paper/counts").json()
    assert {(row["item"], row["state"]): row["count"] for row in counts} == {
        ("certificate", "sent"): 1,
        ("card", "returned"): 1,
    }


def test_what_is_printed_is_the_newest_badge_and_what_is_corrected_after_the_print_is_held_until_it_is_printed_again(
    world: PaperWorld,
) -> None:
    badge = world.badge(1)
    with world.owner(badge) as browser:
        order = number_of(world.order(browser, badge, "certificate"))
    world.step("paid", order)
    world.badge(1, version=2, registration_number="26-77777", finished=False)
    world.tell_all(revoked(badge.assertion_id, replaced_by="X"))
    assert world.states()[f"{order}/certificate"] == ("paid", "waits")
    assert "held" in world.step("print", f"{order}/certificate")
    assert world.akashi("print", "--all", "--by", "a", "--reason", "b", "--no-wait").exit_code == 1
    second = world.badge(1, version=2, registration_number="26-77777")
    world.exchange()
    assert world.step("print", order) == "done"
    assert "26-77777" in text_of(world.sheet("certificate"))[0]

    third = world.badge(1, version=3, registration_number="26-88888")
    world.exchange()
    assert world.states()[f"{order}/certificate"] == ("printed", "changed")
    assert "changed" in world.step("sent", order)
    assert world.step("print", order) == "done"
    assert "26-88888" in text_of(world.sheet("certificate"))[0]
    world.tell_all(revoked(third.assertion_id))
    assert world.states()[f"{order}/certificate"] == ("printed", "revoked")
    assert "held" in world.step("sent", order)
    assert world.step("cancel", order) == "done"
    assert len({badge.assertion_id, second.assertion_id, third.assertion_id}) == 3


def test_nothing_is_ordered_before_the_issue_twice_without_an_item_or_to_no_address(world: PaperWorld) -> None:
    badge = world.badge(1, finished=False)
    with world.owner(badge) as browser:
        early = world.order(browser, badge, "certificate")
        assert early.status_code == 422 and "発行が完了した" in early.text
        world.badge(1)
        for changes, words in (
            ({"postcode": "12-34"}, "郵便番号を7桁の数字"),
            ({"prefecture": "江戸"}, "都道府県を選んでください"),
            ({"line": " 　"}, "市区町村・番地・建物名を入力してください"),
            ({"line": "x" * 121}, "市区町村・番地・建物名が長すぎます"),
            ({"addressee": "髙橋\u202e"}, "宛名に使えない文字"),
            ({"phone": "at night"}, "電話番号を数字とハイフン"),
        ):
            wrong = world.order(browser, badge, "certificate", **changes)
            # At the top, and at the field.
            assert wrong.status_code == 422 and wrong.text.count(words) == 2, changes
            typed = (f"--{name}={value}" for name, value in {**ADDRESS, **changes}.items())
            refused = world.akashi("order", badge.assertion_id, "--item", "certificate", *typed)
            assert refused.exit_code == 1 and f"{next(iter(changes))}: expected " in refused.output, changes
        assert world.order(browser, badge).text.count("品目を選んでください") == 2
        assert world.states() == {}
        order = number_of(world.order(browser, badge, "certificate"))
        assert "お支払い待ち" in browser.get(f"/badges/{badge.assertion_id}/paper").text
        again = world.order(browser, badge, "certificate", "card")
        assert again.status_code == 422 and "すでにお申し込み" in again.text
        assert list(world.states()) == [f"{order}/certificate"]
        world.order(browser, badge, "card")
        again = world.order(browser, badge, "certificate", "card")
        assert again.status_code == 422 and "すでにお申し込み" in again.text, "also where nothing is left to order"
    other = world.badge(2)
    with world.owner(other) as stranger:
        assert stranger.get(f"/badges/{badge.assertion_id}/paper").status_code == 404
        assert world.order(stranger, badge, "card").status_code == 404
        assert stranger.post(f"/badges/{badge.assertion_id}/paper/{order}/address", data=ADDRESS).status_code == 404


def exported(browser: httpx.Client) -> str:
    """All data of the account."""
    return zipfile.ZipFile(io.BytesIO(browser.get("/export.zip").content)).read("data.json").decode()


def test_who_has_a_former_version_only_sees_no_order_of_the_newest_ones_holder_and_changes_no_address(
    world: PaperWorld,
) -> None:
    wrong = world.badge(1)
    with world.owner(wrong) as stranger, world.wallet.browser() as holder:
        right = corrected(wrong, "right@example.jp")
        world.wallet.consume(right, revoked(wrong.assertion_id, right.assertion_id))
        join(holder, world.wallet, right.assertion_id)
        world.wallet.finish(right.assertion_id)
        order = number_of(world.order(holder, right, "certificate"))
        assert order not in stranger.get(f"/badges/{wrong.assertion_id}/paper").text
        path = f"/badges/{wrong.assertion_id}/paper/{order}/address"
        assert order not in stranger.get(path).text.replace(path, "")
        assert stranger.post(path, data={**ADDRESS, "line": "elsewhere"}).status_code == 404
        assert [order in exported(browser) for browser in (stranger, holder)] == [False, True]
        assert order in holder.get(f"/badges/{right.assertion_id}/paper").text
        changed = holder.post(path.replace(wrong.assertion_id, right.assertion_id), data=ADDRESS)
        assert changed.url.params["changed"] == "1"
    with world.wallet.ports.store.transaction() as tx:
        assert tx.fetch_value("select line from paper_orders") == ADDRESS["line"]


def test_addresses_leave_the_wallet_only_with_the_key_and_as_texts(world: PaperWorld) -> None:
    first, second = world.badge(1), world.badge(2)
    with world.owner(first) as browser:
        order = number_of(world.order(browser, first, "card", addressee="=HYPERLINK(1)"))
    with world.owner(second):
        pass  # received: else nothing can be ordered for it
    entered = world.akashi(
        "order", second.assertion_id, "--item", "card",
        *(word for name, text in ADDRESS.items() for word in (f"--{name}", text)),
    )  # fmt: skip
    by_office = said(entered)
    with world.wallet.browser() as anybody:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {PAPER_KEY}"}):
            for path in ("addresses.csv?state=ordered", "sheets/20260401-card-0123456789ab"):
                assert anybody.get(f"/office/paper/{path}", headers=headers).status_code == 401
            assert anybody.post("/office/paper/orders", headers=headers, json={}).status_code == 401
    out = world.folder / "送り先.csv"
    assert world.akashi("addresses", "--state", "ordered", "--out", str(out)).exit_code == 0
    assert out.stat().st_mode & 0o077 == 0
    rows = list(csv.reader(io.StringIO(out.read_bytes().decode("utf-8-sig"))))
    assert {row[0] for row in rows[1:]} == {order, by_office}
    listed = {row[0]: row for row in rows}
    assert listed[order][5] == "'=HYPERLINK(1)"
    assert listed[by_office][2:7] == ["123-4567", "東京都", ADDRESS["line"], "髙橋 一郎", "03-0000-0000"]
    assert world.akashi("addresses", "--state", "ordered", "--encoding", "cp932", "--out", str(out)).exit_code == 0
    assert "千代田区一番町" in out.read_bytes().decode("cp932")
    everything = b"".join(encode(event, source="wallet", at=START) for event in world.wallet.announced())
    assert "千代田区".encode() not in everything and b"123-4567" not in everything

    world.step("paid", order, by_office)
    world.step("print", "--all")
    (sheet,) = [row["sheet_id"] for row in world.office.browser.get("/api/v1/paper/sheets").json()]
    assert world.akashi("sheet", sheet, "--out", str(out)).exit_code == 0
    assert out.read_bytes().startswith(b"%PDF-")
    assert "expected one that is drawn" in world.akashi("sheet", "../x", "--out", str(out)).output + "".join(
        world.akashi("sheet", "20260401-card-0123456789ab", "--out", str(out)).output
    )


def test_after_a_restore_orders_stand_where_they_stood_and_only_the_address_is_asked_for_again(
    world: PaperWorld,
) -> None:
    badge = world.badge(1)
    with world.owner(badge) as browser:
        backup = back_up(world.wallet.ports.store)
        order = number_of(world.order(browser, badge, "certificate"))
        world.step("paid", order)
        world.step("print", order)
        facts = announced(world.wallet.ports.store)
        backup.restore()
        process = build(config(world.wallet.ports.store.url, world.wallet.clock), world.wallet.ports)
        for fact in facts * 2:  # in any grouping, and repeated
            take_back(world.wallet.ports.store, process._recalls, [fact])
        page = browser.get(f"/badges/{badge.assertion_id}/paper").text
        assert "印刷中" in page and "送り先がありません" in page
        assert "no-address" in world.step("sent", order)
        path = f"/badges/{badge.assertion_id}/paper/{order}/address"
        assert "送り先" in browser.get(path).text
        assert browser.post(path, data={**ADDRESS, "postcode": "?"}).status_code == 422
        assert "送り先を変更しました" in browser.post(path, data=ADDRESS).text
        assert world.step("sent", f"{order}/certificate=1") == "done"
        assert len([letter for letter in world.letters() if letter.letter == "paper-sent"]) == 1
        assert browser.post(path, data=ADDRESS).status_code == 404  # nothing of it waits to be sent

    world.later(timedelta(days=91))
    assert handlers.forget(world.wallet.ports) > 0
    with world.wallet.ports.store.transaction() as tx:
        assert tx.fetch_value("select count(*) from paper_orders where line is not null") == 0


def test_the_address_of_an_order_that_nobody_pays_is_deleted_and_asked_for_again_once_it_is_paid(
    world: PaperWorld,
) -> None:
    badge, other = world.badge(1), world.badge(2)
    with world.owner(badge) as browser, world.owner(other) as payer:
        order = number_of(world.order(browser, badge, "certificate"))
        world.step("paid", number_of(world.order(payer, other, "certificate")))
    world.later(timedelta(days=91))
    handlers.forget(world.wallet.ports)
    with world.wallet.ports.store.transaction() as tx:
        assert tx.fetch_value("select array_agg(order_id) from paper_orders where line is null") == [order]
    assert world.step("paid", order) == "done"
    with world.wallet.browser() as browser:
        log_in(browser, badge.holder.email)
        assert "送り先がありません" in browser.get(f"/badges/{badge.assertion_id}/paper").text
        browser.post(f"/badges/{badge.assertion_id}/paper/{order}/address", data=ADDRESS)
    handlers.forget(world.wallet.ports)
    with world.wallet.ports.store.transaction() as tx:
        assert tx.fetch_value("select count(*) from paper_orders where line is null") == 0


def test_states_reach_ops_in_any_order(world: PaperWorld) -> None:
    def updated(state: str, revision: int) -> PaperUpdated:
        return PaperUpdated(order_id="12345678", item="card", state=state, revision=revision, at=START)  # type: ignore[arg-type]

    ordered = PaperOrdered(order_id="12345678", registration_id="R-1", items=("card",), total=2500, ordered_at=START)
    tell(world.office.ports, updated("printed", 2), updated("paid", 1), ordered, updated("sent", 3), updated("paid", 1))
    assert world.states() == {"12345678/card": ("sent", None)}


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        ("{0} no-address", "（紙）（送り先がない）"),
        ("{0} no-address, {0} held", "（紙）（保留）"),
        ("{0} no-address, 5 more", "{0} no-address, 5 more"),
    ],
)
def test_a_step_of_the_former_release_is_shown_as_its_wallet_wrote_it_and_in_words_after_the_upgrade(
    world: PaperWorld, refused: str, said: str
) -> None:
    item = f"{two_orders(world)[0]}/certificate"
    form = {"act": "paid", "state": "ordered", "id": item, "why": "振込を確認"}
    assert world.office.browser.post("/paper", data=form).status_code == 303
    (line,) = world.office.browser.get("/api/v1/decisions").json()
    detail = f"17 done; not: {refused.format(item)}"
    former = DecisionSettled(
        decision_id=line["id"], subject="paper", service="wallet", outcome="partly", settled_at=START, detail=detail
    )
    tell(world.office.ports, former)
    assert detail in world.office.browser.get("/paper").text
    (step,) = Path("services/ops/migrations").glob("*_paper_outcomes.py")
    with world.office.ports.store.transaction() as tx:
        tx.cursor.execute(run_path(str(step))["FORMER"].replace("{table}", "decisions").encode())
    page = world.office.browser.get("/paper").text
    assert said.format(item) in page and ("17件完了" in page) == ("more" not in refused)


def test_a_step_names_what_it_was_not_taken_for_and_is_one_order_however_often_it_is_given(world: PaperWorld) -> None:
    orders = two_orders(world)
    assert world.step("paid", orders[0]) == "done"
    partly = world.step("paid", *(f"{order}/certificate" for order in orders))
    assert partly == f"partly 1 done; not: {orders[0]}/certificate wrong-state"  # as the former release reads it
    (line,) = [each for each in world.office.browser.get("/api/v1/decisions").json() if each["outcome"] == "partly"]
    refusal = {"order_id": orders[0], "item": "certificate", "code": "wrong-state"}
    assert line["paper"] == {"taken": 1, "refused": [refusal]}
    shown = world.office.browser.get("/paper", headers={"accept-language": "ja"}).text
    assert f"1件完了。できなかったもの：{orders[0]} 登録証（紙）（いまの段階ではできない）" in shown
    assert "done; not" not in shown
    for words, answer in (
        (["paid", "99999999"], "akashi paper list"),
        (["paid", "1234"], "expected 12345678"),
        (["returned", "--all"], "by their numbers"),
        (["paid"], "--all"),
    ):
        refused = world.akashi(*words, "--by", "a", "--reason", "b")
        assert refused.exit_code != 0 and answer in refused.output, words
    page = world.office.browser.post(
        "/paper",
        data={"act": "print", "by": "事務局", "why": "印刷", "state": "paid", "id": [f"{orders[0]}/certificate"] * 2},
    )
    assert page.status_code == 303
    same = world.office.browser.post(
        "/paper",
        data={"act": "print", "by": "事務局", "why": "印刷", "state": "paid", "id": f"{orders[0]}/certificate"},
    )
    assert same.status_code == 303
    assert len(world.office.browser.get("/api/v1/decisions?about=paper").json()) == 3
    world.exchange()
    assert world.states()[f"{orders[0]}/certificate"] == ("printed", None)
    assert "印刷シートを作る" in world.office.browser.get("/paper?state=printed").text
    assert f"1件完了。できなかったもの：{orders[0]} 登録証（紙）（いまの段階ではできない）" in page_of(world, "paid")
    both = f"{orders[0]}/certificate、{orders[1]}/certificate"
    assert {(line["decision"], line["correction"]["items"]) for line in record_of(world, orders[0])} == {
        ("paper-paid", f"{orders[0]}/certificate"),
        ("paper-paid", both),
        ("paper-printed", f"{orders[0]}/certificate"),
    }
    assert [line["correction"]["items"] for line in record_of(world, orders[1])] == [both]
    assert record_of(world, "9" * 8) == record_of(world, orders[0][:7]) == []
    assert both in world.office.browser.get("/decisions.csv").text


def two_orders(world: PaperWorld) -> list[str]:
    """The numbers of two people's orders of a certificate."""
    orders = []
    for number in (1, 2):
        badge = world.badge(number)
        with world.owner(badge) as browser:
            orders.append(number_of(world.order(browser, badge, "certificate")))
    return orders


def record_of(world: PaperWorld, about: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.office.browser.get("/api/v1/decisions", params={"about": about}).json()
    return found


def page_of(world: PaperWorld, state: str) -> str:
    return world.office.browser.get("/paper", params={"state": state}).raise_for_status().text


def test_on_the_page_a_parcel_has_its_number_and_orders_are_cancelled_once_the_word_is_typed(world: PaperWorld) -> None:
    orders = two_orders(world)
    ids = [f"{order}/certificate" for order in orders]
    step = {"why": "電話", "state": "ordered", "id": ids}
    paper = world.office.browser.post
    assert paper("/paper", data={"act": "paid", "why": "電話", "state": "ordered"}).status_code == 422
    asked = paper("/paper", data={**step, "act": "cancel"})
    assert asked.status_code == 200 and all(order in asked.text for order in orders) and "元に戻す" in asked.text
    assert paper("/paper", data={**step, "act": "cancel", "typed": "はい"}).status_code == 422
    world.exchange()
    assert {state for state, _ in world.states().values()} == {"ordered"}

    assert world.step("paid", *orders) == "done"
    assert world.step("print", *orders) == "done"
    sent = {"why": "発送", "state": "printed", "act": "sent", "line": ids, "tracking": ["", " 4021-5566 "]}
    assert paper("/paper", data={**sent, "id": ids[1:]}).status_code == 303
    assert "/static/again" in page_of(world, "printed")
    world.exchange()
    assert "/static/again" not in page_of(world, "printed") and "4021-5566" in page_of(world, "sent")
    assert world.letters()[-1].facts["tracking"] == "4021-5566"
    assert paper(
        "/paper", data={**step, "state": "printed", "id": ids[:1], "act": "cancel", "typed": "取りやめ"}
    ).is_redirect
    world.exchange()
    assert {id: state for id, (state, _) in world.states().items()} == {ids[0]: "cancelled", ids[1]: "sent"}
