"""Orders about letters, from the office's button or command to the mailer that carries them out, and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result

from services.mailer import handlers
from services.mailer.deliveries import Deliveries
from services.mailer.domain.delivery import Bounced, Sent, SmtpReply
from services.mailer.domain.letters import return_path
from services.mailer.orders import is_ours
from services.mailer.reports import note_report
from services.ops.cli import main
from services.ops.store.events import Store
from shared.events import AssertionRevoked, Event, LetterUpdated
from shared.letter_events import RequestedLetterUpdated
from shared.office_events import DecisionSettled, OfficeDecided
from shared.wire import decode
from tests.worlds.bounces import postfix
from tests.worlds.cohorts import NOON, assertion_id, cycle
from tests.worlds.cohorts import issued as issued_to
from tests.worlds.mailer import MailerWorld, asked, mailer_at
from tests.worlds.ops import outbox, tell
from tests.worlds.ops_site import Office, at_board, office_of
from tests.worlds.postgres import Databases

pytest_plugins = ("tests.worlds.ops_fixtures",)

WHO = {"by": "事務局", "why": "本人の申し出"}


class Both:
    """ops and mailer with nothing between them but the bytes of their events."""

    def __init__(self, office: Office, mailer: MailerWorld, taken: list[str]) -> None:
        self.office, self.mailer, self.taken = office, mailer, taken
        self.reply: SmtpReply = Sent("250 ok")
        self._carried: set[str] = set()

    def send(self, return_path: str, recipient: str, message: bytes) -> SmtpReply:
        if isinstance(self.reply, Sent):
            self.taken.append(recipient)
        return self.reply

    def everybody(self, people: int) -> None:
        for number in range(people):
            tell(self.office.ports, *cycle(number)[:2])
            self.mailer.handle(issued_to(number))

    def exchange(self) -> None:
        """What each has announced reaches the other, once."""
        orders = [decode(bytes(value)) for topic, _, value in outbox(self.office.ports) if topic == "office.decisions"]
        for event in orders:
            if isinstance(event, OfficeDecided) and self._is_new(event) and is_ours(event):
                self.mailer.handle(event)
        for event in self.mailer.announced():
            if isinstance(event, DecisionSettled | LetterUpdated | RequestedLetterUpdated) and self._is_new(event):
                tell(self.office.ports, event)

    def outcome(self) -> str:
        self.exchange()
        found: str = self.office.browser.get("/api/v1/decisions").json()[0]["outcome"]
        return found

    def akashi(self, *words: str) -> Result:
        return CliRunner().invoke(main, ["letters", *words], env=at_board(self.office.browser.base_url))

    def _is_new(self, event: Event) -> bool:
        id = str(event.id)
        return id not in self._carried and not self._carried.add(id)  # type: ignore[func-returns-value]


@pytest.fixture
def both(store: Store, databases: Databases) -> Iterator[Both]:
    with office_of(store) as office, mailer_at(databases.fresh(), lambda *_: made.send(*_)) as mailer:
        mailer.moment = NOON + timedelta(days=1)
        made = Both(office, mailer, [])
        yield made


def test_held_letters_of_a_cohort_stay_until_they_are_resumed(both: Both) -> None:
    both.everybody(3)
    page = both.office.browser.get("/letters").text
    assert "送っています" in page and "お知らせを止める" in page
    ordered = both.office.browser.post("/letters", data={**WHO, "act": "hold", "cohort": "2026"})
    assert ordered.status_code == 303
    assert both.outcome() == "done"
    both.mailer.tick(hours=1)
    assert both.taken == []
    page = both.office.browser.get("/letters").text
    assert "止めています" in page and "お知らせを再開する" in page
    both.office.browser.post("/letters", data={**WHO, "act": "resume", "cohort": "2026"})
    assert both.outcome() == "done"
    both.mailer.tick()
    assert len(both.taken) == 3


def test_a_hold_in_the_middle_of_a_run_leaves_what_is_queued_where_it_is(both: Both) -> None:
    both.everybody(5)
    handlers.write(both.mailer.ports)

    def send(return_path: str, recipient: str, message: bytes) -> SmtpReply:
        if len(both.taken) == 1:  # the office orders it while the second letter is on its way
            assert both.akashi("hold", "2026", "--reason", "a wrong text", "--no-wait").exit_code == 0
            both.exchange()
        return both.send(return_path, recipient, message)

    both.mailer.ports = replace(both.mailer.ports, send=send, deliveries=Deliveries(1))
    handlers.send(both.mailer.ports)
    assert len(both.taken) == 2
    both.mailer.tick(hours=24)
    assert len(both.taken) == 2
    assert both.akashi("resume", "2026", "--reason", "the text is right", "--no-wait").exit_code == 0
    both.exchange()
    both.mailer.tick()
    assert len(both.taken) == 5 == len(set(both.taken))


def test_orders_of_every_kind_that_come_together_are_carried_out_together(both: Both) -> None:
    both.everybody(2)
    both.mailer.tick()
    both.exchange()
    assert len(both.taken) == 2
    for words in (["hold", "2026"], ["resend", assertion_id(0), "--letter", "award"], ["resume", "2026"]):
        assert both.akashi(*words, "--reason", "the text", "--no-wait").exit_code == 0
    orders = [decode(bytes(value)) for topic, _, value in outbox(both.office.ports) if topic == "office.decisions"]
    both.mailer.handle_batch([order for order in orders if isinstance(order, OfficeDecided)])
    both.mailer.tick()
    assert len(both.taken) == 3
    settled = [each.outcome for each in both.mailer.announced() if isinstance(each, DecisionSettled)]
    assert settled.count("done") == 3


def test_a_hold_that_was_settled_before_a_restore_holds_again_when_its_order_is_read_again(both: Both) -> None:
    both.everybody(1)
    both.akashi("hold", "2026", "--reason", "a wrong text", "--no-wait")
    both.exchange()
    orders = [decode(bytes(value)) for _, _, value in outbox(both.office.ports)]
    with both.mailer.ports.store.transaction() as tx:
        tx.cursor.execute("delete from letter_holds")  # the backup is older; that it was settled is taken back
    both.mailer.handle(*(order for order in orders if isinstance(order, OfficeDecided)))
    both.mailer.tick(hours=1)
    assert both.taken == []
    assert len(both.mailer.settled()) == 1


def test_an_order_that_changes_nothing_says_so_and_one_about_no_cohort_is_refused(both: Both) -> None:
    both.everybody(1)
    both.akashi("resume", "2026", "--reason", "just in case", "--no-wait")
    assert both.outcome() == "changes-nothing"
    refused = both.akashi("hold", "1999", "--reason", "a slip", "--no-wait")
    assert refused.exit_code == 1 and "2026" in refused.output


@pytest.mark.parametrize("way", ["command", "person's page", "letters' page", "API"])
def test_a_letter_that_bounced_is_sent_again_from_each_place_that_offers_it(both: Both, way: str) -> None:
    both.everybody(1)
    both.reply = Bounced("452 mailbox full")
    both.mailer.tick()
    both.exchange()
    both.reply = Sent("250 ok")
    browser, badge = both.office.browser, assertion_id(0)
    if way == "command":
        done = both.akashi("resend", "R00000", "--letter", "award", "--reason", "asked", "--no-wait")
        assert done.exit_code == 0, done.output
    elif way == "person's page":
        assert 'value="resend"' in browser.get("/people/R00000").text
        form = {**WHO, "act": "resend", "subject": badge, "letter": "award"}
        assert browser.post("/people/R00000", data=form).status_code == 303
    elif way == "letters' page":
        assert f'value="{badge}/award"' in browser.get("/letters").text
        form = {**WHO, "act": "resend", "cohort": "2026", "message": f"{badge}/award"}
        assert browser.post("/letters", data=form).status_code == 303
    else:
        assert browser.post("/api/v1/letters/resend", json={**WHO, "id": badge, "letter": "award"}).is_success
    assert both.outcome() == "done"
    both.mailer.tick()
    both.exchange()
    assert len(both.taken) == 1
    assert both.mailer.states(badge) == ["queued", "bounced", "queued", "sent"]
    assert f'value="{badge}/award"' not in browser.get("/letters").text


def test_a_letter_can_be_sent_again_as_often_as_it_is_ordered_and_one_pending_order_is_one(both: Both) -> None:
    both.everybody(1)
    both.mailer.tick()
    both.exchange()
    for times in (2, 3):
        for _ in range(2):
            assert both.akashi("resend", "R00000", "--letter", "award", "--reason", "x", "--no-wait").exit_code == 0
        assert both.outcome() == "done"
        both.mailer.tick()
        assert len(both.taken) == times


def test_what_cannot_be_sent_again_is_refused_with_the_reason(both: Both) -> None:
    both.everybody(2)
    both.mailer.tick()
    both.exchange()
    unknown = both.akashi("resend", "R00000", "--letter", "thanks", "--reason", "x", "--no-wait")
    assert unknown.exit_code == 1 and "award" in unknown.output
    nobody = both.akashi("resend", "R404", "--letter", "award", "--reason", "x", "--no-wait")
    assert nobody.exit_code == 1 and "akashi people" in nobody.output
    both.mailer.handle(AssertionRevoked(assertion_id=assertion_id(1), reason="withdrawn", revoked_at=NOON))
    both.akashi("resend", assertion_id(1), "--letter", "award", "--reason", "x", "--no-wait")
    assert both.outcome() == "revoked"


def test_a_bounce_that_comes_back_is_on_the_offices_list_and_goes_when_the_letter_is_sent_again(both: Both) -> None:
    both.everybody(1)
    both.mailer.tick()
    both.exchange()
    path = return_path("award", assertion_id(0), both.mailer.ports.sender.bounce_domain)
    note_report(postfix(path), [path], both.mailer.ports)
    both.exchange()
    page = both.office.browser.get("/letters").text
    assert f'value="{assertion_id(0)}/award"' in page and "5.1.1" in page
    assert "taro@" not in page
    both.akashi("resend", "R00000", "--letter", "award", "--reason", "asked", "--no-wait")
    both.exchange()
    both.mailer.tick()
    both.exchange()
    assert f'value="{assertion_id(0)}/award"' not in both.office.browser.get("/letters").text


def test_the_office_sees_letters_that_a_service_asked_for_and_that_came_to_nobody(both: Both) -> None:
    both.mailer.handle(asked("L-1", hours=None), asked("L-2", recipient="jiro@example.jp", hours=None))
    both.reply = Bounced("550 5.1.1 <taro@example.jp> unknown")
    both.mailer.tick()
    both.exchange()
    page = both.office.browser.get("/letters").text
    assert page.count("パスワードの再設定：不達") == 2
    assert "550 5.1.1" in page and "example.jp" not in page.partition("届かなかった案内")[2].partition("</section>")[0]
