"""What the runbook tells to do for an alert ends it: its cause is made, the commands are those of the document."""

from __future__ import annotations

import json
import smtplib
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest
from kafka import KafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.demo.letters import Inbox, Letter
from deploy.local.environment import BUCKET
from deploy.local.loopback import ask
from deploy.local.parts.chain import rpc
from deploy.local.stack import Stack
from services.mailer.domain.letters import return_path
from shared import object_keys
from shared.events import BadgeReceived
from shared.runtime.objects import Objects
from shared.runtime.settings import Settings, read_object_storage
from shared.runtime.web.server import HEAD_BYTES
from shared.topics import BADGE_RECEIVED, PAPER_ORDERS
from shared.wire import encode
from tests.worlds.bounces import postfix
from tests.worlds.credentials import NOW
from tests.worlds.harm import without
from tests.worlds.losses import delete_records
from tests.worlds.mailer import PROGRAMME
from tests.worlds.office import akashi, done, shown_as
from tests.worlds.runbook import commands
from tests.worlds.story import Story, until

SIZE = 3


@pytest.fixture(scope="module")
def story(stack: Stack) -> Iterator[Story]:
    """A few people who have completed."""
    story = Story(stack, "RUNBOOK", SIZE)
    story.feed()
    story.play()
    story.completes()
    yield story


def figure(stack: Stack, service: str, metric: str, **labels: str) -> float | None:
    """The highest value that a service shows of a metric with these labels; None while it does not answer."""
    try:
        page = ask.get(f"http://{stack.place.address(f'{service} metrics')}/metrics").text
    except httpx.HTTPError:
        return None
    values = [
        sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == metric and labels.items() <= sample.labels.items()
    ]
    return max(values, default=0.0)


def fires(stack: Stack, service: str, metric: str, *, at: Callable[[float | None], bool] = bool, **labels: str) -> None:
    until(lambda: at(figure(stack, service, metric, **labels)), seconds=60, what=f"{service} shows {metric}")


def is_zero(value: float | None) -> bool:
    return value == 0.0


def cured(stack: Stack, service: str, metric: str, **labels: str) -> None:
    fires(stack, service, metric, at=is_zero, **labels)


def test_a_service_that_is_down_answers_after_its_start(stack: Stack, story: Story) -> None:
    stack.halt("verifier")
    assert figure(stack, "verifier", "akashi_outbox_depth") is None
    stack.resume("verifier")
    [status] = commands("ServiceDown")
    done(akashi(stack, *status))
    assert figure(stack, "verifier", "akashi_outbox_depth") is not None


def test_dead_letters_are_listed_and_discarded(stack: Stack, story: Story) -> None:
    before = figure(stack, "ops", "akashi_dead_letters_open") or 0.0
    with_producer(stack, BADGE_RECEIVED.name, b"no event")
    fires(stack, "ops", "akashi_dead_letters_open", at=lambda value: value is not None and value > before)
    look, _, discard = commands("DeadLetters", TEXT="試験のメッセージ")

    def none_is_left() -> bool:
        lines = done(akashi(stack, *look)).splitlines()
        for id in [line.split("\t")[0] for line in lines if BADGE_RECEIVED.name in line][:1]:
            done(akashi(stack, *[id if word == "ID" else word for word in discard]))  # it holds for every reader's
        return (figure(stack, "ops", "akashi_dead_letters_open") or 0.0) <= before

    until(none_is_left, seconds=60, what="no dead letter of this message is open", pause=1)


def with_producer(stack: Stack, topic: str, value: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=stack.environment("ops")["KAFKA_BOOTSTRAP"])
    producer.send(topic, value).get(30)
    producer.close()


def test_a_gap_is_settled_by_a_rebuild(stack: Stack, story: Story) -> None:
    stack.halt("renderer")
    nobodys = BadgeReceived(assertion_id="A" * 26, received_at=NOW)  # on this topic no reader asks for it
    with_producer(stack, PAPER_ORDERS.name, encode(nobodys, source="wallet", at=NOW))
    delete_records(stack, PAPER_ORDERS)
    stack.resume("renderer")
    fires(stack, "renderer", "akashi_topic_gap", topic=PAPER_ORDERS.name)
    for command in commands("TopicGap", SERVICE="renderer", TEXT="docs/operations.md"):
        done(akashi(stack, *command))
    cured(stack, "renderer", "akashi_topic_gap", topic=PAPER_ORDERS.name)


def test_lost_objects_are_named_and_made_again(stack: Stack, story: Story) -> None:
    key = object_keys.certificate(story.people()[0]["assertion_id"])
    objects = Objects(read_object_storage(Settings(stack.environment("renderer"))))
    before = objects.get(key)
    objects.delete(key)
    look, repair = commands("StoredObjectsAtFault")
    assert akashi(stack, *look, "--reason", "試験").exit_code == 1
    fires(stack, "renderer", "akashi_scrub_faults")
    done(akashi(stack, *repair, "--reason", "試験"))
    cured(stack, "renderer", "akashi_scrub_faults")
    assert objects.get(key) == before


def test_letters_are_held_while_the_relay_is_away_and_leave_afterwards(stack: Stack, story: Story) -> None:
    hold, resume = commands("MailServerAway", COHORT=stack.cohort, TEXT="メールの障害")
    later = Story(stack, "NORELAY", SIZE)
    with without(stack, "mail"):
        later.feed()
        fires(stack, "mailer", "akashi_mail_server_away")
        done(akashi(stack, *hold))
    later.play()
    assert later.count("notified", "received", "completed") == 0
    done(akashi(stack, *resume))
    later.completes()
    cured(stack, "mailer", "akashi_mail_server_away")


def test_a_chain_that_is_away_is_named_and_is_there_again(stack: Stack, story: Story) -> None:
    [status, *_] = commands("ChainAway")
    with without(stack, "chain"):
        fires(stack, "anchor", "akashi_anchor_chain_up", at=is_zero)
        assert akashi(stack, *status, settings_of="anchor").exit_code == 1
    fires(stack, "anchor", "akashi_anchor_chain_up", at=lambda value: value == 1.0)


def test_a_low_balance_is_named_with_the_account_and_is_over_when_ether_has_come(stack: Stack, story: Story) -> None:
    [status] = commands("BalanceLow")
    address = json.loads(done(akashi(stack, *status, "--json", settings_of="anchor")))["networks"][0]["account"]
    before = rpc(stack.place, "eth_getBalance", address, "latest")
    rpc(stack.place, "anvil_setBalance", address, hex(10**9))
    try:
        fires(stack, "anchor", "akashi_anchor_balance_low")
        told = akashi(stack, *status, settings_of="anchor")
        assert told.exit_code == 1 and address in told.output
    finally:
        rpc(stack.place, "anvil_setBalance", address, before)
    cured(stack, "anchor", "akashi_anchor_balance_low")
    done(akashi(stack, *status, settings_of="anchor"))


def test_documents_that_could_not_be_published_are_there_after_the_command(stack: Stack, story: Story) -> None:
    [publish] = commands("DocumentsNotPublished")
    [badge] = [person["assertion_id"] for person in story.people()][-1:]
    with without(stack, "s3"):
        done(akashi(stack, "revoke", badge, "--reason", "試験", "--no-wait"))
        fires(stack, "issuer", "akashi_documents_not_published_total")
    done(akashi(stack, *publish, settings_of="issuer"))
    shown_as(stack, badge, "取り消")


def test_a_network_whose_blocks_become_final_no_more_is_named_and_its_roots_wait(stack: Stack, story: Story) -> None:
    [status] = commands("FinalityStalled")
    later = Story(stack, "STALLED", SIZE)

    def finalized() -> int:
        told = json.loads(done(akashi(stack, *status, "--json", settings_of="anchor")))
        return int(told["networks"][0]["finalized_block"])

    with finality_stalled(stack):
        later.feed()
        later.play()
        later.wait("received", at_least=SIZE)
        before = finalized()
        fires(stack, "anchor", "akashi_anchor_finalized_block", at=lambda value: value == before)
        time.sleep(5)
        assert finalized() == figure(stack, "anchor", "akashi_anchor_finalized_block") == before
        assert later.count("anchored", "rendered", "completed") == 0
    later.completes()
    fires(stack, "anchor", "akashi_anchor_finalized_block", at=lambda value: value is not None and value != before)


@contextmanager
def finality_stalled(stack: Stack) -> Iterator[None]:
    """No block is mined, and so none becomes final. Begun while the supervisor takes the chain for a busy one."""
    newest = int(rpc(stack.place, "eth_blockNumber"), 16)
    rpc(stack.place, "evm_mine")  # ends its pause
    until(
        lambda: int(rpc(stack.place, "eth_blockNumber"), 16) > newest + 2, seconds=30, what="a block is mined a second"
    )
    rpc(stack.place, "evm_setIntervalMining", 0)
    try:
        yield
    finally:
        rpc(stack.place, "evm_setIntervalMining", 1)


def test_a_count_that_could_not_be_stated_is_stated_later_and_verified(stack: Stack, story: Story) -> None:
    repair, rebuild, verify = commands("CountNotStated", COHORT=stack.cohort, TEXT="集計の障害")
    later = Story(stack, "NOCOUNT", SIZE)
    with statements_refused(stack):
        later.feed()
        fires(stack, "issuer", "akashi_statements_not_published_total", reason="storage")
    done(akashi(stack, *repair, "--reason", "集計の障害"))
    done(akashi(stack, *rebuild))
    later.play()
    later.completes()

    [(all,)] = later.rows("issuer", "select count(*) from assertions where state = 'stored'")

    def counts_everybody() -> bool:
        told = json.loads(akashi(stack, *verify, "--json").stdout)
        assert told["verdict"] in ("right", "not-recorded-yet"), told
        return bool(told["figures"]["issued"] >= all)

    until(counts_everybody, seconds=120, what="a verified statement counts everybody", pause=2)


@contextmanager
def statements_refused(stack: Stack) -> Iterator[None]:
    """Object storage takes all but statements of the count: a file is where their folder should be."""
    folder = stack.place.data / "s3" / BUCKET / object_keys.STATEMENTS
    kept = folder.with_name("kept-statements")
    folder.rename(kept)
    try:
        folder.touch()
        yield
    finally:
        folder.unlink()
        kept.rename(folder)


def test_a_flood_is_cut_off_by_the_limit_that_the_figure_names_and_others_are_answered(stack: Stack) -> None:
    before = figure(stack, "verifier", "akashi_web_cut_off_total", limit="head") or 0.0
    site = urlsplit(stack.urls["verifier"])
    for _ in range(3):
        with socket.create_connection((site.hostname, site.port or 80), timeout=10) as flood:
            flood.sendall(b"GET / HTTP/1.1\r\nHost: akashi\r\nX-Flood: " + b"x" * (HEAD_BYTES + 1))
            assert b" 431 " in flood.recv(64)
    assert ask.get(f"{stack.urls['verifier']}/check").status_code == 200
    fires(
        stack,
        "verifier",
        "akashi_web_cut_off_total",
        at=lambda value: value is not None and value >= before + 3,
        limit="head",
    )


def test_letters_that_come_back_are_held_and_the_one_at_fault_goes_to_the_corrected_address(
    stack: Stack, story: Story
) -> None:
    person = story.people()[0]
    hold, resume, correct = commands(
        "LettersBounce",
        COHORT=stack.cohort,
        TEXT="宛先の誤り",
        REGISTRATION=person["registration_id"],
        ADDRESS="runbook-corrected@mail.example.jp",
    )
    before = figure(stack, "mailer", "akashi_letters_total", letter="completion", state="bounced") or 0.0
    path = return_path("completion", person["assertion_id"], PROGRAMME.sender.bounce_domain)
    with smtplib.LMTP("127.0.0.1", stack.place.port("bounces")) as relay:
        relay.sendmail("", [path], postfix(path))
    fires(
        stack,
        "mailer",
        "akashi_letters_total",
        at=lambda value: value is not None and value > before,
        letter="completion",
        state="bounced",
    )
    inbox, arrived = Inbox(stack.place.inbox, skip_present=True), list[Letter]()

    def has_come(subject: str) -> bool:
        arrived.extend(inbox.new())
        return any("runbook-corrected" in letter.to and subject in letter.subject for letter in arrived)

    done(akashi(stack, *hold))
    done(akashi(stack, *correct))
    until(lambda: has_come("メールアドレス"), seconds=60, what="the corrected address is told of the correction")
    assert not has_come("発行完了")
    done(akashi(stack, *resume))
    until(lambda: has_come("発行完了"), seconds=60, what="letter 2 is at the corrected address")
