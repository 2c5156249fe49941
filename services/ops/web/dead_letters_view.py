"""What the pages show of dead letters, prepared for their templates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.ops.board import wording
from services.ops.board.rows import KeptDeadLetter
from shared.programme import Bilingual


@dataclass(frozen=True)
class DeadMessage:
    """The dead letters about one message: a decision about `letter` holds for all of them."""

    letter: KeptDeadLetter
    state: Bilingual
    consumers: Sequence[str]


@dataclass(frozen=True)
class DeadLettersView:
    open: Sequence[DeadMessage]
    closed: Sequence[DeadMessage]


def dead_letters_view(letters: Sequence[KeptDeadLetter]) -> DeadLettersView:
    return DeadLettersView(
        open=dead_messages(letter for letter in letters if letter.state == "open"),
        closed=dead_messages(letter for letter in letters if letter.state != "open"),
    )


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
        )
        for same in messages.values()
    ]
