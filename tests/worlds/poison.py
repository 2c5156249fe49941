"""Values that are no message of ours, or can't be handled: what anybody who may write to a topic could send."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from shared.events import Event
from shared.topics import Topic
from shared.wire import EVENTS, encode

AT = datetime(2027, 4, 1, tzinfo=UTC)
DEPTHS = (1_000, 10_000, 100_000)
LARGE = 900_000
NUL = "poison\0"

POISON: Mapping[str, bytes | None] = {
    "a tombstone": None,
    "nothing": b"",
    "invalid UTF-8": b"\xff\xfe\x00 not json",
    "half an envelope": b'{"specversion": "1.0"',
    "invalid UTF-8 in a text": b'{"registration_id": "\xff\xfe", "id": "\xff"}',
    "half a surrogate pair": b'{"registration_id": "\\ud800", "id": "\\ud800"}',
    "NaN": b'{"specversion": NaN}',
    "a huge integer": b'{"specversion": 1' + b"0" * 5_000 + b"}",
    "a number beyond a double": b'{"specversion": 1e999999}',
    "900 KB of text": json.dumps({"id": "x" * LARGE}).encode(),
    **{f"{depth} arrays": b"[" * depth + b"]" * depth for depth in DEPTHS},
    "100000 objects, not closed": b'{"a":' * 100_000,
}
"""On any topic, by what is wrong with it."""


def poison_for(topic: Topic) -> dict[str, bytes | None]:
    """All that is sent to one topic: POISON, and envelopes around data that its events can't be."""
    found = dict(POISON)
    for kind in (kind for kind in EVENTS if kind.topic == topic):
        good = json.loads(encode(sample(kind), source="poison", at=AT))
        found |= {
            f"{kind.__name__}: {what}": json.dumps(envelope, ensure_ascii=False).encode()
            for what, envelope in {
                "data of the wrong types": good | {"data": {name: [] for name in good["data"]}},
                "data that is a text": good | {"data": "text"},
                "NUL in each text": good | {"data": _with_nul(good["data"])},
                "an integer beyond 64 bits": good | {"data": _with_huge(good["data"])},
            }.items()
            if envelope != good
        }
        nested = encode(sample(kind), source="poison", at=AT).replace(b'"data":{', b'"data":{"later":' + _NESTED, 1)
        found[f"{kind.__name__}: a later field, nested"] = nested
    return found


def unknown_for(topic: Topic) -> dict[str, bytes]:
    """What a later release could send: kept, and read again by that release."""
    kind = next(kind for kind in EVENTS if kind.topic == topic)
    good = encode(sample(kind), source="poison", at=AT)
    named = f'"akashi.{kind.__name__}"'.encode()
    return {
        "an unknown type": good.replace(named, b'"akashi.OfALaterRelease"'),
        "a type twice, the last unknown": good.replace(
            b'"type":' + named, b'"type":' + named + b',"type":"akashi.OfALaterRelease"'
        ),
    }


_NESTED = b"[" * 10_000 + b"]" * 10_000 + b","


def sample(kind: type[Any]) -> Event:
    """An event of this type about nobody; every field is given."""
    event: Event = msgspec.convert({name: _value(form) for name, form in _fields(kind)}, kind)
    return event


def _fields(kind: type[Any]) -> list[tuple[str, Any]]:
    return [(field.encode_name, field.type) for field in msgspec.inspect.type_info(kind).fields]  # type: ignore[attr-defined]


def _value(form: Any) -> Any:
    match form:
        case msgspec.inspect.StructType():
            return {field.encode_name: _value(field.type) for field in form.fields}
        case msgspec.inspect.LiteralType():
            return form.values[0]
        case msgspec.inspect.UnionType():
            return _value(next(each for each in form.types if not isinstance(each, msgspec.inspect.NoneType)))
        case msgspec.inspect.IntType():
            return 7
        case msgspec.inspect.BoolType():
            return True
        case msgspec.inspect.DateTimeType():
            return AT
        case msgspec.inspect.DateType():
            return date(2027, 4, 1)
        case msgspec.inspect.DictType():
            return {"poison": _value(form.value_type)}
        case msgspec.inspect.TupleType():
            return [_value(each) for each in form.item_types]
        case msgspec.inspect.VarTupleType() | msgspec.inspect.ListType():
            return []
        case _:
            return "poison"


def _with_nul(data: Any) -> Any:
    if isinstance(data, dict):
        return {name: _with_nul(value) for name, value in data.items()}
    return NUL if data == "poison" else data


def _with_huge(data: Any) -> Any:
    if isinstance(data, dict):
        return {name: _with_huge(value) for name, value in data.items()}
    return 10**30 if data == 7 and data is not True else data
