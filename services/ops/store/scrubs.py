"""What each service found in object storage, in the schema `ops`: the last pass by itself, and every ordered one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from services.ops.board.scrubs import ScrubLine, in_order
from shared.office_events import ObjectsScrubbed, ScrubCount, ScrubFault
from shared.runtime.db import Transaction, replace

_COLUMNS = "scrub_id, service, repair, started_at, at, finished, counts, named"
_counts = msgspec.json.Decoder(list[ScrubCount])
_named = msgspec.json.Decoder(list[ScrubFault])


class ScrubRows:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def note(self, events: Sequence[ObjectsScrubbed]) -> None:
        """Keep what was told last of each pass, whichever comes first; a service's earlier passes by itself go."""
        latest = {(event.scrub_id, event.service): event for event in sorted(events, key=lambda each: each.at)}
        rows = [
            {
                "scrub_id": event.scrub_id,
                "service": event.service,
                "repair": event.repair,
                "started_at": event.started_at,
                "at": event.at,
                "finished": event.finished,
                "counts": msgspec.json.encode(event.counts),
                "named": msgspec.json.encode(event.named),
            }
            for _, event in sorted(latest.items())
        ]
        self._tx.insert_rows(
            "scrub_reports",
            rows,
            f"{replace('scrub_id, service', ['repair', 'started_at', 'at', 'finished', 'counts', 'named'])}"
            " where not scrub_reports.finished and excluded.at >= scrub_reports.at",
        )
        self._tx.cursor.execute(
            "delete from scrub_reports as former using scrub_reports as later where former.service = any(%s)"
            " and later.service = former.service and later.finished and later.started_at > former.started_at"
            " and starts_with(former.scrub_id, former.service || '/')",
            (sorted({event.service for event in events}),),
        )

    def latest(self) -> list[ScrubLine]:
        """Of each service its last pass that is finished."""
        return self._select(
            "finished and started_at = (select max(started_at) from scrub_reports as each"
            " where each.service = scrub_reports.service and each.finished)"
        )

    def of(self, scrub_id: str) -> list[ScrubLine]:
        """What each service has told of an ordered pass."""
        return self._select("scrub_id = %s", scrub_id)

    def _select(self, condition: str, *values: str) -> list[ScrubLine]:
        return in_order(self._tx.fetch_all(_line, f"select {_COLUMNS} from scrub_reports where {condition}", values))


def _line(counts: bytes, named: bytes, **columns: str | bool | datetime) -> ScrubLine:
    return msgspec.convert({**columns, "counts": _counts.decode(counts), "named": _named.decode(named)}, ScrubLine)
