"""A dead message as people read it, and the kind of its cause: what belongs together on the page. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

_HIDDEN = ("birth", "phone", "生年月日", "電話")
"""Fields whose names hold one of these are not shown: birth dates and telephone numbers stay in registration."""
_LONGEST = 4000  # characters that are shown


def cause_kind(cause: str) -> str:
    """What several causes have in common: the kind of the error, without the values that it names."""
    kind = re.split(r"[:(]", cause, maxsplit=1)[0].strip()
    return kind[:100] or "?"


def is_among(topic_of_letter: str, cause_of_letter: str, *, topic: str | None, cause: str | None) -> bool:
    """Whether a dead letter is one of this topic and kind of cause (None: of any). `cause` may be a whole cause."""
    is_of_topic = topic in (None, topic_of_letter)
    return is_of_topic and (cause is None or cause_kind(cause) == cause_kind(cause_of_letter))


def decoded(value: bytes | None) -> str | None:
    """The message as indented JSON, or, where it is none, its beginning as text. None: it has no value.

    What is longer is cut, with … at its end.
    """
    if value is None:
        return None
    try:
        text = json.dumps(_without_hidden(json.loads(value)), ensure_ascii=False, indent=1)
    except (ValueError, RecursionError):
        text = value.decode("utf-8", "backslashreplace")
        if any(name in text.lower() for name in _HIDDEN):
            return f"{len(value)} bytes, no JSON"
    text = text.encode("utf-8", "backslashreplace").decode()  # lone surrogates, which UTF-8 lacks
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _without_hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: "…" if any(hidden in str(name).lower() for hidden in _HIDDEN) else _without_hidden(each)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_without_hidden(each) for each in value]
    return value
