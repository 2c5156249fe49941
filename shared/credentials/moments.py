"""Moments in signed documents. Read by verifier, in badges, status lists and statements of the count; pure.

Source: RFC 3339, section 5.6, with the offset that XML Schema's dateTimeStamp needs.
"""

from __future__ import annotations

import re
from datetime import datetime

from shared.clock import JST
from shared.errors import Unreadable

_FORM = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def read_moment(value: object, field: str) -> datetime:
    """An aware moment, to the microsecond. Unreadable, naming the field, for everything else.

    It can be written in Japan's time as well: what falls out of the calendar there (9999-12-31T23:59:59Z) is refused.
    """
    found = _FORM.fullmatch(value) if isinstance(value, str) else None
    try:
        if found is None:
            raise ValueError
        day, time, fraction, offset = found.groups()
        moment = datetime.fromisoformat(f"{day}T{time}.{(fraction or '0')[:6]:0<6}{offset.upper()}")
        moment.astimezone(JST)
    except (ValueError, OverflowError) as error:
        got = repr(value[:60]) if isinstance(value, str) else type(value).__name__
        raise Unreadable(
            f"{field}: got {got}, expected a moment with its offset, as 2026-04-01T00:00:00+09:00"
        ) from error
    return moment
