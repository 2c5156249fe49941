"""The wallet's pages in a real browser: axe-core finds nothing, nothing is wider than a phone, no script fails."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
from base64 import b64decode
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4
from zipfile import ZipFile

import pytest
from PIL import Image
from pypdfium2 import PdfDocument

from services.issuer.art.badge_art import badge_png
from services.issuer.domain.status import status_document
from services.issuer.signing.keys import did_document
from shared import object_keys
from shared.credentials.baking import unbake_png, unbake_svg
from tests.worlds.browser_walk import Walk, walking
from tests.worlds.outside_verifier import ask_outside_verifier
from tests.worlds.wallet import (
    ISSUER,
    ISSUER_KEY,
    PASSWORD,
    PROGRAMME,
    START,
    Wallet,
    anchored,
    corrected,
    join,
    renewed,
    revoked,
    running_wallet,
    wallet_database,
)

PICTURES = os.environ.get("AKASHI_PICTURES")  # a folder: to look at them
SCREENS = Path(__file__).with_name("screens.mjs")


@pytest.fixture(scope="module")
def wallet() -> Iterator[Wallet]:
    with wallet_database() as database, running_wallet(database) as wallet:
        for qualification in PROGRAMME.qualifications:
            art = badge_png(qualification, "2026", PROGRAMME, Path("node_modules/@expo-google-fonts"))
            for edition in ("2026", "2030"):
                wallet.objects.kept[f"badges/{qualification}/{edition}.png"] = art
        yield wallet


def _look(urls: Sequence[str], *options: str) -> dict[str, Any]:
    if PICTURES:
        urls = [f"{url}={PICTURES}/wallet-{uuid4().hex[:6]}-{options[-1][:5]}.png" for url in urls]
    seen = subprocess.run(["node", SCREENS, *options, *urls], capture_output=True, text=True, timeout=120)
    report: dict[str, Any] = json.loads(seen.stdout)
    assert seen.returncode == 0, seen.stdout + seen.stderr
    assert len(report["pages"]) == len(urls)
    assert [page["small"] for page in report["pages"]] == [[]] * len(urls), "too small for a finger"
    return report


PUBLIC = {
    "ja-JP": (
        "確認ページ：氏名、資格名、登録番号、",
        "合格番号は表示しません",
        "上の内容に加えて、合格番号も入っています",
    ),
    "en-US": (
        "The public page: name, qualification, registration number",
        "not the pass number",
        "and the pass number too",
    ),
}
HIDDEN = {
    "ja-JP": ("番号は公開していません", "登録番号も表示しません", "確認ページからは取得できません"),
    "en-US": ("Your numbers are not public", "Nor the registration number", "does not give them out"),
}


@pytest.mark.parametrize(("width", "lang"), [("320", "ja-JP"), ("390", "en-US")])
def test_every_page_is_accessible_and_fits_a_phone(wallet: Wallet, width: str, lang: str) -> None:
    address = f"holder{width}@example.jp"
    done, pending, withdrawn, waiting = [wallet.issue(address).assertion_id for _ in range(4)]
    fresh = wallet.issue(f"fresh{width}@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, done, name="山田 花子")
        browser.post(wallet.link(pending))
        browser.post(wallet.link(withdrawn))
        cookie = browser.cookies["wallet"]
    wallet.finish(done)
    wallet.consume(anchored(pending), revoked(withdrawn, reason="error"))

    own = [f"/badges/{id}?received=1" for id in (done, pending, withdrawn, waiting)]
    signed_in = [wallet.url + path for path in ("/badges", *own, wallet.link(waiting))]
    seen = _look(signed_in, "--width", width, "--lang", lang, "--cookie", f"wallet={cookie}")["pages"]
    for sentence in PUBLIC[lang]:  # on the badge's page and before it is received
        assert sentence in seen[1]["text"] and sentence in seen[-1]["text"]
    strangers = [
        wallet.url + path for path in (wallet.link(fresh), wallet.link(waiting), "/login", "/receive/A/x", "/x")
    ]
    _look(strangers, "--width", width, "--lang", lang)


@pytest.mark.parametrize(("width", "lang"), [("320", "ja-JP"), ("390", "en-US")])
def test_every_page_of_a_changed_badge_is_accessible_and_fits_a_phone(wallet: Wallet, width: str, lang: str) -> None:
    address = f"later{width}@example.jp"
    held, hidden, ended, moved = [wallet.issue(address) for _ in range(4)]
    with wallet.browser() as browser:
        join(browser, wallet, held.assertion_id, name="高橋 一郎")
        for badge in (hidden, ended, moved):
            browser.post(wallet.link(badge.assertion_id))
            wallet.finish(badge.assertion_id)
        browser.post(f"/badges/{hidden.assertion_id}/details", data={"details": "hidden"})
        cookie = browser.cookies["wallet"]
    fixed = corrected(held)
    later = renewed(fixed)
    wallet.consume(fixed, revoked(held.assertion_id, fixed.assertion_id, "訂正：氏名"), later)
    wallet.finish(fixed.assertion_id)
    elsewhere = corrected(moved, f"elsewhere{width}@example.jp")
    wallet.consume(elsewhere, revoked(moved.assertion_id, elsewhere.assertion_id), revoked(ended.assertion_id))

    ids = [badge.assertion_id for badge in (held, fixed, later, ended, moved)]
    paths = ["/badges", f"/badges/{hidden.assertion_id}?changed=1", *(f"/badges/{id}" for id in ids)]
    urls = [wallet.url + path for path in paths]
    seen = _look(urls, "--width", width, "--lang", lang, "--cookie", f"wallet={cookie}")["pages"]
    assert all(sentence in seen[1]["text"] for sentence in HIDDEN[lang])
    waiting = wallet.issue(f"stranger{width}@example.jp")
    wallet.consume(corrected(waiting, f"other{width}@example.jp"))
    _look([wallet.url + wallet.link(waiting.assertion_id)], "--width", width, "--lang", lang)


def test_a_refused_form_is_accessible_and_says_what_to_correct(wallet: Wallet) -> None:
    fresh = wallet.issue("refused@example.jp").assertion_id
    fill = ["--fill", "full_name=山田", "--fill", "password=short", "--click", "受領する"]
    report = _look([wallet.url + wallet.link(fresh)], *fill)
    assert report["pages"][0]["status"] == 422
    assert report["pages"][0]["focus"] == "password"


@pytest.mark.parametrize(
    ("width", "lang", "scheme", "kind"), [(390, "ja-JP", "light", "details"), (1280, "en-US", "dark", "certificate")]
)
def test_every_button_of_a_badge_reaches_its_outcome(
    wallet: Wallet, width: int, lang: str, scheme: str, kind: str
) -> None:
    issued = wallet.issue(f"walk{width}@example.jp")
    badge = issued.assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge, name="髙橋 一郎")
        wallet.finish(badge)
        for key in (object_keys.certificate(badge), object_keys.details(badge)):
            wallet.objects.kept[key] = _pdf()
        browser.post(f"/badges/{badge}/details", data={"details": "hidden"})
        cookie = browser.cookies["wallet"]
    seen = _walk(
        url=wallet.url, badge=badge, cookie=cookie, lang=lang, width=width, scheme=scheme, kind=kind, pictures=PICTURES
    )
    for page in seen["pages"]:
        assert {key: page[key] for key in ("violations", "overflow", "broken", "small")} == {
            "violations": [],
            "overflow": 0,
            "broken": [],
            "small": [],
        }, page["name"]
    assert (seen["said"], seen["foreign"]) == ([], []), "an error in the console, or a request to another site"

    files = {name: b64decode(content) for name, content in seen["files"].items()}
    ja = lang == "ja-JP"
    title = {"details": "登録内容詳細", "certificate": "登録証"}[kind]
    assert set(files) == {
        f"{title}_コンクリート技士_2026.pdf",
        *(f"コンクリート技士_2026.{form}" for form in ("png", "svg", "json")),
        "オープンバッジ.zip",
    }
    assert len(PdfDocument(files[f"{title}_コンクリート技士_2026.pdf"])) >= 1
    with Image.open(BytesIO(files["コンクリート技士_2026.png"])) as picture:
        assert picture.size == (600, 600)
    baked = [
        unbake_png(files["コンクリート技士_2026.png"]).credential,
        unbake_svg(files["コンクリート技士_2026.svg"]).credential,
        files["コンクリート技士_2026.json"],
    ]
    assert baked[0] == baked[1] == baked[2]
    did = did_document(ISSUER.did, [ISSUER_KEY.public], profile_url=f"{ISSUER.public_url}/issuer.json")
    status = ISSUER_KEY.sign(status_document(ISSUER, 1, [], START), START)
    [verdict] = ask_outside_verifier(
        {"credential": json.loads(files["コンクリート技士_2026.json"]), "did": did, "statusList": status,
         "now": START.isoformat()}
    )  # fmt: skip
    assert verdict["verified"] is True and not verdict["error"]
    assert ZipFile(BytesIO(files["オープンバッジ.zip"])).testzip() is None

    url = f"http://verifier.example/V/{badge}"
    name = "コンクリート技士" if ja else "Authorized Concrete Engineer"
    texts = {field: copied["text/plain"] for field, copied in seen["clipboard"].items()}
    signature = texts.pop("signature")
    assert texts.pop("signature-text") == signature
    assert signature.splitlines()[1:] == [
        name,
        "公益社団法人 日本コンクリート工学会" if ja else "Japan Concrete Institute",
        f"登録の確認：{url}" if ja else f"Check the registration: {url}",
    ]
    html = seen["clipboard"]["signature"]["text/html"]
    assert f'href="{url}"' in html and f"{wallet.url}/art/gishi/2026.png" in html
    assert "一郎 髙橋" in html and "26-10042" not in html
    assert texts == {
        "url": url,
        "name": name,
        "organisation": "公益社団法人 日本コンクリート工学会" if ja else "Japan Concrete Institute",
        "issue-year": "2026",
        "issue-month": "4",
        "expiry-year": "2030",
        "expiry-month": "3",
        "credential-id": badge,
        "credential-url": url,
    }
    hosts = {urlsplit(link).hostname for link in seen["links"].values()}
    assert hosts == {"www.linkedin.com", "x.com", "www.facebook.com", "social-plugins.line.me"}
    for place, plain in seen["plain"].items():
        assert plain["buttons"] == 0, place
        assert any(url in text for text in plain["texts"]), place


def _pdf() -> bytes:
    out = BytesIO()
    document = PdfDocument.new()
    document.new_page(100, 100)
    document.save(out)
    return out.getvalue()


def _walk(**walk: Any) -> dict[str, Any]:
    script = Path(__file__).with_name("wallet_walk.mjs")
    ran = subprocess.run(["node", script], input=json.dumps(walk), capture_output=True, text=True, timeout=180)
    assert ran.returncode == 0, ran.stderr
    answer: dict[str, Any] = json.loads(ran.stdout)
    return answer


def test_style_script_and_pages_stay_small(wallet: Wallet) -> None:
    badge = wallet.issue("small@example.jp").assertion_id
    with wallet.browser() as browser:
        form = browser.get(wallet.link(badge)).text
        join(browser, wallet, badge)
        wallet.finish(badge)
        paths = ("/badges", "", "/share", "/signature")
        pages = [form, *(browser.get(path if path == "/badges" else f"/badges/{badge}{path}").text for path in paths)]
        pages += [browser.get(path).text for path in ("/guide", "/questions", "/terms", "/privacy")]
        for text in pages:
            assert len(gzip.compress(text.encode())) <= 5_000
        style, script = (re.search(rf'"(/static/[^"]+\.{kind})"', form) for kind in ("css", "js"))
        assert style and len(gzip.compress(browser.get(style[1]).content)) <= 5_000
        assert script and len(gzip.compress(browser.get(script[1]).content)) <= 17_000


NEW = "yaki-imo 43 enpitsu"


def test_a_holder_makes_and_keeps_an_account_on_a_phone(wallet: Wallet) -> None:
    badge, second = wallet.issue("phone@example.jp").assertion_id, wallet.issue("second@example.jp").assertion_id
    with walking(wallet.url) as walk:
        walk.open(passkeys=True)
        walk.goto(wallet.link(badge))
        assert "髙橋 一郎 様" in _seen(walk, "link")
        walk.fill(password="Password123!")
        assert walk.click("アカウントを作って") == wallet.link(badge)
        assert "すぐに推測されます" in _seen(walk, "refused") and walk.see()["focus"] == "password"
        walk.fill(password=PASSWORD)
        assert walk.press("パスワードを表示する")["password"] == "text"
        assert walk.press("パスワードを隠す")["password"] == "password"
        assert walk.click("アカウントを作って") == f"/badges/{badge}?received=1"
        assert walk.screens == 3, "with one refusal"
        assert "バッジを受領しました" in walk.see()["text"]

        assert walk.click("設定") == "/account"
        assert "Chrome（Linux）" in _seen(walk, "account")
        assert walk.click("パスキーを追加する") == "/account?done=passkey#passkeys"
        assert "パスキーを追加しました" in _seen(walk, "passkey")
        walk.goto("/account")  # whose answer was lost adds it again
        assert walk.click("パスキーを追加する") == "/account?done=passkey#passkeys"
        assert walk.click("ログアウト") == "/login?left=1"
        _seen(walk, "login")
        assert walk.click("パスキーでログイン") == "/badges"
        walk.click("ログアウト")
        walk.goto(wallet.link(badge))
        _seen(walk, "received-link")
        assert walk.click("パスキーでログイン") == f"/badges/{badge}"
        assert wallet.letters("account-notice", "phone@example.jp")[-1].facts["what"] == "passkey-added"

        walk.goto("/account/addresses")
        _seen(walk, "address-new")
        walk.fill(email="second@example.jp", current=PASSWORD)
        assert walk.click("確認のメールを送る") == "/account/addresses?sent=1"
        walk.see()
        walk.goto(wallet.mailed_link("verify-address"))
        _seen(walk, "verify")
        assert walk.click("追加する") == "/account?done=address"
        assert walk.click("変更：second@example.jp").startswith("/account/addresses/")
        _seen(walk, "address")
        walk.goto(f"/badges/{second}")
        assert walk.click("受領する") == f"/badges/{second}?received=1"

        walk.click("ログアウト")
        walk.click("パスワードが分からないとき")
        walk.fill(email="phone@example.jp")
        assert walk.click("送る") == "/forgot?sent=1"
        _seen(walk, "forgot")
        walk.goto(wallet.mailed_link("reset-password"))
        _seen(walk, "reset")
        walk.fill(password=NEW)
        assert walk.click("設定してログインする") == "/badges?done=password"
        assert "パスワードを変更しました" in _seen(walk, "badges")

        walk.click("設定")
        walk.click("アカウントを削除する")
        walk.fill(word="はい", current=NEW)
        walk.click("アカウントを削除する")
        assert "「削除」と入力してください" in _seen(walk, "delete")
        walk.fill(word="削除", current=NEW)
        assert walk.click("アカウントを削除する") == "/login?deleted=1"
        walk.goto(wallet.link(badge))
        assert "学会の記録に残り" in _seen(walk, "deleted")
        assert walk.click("新しいリンクを送る") == "/new-link?sent=1"
        walk.goto(wallet.mailed_link("new-link", "phone@example.jp"))
        assert "アカウントを作る" in walk.see()["text"].replace("\u200b", "")


def test_the_account_works_in_english_on_a_small_screen_and_without_scripts(wallet: Wallet) -> None:
    badge = wallet.issue("english@example.jp").assertion_id
    with walking(wallet.url) as walk:
        walk.open(javascript=False)
        walk.goto(wallet.link(badge))
        walk.fill(password=PASSWORD)
        assert walk.click("アカウントを作って") == f"/badges/{badge}?received=1"
        walk.click("設定")
        walk.click("パスワードを変更する")
        walk.fill(current=PASSWORD, password=NEW)
        assert walk.click("変更する") == "/account?done=password"
        assert walk.click("ログアウト") == "/login?left=1"

        walk.open(width=320, lang="en-US")
        walk.goto("/login")
        walk.fill(email="english@example.jp", password=NEW)
        assert walk.click("Log in") == "/badges"
        pages = [
            "/account",
            "/account/password",
            "/account/sessions",
            "/account/addresses",
            "/account/delete",
            "/forgot",
            "/new-link",
            "/lost-mailbox",
        ]
        for path in [*pages, "/reset/x/y", "/verify/x/y", "/new-link?sent=1", "/account?done=removed"]:
            walk.goto(path)
            text = walk.see()["text"]
            assert not re.search("[ぁ-んァ-ヶ]", text), text


def _seen(walk: Walk, name: str) -> str:
    """The text of the page, which is accessible and fits."""
    if PICTURES:
        walk.picture(Path(PICTURES) / f"wallet-account-{name}.png")
    return str(walk.see()["text"])


ADDRESS = ("addressee=山田 花子", "postcode=１０２００８２", "prefecture=東京都", "line=千代田区一番町1-2 見本ビル3階")


def test_paper_is_ordered_on_a_phone_and_a_refused_order_says_what_to_correct(wallet: Wallet) -> None:
    done, other, pending = [wallet.issue("paper@example.jp").assertion_id for _ in range(3)]
    with wallet.browser() as browser:
        join(browser, wallet, done, name="高橋 一郎")
        for badge in (other, pending):
            browser.post(wallet.link(badge))
        cookie = browser.cookies["wallet"]
    for badge in (done, other):
        wallet.finish(badge)
    forms = [f"{wallet.url}/badges/{badge}/paper" for badge in (done, other, pending)]
    fill = [option for text in ADDRESS for option in ("--fill", text)]
    signed_in = ("--cookie", f"wallet={cookie}")
    ordered, again, form, none = _look([forms[0], *forms], *fill, "--click", "申し込む", *signed_in, "--width", "320")[
        "pages"
    ]
    assert "お申し込みを受け付けました" in ordered["text"] and "見本銀行" in ordered["text"]
    assert "お支払い待ち" in again["text"] and "送り先を入力し直す" in again["text"]
    assert "見本銀行" in again["text"], "how to pay, for who comes back to do so"
    assert "登録番号の入力はいりません" in form["text"]
    assert "発行が完了した" in none["text"]

    with wallet.ports.store.transaction() as tx:
        order_id = tx.fetch_value("select max(order_id) from paper_orders")
    urls = [forms[1], f"{forms[0]}/{order_id}/address", forms[0]]
    options = [*fill, "--fill", "postcode=12", "--click", "Order", *signed_in, "--lang", "en-US"]
    refused, address, state = _look(urls, *options)["pages"]
    assert refused["status"] == 422 and "Enter a postcode of seven figures." in refused["text"]
    assert "Send it here" in address["text"] and "Awaiting payment" in state["text"]
