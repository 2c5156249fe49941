"""`make schemas` generates `docs/events`: the events as AsyncAPI and JSON Schema, for programs in any language.

Nothing in it is written by hand: types come from the modules of events in `shared/`, topics from
`shared/topics.py`, and who writes and reads an event from the services' own code. A test fails when the folder and the
code differ.

Sources: AsyncAPI 3.0.0 with its Kafka bindings 0.5.0; JSON Schema draft-07, which AsyncAPI's schema objects extend;
CloudEvents 1.0.2, section 3.1 (attributes of the envelope).
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Set
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec

from services.registration.domain.upstream_schema import upstream_schema
from shared.events import Event
from shared.office_events import ObjectsScrubbed
from shared.topics import SERVICES, TOPICS, UPSTREAM_REGISTRATIONS, Topic
from shared.wire import EVENTS

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "events"
RUNTIME = tuple(ROOT / "shared" / "runtime" / name for name in ("process.py", "rebuild.py", "restored.py"))
"""What every service's process runs, and that consumes or announces events itself."""

SCRUBBING = ROOT / "shared" / "runtime" / "scrub_record.py"
"""What the processes run that compare their tables with object storage."""

Schema = dict[str, Any]

_SCRUB = "scrub"  # the method of a process
_DRAFT = "http://json-schema.org/draft-07/schema#"
_COMMENT = re.compile(r"^ +(\w+): [^#\n]*#\s*(.+)$", re.MULTILINE)
_UPSTREAM = "UpstreamRecord"

_README = """# Events

Made by `make schemas` from the code; a test fails when they differ. `asyncapi.json` is all of it for machines (AsyncAPI
3.0). Each `<Event>.schema.json` is the JSON Schema (draft-07) of what the envelope, CloudEvents 1.0 in structured JSON,
holds as `data`. Readers ignore fields that they don't know.

| topic | event | key | written by | read by |
|---|---|---|---|---|
{rows}

What a service cannot handle goes to `<topic>.dead`, with its cause, which ops reads.
"""

ENVELOPE: Schema = {
    "title": "Envelope",
    "description": "CloudEvents 1.0 in structured mode. The id is derived from what makes it one fact: "
    "a reader that has handled an id ignores it.",
    "type": "object",
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "format": "uuid"},
        "source": {"type": "string", "pattern": "^akashi/[a-z]+$", "description": "The service that announces it."},
        "type": {"type": "string", "pattern": "^akashi\\.[A-Za-z]+$"},
        "subject": {"type": "string", "description": "What the event is about: also the Kafka key."},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "data": {"type": "object"},
        "cause": {"type": "string", "format": "uuid", "description": "Extension: the id of the event that led to it."},
    },
    "required": ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"],
}


def documents() -> dict[str, str]:
    """Every file of `docs/events` by its name."""
    schemas = {f"{event.__name__}.schema.json": _json(event_schema(event)) for event in EVENTS}
    upstream = _json({"$schema": _DRAFT, **upstream_schema()})
    return {
        "README.md": readme(),
        "asyncapi.json": _json(asyncapi()),
        f"{_UPSTREAM}.schema.json": upstream,
        **schemas,
    }


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = documents()
    for path in FOLDER.iterdir():
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


# ── who writes and who reads ───────────────────────────────────────────────────────────────────────────


def writers() -> dict[str, list[str]]:
    """For each event type, the services that call its constructor; all, when the runtime that they share does."""
    return _services_by_event(_made)


def readers() -> dict[str, list[str]]:
    """For each event type, the services that call `process.consume(Event, …)` or `process.note(Event, …)`.

    All, when the runtime that they share does: `shared/runtime/process.py` notes the orders to rebuild.
    """
    return _services_by_event(_consumed)


def topics_read() -> dict[str, set[str]]:
    """For each service the topics whose events its own code consumes; without what the shared runtime reads."""
    found: dict[str, set[str]] = {service: set() for service in SERVICES}
    topics = {_UPSTREAM: UPSTREAM_REGISTRATIONS, **{event.__name__: event.topic for event in EVENTS}}
    for service, names in _names_by_service(_consumed):
        found[service] |= {topics[name].name for name in names if name in topics}
    return found


def _services_by_event(names_in: Callable[[ast.AST], Iterator[str]]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {name: set() for name in (_UPSTREAM, *(event.__name__ for event in EVENTS))}
    shared = [(service, _names_in(path, names_in)) for path in RUNTIME for service in SERVICES]
    for service, names in (*_names_by_service(names_in), *shared, *_scrubbing(names_in)):
        for name in names & found.keys():
            found[name].add(service)
    return {name: sorted(services) for name, services in found.items()}


def _scrubbing(names_in: Callable[[ast.AST], Iterator[str]]) -> Iterator[tuple[str, Set[str]]]:
    """The services that call `process.scrub(…)`, with what that consumes and announces.

    Those that name no service `before` them wait for nobody's ObjectsScrubbed.
    """
    for path in sorted((ROOT / "services").glob("*/app.py")):
        for call in _calls(ast.parse(path.read_text("utf-8"))):
            if isinstance(call.func, ast.Attribute) and call.func.attr == _SCRUB:
                method = _methods(ast.parse(RUNTIME[0].read_text("utf-8")), _SCRUB)
                names = set(names_in(method)) | _names_in(SCRUBBING, names_in)
                if names_in is _consumed and not call.keywords:
                    names.discard(ObjectsScrubbed.__name__)
                yield path.parent.name, names


def _methods(tree: ast.Module, name: str) -> ast.Module:
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name]
    return ast.Module([*found], [])


def _names_by_service(names_in: Callable[[ast.AST], Iterator[str]]) -> Iterator[tuple[str, Set[str]]]:
    for path in sorted((ROOT / "services").glob("*/**/*.py")):
        yield path.relative_to(ROOT / "services").parts[0], _names_in(path, names_in)


@cache  # each file is asked for by several documents
def _names_in(path: Path, names_in: Callable[[ast.AST], Iterator[str]]) -> frozenset[str]:
    tree = ast.parse(path.read_text("utf-8"))
    if path in RUNTIME:
        tree = _WithoutScrub().visit(tree)
    return frozenset(names_in(tree))


class _WithoutScrub(ast.NodeTransformer):
    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef | None:
        return None if node.name == _SCRUB else node


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _made(tree: ast.AST) -> Iterator[str]:
    """Events only: records of the upstream come from outside."""
    events = {event.__name__ for event in EVENTS}
    return (call.func.id for call in _calls(tree) if isinstance(call.func, ast.Name) and call.func.id in events)


def _consumed(tree: ast.AST) -> Iterator[str]:
    for call in _calls(tree):
        if isinstance(call.func, ast.Attribute) and call.args and isinstance(call.args[0], ast.Name):
            if call.func.attr in ("consume", "note"):
                yield call.args[0].id
            elif call.func.attr == "consume_raw" and call.args[0].id == "UPSTREAM_REGISTRATIONS":
                yield _UPSTREAM


# ── schemas ────────────────────────────────────────────────────────────────────────────────────────────


def event_schema(event: type[Event]) -> Schema:
    """The schema of the `data` of one event, by itself."""
    (_,), parts = msgspec.json.schema_components([event], ref_template="#/definitions/{name}")
    structs = _structs(event)
    own = _completed(parts.pop(event.__name__), event)
    definitions = {name: _completed(part, structs[name]) for name, part in sorted(parts.items())}
    return {"$schema": _DRAFT, **own, **({"definitions": definitions} if definitions else {})}


def _structs(struct: type[msgspec.Struct]) -> dict[str, type[msgspec.Struct]]:
    """The type and those of its fields, and of theirs, by name."""
    found: dict[str, type[msgspec.Struct]] = {struct.__name__: struct}
    for hint in get_type_hints(struct).values():
        for part in (hint, *get_args(hint)):
            if isinstance(part, type) and issubclass(part, msgspec.Struct):
                found |= _structs(part)
    return found


def _completed(schema: Schema, struct: type[msgspec.Struct]) -> Schema:
    """Adds what msgspec leaves out: formats of times, and comments of fields as descriptions. In draft-07."""
    comments = {name: text for base in reversed(struct.__mro__[:-2]) for name, text in _comments(base)}
    hints = get_type_hints(struct)
    properties = {
        name: {
            **_in_draft_07(part),
            **_format(hints[name]),
            **({"description": comments[name]} if name in comments and "$ref" not in part else {}),
        }
        for name, part in schema["properties"].items()
    }
    return {**schema, "description": _described(struct), "properties": properties}


def _comments(struct: type) -> list[tuple[str, str]]:
    return _COMMENT.findall(inspect.getsource(struct)) if struct.__module__.startswith("shared.") else []


def _described(struct: type) -> str:
    return inspect.cleandoc(struct.__doc__ or "")


def _format(hint: Any) -> Schema:
    """Times are aware, so RFC 3339."""
    kinds = get_args(hint) or (hint,)
    return {"format": "date-time"} if datetime in kinds else {"format": "date"} if date in kinds else {}


def _in_draft_07(part: Any) -> Any:
    """Writes tuples as before `prefixItems` existed."""
    if isinstance(part, list):
        return [_in_draft_07(each) for each in part]
    if not isinstance(part, dict):
        return part
    inner = {name: _in_draft_07(value) for name, value in part.items() if name != "prefixItems"}
    if "prefixItems" in part:
        inner |= {"items": _in_draft_07(part["prefixItems"]), "additionalItems": False}
    return inner


# ── AsyncAPI ───────────────────────────────────────────────────────────────────────────────────────────


def asyncapi() -> Schema:
    """All topics, messages and who sends or receives them, as an AsyncAPI 3.0 document."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    _, parts = msgspec.json.schema_components(EVENTS, ref_template="#/components/schemas/{name}")
    structs = {name: struct for event in EVENTS for name, struct in _structs(event).items()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Akashi",
            "version": project["version"],
            "description": "Events between the services. Fields may be added; meanings never change.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": dict(_operations()),
        "components": {
            "messages": {_UPSTREAM: _upstream_message()} | {event.__name__: _message(event) for event in EVENTS},
            "schemas": {"Envelope": ENVELOPE, _UPSTREAM: upstream_schema()}
            | {name: _completed(part, structs[name]) for name, part in parts.items()},
        },
    }


def _names_on(topic: Topic) -> list[str]:
    return [_UPSTREAM] if topic is UPSTREAM_REGISTRATIONS else [e.__name__ for e in EVENTS if e.topic == topic]


def _channel(topic: Topic) -> Schema:
    kafka = {"topic": topic.name, "partitions": topic.partitions, "bindingVersion": "0.5.0"}
    messages = {name: {"$ref": f"#/components/messages/{name}"} for name in _names_on(topic)}
    return {"address": topic.name, "messages": messages, "bindings": {"kafka": kafka}}


def _message(event: type[Event]) -> Schema:
    name = event.__name__
    data = {"type": {"const": f"akashi.{name}"}, "data": {"$ref": f"#/components/schemas/{name}"}}
    return {
        "name": name,
        "summary": _described(event).partition("\n")[0],
        "contentType": "application/cloudevents+json",
        "payload": {"allOf": [{"$ref": "#/components/schemas/Envelope"}, {"properties": data}]},
        "bindings": {"kafka": {"key": {"type": "string", "description": key_of(event)}, "bindingVersion": "0.5.0"}},
    }


def _upstream_message() -> Schema:
    return {
        "name": _UPSTREAM,
        "summary": "One registration, as the upstream delivers it: JSON without an envelope.",
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{_UPSTREAM}"},
        "bindings": {"kafka": {"key": {"type": "string", "description": "registration_id"}, "bindingVersion": "0.5.0"}},
    }


def _operations() -> Iterator[tuple[str, Schema]]:
    for action, services_of in (("send", writers()), ("receive", readers())):
        for topic in TOPICS:
            for name in _names_on(topic):
                for service in services_of[name]:
                    yield f"{service}.{action}.{name}", _operation(action, topic, name, service)


def _operation(action: str, topic: Topic, name: str, service: str) -> Schema:
    channel = f"#/channels/{topic.name}"
    messages = [{"$ref": f"{channel}/messages/{name}"}]
    return {"action": action, "channel": {"$ref": channel}, "messages": messages, "tags": [{"name": service}]}


def key_of(event: type[Event]) -> str:
    """The field that is the Kafka key."""
    return event.about if hasattr(event, "about") else "award.registration_id"


# ── the table ──────────────────────────────────────────────────────────────────────────────────────────


def readme() -> str:
    """`docs/events/README.md`."""
    made, read = writers(), readers()
    rows = [_row(topic, name, made[name], read[name]) for topic in TOPICS for name in _names_on(topic)]
    return _README.format(rows="\n".join(rows))


def _row(topic: Topic, name: str, made: list[str], read: list[str]) -> str:
    if name == _UPSTREAM:
        cells = [
            topic.name,
            f"[the upstream's record](../registration.md) ([schema]({_UPSTREAM}.schema.json))",
            "registration_id",
            "the upstream",
        ]
    else:
        event = next(each for each in EVENTS if each.__name__ == name)
        cells = [topic.name, f"[{name}]({name}.schema.json)", key_of(event), ", ".join(made) or "nobody yet"]
    return f"| {' | '.join([*cells, ', '.join(read) or 'nobody yet'])} |"


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    main()
