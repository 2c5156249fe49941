"""The office finds people, reads their history, and gives each order: by a form, by a command, and somebody carries it
out.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from click.testing import CliRunner
from markupsafe import escape

import services.mailer.orders
import services.registration.office.orders
from services.issuer.domain.revocation import is_revoke
from services.ops.board.decisions import BULK
from services.ops.board.timeline import Change
from services.ops.cli import main
from services.ops.store.events import Store
from services.ops.web.cohorts import ORDER_WORDS
from services.wallet.office_orders import is_ours as is_of_wallet
from shared.events import AddressCorrected, Event, RegistrationRejected, RegistrationReleased
from shared.office_answers import PersonAnswer, SharerAnswer
from shared.office_events import Correction, Decision, DecisionSettled, OfficeDecided, RestoreNoticed
from shared.paper_events import PaperOrdered, PaperState, PaperUpdated
from shared.recovery_events import AddressRecoveryBegun, AddressRecoverySettled
from shared.runtime.web.office_accounts import OfficeAccounts, OfficeUser
from shared.wire import decode
from tests.worlds.cohorts import (
    NOON,
    again,
    assertion_id,
    at,
    cycle,
    failed,
    held,
    issued,
    letter,
    renewed,
    revoked,
    unprintable,
)
from tests.worlds.ops import dead_letter, ops_store, outbox, tell
from tests.worlds.ops_site import OFFICE, Office, at_board, office_of

pytest_plugins = ("tests.worlds.ops_fixtures",)

GAIJI = "渡\U00030ede"
SHARER = SharerAnswer(registration_id="R00002", qualification="gishi", name="見本 第2", state="held")
PERSON = PersonAnswer(
    registration_id="R00001",
    names={"family_name": GAIJI, "given_name": "太郎", "family_name_latin": None, "given_name_latin": None},
    written={"family_name": GAIJI, "given_name": "太郎", "family_name_latin": None, "given_name_latin": None},
    kana="ワタナベ タロウ",
    email="team@example.jp",
    sharers=(SHARER,),
)


class Answering:
    """Registration with one person in it; silent when it is `away`."""

    def __init__(self) -> None:
        self.away = False
        self.changed: dict[str, list[Change]] = {}

    def find(self, parts: Sequence[str], address: str, seen: Sequence[str] | None) -> list[str] | None:
        if self.away:
            return None
        known = address == PERSON.email or all(part in "ワタナベタロウ" for part in parts)
        return ["R00001"] if known and (seen is None or "gishi" in seen) else []

    def person(self, registration_id: str) -> PersonAnswer | None:
        return PERSON if registration_id == "R00001" and not self.away else None

    def changes(self, decision_ids: Iterable[str]) -> Mapping[str, list[Change]] | None:
        return None if self.away else {id: self.changed[id] for id in decision_ids if id in self.changed}


@pytest.fixture
def registration() -> Answering:
    return Answering()


@pytest.fixture
def office(store: Store, registration: Answering) -> Iterator[Office]:
    with office_of(store, registration) as office:
        yield office


@pytest.fixture(scope="module")
def searched() -> Iterator[Office]:
    """For tests that only search: one person, on a database of her own."""
    with ops_store(lambda: NOON) as store, office_of(store, Answering()) as office:
        tell(office.ports, *cycle(1))
        yield office


def given(office: Office) -> list[OfficeDecided]:
    events = (decode(value) for topic, _, value in outbox(office.ports) if topic == "office.decisions")
    return [event for event in events if isinstance(event, OfficeDecided)]


def text(office: Office, path: str) -> str:
    return office.browser.get(path).raise_for_status().text.replace("<wbr>", "")


def ids(page: str) -> list[str]:
    return [part.split('"')[0] for part in page.split('<strong><a href="/people/')[1:]]


# ── search and lists ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "asked",
    [
        *("見本", "見本第1", "第1 見本", "Ｒ００００１", "r00001", "R-0000-1", "N1", "Ｎ－１", "p1", "assertion00001"),
        *("ワタナベ", "わたなべ", "ﾜﾀﾅﾍﾞ タロウ", "team@example.jp"),
    ],
)
def test_a_person_is_found_by_what_the_office_has(searched: Office, asked: str) -> None:
    page = searched.browser.get("/search", params={"q": asked}).raise_for_status().text
    assert ids(page) == ["R00001"]


@pytest.mark.parametrize("asked", ["誰か", "N2", "' or 1=1 --", "%", "_", "<script>", "x" * 1000, "-", "　", "\u202e"])
def test_nobody_is_found_by_anything_else(searched: Office, asked: str) -> None:
    page = searched.browser.get("/search", params={"q": asked}).raise_for_status().text
    assert ids(page) == [] and "<script>" not in page


def test_without_registration_names_and_numbers_are_found_all_the_same(office: Office, registration: Answering) -> None:
    registration.away = True
    tell(office.ports, *cycle(1))
    page = text(office, "/search?q=見本")
    assert ids(page) == ["R00001"] and "登録の受付が答えません" in page
    assert "登録の受付が答えません" in text(office, "/people/R00001")
    assert "登録の受付が答えません" not in text(office, "/search")


def test_who_has_something_to_do_stands_before_who_has_nothing(office: Office) -> None:
    tell(office.ports, *cycle(1), *cycle(2), held(3), *cycle(4), failed(5), renewed(5), issued(5))
    assert ids(text(office, "/people")) == ["R00003", "R00005", "R00001", "R00002", "R00004"]
    assert ids(text(office, "/search?q=見本"))[:2] == ["R00003", "R00005"]


def test_the_held_are_listed_by_reason_with_the_next_step(office: Office) -> None:
    tell(office.ports, unprintable(1), held(2, "shared-address"), held(3, "missing-address"))
    page = text(office, "/people?state=held&reason=shared-address")
    assert ids(page) == ["R00002"] and "同じアドレスを複数の人が登録" in page
    board = text(office, "/")
    assert "reason=no-glyph" in board and "U+30EDE" in board


def test_the_export_keeps_formulas_as_text_and_excel_reads_it(office: Office) -> None:
    evil = ["=cmd()", "+1+1", "-2", "@SUM(A1)", "\t=1", "＝１", 'a,b"c', "10-2025"]
    for number, name in enumerate(evil):
        tell(office.ports, msgspec.structs.replace(held(number), name=name))
    answer = office.browser.get("/people.csv?state=held").raise_for_status()
    assert answer.content.startswith(b"\xef\xbb\xbf") and "attachment" in answer.headers["content-disposition"]
    header, *rows = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert header[:2] == ["登録ID", "氏名"] and len(rows) == len(evil)
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "＝")) for row in rows for cell in row)
    assert [row[1] for row in rows[6:]] == ['a,b"c', "'10-2025"]


# ── a person ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_persons_page_has_the_whole_history_the_address_and_with_whom_it_is_shared(office: Office) -> None:
    released = RegistrationReleased(registration_id="R00001", cohort="2026", revision=2)
    tell(office.ports, unprintable(), released, *cycle(1))
    later = again(renewed(1), 2)
    tell(office.ports, msgspec.structs.replace(later, holder=msgspec.structs.replace(later.holder, family_name="髙橋")))
    moved = AddressCorrected(
        registration_id="R00001", cohort="2026", email="a@example.jp", version=2, revision=1, corrected_at=at(20)
    )
    tell(office.ports, moved, moved, again(issued(1, 25), 2), revoked(1, 25, replaced=True))
    page = text(office, "/people/R00001")
    for words in (
        *(
            "ワタナベ タロウ",
            "team@example.jp",
            "見本 第2",
            "保留の解除",
            "氏名の文字が書体にない",
            "受領",
            "PDFの作成",
        ),
        *("氏：見本 → 髙橋", "お知らせの送り先の変更", "授与のお知らせ", "バッジの取り消し", "登録の記録（2回目）"),
        "PDFの作成",
    ):
        assert words in page, words
    assert page.count("お知らせの送り先の変更") == 1
    assert "a@example.jp" not in page


def test_why_the_mailer_ended_a_letter_is_said_in_words_and_what_a_server_said_stands_as_it_came(
    office: Office,
) -> None:
    ended = letter(1, "reminder-1", "cancelled", 30, answer="received")
    tell(office.ports, *cycle(1), ended, letter(1, "completion", "bounced", 31, answer="550 5.1.1 no such user"))
    page = text(office, "/people/R00001")
    assert page.count("受領されたため") == page.count("550 5.1.1 no such user") == 2  # of the badge, and in the history
    assert ">received<" not in page
    tell(office.ports, letter(1, "completion", "suppressed", 32, attempt=2, answer="revoked"))
    assert "取り消されたバッジのため" in text(office, "/letters")


def test_who_has_lost_the_mailbox_is_listed_until_it_is_settled_and_stands_in_the_history(office: Office) -> None:
    begun = AddressRecoveryBegun(
        recovery_id="V1",
        person_id="P00001",
        registration_id="R00001",
        email="new@example.jp",
        former_email="a@example.jp",
        begun_at=at(20),
        takes_effect_at=at(20) + timedelta(days=7),
        stop_url="https://desk.example.jp/stop/V1/token",
    )
    tell(office.ports, *cycle(1), begun, begun)
    listed = text(office, "/letters")
    assert "アドレスの変更を待つ方" in listed and "/people/R00001" in listed
    settled = AddressRecoverySettled(
        recovery_id="V1",
        person_id="P00001",
        registration_id="R00001",
        outcome="stopped",
        email="new@example.jp",
        former_email="a@example.jp",
        begun_at=begun.begun_at,
        settled_at=at(21),
    )
    tell(office.ports, settled)
    assert "アドレスの変更を待つ方" not in text(office, "/letters")
    page = text(office, "/people/R00001")
    assert page.count("アドレス変更の受け付け") == page.count("アドレス変更の中止") == 1
    assert not any(part in listed + page for part in ("new@example.jp", "a@example.jp", "V1/token"))


def test_a_name_that_no_font_has_is_shown_by_code_points_and_its_spelling_ordered(office: Office) -> None:
    tell(office.ports, unprintable())
    page = text(office, "/people/R00001")
    assert 'class="chip no">\U00030ede U+30EDE' in page and 'class="chip old">渡 U+6E21' in page
    assert '<span class="glyph" lang="ja">\U00030ede</span>' in page and "漢字（CJK統合漢字拡張G）" in page
    assert 'href="https://glyphwiki.org/wiki/u30ede" rel="noreferrer"' in page
    form = {"act": "spell", "family_name": "渡辺", "given_name": "太郎", "family_name_latin": "", "why": "本人と合意"}
    assert office.browser.post("/people/R00001", data=form).status_code == 303
    (order,) = given(office)
    assert (order.decision, order.by, order.correction) == ("correct", OFFICE, Correction(family_name="渡辺"))
    assert office.browser.post("/people/R00001", data=form | {"family_name": "渡部"}).status_code == 409
    assert "実行中" in text(office, "/people/R00001")


@pytest.mark.parametrize(
    ("events", "form", "status"),
    [
        (cycle(1), {"act": "spell", "family_name": "渡辺"}, 409),  # it has a badge
        (cycle(1), {"act": "hold"}, 409),
        (cycle(1), {"act": "resume"}, 409),
        ([held(1, "office-hold")], {"act": "hold"}, 409),
        ([held(1)], {"act": "resume"}, 409),  # ended by an address, not by an order
        ([held(1)], {"act": "spell", "email": "a@example.jp"}, 409),
        ([held(1)], {"act": "spell"}, 422),
        ([held(1)], {"act": "address", "address": "  "}, 422),
        ([held(1)], {"act": "address", "address": "a@example.jp\u202e"}, 422),
        ([held(1)], {"act": "address", "address": "a@example.jp", "why": " "}, 422),
        ([held(1)], {"act": "revoke"}, 422),  # has a page of its own
    ],
)
def test_a_form_that_is_no_order_is_refused(
    office: Office, events: list[Any], form: dict[str, str], status: int
) -> None:
    tell(office.ports, *events)
    answer = office.browser.post("/people/R00001", data={"why": "x", **form})
    assert (answer.status_code, given(office)) == (status, [])


def test_revoking_wants_a_second_page_and_a_typed_word(office: Office) -> None:
    tell(office.ports, *cycle(1))
    assert "/revoke/R00001" in text(office, "/people/R00001")
    assert "元に戻すことはできません" in text(office, "/revoke/R00001")
    form = {"subject": assertion_id(1), "why": "退会"}
    for typed in ("", "はい", "取消", "yes"):
        assert office.browser.post("/revoke/R00001", data={**form, "typed": typed}).status_code == 422
    assert given(office) == []
    assert office.browser.post("/revoke/R00001", data={**form, "typed": " 取り消し "}).status_code == 303
    assert [(order.decision, order.subject, order.by) for order in given(office)] == [
        ("revoke", assertion_id(1), OFFICE)
    ]


CONFIRMED: dict[str, tuple[str, dict[str, str]]] = {
    "revoke": ("/revoke/R00001", {"subject": assertion_id(1)}),
    **{act: (f"/{act}", {"cohort": "2026", "digest": "other"}) for act in BULK},
    "paper-cancelled": ("/paper", {"act": "cancel", "state": "ordered", "id": "12345678/card"}),
    "account-removed": ("/accounts", {"act": "remove", "name": "鈴木"}),
}


@pytest.mark.parametrize("order", CONFIRMED)
@pytest.mark.parametrize("typed", ["はい", "<b>", " 　"])
def test_after_a_wrong_word_the_page_has_the_reason_again_and_nothing_is_ordered(
    office: Office, order: str, typed: str
) -> None:
    path, form = CONFIRMED[order]
    tell(office.ports, *cycle(1), revoked(1), renewed(2), *cycle(3), held(4, "office-hold"), *card_of(1, None))
    if order == "revoke":
        path, form = "/revoke/R00003", {"subject": assertion_id(3)}
    if order == "reissue":
        form = {**form, "singly": "true"}
    with office.ports.store.transaction() as tx:
        OfficeAccounts(tx).add(OfficeUser("鈴木", "office", "gishi"), "no hash")
    why = '本人の申し出 "電話" <7月>'
    answer = office.browser.post(path, data={**form, "why": why, "typed": typed})
    assert answer.status_code == 422 and "何もしていません" in answer.text
    assert f'value="{escape(why)}"' in answer.text and f'value="{typed}"' not in answer.text
    assert given(office) == [] and "鈴木" in text(office, "/accounts")
    if order in BULK:  # nor after a list that has changed
        word = ORDER_WORDS[order].typed[0]
        answer = office.browser.post(path, data={**form, "why": why, "typed": word})
        assert answer.status_code == 409 and f'value="{escape(why)}"' in answer.text


def test_every_page_that_asks_for_a_word_asks_in_the_same_way() -> None:
    templates = Path("services/ops/templates").glob("*.html")
    assert [page.name for page in templates if '"typed"' in page.read_text(encoding="utf-8")] == ["confirmation.html"]


def test_undoing_a_cohort_wants_the_list_that_was_looked_at_and_a_typed_word(office: Office) -> None:
    tell(office.ports, *cycle(1), *cycle(2))
    page = text(office, "/undo?cohort=2026")
    digest = page.split('name="digest" value="')[1].split('"')[0]
    form = {"cohort": "2026", "digest": digest, "why": "誤った発行"}
    assert office.browser.post("/undo", data={**form, "typed": "取り消し"}).status_code == 422
    assert office.browser.post("/undo", data={**form, "typed": "undo", "digest": "other"}).status_code == 409
    assert given(office) == []
    assert office.browser.post("/undo", data={**form, "typed": "年度を取り消す"}).status_code == 303
    assert [order.decision for order in given(office)] == ["undo", "revoke", "revoke"]


def test_the_record_shows_old_value_and_new_and_without_registration_the_new_alone(
    office: Office, registration: Answering
) -> None:
    tell(office.ports, *cycle(1))
    office.browser.post("/people/R00001", data={"act": "address", "address": "new@example.jp", "why": "本人の申し出"})
    office.browser.post("/people/R00001", data={"act": "correct", "version": 1, "family_name": "髙橋", "why": "改姓"})
    address, name = (order.decision_id for order in given(office))
    registration.changed = {
        address: [Change("email", "old@example.jp", "new@example.jp")],
        name: [Change("family_name", "見本", "髙橋")],
    }
    for path in ("/decisions", "/people/R00001"):
        page = text(office, path)
        assert "メールアドレス：old@example.jp → new@example.jp" in page and "氏：見本 → 髙橋" in page, path
    registration.away = True
    page = text(office, "/decisions")
    assert "氏：髙橋" in page and "new@example.jp" not in page and "いまは表示できません" in page
    registration.away, registration.changed = False, {}
    for path in ("/decisions", "/people/R00001", "/decisions.csv"):  # the address that was on file already, or refused
        page = text(office, path)
        assert "アドレスの修正" in page and "いまは表示できません" not in page and ",メールアドレス," not in page, path


# ── each order has a giver and a taker ─────────────────────────────────────────────────────────────────

COMMANDS: dict[Decision, tuple[str, ...]] = {
    "revoke": ("revoke", "R00001", "--reason", "x", "--no-wait"),
    "correct": ("correct", "R00001", "--family-name", "髙橋", "--reason", "x", "--yes", "--no-wait"),
    "undo": ("undo", "2026", "--reason", "x", "--no-wait", "--apply"),
    "hold-cohort": ("hold-cohort", "2026", "--reason", "x", "--no-wait", "--apply"),
    "resume-cohort": ("resume-cohort", "2026", "--reason", "x", "--no-wait", "--apply"),
    "reissue": ("reissue", "2026", "--reason", "x", "--no-wait", "--singly", "--apply"),
    "correct-address": ("correct-address", "R00001", "new@example.jp", "--reason", "x", "--no-wait"),
    "resend": ("letters", "resend", "R00001", "--letter", "award", "--reason", "x", "--no-wait"),
    "hold": ("hold", "R00003", "--reason", "x", "--no-wait"),
    "end-sessions": ("end-sessions", "R00001", "--reason", "x", "--no-wait"),
    "end-all-sessions": ("end-sessions", "--all", "--reason", "x", "--no-wait"),
    "resume": ("resume", "R00004", "--reason", "x", "--no-wait"),
    "discard": ("dead-letters", "discard", "--all", "--reason", "x"),
    "replay": ("dead-letters", "replay", "--all", "--reason", "x"),
    "acknowledge": ("restores", "--all-seen", "--reason", "x"),
    "dismiss": ("rejected", "dismiss", "--all", "--reason", "x"),
    "hold-letters": ("letters", "hold", "2026", "--reason", "x", "--no-wait"),
    "resume-letters": ("letters", "resume", "2026", "--reason", "x", "--no-wait"),
    "paper-paid": ("paper", "paid", "12345678/card", "--reason", "x", "--no-wait"),
    "paper-printed": ("paper", "print", "12345678/card", "--reason", "x", "--no-wait"),
    "paper-sent": ("paper", "sent", "12345678/card", "--reason", "x", "--no-wait"),
    "paper-returned": ("paper", "returned", "12345678/card", "--reason", "x", "--no-wait"),
    "paper-cancelled": ("paper", "cancel", "12345678/card", "--reason", "x", "--no-wait"),
}
PAPER_BEFORE: dict[Decision, PaperState] = {"paper-printed": "paid", "paper-sent": "printed", "paper-returned": "sent"}


def card_of(number: int, state: PaperState | None) -> list[Event]:
    """A card that was ordered for a person, in a later state where one is given."""
    registration_id = f"R{number:05}"
    card = PaperOrdered(
        order_id="12345678", registration_id=registration_id, items=("card",), total=2500, ordered_at=at(1)
    )
    if state is None:
        return [card]
    return [card, PaperUpdated(order_id="12345678", item="card", state=state, revision=1, at=at(2))]


BY_OPS = {"undo", "reissue", "discard", "replay", "acknowledge", "dismiss"}
"""Ops does them itself, or gives an order for each of a cohort's people."""


# A file: test_ops_board.py. An erasure, which every service carries out: test_ops_erasure_pages.py.
@pytest.mark.parametrize("decision", sorted({*get_args(Decision)} - {"feed", "erase"}))
def test_each_order_can_be_given_and_one_service_carries_it_out(office: Office, decision: Decision) -> None:
    tell(office.ports, *cycle(1), renewed(3), held(4, "name-differs"))
    if decision == "reissue":
        tell(office.ports, revoked(1))
    if decision == "resume-cohort":
        tell(office.ports, held(5, "office-hold"))
    if decision.startswith("paper-"):
        tell(office.ports, *card_of(1, PAPER_BEFORE.get(decision)))
    dead_letter(office.ports)
    tell(office.ports, RegistrationRejected(rejection_id="a", source="f", row=7, field="valid_from", expected="a date"))
    tell(office.ports, RestoreNoticed(restore_id="wallet-1", service="wallet", noticed_at=at(1)))
    words = COMMANDS[decision]
    if words[-1] == "--apply":
        run = office.browser.get(f"/api/v1/{decision}", params={"cohort": "2026", "singly": decision == "reissue"})
        words = (*words, run.raise_for_status().json()["digest"])
    result = CliRunner().invoke(main, words, env=at_board(office.browser.base_url))
    assert result.exit_code == 0, result.output
    order = next(order for order in given(office) if order.decision == decision)
    takers = [services.registration.office.orders.is_ours, services.mailer.orders.is_ours, is_revoke, is_of_wallet]
    assert sum(is_ours(order) for is_ours in takers) == (0 if decision in BY_OPS else 1)


FORMS: dict[str, tuple[list[Any], str, dict[str, str]]] = {
    "correct-address": ([held(1)], "/people/R00001", {"act": "address", "address": "a@example.jp"}),
    "hold": ([renewed(1)], "/people/R00001", {"act": "hold"}),
    "resume": ([held(1, "look-alike")], "/people/R00001", {"act": "resume"}),
    "correct": (cycle(1), "/people/R00001", {"act": "correct", "version": "1", "given_name": "一郎"}),
    "resend": (cycle(1), "/people/R00001", {"act": "resend", "subject": assertion_id(1), "letter": "award"}),
    "revoke": (cycle(1), "/revoke/R00001", {"subject": assertion_id(1), "typed": "revoke"}),
    "hold-letters": (cycle(1), "/letters", {"act": "hold", "cohort": "2026"}),
    "end-sessions": (cycle(1), "/people/R00001", {"act": "end-sessions"}),
    "end-all-sessions": ([], "/services", {"act": "end-sessions"}),
}


def test_who_is_held_for_another_reason_since_the_page_was_opened_is_looked_at_again(office: Office) -> None:
    tell(office.ports, held(1, "office-hold"))
    assert 'name="reason" value="office-hold"' in text(office, "/people/R00001")
    tell(office.ports, held(1, "duplicate-pass-number", revision=2))
    form = {"act": "resume", "reason": "office-hold", "why": "本人の申し出"}
    answer = office.browser.post("/people/R00001", data=form)
    assert answer.status_code == 409 and "held as duplicate-pass-number since" in answer.text
    assert 'name="reason" value="duplicate-pass-number"' in answer.text and given(office) == []
    form["reason"] = "duplicate-pass-number"
    assert office.browser.post("/people/R00001", data=form).status_code == 303


@pytest.mark.parametrize("decision", FORMS)
def test_each_order_about_a_person_has_a_form_and_is_given_in_the_name_of_who_is_signed_in(
    office: Office, decision: str
) -> None:
    events, path, form = FORMS[decision]
    tell(office.ports, *events)
    page = text(office, path)
    assert f'value="{form["act"]}"' in page if "act" in form else form["typed"]
    assert office.browser.post(path, data={**form, "why": "本人の申し出", "by": "somebody else"}).status_code == 303
    (order,) = given(office)
    assert (order.decision, order.by, order.why) == (decision, OFFICE, "本人の申し出")
    settled = DecisionSettled(
        decision_id=order.decision_id, subject=order.subject, service="x", outcome="done", settled_at=at(9)
    )
    tell(office.ports, settled)
    done = "実行中" if decision == "correct" else "完了"  # done when the issuer has issued it
    assert done in text(office, "/decisions")
