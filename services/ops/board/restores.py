"""Restores that services noticed, and what people have to do about each: the stable JSON and its words. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

import msgspec

from services.ops.board.wording import SERVICES, words_for
from shared.losses import LOSSES, Loss
from shared.programme import Bilingual

RestoreState = Literal["unseen", "seen", "all"]

ACKNOWLEDGE: Literal["acknowledge"] = "acknowledge"


class Restore(msgspec.Struct, frozen=True, kw_only=True):
    """The database of `service` was set back. `by`, `why`, `seen_at`: who acknowledged it; None: nobody yet.

    `recalled` counts its own facts by event, `storage` what only object storage has, `gone` messages that no topic has
    any more. `replaced`: the database is another one, or failed over.
    """

    id: str
    service: str
    at: datetime
    recalled: dict[str, int]
    read_again: int
    gone: int
    storage: dict[str, int]
    replaced: bool
    by: str | None = None
    why: str | None = None
    seen_at: datetime | None = None


def acknowledgement_id(restore_id: str) -> str:
    """The decision_id of the acknowledgement: there is one at the most."""
    return f"{ACKNOWLEDGE}/{restore_id}"


def loss_of(restore: Restore) -> Loss:
    """What no topic holds of this service, and what people do about it."""
    return LOSSES.get(restore.service, Loss())


def signs_of(restore: Restore) -> list[Bilingual]:
    """What was found at the start, and what was done about it by itself."""
    return list(_signs(restore))


def _signs(restore: Restore) -> Iterator[Bilingual]:
    if restore.replaced:
        yield Bilingual(
            "データベースが別のものに替わっています（復元、または予備への切り替え）。",
            "The database is another one, or on another timeline: restored, or failed over.",
        )
    if restore.recalled:
        total, kinds = sum(restore.recalled.values()), _counted(restore.recalled)
        yield Bilingual(
            f"自分の知らせを{total:,}件読み戻しました（{kinds}）。",
            f"It took {total:,} of its own announcements back ({kinds}).",
        )
    if restore.read_again:
        yield Bilingual(
            f"ほかのサービスの知らせを{restore.read_again:,}件読み直します。",
            f"It reads {restore.read_again:,} messages of others again.",
        )
    if restore.gone:
        yield Bilingual(
            f"うち{restore.gone:,}件はもうありません。akashi rebuild {restore.service} を実行します。",
            f"{restore.gone:,} of them are gone: run akashi rebuild {restore.service}.",
        )
    if restore.storage:
        kinds = _counted(restore.storage)
        yield Bilingual(
            f"公開中の文書にだけあるものがあります（{kinds}）。そのまま保ちます。",
            f"Only published documents have some of it ({kinds}); that stays as it is.",
        )


def service_name(restore: Restore) -> Bilingual:
    return words_for(SERVICES, restore.service)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
