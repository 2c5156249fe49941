"""Records of topics, schemas and all of Kafka are lost, one after the other: docs/recovery.md brings everything back.

One stack of its own. Each story has people who were done before, people half way and people who come meanwhile; those
of a former story are the first kind in the next. One badge is revoked in the first story, and a stranger asks for it
until the end.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Any

import httpx
import pytest
from kafka import KafkaProducer

from deploy.local.demo.crowd import crowd, ndjson
from deploy.local.demo.holders import password_of, receive
from deploy.local.demo.letters import Letter
from deploy.local.demo.run import feed
from deploy.local.loopback import new_browser
from deploy.local.ports import free_base
from deploy.local.stack import Stack
from shared.topics import (
    ASSERTION_ANCHORED,
    ASSERTION_ISSUED,
    ASSERTION_REVOKED,
    BADGE_RECEIVED,
    CERTIFICATE_RENDERED,
    LETTER_UPDATED,
    OFFICE_DECISIONS,
    REGISTRATION_HELD,
    REGISTRATION_RENEWED,
    SERVICES,
    UPSTREAM_REGISTRATIONS,
)
from tests.worlds.losses import (
    count,
    delete_records,
    drop_schema,
    has_gaps,
    has_no_gaps,
    kafka_kept,
    lose_kafka,
    published,
    rebuilt,
    select,
    set_kafka_back,
    settled,
    tables_of,
)
from tests.worlds.office import REVOKED, akashi, done, matches, shown_as
from tests.worlds.story import Story, until
from tests.worlds.watch import Watch

pytestmark = pytest.mark.timeout(1200)

REASON = "本人の申し出による退会"
HELD = 1  # of the people who come in the first story, without an address


@dataclass
class World:
    stack: Stack
    stories: list[Story] = field(default_factory=list)
    revoked: str = ""
    watch: Watch | None = None

    def story(self, prefix: str, size: int) -> Story:
        self.stories.append(Story(self.stack, prefix, size))
        return self.stories[-1]

    def deliver_again(self) -> None:
        """The upstream delivers all that it ever delivered."""
        for story in self.stories:
            story.feed()
            story._starts = {}  # its events are those of the first delivery, wherever they lie now
        deliver(self.stack, records_at_fault(self.stack))

    def watch_revoked(self) -> None:
        """From now on, until `end`."""
        where = "status_list, status_index"
        (place,) = select(self.stack, "issuer", where, f"assertions where assertion_id = '{self.revoked}'")
        self.watch = Watch(self.stack, self.revoked, place)
        self.watch.start()


@pytest.fixture(scope="module")
def world(new_home: Callable[[str], Path]) -> Iterator[World]:
    with Stack(new_home("lost"), free_base()) as stack:
        world = World(stack)
        yield world
        if world.watch is not None:
            world.watch.end()


def records_at_fault(stack: Stack) -> list[dict[str, Any]]:
    held, rejected = crowd(HELD + 1, cohort=stack.cohort, prefix="HELD")
    return [held | {"email": None}, rejected | {"registration_number": 5}]


def deliver(stack: Stack, records: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return feed(stack, ndjson(iter(records)))


def deliver_over_kafka(stack: Stack, records: Iterable[dict[str, Any]]) -> None:
    with closing(KafkaProducer(bootstrap_servers=stack.environment("issuer")["KAFKA_BOOTSTRAP"])) as producer:
        for record in records:
            producer.send(UPSTREAM_REGISTRATIONS.name, key=b"upstream", value=json.dumps(record).encode()).get(20)


def first_letters(story: Story, *, first: int, number: int) -> list[Letter]:
    """Letter 1 of `number` people of a story."""
    letters = sorted((letter for letter in story._inbox.all() if letter.link), key=lambda letter: letter.to)
    story._inbox.again()  # the players of the holders see them too
    assert len(letters) == story.size
    return letters[first : first + number]


def log_in(stack: Stack, letter: Letter) -> tuple[httpx.Client, str]:
    """The holder's browser, and the page after the log-in."""
    wallet, browser = stack.urls["wallet"], new_browser()
    form = {"email": letter.to, "password": password_of(letter.to), "next": ""}
    page = browser.post(f"{wallet}/login", data=form, headers={"Origin": wallet, "Sec-Fetch-Site": "same-origin"})
    return browser, page.raise_for_status().text


def announced(stack: Stack, service: str, event: str, number: int) -> None:
    """When this returns, `service` has announced so many events of this type, and they are on Kafka."""
    found = f"announced where convert_from(value, 'utf8') like '%akashi.{event}\"%'"
    until(
        lambda: select(stack, service, "count(*)", found)[0][0] >= number,
        seconds=90,
        what=f"{service} has announced {number} {event}",
    )
    published(stack, service)


# ── records are deleted before their readers have read them ──────────────────────────────────────────────


def test_what_was_deleted_from_each_topic_before_it_was_read_comes_back_by_rebuilds(world: World) -> None:
    stack = world.stack
    before, half, new = world.story("BEFORE", 20), world.story("HALF", 14), world.story("NEW", 16)
    before.feed()
    before.play()
    half.feed()
    before.completes()
    half.wait("notified", at_least=14)
    world.revoked = before.people()[0]["assertion_id"]

    # upstream.registrations and office.decisions, unread by registration, issuer, mailer
    stack.halt("registration", "issuer", "anchor", "renderer", "mailer", "verifier")
    deliver_over_kafka(stack, crowd(3, cohort=stack.cohort, prefix="NEW"))
    done(akashi(stack, "revoke", world.revoked, "--reason", REASON, "--by", "事務局", "--no-wait"))
    published(stack, "ops")
    stack.halt("ops")
    delete_records(stack, UPSTREAM_REGISTRATIONS, OFFICE_DECISIONS)

    # registration.renewed, registration.held, badge.received, unread by issuer, anchor, mailer, verifier, ops
    stack.resume("registration")
    new.feed()
    deliver(stack, records_at_fault(stack))
    for letter in first_letters(half, first=0, number=7):
        receive(letter)
    announced(stack, "registration", "RegistrationRenewed", 50)
    announced(stack, "registration", "RegistrationHeld", HELD)
    announced(stack, "wallet", "BadgeReceived", 27)
    delete_records(stack, REGISTRATION_RENEWED, REGISTRATION_HELD, BADGE_RECEIVED)

    stack.resume("ops", "anchor", "issuer")
    has_gaps(stack, "registration", UPSTREAM_REGISTRATIONS, OFFICE_DECISIONS)
    has_gaps(stack, "anchor", BADGE_RECEIVED)
    has_gaps(stack, "issuer", REGISTRATION_RENEWED, OFFICE_DECISIONS)
    has_gaps(stack, "ops", REGISTRATION_RENEWED, REGISTRATION_HELD, BADGE_RECEIVED)
    rebuilt(stack, "registration", "anchor")
    announced(stack, "anchor", "AssertionAnchored", 27)

    # assertion.issued, assertion.anchored, assertion.revoked, unread by renderer, mailer, wallet, verifier
    stack.halt("wallet")
    rebuilt(stack, "issuer")
    announced(stack, "issuer", "AssertionIssued", 50)
    announced(stack, "issuer", "AssertionRevoked", 1)
    delete_records(stack, ASSERTION_ISSUED, ASSERTION_ANCHORED, ASSERTION_REVOKED)

    # certificate.rendered, unread by mailer, wallet
    stack.resume("renderer", "verifier")
    has_gaps(stack, "renderer", ASSERTION_ANCHORED, ASSERTION_REVOKED)
    has_gaps(stack, "verifier", ASSERTION_ISSUED, BADGE_RECEIVED, ASSERTION_ANCHORED, ASSERTION_REVOKED)
    rebuilt(stack, "renderer", producers=("issuer", "anchor"))
    announced(stack, "renderer", "CertificateRendered", 27)
    delete_records(stack, CERTIFICATE_RENDERED)

    stack.resume("wallet", "mailer")
    has_gaps(stack, "wallet", ASSERTION_ISSUED, CERTIFICATE_RENDERED)
    has_gaps(stack, "mailer", ASSERTION_ISSUED, BADGE_RECEIVED, CERTIFICATE_RENDERED, ASSERTION_REVOKED)
    rebuilt(stack, "verifier", "wallet", "mailer", "ops", "renderer")
    has_no_gaps(stack, *SERVICES)
    shown_as(stack, world.revoked, REVOKED, REASON)
    world.watch_revoked()

    for story in (half, new):
        story.play()
        story.completes()
    before.is_whole()
    assert matches(stack)["dead_letters"] == 0


def test_what_is_deleted_under_a_reader_that_runs_is_a_gap_as_well(world: World) -> None:
    stack = world.stack
    pid = stack.kill("verifier", SIGSTOP)
    stack.halt("ops")
    late, letters = world.story("UNDER", 2), count(stack, "mailer", f"announced where topic = '{LETTER_UPDATED.name}'")
    late.feed()
    announced(stack, "mailer", "LetterUpdated", letters + 4)
    delete_records(stack, ASSERTION_ISSUED, LETTER_UPDATED)
    os.kill(pid, SIGCONT)
    stack.resume("ops")
    has_gaps(stack, "ops", ASSERTION_ISSUED, LETTER_UPDATED)
    has_gaps(stack, "verifier", ASSERTION_ISSUED)
    rebuilt(stack, "verifier", "ops")
    has_no_gaps(stack, "verifier", "ops")
    late.wait("notified", at_least=2)
    ids = {person["assertion_id"] for person in late.people()}
    assert ids < {id for (id,) in select(stack, "verifier", "assertion_id", "assertions")}


# ── a service's schema is dropped ────────────────────────────────────────────────────────────────────────

LEFT_OUT = {
    "positions", "published", "gaps", "rebuilds", "outbox", "topics",  # where the service stands, not what it knows
    "database_history", "restore_notices", "recalled_facts",  # what its starts found
    "scrubs", "scrub_counts", "scrub_faults", "published_objects",  # its looks at storage; published again
    "scrub_reports",  # ops: of each service the last look by itself, which may be another one by now
    "accounts", "addresses", "sessions", "login_attempts",  # wallet: on no topic, made again by the holders
    "devices", "passkeys", "mail_links", "asked_letters", "challenges",  # the same
    "nonces", "transactions",  # anchor: how the roots were sent; on no topic
    "office_accounts", "office_sessions", "office_attempts",  # ops: on no topic, made again by `akashi office add`
    "restores",  # issuer: that a list was begun after a loss
    "stirred", "renamed", "standing", "standing_counts", "letter_counts", "batch_counts",  # ops: copied and counted
}  # fmt: skip
"""Tables that docs/recovery.md names as lost, or that are about the service's own work."""

COLUMNS = {
    "*": ["next_try_at", "attempts"],  # of work that is done
    "announced": ["seq", "announced_at"],  # taken back in another order, now
    "inbox": ["claimed_at"],
    # registration: when it learned of it; what was taken back counts as issued, whether or not its answer came again
    "registrations": ["received_at", "released_at", "presumed_issued"],
    "rejected": ["received_at"],
    # issuer: the bytes are in object storage; when it published them, and how often
    "assertions": ["credential", "stored_at"],
    "badge_classes": ["made_at"],
    "issuer_images": ["made_at"],
    "documents": ["revision", "published_at", "unsure_until"],
    "signing_keys": ["listed_at"],
    "anchored_batches": ["read_at"],
    "statements": ["body", "leaves"],
    # mailer: the bytes of letters that were sent, with their domain and address, and which process sent them; which
    # letter tells of a correction is noted of all badges
    "messages": ["message", "domain", "written_revision", "created_at", "sender", "sending_until"],
    "holders": ["told_by"],
    # wallet: the account is made again
    "badges": ["account_id"],
    # anchor: ids are numbers of this schema; when it did each step
    "anchorings": ["id", "final_at"],
    "anchored_roots": ["anchoring"],
    "batches": ["closed_at", "manifest_at", "decided_by"],
    "leaves": ["ready_at", "proved_at"],
    # renderer, ops: when it learned of it
    "renderings": ["noted_at", "rendered_at"],
    "people": ["eligible_at", "held_at"],
    "person_events": ["at"],
    "rejections": ["noted_at"],
}
"""Columns that no topic holds, by table: the service's own times, its own numbers, and bytes that are elsewhere."""


def rows_of(world: World, service: str) -> dict[str, list[str]]:
    # The verifier announces nothing but that it had nothing to announce, and takes nothing back: it never waits for
    # Kafka.
    without = LEFT_OUT | ({"announced"} if service == "verifier" else set())
    return tables_of(world.stack, service, without=without, columns=COLUMNS)


def has_again(world: World, service: str, rows: dict[str, list[str]], known: Sequence[str]) -> None:
    """It has all of `rows`, and no other row about one of the `known`: ids of assertions and registrations."""
    now = rows_of(world, service)
    for table, former in rows.items():
        gone = sorted(set(former) - set(now[table]))
        assert not gone, f"{service}.{table} lacks {len(gone)} rows: {gone[0]}\nhas {now[table][:3]}"
        more = [row for row in set(now[table]) - set(former) if any(f'"{id}"' in row for id in known)]
        assert not more, f"{service}.{table} has {len(more)} rows more: {more[0]}"


@pytest.mark.parametrize(
    "service", ["verifier", "renderer", "mailer", "issuer", "anchor", "wallet", "registration", "ops"]
)
def test_a_service_whose_schema_was_dropped_has_the_same_rows_again(world: World, service: str) -> None:
    stack, known = world.stack, ids_of(world)
    settled(stack, *SERVICES)
    rows = rows_of(world, service)
    stack.halt(service)
    drop_schema(stack, service)
    meanwhile = world.story(f"MEANWHILE{service.upper()}", 2)
    if service != "registration":
        meanwhile.feed()
    stack.resume(service)
    if service == "registration":
        world.deliver_again()
    rebuilt(stack, service)
    meanwhile.wait("notified", at_least=2)
    settled(stack, *SERVICES)
    with suppress(AssertionError):  # it does not name the rows
        until(lambda: lacks_nothing(world, service, rows), seconds=20, what=f"{service} has all rows again", pause=1.0)
    has_again(world, service, rows, known)


def lacks_nothing(world: World, service: str, rows: dict[str, list[str]]) -> bool:
    now = rows_of(world, service)
    return all(set(former) <= set(now[table]) for table, former in rows.items())


def ids_of(world: World) -> list[str]:
    people = [person for story in world.stories for person in story.people()]
    return [person[name] for person in people for name in ("assertion_id", "registration_id")]


def test_after_all_schemas_were_dropped_everybody_has_one_badge_and_holders_make_their_accounts_again(
    world: World,
) -> None:
    before, half, new, *meanwhile = world.stories
    for letter in first_letters(before, first=0, number=3):
        if letter.link and world.revoked in letter.link:
            continue
        receive(letter)  # the link of letter 1 makes the account again, and the badge is there
        _, page = log_in(world.stack, letter)
        assert any(id in page for id in ids_of(world) if letter.link and id in letter.link)
    for story in meanwhile:
        story.play()
    for story in meanwhile:
        story.completes()
    for story in (before, half, new):
        story.is_whole()
    assert matches(world.stack)["dead_letters"] == 0


# ── Kafka's folder is lost ───────────────────────────────────────────────────────────────────────────────


def test_a_lost_kafka_is_filled_again_by_outboxes_and_rebuilds_and_nothing_happens_twice(world: World) -> None:
    stack = world.stack
    half, new = world.story("HALFWAY", 20), world.story("AFTER", 30)
    half.feed()
    half.play()
    half.wait("notified", "received", "anchored", "rendered", "completed", at_least=6)
    lose_kafka(stack)
    world.deliver_again()
    new.play()
    rebuilt(stack, *(service for service in SERVICES if service != "ops"), "ops")
    for story in (half, new):
        story.completes()
    for story in world.stories:
        story.is_whole()
    has_no_gaps(stack, *SERVICES)
    assert matches(stack)["dead_letters"] == 0


def test_a_kafka_that_lost_the_end_of_its_topics_delays_people_and_loses_nobody(world: World) -> None:
    stack, others = world.stack, [name for name in SERVICES if name not in ("registration", "mailer")]
    kept = kafka_kept(stack)
    stack.halt("mailer")
    unread, new = world.story("UNREAD", 5), world.story("GROWN", 25)
    unread.feed()
    unread.wait("issued", at_least=5)
    published(stack, *SERVICES)
    settled(stack, *others)
    stack.halt(*others)
    set_kafka_back(stack, kept)
    new.feed()  # they take the places of what was lost, where the issuer has read already
    published(stack, "registration")
    stack.resume(*others, "mailer")
    for story in (unread, new):
        story.play()
    for story in (unread, new):
        story.completes()


def test_the_revoked_badge_was_valid_in_no_answer_meanwhile(world: World) -> None:
    shown_as(world.stack, world.revoked, REVOKED, REASON)
    assert world.watch is not None
    world.watch.end()
    world.watch.saw_it_revoked()
