"""Questions and enquiries over HTTP on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path

import httpx
import pytest

from shared.letter_events import DeskLetterRequested
from shared.programme import parse_programme
from tests.worlds.desk import OPS, DeskWorld, ask_for, desk_at, sign_in
from tests.worlds.registration import PROGRAMME, record, registration_database

WHOLE = {
    "qualification": "gishi",
    "name": "骨材 太郎",
    "pass_number": "251",
    "birth_date": "S55.2.29",
    "registered_address": "不明",
    "wanted_address": "new@example.jp",
    "phone": "090-0000-0002",
    "message": "",
    "nonce": "n1",
}


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with registration_database() as url:
        yield url


@pytest.fixture
def world(database: str) -> Iterator[DeskWorld]:
    with desk_at(database) as world:
        world.registration.deliver(record(1, registration_id="R/1 ?"), record(2, qualification="shindanshi"))
        yield world


def send(
    world: DeskWorld, form: str = "contact", language: str = "ja", source: str = "", **changes: str
) -> httpx.Response:
    with world.browser(language, source) as browser:
        return browser.post(f"/questions/{form}", data={**WHOLE, **changes})


def test_the_questions_come_first_and_name_the_days_of_this_cycle(world: DeskWorld) -> None:
    with world.browser() as browser, world.browser("en") as english:
        page, other = browser.get("/questions").text, english.get("/questions").text
    for form in PROGRAMME.enquiries.forms:
        assert f"/questions/{form.id}" in page
    assert "2026年2月28日までに確認を済ませた方には、2026年4月1日に" in page
    assert "If you confirm it by 28 February 2026, your notice is sent on 1 April 2026" in other
    assert "noreply_openbadge@jci.example.jp" in page
    assert "{" not in page + other


def test_an_enquiry_goes_to_its_desk_with_the_persons_record_and_a_copy_to_the_person(world: DeskWorld) -> None:
    page = send(world)
    assert page.status_code == 200
    to_desk, copy = world.letters()
    assert (to_desk.letter, to_desk.recipient, to_desk.reply_to) == (
        "enquiry",
        "e-gishi@jci.example.jp",
        "new@example.jp",
    )
    assert (copy.letter, copy.recipient, copy.reply_to) == ("enquiry-copy", "new@example.jp", "e-gishi@jci.example.jp")
    assert to_desk.facts["link"] == f"{OPS}/people/R%2F1%20%3F"
    assert to_desk.facts["kind"] == copy.facts["kind"] == "指定連絡先の確認依頼"
    assert to_desk.facts["number"] == copy.facts["number"]
    assert to_desk.facts["number"] in page.text
    assert (copy.facts["desk"], copy.facts["answer_days"]) == ("gishi", "7")
    assert "7日ほど" in page.text
    assert set(to_desk.facts) == {"kind", "number", "body", "link"}
    assert set(copy.facts) == {"kind", "number", "body", "desk", "answer_days"}
    for each in (to_desk, copy):
        assert not [part for part in ("1980", "S55", "昭和") if part in "".join(each.facts.values())]


@pytest.mark.parametrize(
    ("form", "qualification", "desk", "kind", "is_known"),
    [
        ("contact-address", "shunin-gishi", "e-gishi@", "Which e-mail address is on file for me?", True),
        ("not-arrived", "shindanshi", "e-shindan@", "The notice of my Open Badge has not arrived", False),
    ],
)
def test_each_form_reaches_the_desk_of_the_qualification_in_the_persons_language(
    world: DeskWorld, form: str, qualification: str, desk: str, kind: str, is_known: bool
) -> None:
    assert send(world, form, "en", qualification=qualification, registered_address="a@example.jp").status_code == 200
    to_desk, copy = world.letters()
    assert to_desk.recipient.startswith(desk)
    assert (to_desk.language, copy.language, to_desk.facts["kind"]) == ("en", "en", kind)
    assert bool(to_desk.facts["link"]) is is_known  # nobody has this number at the other desk


def test_an_enquiry_that_lacks_something_is_refused_with_each_item_and_keeps_what_was_typed(world: DeskWorld) -> None:
    page = send(world, "not-arrived", name="", pass_number="不明", birth_date="", phone="ない", registered_address="")
    text = unescape(page.text)
    assert page.status_code == 422
    for said in (
        "氏名を入力してください。",
        "生年月日が必要です。",
        "登録しているアドレスを入力してください。",
        "日中連絡のつく電話番号を読み取れません。",
    ):
        assert text.count(said) == 2, said  # on top, and at its field
    assert 'value="new@example.jp"' in text
    assert world.letters() == []


def test_a_form_that_is_sent_twice_is_one_enquiry_and_a_changed_one_is_another(world: DeskWorld) -> None:
    first, second = send(world).text, send(world).text
    assert first == second
    assert [send(world).status_code for _ in range(4)] == [200] * 4  # the limits are of enquiries, not of presses
    assert len(world.letters()) == 2
    assert send(world, message="追記です").status_code == 200
    assert len({each.facts["number"] for each in world.letters()}) == 2


def test_what_was_typed_can_be_neither_header_nor_markup(world: DeskWorld) -> None:
    hostile = "<img src=x onerror=alert(1)>{{ 7*7 }}'; drop table registrations; --"
    assert send(world, message=f"{hostile}\r\n.\r\nBcc: x").status_code == 200
    (to_desk, _) = world.letters()
    assert hostile in to_desk.facts["body"]
    for field in ("name", "pass_number", "phone", "wanted_address", "registered_address"):
        answer = send(world, **{field: "a\r\nBcc: victim@example.jp"})
        assert answer.status_code == 422, field
        assert "<img" not in send(world, **{field: hostile, "birth_date": "x"}).text, field
    assert all(
        "\n" not in f"{each.recipient}{each.reply_to}{each.facts['kind']}{each.facts['number']}"
        for each in world.letters()
    )


def test_neither_a_source_nor_a_mailbox_gets_more_than_its_share(world: DeskWorld) -> None:
    copies = [send(world, source=f"192.0.2.{n}", nonce=str(n)).status_code for n in range(4)]
    assert copies == [*[200] * 3, 429]
    many = [send(world, source="198.51.100.7", wanted_address=f"a{n}@example.jp").status_code for n in range(11)]
    assert many == [*[200] * 10, 429]
    assert send(world, source="198.51.100.8", wanted_address="b@example.jp").status_code == 200
    world.registration.clock.now += timedelta(hours=24)
    assert send(world, source="198.51.100.7").status_code == 200


def test_an_unknown_form_is_not_found(world: DeskWorld) -> None:
    with world.browser() as browser:
        for path in ("/questions/other", "/questions/contact/x", "/desks/other", "/desks/gishi/other"):
            assert browser.get(path).status_code == 404, path
        assert browser.post("/questions/other", data=WHOLE).status_code == 404


SECOND = """
id = "guild"
[society]
name = { ja = "Guild of Surveyors", en = "Guild of Surveyors" }
short_name = "GoS"
url = "https://guild.example"
president = "A. Sample, President"
email = "hello@guild.example"
[sender]
name = "Guild"
address = "badges@guild.example"
bounce_domain = "bounce.guild.example"
[cycle]
begins = "01-01"
confirm_until = "11-15"
delayed_days = 7
[texts]
certificate_title = { ja = "Certificate", en = "Certificate" }
details_title = { ja = "Details", en = "Details" }
award_subject = "Your badge"
completion_subject = "Your badge is ready"
[desks.members]
name = "Members' desk"
email = "members@guild.example"
[qualifications.surveyor]
name = { ja = "Surveyor", en = "Surveyor" }
desk = "members"
criteria = { ja = "x", en = "x" }
description = { ja = "x", en = "x" }
colour = "#111111"
accent = "#222222"
certificate_text = ["certifies"]
"""


def test_another_society_has_its_own_desks_days_and_no_words_of_the_first(database: str) -> None:
    with desk_at(database, parse_programme(SECOND)) as world, world.browser("en") as browser:
        world.registration.deliver(record(1, qualification="surveyor"))
        home = browser.get("/").text
        assert "Surveyor" in home and "15 November 2025" in home and "1 January 2026" in home
        assert browser.get("/desks/gishi").status_code == 404
        assert sign_in(browser, 1, "29 February 1980", "members").url.path == "/desks/members/address"
        assert ask_for(browser, "own@example.com", "members").status_code == 200
        assert browser.post(world.link()).status_code == 200
        letter = world.letters("address-changed")[-1]
        assert (letter.facts["desk"], letter.facts["old_masked"]) == ("members", "p***@e***.jp")
        pages = [home, browser.get("/questions").text, browser.get("/desks/members/address").text]
        for text in (*pages, *(str(each) for each in world.registration.announced(DeskLetterRequested))):
            assert not [part for part in ("コンクリート", "JCI", "jci", "技士") if part in text]


def test_the_pages_have_no_script_and_their_templates_no_word_of_a_society(world: DeskWorld) -> None:
    folder = Path("services/registration/templates")
    for template in folder.glob("*.html"):
        text = template.read_text(encoding="utf-8")
        assert "<script" not in text, template.name
        assert not [part for part in ("コンクリート", "技士", "診断", "JCI") if part in text], template.name
    with world.browser() as browser:
        for path in ("/", "/desks/gishi", "/questions", "/questions/contact"):
            assert "<script" not in browser.get(path).text
