"""What a holder takes out of the wallet: files, export, pages to share by.

Tests services/wallet: badges, export, web.
"""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from urllib.parse import unquote

import httpx
import msgspec
import pytest

from services.issuer.domain.credential import badge_document
from shared import object_keys
from shared.credentials.baking import unbake_png, unbake_svg
from shared.credentials.open_badges_2 import assertion_of
from tests.worlds.wallet import (
    ISSUER,
    PROGRAMME,
    Wallet,
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
    assert archive.read(f"{folder}/登録内容詳細_コンクリート技士_2026.pdf") == b"%PDF details"
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
        for words in ("受領待ち", "発行手続き中", "改ざんを防ぐ記録に登録しています", "目安：", "更新ずみ", "取り消し"):
            assert words in page, words
        assert "受け取りを待っているバッジが2個あります" in page
        assert page.index("2034年3月31日") < page.index("更新ずみ") < page.index("発行手続き中")
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
