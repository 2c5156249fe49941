"""The stack (stack, ports, parts, supervision): killed, stopped, orphaned, beside another stack, on taken ports."""

from __future__ import annotations

import contextlib
import os
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from deploy.local.environment import REPOSITORY, Place, database_url
from deploy.local.loopback import ask
from deploy.local.parts.anvil import keep_state, kept_file, restore_state, state_file
from deploy.local.parts.catalogue import PARTS
from deploy.local.ports import free_base, takes_connections
from deploy.local.stack import Stack, stop_running
from shared.errors import RefuseToStart
from shared.runtime.objects import Objects
from shared.runtime.settings import Settings, read_object_storage
from shared.topics import ASSERTION_ISSUED, TOPICS
from tests.worlds.story import until

ON_LINUX = sys.platform == "linux"


@pytest.fixture(scope="module")
def own(new_home: Callable[[str], Path]) -> Iterator[Stack]:
    """Parts for this file alone, since it kills them."""
    with Stack(new_home("own"), free_base(), services=()) as running:
        yield running


def processes_of(home: Path) -> list[str]:
    """All processes of the home on this machine, by its mark in their environment; children of parts included."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get("AKASHI_HOME") == str(home):
                found.append(f"{process.pid} {process.environ().get('AKASHI_PART')} {process.status()}")
    return found


def objects_of(stack: Stack) -> Objects:
    return Objects(read_object_storage(Settings(stack.environment("issuer"))))


def block_number(stack: Stack) -> int:
    body = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
    return int(ask.post(stack.urls["chain"], json=body).json()["result"], 16)


def messages_of(stack: Stack) -> list[bytes]:
    consumer = KafkaConsumer(bootstrap_servers=stack.place.address("kafka"), consumer_timeout_ms=2000)
    try:
        partitions = [TopicPartition(ASSERTION_ISSUED.name, number) for number in range(ASSERTION_ISSUED.partitions)]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        return [message.value for message in consumer]
    finally:
        consumer.close()


def test_all_data_is_there_after_a_stop_and_a_start(own: Stack) -> None:
    producer = KafkaProducer(bootstrap_servers=own.place.address("kafka"), acks="all")
    producer.send(ASSERTION_ISSUED.name, key=b"k", value=b"kept").get(10)
    producer.close()
    with psycopg.connect(database_url(own.place, "issuer")) as connection:
        connection.execute("create table kept (word text)")
        connection.execute("insert into kept values ('kept')")
    objects_of(own).put("kept/word.txt", b"kept", "text/plain")
    with smtp(own) as said:
        assert said.startswith("250")
    contract, secrets = own.place.networks_file.read_text(), issuer_key(own)
    until(lambda: block_number(own) >= 2, seconds=15, what="blocks are made")
    height = block_number(own)

    own.stop()
    assert processes_of(own.home) == []
    own.start()

    assert messages_of(own) == [b"kept"]
    with psycopg.connect(database_url(own.place, "issuer")) as connection:
        assert connection.execute("select word from kept").fetchall() == [("kept",)]
    assert objects_of(own).get("kept/word.txt") == b"kept"
    assert len(ask.get(f"{own.urls['inbox']}/api/email").json()) == 1
    assert block_number(own) >= height
    assert (own.place.networks_file.read_text(), issuer_key(own)) == (contract, secrets)


def issuer_key(stack: Stack) -> bytes:
    return (stack.place.secrets / "issuer.pem").read_bytes()


@contextlib.contextmanager
def smtp(stack: Stack) -> Iterator[str]:
    with smtplib.SMTP("127.0.0.1", stack.place.port("smtp")) as connection:
        connection.sendmail("noreply@example.jp", ["taro@example.jp"], "Subject: kept\r\n\r\nkept\r\n")
        yield str(connection.noop()[0])


@pytest.mark.parametrize("part", PARTS)
def test_a_killed_part_is_restarted(own: Stack, part: str) -> None:
    killed = own.kill(part)
    own.wait_ready(part, 30)
    assert own.pid(part) != killed


def test_halted_parts_stay_down_until_they_are_resumed_and_the_others_run_on(own: Stack) -> None:
    others = {part: own.pid(part) for part in PARTS if part not in ("postgres", "mail")}
    own.halt("postgres", "mail")
    time.sleep(1)
    for part in ("postgres", "mail"):
        with pytest.raises(ProcessLookupError):
            own.pid(part)
    own.resume("postgres", "mail")
    assert {part: own.pid(part) for part in others} == others
    assert takes_connections(own.place.port("smtp"))
    with psycopg.connect(database_url(own.place, "issuer")) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_services_tables_are_hidden_from_another(own: Stack) -> None:
    with psycopg.connect(database_url(own.place, "issuer")) as connection:
        connection.execute("create table secret_of_issuer (word text)")
    with psycopg.connect(database_url(own.place, "mailer")) as connection:
        for table in ("secret_of_issuer", "issuer.secret_of_issuer"):
            with pytest.raises((psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege)):
                connection.execute(f"select * from {table}")
            connection.rollback()


def test_there_are_the_listed_topics_and_their_dead_letter_topics_and_no_others(own: Stack) -> None:
    admin = KafkaAdminClient(bootstrap_servers=own.place.address("kafka"))
    try:
        names = {name for name in admin.list_topics() if not name.startswith("__")}
        assert names == {topic.name for topic in TOPICS} | {topic.dead.name for topic in TOPICS}
    finally:
        admin.close()


def test_all_ports_listen_on_the_loopback_address_only(own: Stack) -> None:
    base = own.port_base
    listening = [c.laddr for c in psutil.net_connections("inet") if c.status == psutil.CONN_LISTEN and c.laddr]
    ours = {address.ip for address in listening if base < address.port < base + 50}
    assert ours <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def test_two_stacks_side_by_side_are_separate(own: Stack, parts: Stack) -> None:
    objects_of(own).put("mine/word.txt", b"own", "text/plain")
    objects_of(parts).put("mine/word.txt", b"parts", "text/plain")
    assert objects_of(own).get("mine/word.txt") == b"own"
    assert issuer_key(own) != issuer_key(parts)
    assert b"kept" not in messages_of(parts)


def test_a_second_start_in_the_same_home_is_refused(own: Stack) -> None:
    with pytest.raises(RefuseToStart, match="already"):
        Stack(own.home, free_base(), services=()).start()
    assert own.running()


def test_a_taken_port_is_reported_with_its_use_its_owner_and_what_to_do(tmp_path: Path) -> None:
    base = free_base()
    with socket.socket() as other:
        other.bind(("127.0.0.1", base + 9))
        other.listen()
        with pytest.raises(RefuseToStart) as refused:
            Stack(tmp_path, base, services=()).start()
    text = str(refused.value)
    assert f"{base + 9} (kafka): process {os.getpid()}" in text
    assert "AKASHI_PORT_BASE=" in text
    assert processes_of(tmp_path) == []


STARTER = """
import sys, time; from pathlib import Path; from deploy.local.stack import Stack
stack = Stack(Path(sys.argv[1]), int(sys.argv[2]), services=()); stack.start(); print("up", flush=True); time.sleep(600)
"""


@pytest.fixture
def home(new_home: Callable[[str], Path]) -> Path:
    return new_home("started")


@pytest.fixture
def starter(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has brought up a stack in `home`."""
    command = [sys.executable, "-c", STARTER, str(home), str(free_base())]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        yield process
        process.kill()


def test_a_starter_that_is_killed_leaves_no_process(starter: subprocess.Popen[str], home: Path) -> None:
    starter.kill()
    until(lambda: processes_of(home) == [], seconds=15, what="no process is left")


@pytest.mark.skipif(not ON_LINUX, reason="elsewhere the next start ends what the supervisor left")
def test_a_supervisor_that_is_killed_leaves_no_process(starter: subprocess.Popen[str], home: Path) -> None:
    supervisor = int((home / "run" / "supervisor.pid").read_text())
    os.kill(supervisor, signal.SIGKILL)
    # The starter holds its dead child until it asks; a zombie is no process that does anything.
    until(
        lambda: [line for line in processes_of(home) if "zombie" not in line] == [],
        seconds=5,
        what="no process is left",
        pause=0.05,
    )


def test_a_stack_can_be_stopped_from_another_process(starter: subprocess.Popen[str], home: Path) -> None:
    began = time.monotonic()
    assert stop_running(Place(home, 0))
    assert time.monotonic() - began < 15
    assert not stop_running(Place(home, 0))
    assert [line for line in processes_of(home) if "zombie" not in line] == []


def test_an_incomplete_chain_state_is_replaced_by_the_last_complete_one(tmp_path: Path) -> None:
    place = Place(tmp_path, 0)
    state_file(place).parent.mkdir(parents=True)
    whole = '{"block":{},"historical_states":null}'
    state_file(place).write_text(whole)
    keep_state(place)
    state_file(place).write_text(whole[:20])
    keep_state(place)
    assert kept_file(place).read_text() == whole
    restore_state(place)
    assert state_file(place).read_text() == whole
