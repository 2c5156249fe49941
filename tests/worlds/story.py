"""A crowd that goes through one stack, and the proof at the end that nothing of it was lost or doubled."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import psycopg
from kafka import KafkaConsumer, TopicPartition

from deploy.local.demo.crowd import crowd, ndjson
from deploy.local.demo.holders import play
from deploy.local.demo.letters import Inbox, Letter
from deploy.local.demo.run import feed
from deploy.local.office import ask_ops
from deploy.local.stack import Stack
from services.ops.board.counts import state_of
from shared.errors import Unreadable
from shared.events import AssertionAnchored, AssertionIssued, CertificateRendered, Event, RegistrationRenewed
from shared.runtime.objects import Objects
from shared.runtime.settings import Settings, read_object_storage
from shared.topics import TOPICS
from shared.wire import decode
from tests.worlds.tables import rows_at

LATER = ("eligible", "issued", "notified", "received", "anchored", "rendered", "completed")
"""The states of a person on the way, in order."""


class Story:
    """`size` people whose registration ids begin with `prefix`. Several stories share a stack without meeting."""

    def __init__(self, stack: Stack, prefix: str, size: int) -> None:
        self.stack, self.prefix, self.size = stack, prefix, size
        self.letters: list[Letter] = []
        self._inbox = _OwnInbox(Inbox(stack.home / "inbox", skip_present=True), prefix, self.letters)
        self._starts: dict[TopicPartition, int] = {}
        self._fed = False
        self._over = threading.Event()
        self._error: BaseException | None = None
        self._players = threading.Thread(target=self._play, daemon=True)

    @property
    def was_fed(self) -> bool:
        return self._fed

    def feed(self, seconds: float = 60) -> dict[str, Any]:
        """Hand the crowd to registration over HTTP; tried again while it is being restarted."""
        self._starts = self._ends()
        body = ndjson(self.upstream())
        answer: dict[str, Any] = until(
            lambda: feed(self.stack, body),
            seconds=seconds,
            what="registration takes the crowd",
            forgive=(httpx.HTTPError,),
        )
        self._fed = True
        return answer

    def upstream(self) -> Iterator[dict[str, Any]]:
        """The crowd as upstream delivers it."""
        return crowd(self.size, cohort=self.stack.cohort, prefix=self.prefix)

    def play(self) -> None:
        """Let the holders receive, in the background, from now on."""
        self._players.start()

    def _play(self) -> None:
        while not self._over.is_set():
            try:
                play(self._inbox, people=None, seconds=3600, workers=3, received=self._inbox.close, stop=self._over)
            except Exception as error:  # the wallet was killed under a holder: the person opens the letter again
                self._error = error
                self._inbox.again()
                self._over.wait(0.5)

    def people(self) -> list[dict[str, Any]]:
        """This story's people as ops knows them."""
        answer = ask_ops(self.stack.place, "/api/v1/people")
        answer.raise_for_status()
        return [person for person in answer.json() if person["registration_id"].startswith(f"{self.prefix}-")]

    def count(self, *states: str) -> int:
        return sum(person["state"] in states for person in self.people())

    def wait(self, *states: str, at_least: int, seconds: float = 120) -> None:
        """Until ops answers that so many are in one of `states`; fails with where everybody is."""

        def enough() -> Any:
            # ops' answer names everybody of every story: it is asked for when its table has them, and then decides
            return self.counted(*states) >= at_least and self.count(*states) >= at_least

        away = (httpx.HTTPError, psycopg.OperationalError)
        try:
            until(enough, seconds=seconds, what=f"{at_least} of {self.prefix} {states}", forgive=away)
        except AssertionError as error:
            where = Counter(person["state"] for person in self.people())
            raise AssertionError(f"{error}; they are {dict(where)}; last trouble of a holder: {self._error}") from error

    def counted(self, *states: str) -> int:
        """As `count`, of ops' own table."""
        query = "select reached, held, ended, count(*) from progress where registration_id like %s group by 1, 2, 3"
        return sum(
            count
            for reached, held, ended, count in self.rows("ops", query, f"{self.prefix}-%")
            if state_of(reached, held=held, ended=ended) in states
        )

    def completes(self, seconds: float = 180) -> None:
        """Everybody has letter 2, and nothing on the way was lost or doubled."""
        self.wait("completed", at_least=self.size, seconds=seconds)
        self._over.set()
        self._players.join(10)
        self.is_whole()

    # ── the end state ──────────────────────────────────────────────────────────────────────────────────

    def is_whole(self) -> None:
        ids = self._assertions_are_single()
        self._leaves_are_in_one_batch(ids)
        self._events_are_single(ids)
        self._documents_are_there(ids)
        self._letters_are_single(ids)

    def rows(self, service: str, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Rows of one service's own schema."""
        return rows_at(self.stack.environment(service)["DATABASE_URL"], query, *arguments)

    def _assertions_are_single(self) -> set[str]:
        people = self.people()
        assert len(people) == self.size
        ids = {person["assertion_id"] for person in people}
        assert len(ids) == self.size, "an assertion serves two people"
        rows = self.rows(
            "issuer", "select assertion_id from assertions where registration_id like %s", f"{self.prefix}-%"
        )
        assert sorted(row[0] for row in rows) == sorted(ids)
        return ids

    def _leaves_are_in_one_batch(self, ids: set[str]) -> None:
        rows = self.rows(
            "anchor", "select assertion_id, root, proved_at from leaves where assertion_id = any(%s)", list(ids)
        )
        assert {row[0] for row in rows} == ids
        assert all(row[1] is not None and row[2] is not None for row in rows), "a leaf without a proof"
        roots = {row[1] for row in rows}
        states = self.rows(
            "anchor",
            "select anchorings.state from batches join anchorings on id = decided_by where root = any(%s)",
            list(roots),
        )
        assert [state for (state,) in states] == ["final"] * len(roots)

    def _events_are_single(self, ids: set[str]) -> None:
        """A fact may be on Kafka twice (the relay died), but no second fact says the same of the same badge."""
        facts: dict[type[Event], Counter[str]] = {}
        seen: set[Any] = set()
        for event in self.stream(RegistrationRenewed, AssertionIssued, AssertionAnchored, CertificateRendered):
            if event.id not in seen and (event.key in ids or event.key.startswith(f"{self.prefix}-")):
                seen.add(event.id)
                facts.setdefault(type(event), Counter())[event.key] += 1
        for kind in (RegistrationRenewed, AssertionIssued, AssertionAnchored, CertificateRendered):
            assert len(facts[kind]) == self.size, kind
            assert set(facts[kind].values()) == {1}, kind

    def _documents_are_there(self, ids: Iterable[str]) -> None:
        objects = Objects(read_object_storage(Settings(self.stack.environment("renderer"))))
        for assertion_id in ids:
            credential = objects.get(f"credentials/{assertion_id}.json")
            assert credential.count(b'"proofValue"') == 2, "the credential lacks one of its proofs"
            for name in ("certificate", "details"):
                assert objects.get(f"certificates/{assertion_id}/{name}.pdf").startswith(b"%PDF-")

    def _letters_are_single(self, ids: set[str]) -> None:
        """Two letters to each, known by their Message-IDs; a letter that came twice came with the same one."""
        kinds = Counter((letter.to.lower(), letter.message_id) for letter in self._inbox.all())
        people: dict[str, set[str]] = {}
        for to, message_id in kinds:
            people.setdefault(to, set()).add(message_id)
        assert len(people) == self.size
        assert {len(message_ids) for message_ids in people.values()} == {2}
        assert sum(map(len, people.values())) == 2 * len(ids)

    def letters_doubled(self) -> int:
        """How many letters came more than once, all with the same Message-ID."""
        return sum(times - 1 for times in Counter(letter.message_id for letter in self._inbox.all()).values())

    def stream(self, *kinds: type[Event]) -> list[Event]:
        """All events of `kinds` on their topics since the crowd was fed, those that came twice too."""
        events: list[Event] = []
        for _, _, value in self.records(*kinds, starts=self._starts):
            with contextlib.suppress(Unreadable):  # the poison of another story
                events.append(decode(value))
        return [event for event in events if isinstance(event, kinds)]

    def records(
        self, *kinds: type[Event], starts: Mapping[TopicPartition, int] | None = None
    ) -> list[tuple[str, bytes | None, bytes]]:
        """Topic, key and value of every message on the topics of `kinds`: from these offsets, or from the beginning."""
        found: list[tuple[str, bytes | None, bytes]] = []
        with self._consumer() as consumer:
            for topic in {kind.topic for kind in kinds}:
                places = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
                consumer.assign(places)
                ends, beginnings = consumer.end_offsets(places), consumer.beginning_offsets(places)
                for place in places:
                    start = (starts or {}).get(place, 0)  # which may be gone: then from where the topic begins
                    consumer.seek(place, start if beginnings[place] <= start <= ends[place] else beginnings[place])
                found += [(topic.name, each.key, each.value) for each in records_until(consumer, ends) if each.value]
        return found

    def _ends(self) -> dict[TopicPartition, int]:
        """Where each topic ends now."""
        places = [TopicPartition(topic.name, number) for topic in TOPICS for number in range(topic.partitions)]
        with self._consumer() as consumer:
            return dict(consumer.end_offsets(places))

    def _consumer(self) -> contextlib.closing[KafkaConsumer]:
        return contextlib.closing(KafkaConsumer(bootstrap_servers=self.stack.environment("issuer")["KAFKA_BOOTSTRAP"]))


def records_until(consumer: KafkaConsumer, ends: Mapping[TopicPartition, int]) -> Iterator[Any]:
    """The records of the consumer's partitions, each from where it stands to these ends."""
    while any(consumer.position(place) < end for place, end in ends.items()):
        for records in consumer.poll(timeout_ms=1000).values():
            yield from records


class _OwnInbox:
    """The letters of one story, kept, so that they can be opened again: those whose badge was not received by them."""

    def __init__(self, inbox: Inbox, prefix: str, kept: list[Letter]) -> None:
        self._inbox, self._start, self._kept = inbox, f"{prefix.lower()}.", kept
        self._next = 0
        self._closed: set[str] = set()

    def new(self) -> list[Letter]:
        self._kept.extend(letter for letter in self._inbox.new() if letter.to.lower().startswith(self._start))
        fresh, self._next = self._kept[self._next :], len(self._kept)
        return [letter for letter in fresh if letter.message_id not in self._closed]

    def again(self) -> None:
        self._next = 0

    def close(self, letter: Letter) -> None:
        self._closed.add(letter.message_id)

    def all(self) -> list[Letter]:
        self.new()
        return self._kept


_PATIENCE = 3.0
"""`seconds` of a quiet machine may be so many times as long where other stories run beside this one."""


def until(
    look: Callable[[], Any],
    *,
    seconds: float,
    what: str,
    forgive: tuple[type[BaseException], ...] = (),
    pause: float = 0.2,
    log: Path | None = None,
) -> Any:
    """What `look` returns as soon as it is true; AssertionError naming `what` when it is not for long enough.

    `seconds` is what a quiet machine takes at the most. The error ends as `log` does.
    """
    deadline = time.monotonic() + seconds * _PATIENCE
    last: BaseException | None = None
    while time.monotonic() < deadline:
        try:
            if found := look():
                return found
        except forgive as error:
            last = error
        time.sleep(pause)
    told = log.read_text()[-3000:] if log is not None else ""
    raise AssertionError(f"waited {seconds * _PATIENCE:.0f} s in vain: {what} (last error: {last})\n{told}")
