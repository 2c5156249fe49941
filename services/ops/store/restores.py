"""The table `restores` of the schema `ops`. Whether one is acknowledged is what the decisions on record say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from services.ops.board.restores import ACKNOWLEDGE, Restore, RestoreState
from shared.office_events import RestoreNoticed
from shared.runtime.db import Transaction

_SELECT = (
    "select r.restore_id as id, r.service, r.noticed_at as at, r.recalled, r.read_again, r.gone, r.storage, r.replaced,"
    ' d.decided_by as "by", d.why, d.decided_at as seen_at from restores r'
    f" left join decisions d on d.decision = '{ACKNOWLEDGE}' and d.subject = r.restore_id"
)
_STATE = {"unseen": "d.decision_id is null", "seen": "d.decision_id is not null", "all": "true"}


class RestoreRows:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def note(self, events: Sequence[RestoreNoticed]) -> None:
        """Keep restores. What a decision on record acknowledges is so at once: ops itself may have been restored."""
        self._tx.insert_rows(
            "restores",
            [
                {
                    "restore_id": event.restore_id,
                    "service": event.service,
                    "noticed_at": event.noticed_at,
                    "recalled": msgspec.json.encode(event.recalled).decode(),
                    "read_again": event.read_again,
                    "gone": event.gone,
                    "storage": msgspec.json.encode(event.storage).decode(),
                    "replaced": event.replaced,
                }
                for event in events
            ],
        )

    def all(self, state: RestoreState, *, limit: int) -> list[Restore]:
        """The latest first."""
        return self._tx.fetch_all(
            _restore, f"{_SELECT} where {_STATE[state]} order by r.noticed_at desc, r.restore_id limit %s", (limit,)
        )

    def of(self, ids: Sequence[str]) -> list[Restore]:
        return self._tx.fetch_all(
            _restore, f"{_SELECT} where r.restore_id = any(%s) order by r.noticed_at desc, r.restore_id", (list(ids),)
        )

    def unseen_count(self) -> int:
        return int(
            self._tx.fetch_value(
                "select count(*) from restores r where not exists"
                f" (select from decisions d where d.decision = '{ACKNOWLEDGE}' and d.subject = r.restore_id)"
            )
        )


def _restore(*, id: str, service: str, at: datetime, recalled: str, storage: str, **others: Any) -> Restore:
    return Restore(
        id=id,
        service=service,
        at=at,
        recalled=msgspec.json.decode(recalled, type=dict[str, int]),
        storage=msgspec.json.decode(storage, type=dict[str, int]),
        **others,
    )
