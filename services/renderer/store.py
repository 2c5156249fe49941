"""The schema `renderer`: its SQL, and nobody else's. It holds ids and states, no names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.runtime.db import Database, Transaction

NotDone = Literal["pending", "failed"]


@dataclass(frozen=True)
class Waiting:
    """An assertion that waits for its PDFs. `attempts` counts the ones that came to nothing."""

    assertion_id: str
    attempts: int


class RendererTransaction(Transaction):
    """One transaction on the renderer's schema."""

    def note(self, assertion_ids: Sequence[str], now: datetime) -> None:
        """These wait to be rendered from now on. One that was noted or skipped before is left as it is."""
        self.cursor.execute(
            "insert into renderings (assertion_id, next_try_at, noted_at)"
            " select id, %s, %s from unnest(%s::text[]) as id order by id on conflict do nothing",
            (now, now, list(assertion_ids)),
        )

    def skip_revoked(self, assertion_ids: Sequence[str], now: datetime) -> int:
        """These are never rendered, noted or not; how many of them. What is rendered already is left as it is."""
        # A row that a tick is rendering is waited for: then it is done.
        return self.cursor.execute(
            "insert into renderings as known (assertion_id, state, skipped_as, next_try_at, noted_at)"
            " select id, 'skipped', 'revoked', %s, %s from unnest(%s::text[]) as id order by id"
            " on conflict (assertion_id) do update set state = 'skipped', skipped_as = 'revoked', last_error = null"
            " where known.state <> 'done'",
            (now, now, list(assertion_ids)),
        ).rowcount

    def take_waiting(self, limit: int, now: datetime) -> list[Waiting]:
        """What is due; no other process takes it until this transaction ends."""
        found = self.cursor.execute(
            "select assertion_id, attempts from renderings where state in ('pending', 'failed') and next_try_at <= %s"
            " order by next_try_at limit %s for update skip locked",
            (now, limit),
        )
        return [Waiting(*row) for row in found]

    def mark_done(self, assertion_ids: Sequence[str], now: datetime) -> None:
        self.cursor.execute(
            "update renderings set state = 'done', rendered_at = %s, last_error = null where assertion_id = any(%s)",
            (now, list(assertion_ids)),
        )

    def mark_not_done(self, assertion_id: str, state: NotDone, cause: str, next_try_at: datetime) -> None:
        self.cursor.execute(
            "update renderings set state = %s, attempts = attempts + 1, last_error = %s, next_try_at = %s"
            " where assertion_id = %s",
            (state, cause, next_try_at, assertion_id),
        )

    def not_done(self) -> dict[NotDone, int]:
        """How many are in each state that isn't the last."""
        found = self.cursor.execute(
            "select state, count(*) from renderings where state in ('pending', 'failed') group by state"
        )
        return dict(found.fetchall())


Store = Database[RendererTransaction]
