"""PostgreSQL is restored to a backup, Kafka and the objects are kept: what was announced since is taken back.

48 people before the backup. After it one badge is revoked, one holder hides the details, one person is erased, three
more people come. Each service notices that it was restored, also the mailer, which nobody stopped, and the board shows
it until the office has looked.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from deploy.local.demo.holders import password_of, receive
from deploy.local.demo.letters import Letter
from deploy.local.loopback import ask, new_browser
from deploy.local.office import signed_in
from deploy.local.ports import free_base
from deploy.local.stack import Stack
from shared.errors import NotFound
from shared.events import AssertionIssued, AssertionRevoked, Event
from shared.topics import SERVICES
from shared.wire import decode
from tests.worlds.backups import backed_up, set_back
from tests.worlds.erasure import everybody_erased, holds_nothing_of, order_erasure
from tests.worlds.office import REVOKED, VALID, akashi, done, life, matches, page, shown_as
from tests.worlds.story import Story, until
from tests.worlds.watch import Watch, is_revoked_in, objects_of

pytestmark = pytest.mark.timeout(900)  # the first test waits for all that happens before and during the restore

BEFORE, ERASED, AFTER = 47, 1, 3
FORGOTTEN = "mailer"  # nobody stops it for the restore
REASON = "本人の申し出による退会"
HIDDEN = "ご本人の設定により、証明書データは公開していません"


@dataclass
class Restored:
    """The stack after the restore, and what was so before it."""

    stack: Stack
    first: Story
    later: Story
    revoked: str
    hidden: str
    erased: dict[str, Any]  # as upstream delivers them
    erased_id: str  # of their badge
    credentials: dict[str, bytes]
    places: dict[str, tuple[int, int]]
    message_ids: Counter[str]
    watch: Watch

    @property
    def ids(self) -> set[str]:
        return set(self.places)


def facts(restored: Restored, kind: type[Event]) -> dict[UUID, Event]:
    """What was announced on this stack since its first start, by id: a fact may be on its topic twice."""
    events = [decode(value) for _, _, value in restored.first.records(kind)]
    return {event.id: event for event in events if isinstance(event, kind)}


def credentials_of(stack: Stack, ids: set[str]) -> dict[str, bytes]:
    objects = objects_of(stack)
    found: dict[str, bytes] = {}
    for assertion_id in ids:
        try:
            found[assertion_id] = objects.get(f"credentials/{assertion_id}.json")
        except NotFound:
            found[assertion_id] = b""
    return found


def places_of(story: Story) -> dict[str, tuple[int, int]]:
    """Each badge with its status list and bit, by the issuer's table."""
    rows = story.rows(
        "issuer",
        "select assertion_id, status_list, status_index from assertions where registration_id like %s",
        f"{story.prefix}-%",
    )
    return {assertion_id: (number, index) for assertion_id, number, index in rows}


def hide(stack: Stack, address: str, assertion_id: str) -> None:
    """The holder logs in and hides the details of the badge."""
    wallet, browser = stack.urls["wallet"], new_browser()
    own = {"Origin": wallet, "Sec-Fetch-Site": "same-origin"}
    form = {"email": address, "password": password_of(address), "next": ""}
    browser.post(f"{wallet}/login", data=form, headers=own).raise_for_status()
    answer = browser.post(f"{wallet}/badges/{assertion_id}/details", data={"details": "hidden"}, headers=own)
    answer.raise_for_status()


def letters_of(*stories: Story) -> list[Letter]:
    return [letter for story in stories for letter in story._inbox.all()]


@pytest.fixture(scope="module")
def restored(new_home: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restored]:
    """A stack of its own, since its database goes back in time."""
    with Stack(new_home("restored"), free_base()) as stack:
        first, later = Story(stack, "FIRST", BEFORE + ERASED), Story(stack, "LATER", AFTER)
        first.feed()
        first.play()
        first.completes()
        one, two, three, *_ = first.people()
        revoked, hidden, forgotten = one["assertion_id"], two["assertion_id"], three["registration_id"]
        backup = backed_up(stack, tmp_path_factory.mktemp("restored") / "backup")

        done(akashi(stack, "revoke", revoked, "--reason", REASON, "--by", "事務局"))
        shown_as(stack, revoked, REVOKED, REASON)
        (address,) = {letter.to for letter in first.letters if letter.link and hidden in letter.link}
        hide(stack, address, hidden)
        shown_as(stack, hidden, HIDDEN)
        (record,) = [each for each in first.upstream() if each["registration_id"] == forgotten]
        order_erasure(stack, forgotten, REASON)
        everybody_erased(stack, forgotten)
        later.feed()
        later.play()
        later.completes()
        matches(stack)

        places = places_of(first) | places_of(later)
        places.pop(three["assertion_id"], None)
        index = places[revoked]
        assert is_revoked_in(objects_of(stack).get(f"status/{index[0]}.json"), index[1])
        told = Restored(
            stack,
            first,
            later,
            revoked,
            hidden,
            record,
            three["assertion_id"],
            credentials_of(stack, set(places)),
            places,
            Counter(letter.message_id for letter in letters_of(first, later)),
            Watch(stack, revoked, index),
        )
        assert len(told.ids) == BEFORE + AFTER
        set_back(stack, backup, before_start=told.watch.start, forgotten=[FORGOTTEN])
        first.feed()  # upstream delivers all again
        later.feed()
        yield told
        told.watch.end()


def test_everybody_is_on_the_board_again(restored: Restored) -> None:
    restored.later.wait("completed", at_least=AFTER)
    restored.first.wait("completed", at_least=BEFORE - 1)
    after = matches(restored.stack)
    assert after["cohort"]["completed"] == BEFORE + AFTER - 1
    assert after["cohort"]["revoked"] == 1
    people = [*restored.first.people(), *restored.later.people()]
    assert {person["assertion_id"] for person in people} == restored.ids
    assert after["dead_letters"] == 0


def test_who_was_erased_is_nowhere_again(restored: Restored) -> None:
    """The tables of the backup had them, and upstream delivered them again."""
    holds_nothing_of(restored.stack, restored.erased)


def test_the_revoked_badge_was_valid_in_no_answer_since_the_start(restored: Restored) -> None:
    shown_as(restored.stack, restored.revoked, REVOKED, REASON)
    restored.watch.end()
    restored.watch.saw_it_revoked()


def test_the_other_badges_are_valid_and_the_hidden_details_stay_hidden(restored: Restored) -> None:
    shown_as(restored.stack, restored.hidden, HIDDEN, VALID)
    answer = ask.get(f"{restored.stack.urls['verifier']}/credentials/{restored.hidden}.json")
    assert answer.status_code != 200
    for assertion_id in restored.ids - {restored.revoked}:
        assert VALID in page(restored.stack, assertion_id)


def test_every_badge_has_one_credential_and_one_status_bit(restored: Restored) -> None:
    places = places_of(restored.first) | places_of(restored.later)
    assert {id: place for id, place in places.items() if id != restored.erased_id} == restored.places
    assert credentials_of(restored.stack, restored.ids) == restored.credentials
    issued = facts(restored, AssertionIssued)
    assert Counter(event.key for event in issued.values()) == dict.fromkeys([*restored.ids, restored.erased_id], 1)
    revoked = [event.key for event in facts(restored, AssertionRevoked).values()]
    assert sorted(revoked) == sorted([restored.revoked, restored.erased_id])


def test_the_order_of_the_office_is_on_record_with_its_outcome(restored: Restored) -> None:
    registration_id = next(
        person["registration_id"] for person in restored.first.people() if person["assertion_id"] == restored.revoked
    )

    def settled() -> bool:
        decisions = life(restored.stack, registration_id)["decisions"]
        return [(each["outcome"], each["by"], each["why"]) for each in decisions] == [("done", "事務局", REASON)]

    until(settled, seconds=30, what="the decision is on record", forgive=(httpx.HTTPError,))


def test_no_letter_was_sent_twice(restored: Restored) -> None:
    assert Counter(letter.message_id for letter in letters_of(restored.first, restored.later)) == restored.message_ids


def restores(stack: Stack, *words: str) -> list[dict[str, Any]]:
    """What `akashi restores` says; its exit code tells whether somebody has still to look."""
    said = akashi(stack, "restores", "--json", *words)
    found = [json.loads(line) for line in said.stdout.splitlines()]
    assert said.exit_code == int(any(each["seen_at"] is None for each in found)), said.stderr
    return found


def board(stack: Stack) -> str:
    answer = signed_in(stack.place).get("/")
    return answer.raise_for_status().text.replace("<wbr>", "")


def test_the_board_shows_the_restore_of_every_service_until_somebody_has_looked(restored: Restored) -> None:
    stack = restored.stack

    def noticed() -> dict[str, dict[str, Any]]:
        found = {each["service"]: each for each in restores(stack)}
        return found if set(found) == set(SERVICES) else {}

    found = until(noticed, seconds=30, what="every service has noticed it")
    assert all(each["replaced"] for each in found.values()), "PostgreSQL began another timeline"
    assert {name for name, each in found.items() if each["read_again"]} >= {"verifier", "wallet", "mailer", "ops"}
    recalled = Counter(found["issuer"]["recalled"])
    for each in ("StatementPublished", "ObjectsScrubbed"):
        del recalled[each]  # whether the public count, or the hourly scrub, came after the backup depends on the time
    assert recalled == {"AssertionIssued": AFTER, "AssertionRevoked": 2, "AssertionsErased": 1, "DecisionSettled": 2}
    assert found["issuer"]["storage"] == {"newer_lists": 1}, "the bit is in the tables again, the list is a later one"
    assert found["wallet"]["recalled"] == {"BadgeReceived": AFTER, "BadgeVisibilityChanged": 1, "DecisionSettled": 1}
    assert found["ops"]["recalled"] == {"OfficeDecided": 2, "DecisionSettled": 1}
    assert found["verifier"]["recalled"] == {}
    shown = board(stack)
    assert "データベースが前の状態に戻されています" in shown and "パスワード" in shown
    seen = restores(stack, "--all-seen", "--by", "事務局", "--why", "アカウントの作り直しを案内した")
    assert {each["service"] for each in seen} == set(SERVICES)
    assert {(each["by"], each["why"]) for each in seen} == {("事務局", "アカウントの作り直しを案内した")}
    assert restores(stack) == []
    assert "データベースが前の状態に戻されています" not in board(stack)


def test_a_service_that_ran_during_the_restore_ended_by_itself_and_compared(restored: Restored) -> None:
    log = (restored.stack.home / "log" / f"{FORGOTTEN}.log").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    ends = [str(line["cause"]) for line in lines if line.get("action") == "failed" and line.get("part") == "database"]
    assert any("a failover or a restore" in cause for cause in ends), ends
    assert [line["replaced"] for line in lines if line.get("action") == "restored"] == [True]


def test_a_holder_whose_account_is_lost_makes_it_again_by_the_same_link(restored: Restored) -> None:
    for letter in restored.later.letters:
        if letter.link is not None:
            receive(letter)
            browser, wallet = new_browser(), restored.stack.urls["wallet"]
            form = {"email": letter.to, "password": password_of(letter.to), "next": ""}
            shown = browser.post(
                f"{wallet}/login", data=form, headers={"Origin": wallet, "Sec-Fetch-Site": "same-origin"}
            ).raise_for_status()
            (assertion_id,) = {each for each in restored.ids if each in letter.link}
            assert assertion_id in shown.text
    assert restored.later.count("completed") == AFTER
