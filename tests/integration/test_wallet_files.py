"""What a holder takes out of the wallet: files, export, pages to share by.

Tests services/wallet: badges, export, web.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import struct
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime, timedelta
from io import BytesIO
from threading import Event
from typing import Any
from urllib.parse import unquote

import httpx
import msgspec
import psycopg
import pytest

from services.issuer.domain.credential import badge_document
from services.wallet.web.site import web_app
from shared import object_keys
from shared.credentials.baking import unbake_png, unbake_svg
from shared.credentials.open_badges_2 import assertion_of
from shared.errors import TryLater
from tests.worlds.http_server import serving
from tests.worlds.wallet import (
    DESK_URL,
    ISSUER,
    PROGRAMME,
    Wallet,
    config,
    corrected,
    join,
    renewed,
    revoked,
)

pytest_plugins = ("tests.worlds.wallet_fixtures",)


def name_of(answer: httpx.Response) -> str:
    return unquote(answer.headers["content-disposition"].partition("filename*=UTF-8''")[2])


@pytest.mark.parametrize("choice", ["shown", "hidden", None])
def test_the_picture_holds_the_holders_own_badge_whether_or_not_the_numbers_are_public(
    wallet: Wallet, choice: str | None
) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser, wallet.browser() as stranger:
        join(browser, wallet, badge)
        assert browser.get(f"/badges/{badge}/badge.png").status_code == 404, "nothing to take before it is issued"
        wallet.finish(badge)
        if choice:
            browser.post(f"/badges/{badge}/details", data={"details": choice})
        credential = wallet.objects.kept[object_keys.credential(badge)]
        hosted = msgspec.json.encode(assertion_of(json.loads(credential), public_url="http://verifier.example"))
        for form, unbake in (("png", unbake_png), ("svg", unbake_svg)):
            answer = browser.get(f"/badges/{badge}/badge.{form}")
            unbaked = unbake(answer.content)
            assert (unbaked.credential, unbaked.assertion) == (credential, hosted)
            assert name_of(answer) == f"コンクリート技士_2026.{form}"
            assert answer.headers["cache-control"] == "private, no-store"
            assert stranger.get(f"/badges/{badge}/badge.{form}").url.path == "/login"
        assert name_of(browser.get(f"/badges/{badge}/credential.json")) == "コンクリート技士_2026.json"
        assert name_of(browser.get(f"/badges/{badge}/certificate.pdf")) == "登録証_コンクリート技士_2026.pdf"
        assert name_of(browser.get(f"/badges/{badge}/details.pdf")) == "登録内容詳細_コンクリート技士_2026.pdf"


def test_what_no_longer_counts_or_is_not_finished_or_not_ones_own_is_neither_shared_nor_given_out(
    wallet: Wallet,
) -> None:
    mine, pending, fixed, others = (wallet.issue("a@example.jp") for _ in range(4))
    others = wallet.issue("b@example.jp")
    with wallet.browser() as browser, wallet.browser() as other:
        join(browser, wallet, mine.assertion_id)
        join(other, wallet, others.assertion_id)
        for badge in (mine, fixed, others):
            browser.post(f"/badges/{badge.assertion_id}/receive")
            wallet.finish(badge.assertion_id)
        browser.post(f"/badges/{pending.assertion_id}/receive")
        wallet.consume(revoked(mine.assertion_id), corrected(fixed))
        for badge in (mine, pending, fixed, others):
            for path in ("share", "signature", "badge.png", "badge.svg", "credential.json", "certificate.pdf"):
                assert browser.get(f"/badges/{badge.assertion_id}/{path}").status_code == 404, path


def test_the_export_holds_the_own_data_and_every_file_of_every_finished_badge(wallet: Wallet) -> None:
    done = wallet.issue("a@example.jp")
    waiting = wallet.issue("a@example.jp", qualification="shindanshi")
    stranger = wallet.issue("b@example.jp")
    with wallet.browser() as browser, wallet.browser() as other:
        assert browser.get("/export.zip").url.path == "/login"
        join(browser, wallet, done.assertion_id, name="高橋 一郎")
        join(other, wallet, stranger.assertion_id)
        wallet.finish(done.assertion_id)
        answer = browser.get("/export.zip")
        assert answer.headers["content-type"] == "application/zip"
        assert answer.headers["cache-control"] == "private, no-store"
        png = browser.get(f"/badges/{done.assertion_id}/badge.png").content
    archive = zipfile.ZipFile(BytesIO(answer.content))
    assert archive.testzip() is None
    folder = f"コンクリート技士_2026_{done.assertion_id}"
    assert archive.namelist() == [
        "data.json",
        f"{folder}/credential.json",
        f"{folder}/コンクリート技士_2026.png",
        f"{folder}/コンクリート技士_2026.svg",
        f"{folder}/登録証_コンクリート技士_2026.pdf",
        f"{folder}/登録内容詳細_コンクリート技士_2026.pdf",
    ]
    assert archive.read(f"{folder}/コンクリート技士_2026.png") == png
    assert archive.read(f"{folder}/登録内容詳細_コンクリート技士_2026.pdf") == b"%PDF-details%%EOF"
    data = json.loads(archive.read("data.json"))
    assert data["account"]["full_name"] == "高橋 一郎"
    assert [each["address"] for each in data["account"]["addresses"]] == ["a@example.jp"]
    assert len(data["account"]["sessions"]) == 1 and data["account"]["passkeys"] == []
    assert {each["assertion_id"]: each["state"] for each in data["badges"]} == {
        done.assertion_id: "issued",
        waiting.assertion_id: "unreceived",
    }
    told = json.dumps(data)
    assert "argon2" not in told and "b@example.jp" not in told and "account_id" not in told
    assert "addressee_id" not in told, "the number of an account, too"


def front_to_back(archive: bytes) -> dict[str, bytes]:
    """What a reader finds that knows only what it has read so far, as Java's ZipInputStream; without the directory."""
    found, at = {}, 0
    while archive[at : at + 4] == b"PK\3\4":
        flags, method, packed, name, extra = struct.unpack_from("<2xHH8xI4xHH", archive, at + 4)
        assert flags & 8 == 0, "size and checksum would stand behind the content"
        begins = at + 30 + name + extra
        title = archive[at + 30 : at + 30 + name]
        assert title.isascii() or flags & 0x800, "Explorer reads other names as Shift_JIS"
        content = archive[begins : begins + packed]
        found[title.decode()] = zlib.decompress(content, -15) if method else content
        at = begins + packed
    assert archive[at : at + 4] == b"PK\1\2", "the directory follows the last file"
    return found


def test_the_export_is_read_from_front_to_back_as_well_and_its_files_have_japans_time(wallet: Wallet) -> None:
    wallet.clock.now = datetime(2026, 4, 1, 15, 30, tzinfo=UTC)
    with wallet.browser() as browser:
        for number in range(3):
            badge = wallet.issue("a@example.jp").assertion_id
            if number == 0:
                join(browser, wallet, badge)
            browser.post(f"/badges/{badge}/receive")
            wallet.finish(badge)
        content = browser.get("/export.zip").content
    archive = zipfile.ZipFile(BytesIO(content))
    assert archive.testzip() is None and len(archive.namelist()) == 16
    assert front_to_back(content) == {name: archive.read(name) for name in archive.namelist()}
    assert {entry.date_time for entry in archive.infolist()} == {(2026, 4, 2, 0, 30, 0)}


def test_the_export_holds_the_own_orders_of_paper_and_the_address_as_long_as_it_is_kept(wallet: Wallet) -> None:
    mine, others = wallet.issue("a@example.jp").assertion_id, wallet.issue("b@example.jp").assertion_id
    address = {"addressee": "髙橋 一郎", "postcode": "123-4567", "prefecture": "東京都", "phone": "03-0000-0000"}

    def exported(browser: httpx.Client) -> list[Any]:
        archive = zipfile.ZipFile(BytesIO(browser.get("/export.zip").content))
        return list(json.loads(archive.read("data.json"))["orders_on_paper"])

    with wallet.browser() as browser, wallet.browser() as other:
        for each, badge, line in ((browser, mine, "千代田区一番町1-2"), (other, others, "千代田区一番町9-9")):
            join(each, wallet, badge)
            wallet.finish(badge)
            assert exported(each) == []
            form = {**address, "line": line, "item": ["certificate", "card"]}
            assert each.post(f"/badges/{badge}/paper", data=form).status_code == 200
        [order] = exported(browser)
        assert {name: order[name] for name in (*address, "line")} == {**address, "line": "千代田区一番町1-2"}
        assert order["registration_id"] == mine.lower() and order["total"] > 0
        assert [(each["item"], each["state"]) for each in order["items"]] == [
            ("card", "ordered"),
            ("certificate", "ordered"),
        ]
        with wallet.ports.store.transaction() as tx:
            tx.cursor.execute("update paper_items set state = 'sent', shipper = 'S', tracking = '4021'")
            tx.paper.forget_addresses(wallet.clock.now + timedelta(days=1), most=10)
        [order] = exported(browser)
        assert {order[name] for name in (*address, "line")} == {None}
        assert {each["tracking"] for each in order["items"]} == {"4021"}


def test_a_file_that_the_storage_lacks_is_named_in_the_export_and_an_outage_is_answered_as_one(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        wallet.finish(badge)
        del wallet.objects.kept[object_keys.details(badge)]
        archive = zipfile.ZipFile(BytesIO(browser.get("/export.zip").content))
        assert archive.namelist()[-1].endswith("登録内容詳細_コンクリート技士_2026.pdf.missing.txt")
        wallet.objects.away = True
        assert browser.get("/export.zip").status_code == 503
        assert browser.get(f"/badges/{badge}/badge.png").status_code == 503
        assert browser.get(f"/badges/{badge}").status_code == 200
        wallet.objects.away = False


@pytest.mark.parametrize(
    "broken", [lambda it: None, lambda it: it[: len(it) // 2], lambda it: b"", lambda it: b"<html>soon back</html>"]
)
def test_a_file_that_is_lost_or_not_whole_in_the_storage_is_not_given_out_and_the_export_says_so(
    wallet: Wallet, broken: Callable[[bytes], bytes | None]
) -> None:
    badge, kept = wallet.issue("a@example.jp").assertion_id, wallet.objects.kept
    names = ("certificate.pdf", "details.pdf", "credential.json", "badge.png", "badge.svg")
    keys = [object_keys.certificate(badge), object_keys.details(badge), object_keys.credential(badge)]
    keys += [object_keys.badge_file("gishi", "2026", form) for form in ("png", "svg")]
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        wallet.finish(badge)
        for key, name in zip(keys, names, strict=True):
            whole = kept.pop(key)
            if (left := broken(whole)) is not None:
                kept[key] = left
            answer = browser.get(f"/badges/{badge}/{name}")
            assert answer.status_code == 503 and "もう一度お試しください" in answer.text, name
            archive = zipfile.ZipFile(BytesIO(browser.get("/export.zip").content))
            missing = sum(each.endswith(".missing.txt") for each in archive.namelist())
            assert missing == (3 if name == "credential.json" else 1), name  # both pictures hold it
            kept[key] = whole
            assert browser.get(f"/badges/{badge}/{name}").status_code == 200, name


@pytest.mark.parametrize("error", [TryLater("storage away"), psycopg.OperationalError("database away")])
def test_an_outage_in_the_middle_of_the_export_breaks_it_off_and_is_one_line_of_the_log(
    wallet: Wallet, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    badge, get = wallet.issue("a@example.jp").assertion_id, wallet.objects.get

    def get_until_the_last(key: str) -> bytes:
        if key == object_keys.details(badge):
            raise error
        return get(key)

    with wallet.browser() as browser:
        join(browser, wallet, badge)
        wallet.finish(badge)
        monkeypatch.setattr(wallet.objects, "get", get_until_the_last)
        with caplog.at_level(logging.ERROR), pytest.raises(httpx.RemoteProtocolError):
            browser.get("/export.zip")
        assert [record.exc_info for record in caplog.records if record.name == "uvicorn.error"] == [None]


def test_pages_without_files_are_answered_while_the_storage_stands_still(
    wallet: Wallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    badge, over = wallet.issue("a@example.jp").assertion_id, Event()
    with wallet.browser() as browser, ThreadPoolExecutor(60) as readers:
        join(browser, wallet, badge)
        wallet.finish(badge)
        monkeypatch.setattr(wallet.objects, "get", lambda key: over.wait() and b"")
        try:
            waiting = [readers.submit(browser.get, f"/badges/{badge}/certificate.pdf") for _ in range(60)]
            refused = next(as_completed(waiting)).result()
            assert refused.status_code == 503
            assert browser.get("/badges").status_code == 200
            assert sum(each.done() for each in waiting) <= 40, "the others still wait"
        finally:
            over.set()


def test_a_qualification_that_left_the_programme_keeps_its_pages_files_and_names(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        wallet.finish(badge)
        kept = dict(PROGRAMME.qualifications)
        known = kept.pop("gishi")
        wallet.objects.kept["badges/gishi/2026.json"] = json.dumps(badge_document(ISSUER, "gishi", "2026")).encode()
        PROGRAMME.qualifications.pop("gishi")
        try:
            for lang, name in (("ja", "コンクリート技士"), ("en", "Authorized Concrete Engineer")):
                for path in ("/badges", f"/badges/{badge}", f"/badges/{badge}/share", f"/badges/{badge}/signature"):
                    answer = browser.get(path, params={"lang": lang})
                    assert answer.status_code == 200 and name in answer.text.replace("<wbr>", ""), path
            assert name_of(browser.get(f"/badges/{badge}/badge.png")) == "コンクリート技士_2026.png"
            assert browser.get("/art/gishi/2026.png").status_code == 200
            assert browser.get("/art/astronaut/2026.png").status_code == 404
            del wallet.objects.kept["badges/gishi/2026.json"]
            assert "gishi" in browser.get(f"/badges/{badge}").text
            again = wallet.issue("c@example.jp").assertion_id
            with wallet.browser() as newcomer:
                assert newcomer.get(wallet.link(again)).status_code == 200
                assert join(newcomer, wallet, again).status_code == 200
        finally:
            PROGRAMME.qualifications["gishi"] = known


def test_the_list_shows_each_state_and_a_renewal_together_with_what_it_renews(wallet: Wallet) -> None:
    old, _, pending, gone = (
        wallet.issue("a@example.jp"),
        wallet.issue("a@example.jp"),
        wallet.issue("a@example.jp", qualification="shindanshi"),
        wallet.issue("a@example.jp", qualification="shunin-gishi"),
    )
    with wallet.browser() as browser:
        join(browser, wallet, old.assertion_id)
        for badge in (pending, gone):
            browser.post(f"/badges/{badge.assertion_id}/receive")
        wallet.finish(old.assertion_id)
        wallet.consume(revoked(gone.assertion_id), renewed(old))
        page = browser.get("/badges").text
        for words in ("受領待ち", "発行手続き中", "改ざんを防ぐ記録に登録しています", "目安：", "更新済み", "取り消し"):
            assert words in page, words
        assert "受け取りを待っているバッジが2個あります" in page
        assert page.index("2034年3月31日") < page.index("更新済み") < page.index("発行手続き中")
        assert "5個" in page


def test_the_pages_for_everybody_are_open_and_linked_where_the_account_is_made(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        form = browser.get(wallet.link(badge)).text
        assert "髙橋 一郎 様" in form
        for path in ("/guide", "/questions", "/terms", "/privacy"):
            assert f'href="{path}"' in form
            for lang in ("ja", "en"):
                assert browser.get(path, params={"lang": lang}).status_code == 200
        questions = browser.get("/questions", params={"lang": "ja"}).text
        assert all(each.question.ja in questions for each in PROGRAMME.questions)
        assert "お問い合わせの書式で" in questions, "which is at the address screen"
        assert f'href="{DESK_URL}/questions">お問い合わせの書式を開く' in questions
        guide = browser.get("/guide", params={"lang": "en"}).text
        assert '<span lang="ja">受領手続きをはじめる</span>' in guide and '<span lang="ja">バッジを見る</span>' in guide


@pytest.mark.parametrize("has_paper", [True, False])
def test_the_privacy_page_names_the_address_of_a_delivery_where_paper_can_be_ordered(
    wallet: Wallet, wallet_url: str, has_paper: bool
) -> None:
    programme = PROGRAMME if has_paper else msgspec.structs.replace(PROGRAMME, paper=None)
    settings = config(wallet_url, wallet.clock)
    settings = dataclasses.replace(settings, runtime=dataclasses.replace(settings.runtime, programme=programme))
    with serving(web_app(settings, wallet.ports)) as url:
        ja, en = (httpx.get(f"{url}/privacy", params={"lang": lang}, trust_env=False).text for lang in ("ja", "en"))
    for page, kept, no_number, carrier in (
        (ja, "お支払いがないときは、そのときから）90日で消します", "生年月日と電話番号は、ウォレットにも", "運送会社"),
        (en, "deleted 90 days after it was sent", "Birth date and telephone number are neither", "The carrier"),
    ):
        assert (kept in page, no_number in page, carrier in page) == (has_paper, not has_paper, has_paper)
