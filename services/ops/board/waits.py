"""What people wait for between two stages, and the next step for those who are stuck, in words. Pure."""

from __future__ import annotations

from services.ops.board.counts import Stage
from services.ops.board.wording import HELD_REASONS, STUCK
from shared.programme import Bilingual

WAITS: dict[str, Bilingual] = {
    Stage.ISSUED.word: Bilingual("発行を待っています。自動で進みます。", "Is being issued; nothing to do."),
    Stage.NOTIFIED.word: Bilingual(
        "お知らせの順番を待っています。自動で送られます。", "The letter waits for its turn; nothing to do."
    ),
    Stage.RECEIVED.word: Bilingual(
        "本人の受領を待っています。お願いのメールは自動で出ます。",
        "The holder is to receive it; reminders go by themselves.",
    ),
    Stage.ANCHORED.word: Bilingual(
        "次の束と、その確定を待っています。自動で進みます。", "Waits for its batch and for finality; nothing to do."
    ),
    Stage.RENDERED.word: Bilingual(
        "PDFの順番を待っています。自動で作られます。", "The PDFs are being made; nothing to do."
    ),
    Stage.COMPLETED.word: Bilingual(
        "お知らせの順番を待っています。自動で送られます。", "The letter waits for its turn; nothing to do."
    ),
}
"""By the stage that is missing."""


def next_step(reason: str | None) -> Bilingual | None:
    """What ends it. None where nothing is to be done."""
    words = None if reason is None else STUCK.get(reason) or HELD_REASONS.get(reason)
    return None if words is None else words.next
