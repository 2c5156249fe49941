"""The office's pages in a real browser: axe-core finds nothing, nothing is wider than the screen, no script fails."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from services.ops.acts import erasure, orders
from services.ops.acts.orders import Attribution
from services.ops.board.timeline import Change
from services.ops.store.events import Store
from shared.erasure_events import PersonErased
from shared.events import RegistrationRejected
from shared.office_answers import PersonAnswer, SharerAnswer
from shared.office_events import DecisionSettled
from shared.paper_events import PaperOrdered, PaperUpdated
from shared.runtime.web.office_accounts import OfficeAccounts, OfficeUser
from tests.worlds.cohorts import again, at, cycle, failed, held, issued, renewed, revoked, unprintable
from tests.worlds.ops import dead_letter, tell
from tests.worlds.ops_site import Office, office_of
from tests.worlds.rehearsal import Played

pytest_plugins = ("tests.worlds.ops_fixtures",)

PICTURES = os.environ.get("AKASHI_PICTURES")  # a folder: the pictures of docs/office.md
SCREENS = Path(__file__).with_name("screens.mjs")


class Answering:
    """Registration, of which every person shares an address."""

    def find(self, parts: Sequence[str], address: str, seen: Sequence[str] | None) -> list[str]:
        return []

    def person(self, registration_id: str) -> PersonAnswer:
        names = {
            "family_name": "渡\U00030ede",
            "given_name": "太郎",
            "family_name_latin": None,
            "given_name_latin": None,
        }
        other = SharerAnswer(registration_id="R00008", qualification="gishi", name="見本 第8", state="held")
        return PersonAnswer(
            registration_id=registration_id,
            names=names,
            written=names,
            kana="ワタナベ タロウ",
            email="kensetsu-team@example.jp",
            contact_email="taro@example.jp",
            sharers=(other,),
        )

    def changes(self, decision_ids: Any) -> dict[str, list[Change]]:
        return {id: [Change("email", "old@example.jp", "new@example.jp")] for id in decision_ids}


@pytest.fixture
def office(store: Store) -> Iterator[Office]:
    with office_of(store, Answering(), around=Played()) as office:
        tell(office.ports, *(event for number in range(3) for event in cycle(number)))
        tell(office.ports, again(renewed(1), 2), again(issued(1, 20), 2), revoked(1, 20, replaced=True), revoked(2))
        tell(office.ports, unprintable(7), held(8), held(9, "missing-address"), failed(5), renewed(5), issued(5))
        done = orders.revoke(office.ports, "R00000", Attribution("事務局", "退会の申し出があったため"))
        settled = DecisionSettled(
            decision_id=done.id, subject=done.subject, service="issuer", outcome="done", settled_at=at(9)
        )
        unread = RegistrationRejected(
            rejection_id="a", source="登録者.csv", row=7, field="valid_from", expected="YYYY-MM-DD", got="春"
        )
        tell(office.ports, settled, unread)
        dead_letter(office.ports)
        paper = PaperOrdered(
            order_id="10000001", registration_id="R00000", items=("certificate", "card"), total=5500, ordered_at=at(9)
        )
        printed = PaperUpdated(order_id="10000001", item="card", state="printed", revision=2, at=at(9))
        tell(office.ports, paper, printed, *cycle(6))
        erased = erasure.erase(office.ports, "R00006", Attribution("事務局", "本人の申し出（受付 2026-17）"))
        gone = PersonErased(decision_id=erased.id, subject="R00006", registration_ids=("R00006",), erased_at=at(9))
        tell(office.ports, gone, gone.settled("registration", at(9)), gone.settled("mailer", at(9)))
        yield office


def look(office: Office, pages: dict[str, str], *options: str) -> list[dict[str, Any]]:
    """What the browser says of each page; `pages`: path → the name of its picture, or ""."""
    targets = [
        f"{office.browser.base_url}{path}".replace("//", "/").replace(":/", "://")
        + (f"={PICTURES}/{name}.png" if PICTURES and name else "")
        for path, name in pages.items()
    ]
    seen = subprocess.run(
        ["node", SCREENS, *options, *targets], capture_output=True, text=True, timeout=300, check=False
    )
    assert seen.returncode == 0, seen.stdout + seen.stderr
    found: list[dict[str, Any]] = json.loads(seen.stdout)["pages"]
    assert len(found) == len(pages)
    return found


PAGES = {
    "/": "",
    "/people": "",
    "/people?state=held&reason=no-glyph": "",
    "/search?q=見本": "office-search",
    "/people/R00000": "",
    "/people/R00001": "",
    "/people/R00002": "",
    "/people/R00007": "office-person",
    "/revoke/R00001": "office-revoke",
    "/erase/R00000": "office-erase",
    "/people/R00006": "",
    "/undo?cohort=2026": "",
    "/reissue?cohort=2026": "",
    "/hold-cohort?cohort=2026": "",
    "/feed": "",
    "/services": "",
    "/accounts": "",
    "/paper": "",
    "/paper?state=printed": "",
    "/differences/issued?cohort=2026": "",
    "/decisions": "",
    "/letters": "",
    "/rejected": "",
    "/dead-letters": "",
    "/restores": "",
    "/rehearsal": "office-rehearsal",
    "/password": "",
}


@pytest.mark.parametrize(("width", "lang"), [("320", "ja-JP"), ("1280", "en-US")])
def test_every_page_of_the_office_is_accessible_and_fits_the_screen(office: Office, width: str, lang: str) -> None:
    cookie = f"office={office.browser.cookies['office']}"
    pages = PAGES if lang == "ja-JP" else dict.fromkeys(PAGES, "")
    seen = look(office, pages, "--width", width, "--lang", lang, "--scale", "1", "--cookie", cookie)
    assert {page["status"] for page in seen} == {200}
    of_person = seen[list(PAGES).index("/people/R00007")]["text"]
    assert "U+30EDE" in of_person and "見本 第8" in of_person
    assert "10000001" in seen[list(PAGES).index("/erase/R00000")]["text"]
    assert ("6のうち2" if lang == "ja-JP" else "2 of 6") in seen[list(PAGES).index("/people/R00006")]["text"]
    assert "balance-low" in seen[list(PAGES).index("/rehearsal")]["text"]


def test_before_orders_of_paper_are_cancelled_a_page_names_them_and_asks_for_the_word(office: Office) -> None:
    form = ("--fill", "why=電話", "--click", "取りやめにする", "--cookie", f"office={office.browser.cookies['office']}")
    (asked,) = look(office, {"/paper?state=printed": ""}, "--width", "320", "--scale", "1", *form)
    assert asked["status"] == 200 and "1件を取りやめますか" in asked["text"] and "見本 第0" in asked["text"]
    said = office.browser.get("/api/v1/decisions", params={"about": "10000001"}).json()
    assert said == []


@pytest.mark.parametrize(("width", "lang"), [("320", "ja-JP"), ("1280", "en-US")])
@pytest.mark.parametrize(("act", "said"), [("role", ("変える", "Change it")), ("remove", ("消す", "remove"))])
def test_before_an_account_is_changed_or_removed_a_page_asks(
    office: Office, act: str, said: tuple[str, str], width: str, lang: str
) -> None:
    with office.ports.store.transaction() as tx:
        OfficeAccounts(tx).add(OfficeUser("山田 花子", "office", "gishi"), "no hash")
    buttons = {"role": ("役割・窓口を変える", "Change role or desk"), "remove": ("消す", "Remove")}[act]
    is_english = lang == "en-US"
    cookie = f"office={office.browser.cookies['office']}"
    form = ("--fill", "why=異動", "--click", buttons[is_english], "--cookie", cookie)
    (asked,) = look(office, {"/accounts": ""}, "--width", width, "--lang", lang, "--scale", "1", *form)
    assert asked["status"] == 200 and "山田 花子" in asked["text"] and said[is_english] in asked["text"]
    assert "山田 花子" in office.browser.get("/accounts").text


def test_the_sign_in_page_says_what_was_wrong(office: Office) -> None:
    fill = ("--fill", "name=山田", "--fill", "password=wrong", "--click", "ログイン")
    (refused,) = look(office, {"/sign-in?next=/people": ""}, "--scale", "1", *fill)
    assert refused["status"] == 422 and "名前かパスワードが違います" in refused["text"]
    look(office, {"/sign-in": "office-sign-in", "/people": ""}, "--width", "320", "--scale", "1")
