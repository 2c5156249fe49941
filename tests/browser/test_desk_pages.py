"""The screen and the enquiries, walked in a real browser without JavaScript: accessible, and as wide as a phone."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.worlds.desk import DeskWorld, desk_at
from tests.worlds.registration import NOON, record, registration_database

PICTURES = os.environ.get("AKASHI_PICTURES")  # a folder: to look at them
WALK = Path(__file__).with_name("desk_walk.mjs")


class Visitor:
    """A person at the browser. Each step looks at the page that follows."""

    def __init__(self, process: subprocess.Popen[str], world: DeskWorld) -> None:
        self._process = process
        self._world = world
        self._steps = 0

    def become(self, lang: str, width: int, height: int) -> None:
        self._ask(person={"lang": lang, "width": width, "height": height})

    def open(self, path: str, status: int = 200) -> str:
        return self._look(status, open=self._world.url + path)

    def press(self, click: str, status: int = 200, **fill: str) -> str:
        return self._look(status, click=click, fill=fill)

    def _look(self, status: int, **step: Any) -> str:
        self._steps += 1
        seen = self._ask(**step, **({"picture": f"{PICTURES}/desk-{self._steps:02}.png"} if PICTURES else {}))
        found = {name: seen[name] for name in ("status", "violations", "overflow", "broken", "console")}
        assert found == {"status": status, "violations": [], "overflow": 0, "broken": [], "console": []}, (step, seen)
        return str(seen["text"])

    def _ask(self, **step: Any) -> dict[str, Any]:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(step) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, self._process.stderr.read() if self._process.stderr else ""
        return dict(json.loads(line))


@pytest.fixture(scope="module")
def world() -> Iterator[DeskWorld]:
    with registration_database() as database, desk_at(database) as world:
        people = [record(n, contact_email=f"desk{n}@company.example.jp") for n in (1, 2)]
        world.registration.deliver(*people, record(3))
        yield world


@pytest.fixture(scope="module")
def visitor(world: DeskWorld) -> Iterator[Visitor]:
    pipe = subprocess.PIPE
    with subprocess.Popen(["node", WALK], stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        yield Visitor(process, world)
        assert process.stdin
        process.stdin.close()
        process.wait(20)


def test_a_person_registers_an_address_on_a_phone_in_japanese(world: DeskWorld, visitor: Visitor) -> None:
    visitor.become("ja-JP", 320, 640)
    assert "資格をお選びください" in visitor.open("/")
    assert "合格番号" in visitor.press("コンクリート技士")
    assert "確認できませんでした" in visitor.press("次へ", 422, number="25-1", birth_date="昭和54年2月28日")
    assert "生年月日を読み取れません" in visitor.press("次へ", 422, birth_date="54/2/28")
    form = visitor.press("次へ", number="２５ー１", birth_date="昭和55年2月29日")
    assert "現在の登録" in form and "2026年2月28日までに" in form
    assert "「@」がちょうど一つ" in visitor.press("内容を確かめる", 422, email="taro")
    echo = visitor.press("内容を確かめる", email="ｅｉｇｙｏ．．２＠docomo.ne.jp")
    assert "eigyo..2@docomo.ne.jp" in echo
    for advice in ("部署や係のアドレス", "指定連絡先", "ドット「.」が続く"):
        assert advice in echo
    assert "登録したいメールアドレス" in visitor.press("入力し直す")
    assert "お知らせ予定" in visitor.press("内容を確かめる", email="taro@example.jp")
    assert "まだ済んでいません" in visitor.press("確認のメールを送る")
    link = world.link()
    assert "このアドレスを登録する" in visitor.open(link)
    assert "2026年4月1日" in visitor.press("このアドレスを登録する")
    assert "アドレスは確認済みです" in visitor.open("/desks/gishi/address")


def test_a_person_is_refused_a_taken_address_on_a_computer_in_english(world: DeskWorld, visitor: Visitor) -> None:
    visitor.become("en-US", 1280, 800)
    visitor.open("/desks/gishi")
    visitor.press("Continue", number="25-2", birth_date="29 February 1980")
    visitor.press("Check it", email="person3@example.jp")
    visitor.press("Send the letter")
    visitor.open(world.link())
    assert "one address belongs to one person" in visitor.press("Register this address", 409)
    visitor.open("/confirm/unknown/" + "a" * 26, 404)


@pytest.mark.parametrize(("lang", "width", "height"), [("ja-JP", 1280, 800), ("en-US", 320, 640)])
def test_a_person_asks_the_desk(world: DeskWorld, visitor: Visitor, lang: str, width: int, height: int) -> None:
    send, answered = ("送る", "受付番号") if lang == "ja-JP" else ("Send", "Number")
    visitor.become(lang, width, height)
    visitor.open("/questions")
    visitor.open("/questions/not-arrived")
    whole = {
        "name": "骨材 太郎",
        "pass_number": "251",
        "registered_address": "a@example.jp",
        "wanted_address": f"w{width}@example.jp",
    }
    visitor.press(send, 422, qualification="gishi", phone="12", **whole)
    assert answered in visitor.press(send, phone="090-0000-0002")


def test_a_holder_who_has_lost_the_mailbox_proves_another_and_the_change_is_stopped(
    world: DeskWorld, visitor: Visitor
) -> None:
    world.registration.deliver(record(4))
    world.registration.clock.now = NOON
    world.registration.settle()
    world.registration.issue("R4")
    visitor.become("ja-JP", 320, 640)
    visitor.open("/desks/gishi")
    form = visitor.press("次へ", number="25-4", birth_date="昭和55年2月29日")
    assert "メールアドレスが使えなくなった方" in form and "お知らせ予定" not in form
    assert "7日後に切り替わります" in visitor.press("内容を確かめる", email="new@home.example.jp")
    assert "まだ済んでいません" in visitor.press("確認のメールを送る")
    visitor.open(world.mailed("recover-address"))
    assert "変更を受け付けました" in visitor.press("このアドレスへの変更を申し込む")
    assert "n***@h***.jp" in visitor.open("/desks/gishi/address")
    visitor.become("en-US", 1280, 800)
    assert "stay as they are" in visitor.open(world.mailed("recovery-begun"))
    assert "please tell the desk" in visitor.press("Stop the change")
    visitor.open("/stop/unknown/" + "a" * 26, 404)
