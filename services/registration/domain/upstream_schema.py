"""The JSON Schema of the record that upstream sends, made from the type of the record. Pure.

It holds in draft-07, which AsyncAPI extends, and in 2020-12, which OpenAPI uses.
"""

from __future__ import annotations

import inspect
from typing import Any, get_args, get_type_hints

from services.registration.domain.record import DATES, HEADERS, UpstreamRecord

_DAY = r"[0-9]{4}(-[0-9]{1,2}-[0-9]{1,2}|/[0-9]{1,2}/[0-9]{1,2})"  # white space around it is stripped
_KINDS = ["new", "renewal", "新規", "更新"]


def upstream_schema() -> dict[str, Any]:
    """A record, as `docs/registration.md` describes it: every value is a string; other fields are ignored.

    Every record that is accepted is valid by it. What it can't say (days of the calendar, the programme's
    qualifications, characters that no font has) is in the answer to a delivery.
    """
    hints = get_type_hints(UpstreamRecord)
    may_be_empty = {name: type(None) in get_args(hints[name]) and name != "birth_date" for name in HEADERS.values()}
    columns = {name: column for column, name in HEADERS.items()}
    return {
        "title": "UpstreamRecord",
        "description": inspect.cleandoc(UpstreamRecord.__doc__ or ""),
        "type": "object",
        "properties": {
            name: {
                "type": ["string", "null"] if empty else "string",
                "description": columns[name],
                **({} if empty else {"minLength": 1}),
                **_limits(name, empty),
            }
            for name, empty in may_be_empty.items()
        },
        "required": [name for name, empty in may_be_empty.items() if not empty],
    }


def _limits(name: str, may_be_empty: bool) -> dict[str, Any]:
    if name in DATES:
        return {} if may_be_empty else {"pattern": _DAY, "examples": ["2026-04-01"]}
    if name == "kind":
        return {"examples": _KINDS}
    return {}
