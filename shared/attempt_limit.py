"""How often something may be tried in a window of time. The tables that count: `shared/runtime/attempts.py`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Limit:
    """At most `most` attempts of `key` in one window of `lasts`.

    `own`: a good attempt ends the window, for the key is one person's; a shared key goes on.
    """

    key: str
    most: int
    lasts: timedelta
    own: bool = False
