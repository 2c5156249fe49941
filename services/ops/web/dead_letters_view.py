"""What the pages show of dead letters, prepared for their templates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.ops.board import wording
from services.ops.board.dead_events import cause_kind, decoded
from services.ops.board.rows import KeptDeadLetter
from shared.programme import Bilingual


@dataclass(frozen=True)
class DeadMessage:
    """The dead letters about one message: a decision about `letter` holds for all of them."""

    letter: KeptDeadLetter
    state: Bilingual
    consumers: Sequence[str]
    event: str | None  # as people read it; None: it has none


@dataclass(frozen=True)
class DeadGroup:
    """The open messages of one topic that failed for the same kind of cause."""

    topic: str
    cause: str
    messages: Sequence[DeadMessage]

    @property
    def replayable(self) -> int:
        return sum(message.letter.is_whole for message in self.messages)


@dataclass(frozen=True)
class DeadLettersView:
    open: Sequence[DeadGroup]
    closed: Sequence[DeadMessage]


def dead_letters_view(letters: Sequence[KeptDeadLetter]) -> DeadLettersView:
    return DeadLettersView(
        open=_groups(dead_messages(letter for letter in letters if letter.state == "open")),
        closed=dead_messages(letter for letter in letters if letter.state != "open"),
    )


def _groups(messages: Sequence[DeadMessage]) -> list[DeadGroup]:
    """By topic and kind of cause, those with the most messages first."""
    groups: dict[tuple[str, str], list[DeadMessage]] = defaultdict(list)
    for message in messages:
        groups[message.letter.topic, cause_kind(message.letter.cause)].append(message)
    found = [DeadGroup(topic, cause, each) for (topic, cause), each in groups.items()]
    return sorted(found, key=lambda group: (-len(group.messages), group.topic, group.cause))


def dead_messages(letters: Iterable[KeptDeadLetter]) -> list[DeadMessage]:
    """One for each message: several services may have failed on it."""
    messages: dict[tuple[object, ...], list[KeptDeadLetter]] = defaultdict(list)
    for letter in letters:
        at = letter.dead_letter_id if letter.offset is None else letter.offset
        messages[letter.topic, letter.partition, at].append(letter)
    return [
        DeadMessage(
            letter=same[0],
            state=wording.DEAD_STATES[same[0].state],
            consumers=sorted({letter.consumer for letter in same}),
            event=decoded(same[0].value),
        )
        for same in messages.values()
    ]
