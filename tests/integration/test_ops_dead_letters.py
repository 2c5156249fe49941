"""Dead letters kept, replayed and discarded, on a real PostgreSQL."""

from __future__ import annotations

import pytest

from services.ops import queries
from services.ops.acts.dead_letters import discard, replay
from services.ops.board.decisions import AlreadyDecidedError
from services.ops.ports import Ports
from shared.errors import NotFound
from tests.worlds.ops import dead_letter, outbox

pytest_plugins = ("tests.worlds.ops_fixtures",)


def test_a_replay_sends_the_bytes_unchanged_once_and_is_on_record(ports: Ports) -> None:
    first = dead_letter(ports, "mailer")
    second = dead_letter(ports, "wallet")
    replay(ports, first, by="office", why="repaired")
    (forwarded, decision) = outbox(ports)
    assert forwarded == ("assertion.issued", b"key", b"poison")
    assert decision[0] == "office.decisions" and b'"decision":"replay"' in decision[2]
    with pytest.raises(AlreadyDecidedError):
        replay(ports, second, by="office", why="again")
    assert queries.status(ports, None).dead_letters == 0


def test_a_discarded_letter_stays_on_record_without_its_bytes(ports: Ports) -> None:
    id = dead_letter(ports)
    discard(ports, id, by="office", why="a test message")
    (kept,) = queries.dead_letters(ports, "discarded")
    assert (kept.decided_by, kept.decided_why, kept.value) == ("office", "a test message", None)
    assert [topic for topic, _, _ in outbox(ports)] == ["office.decisions"]


def test_a_dead_letter_that_comes_again_after_its_decision_stays_closed(ports: Ports) -> None:
    discard(ports, dead_letter(ports), by="office", why="x")
    dead_letter(ports)
    assert queries.dead_letters(ports, "open") == []


def test_the_same_bytes_at_another_offset_are_another_dead_letter(ports: Ports) -> None:
    discard(ports, dead_letter(ports), by="office", why="x")
    dead_letter(ports, offset=6)
    assert queries.status(ports, None).dead_letters == 1


def test_a_message_without_value_can_only_be_discarded(ports: Ports) -> None:
    id = dead_letter(ports, value=None)
    with pytest.raises(AlreadyDecidedError):
        replay(ports, id, by="office", why="x")
    discard(ports, id, by="office", why="x")


def test_an_unknown_dead_letter_is_not_found(ports: Ports) -> None:
    with pytest.raises(NotFound):
        discard(ports, "nothing", by="office", why="x")


def test_a_message_that_was_cut_can_only_be_discarded(ports: Ports) -> None:
    id = dead_letter(ports, size=700_000)
    (kept,) = queries.dead_letters(ports, "open")
    assert (kept.size, kept.sha256) == (700_000, "ab" * 32)
    with pytest.raises(AlreadyDecidedError, match=r"only 6 of 700000 bytes are kept .*partition 1, offset 5"):
        replay(ports, id, by="office", why="x")
    assert outbox(ports) == []
    discard(ports, id, by="office", why="x")
