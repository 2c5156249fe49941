"""What the issuer announces about the public count. Written by issuer, read by anchor and verifier."""

from __future__ import annotations

from datetime import datetime

from shared.events import Event
from shared.topics import STATEMENT_PUBLISHED


class StatementPublished(Event, frozen=True, kw_only=True):
    """The signed count of a cohort lies in object storage at `statements/<cohort>/<number>.json`.

    `leaf` is the hash of it that is anchored, as of a credential; the next statement of the cohort names it.
    """

    topic = STATEMENT_PUBLISHED
    about = "cohort"
    numbered_by = "number"
    cohort: str
    number: int
    leaf: str
    stated_at: datetime
