"""The public count as the board shows it. Pure."""

from __future__ import annotations

from datetime import datetime

import msgspec


class StatementLine(msgspec.Struct, frozen=True, kw_only=True):
    """The newest statement of a cohort. `issued`, `valid`: its totals; None in one that was published before they were
    told.

    `anchored_at` None: it waits for its batch; `anchored_number` is then the newest that is anchored, which covers all
    before it. None: none that was told.
    """

    cohort: str
    number: int
    at: datetime
    issued: int | None
    valid: int | None
    anchored_at: datetime | None
    network: str | None
    anchored_number: int | None
