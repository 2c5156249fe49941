"""docs/events: equal to what the code generates, valid by AsyncAPI's own schema, true of the bytes on Kafka."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from deploy.schemas import FOLDER, asyncapi, documents, event_schema, readers, topics_read, writers
from shared.events import BadgeVisibilityChanged, Event, RegistrationReleased
from shared.topics import READ_BY
from shared.wire import EVENTS, encode
from tests.worlds.outside_verifier import ask_ajv

SPECS = Path("node_modules/@asyncapi/specs/schemas")
SAMPLE = Path("deploy/local/demo/sample/registrations.jsonl")
AT = datetime(2026, 4, 1, tzinfo=UTC)
WRONG_ATTRIBUTES: dict[str, Any] = {
    "specversion": "0.3",
    "id": "7",
    "source": "somebody",
    "type": "akashi.Other",
    "time": "noon",
    "datacontenttype": "text/plain",
    "data": [],
    "cause": "7",
}


@cache
def document() -> dict[str, Any]:
    """asyncapi.json, as the code generates it. It takes two seconds, so not when tests are collected."""
    return asyncapi()


def strategy_for(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a field's type. Times are aware, as everywhere."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return st.one_of(*map(strategy_for, parts))
    if origin is Literal:
        return st.sampled_from(parts)
    if origin is tuple:
        inner = [strategy_for(part) for part in parts if part is not Ellipsis]
        return st.lists(inner[0], max_size=3).map(tuple) if Ellipsis in parts else st.tuples(*inner)
    if origin is dict:
        return st.dictionaries(*map(strategy_for, parts), max_size=3)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return values_of(hint)
    zones = st.sampled_from((UTC, timezone(timedelta(hours=9))))
    return {
        str: st.text(max_size=20),
        int: st.integers(-(2**53), 2**53),
        bool: st.booleans(),
        NoneType: st.none(),
        date: st.dates(),
        datetime: st.datetimes(min_value=datetime(1970, 1, 2), timezones=zones),
    }[hint]


def values_of(struct: type[Any]) -> st.SearchStrategy[Any]:
    fields = {field.name for field in msgspec.structs.fields(struct)}
    return st.builds(struct, **{n: strategy_for(hint) for n, hint in get_type_hints(struct).items() if n in fields})


def questions_about(event: type[Event], message: dict[str, Any]) -> tuple[tuple[str, Any], tuple[str, Any]]:
    """For ajv: the whole message by asyncapi.json, its data by the event's own schema."""
    name = event.__name__
    return (f"asyncapi#/components/messages/{name}/payload", message), (name, message.get("data"))


def wrong(questions: Sequence[tuple[str, Any]]) -> list[list[str]]:
    """What ajv finds in each: nothing, or what is wrong."""
    ours = {"$schema": "http://json-schema.org/draft-07/schema#", "$id": "asyncapi", **document()}
    schemas = [ours, *({"$id": event.__name__, **event_schema(event)} for event in EVENTS)]
    return ask_ajv(schemas, questions)


def message_of(fact: Event, cause: Event | None = None) -> dict[str, Any]:
    """As it lies on Kafka."""
    message: dict[str, Any] = json.loads(encode(fact, source="issuer", at=AT, cause=cause))
    return message


def test_docs_events_is_what_make_schemas_generates() -> None:
    assert {path.name: path.read_text("utf-8") for path in FOLDER.iterdir()} == documents()


def test_asyncapi_json_is_valid_by_asyncapis_own_schema_and_broken_copies_are_not() -> None:
    schema = {**json.loads((SPECS / "3.0.0-without-$id.json").read_text("utf-8")), "$id": "asyncapi-3.0.0"}
    broken = [copy.deepcopy(document()) for _ in range(3)]
    del broken[0]["info"]["title"]
    broken[1]["channels"]["badge.received"]["messages"]["BadgeReceived"] = 7
    broken[2]["operations"]["issuer.send.AssertionIssued"]["action"] = "shout"
    questions = [(schema["$id"], each) for each in (document(), *broken)]
    ours, *others = ask_ajv([schema], questions)
    assert ours == []
    assert all(others)


def test_every_reference_in_asyncapi_json_resolves() -> None:
    references = _references(document())
    assert len(references) > 60
    for reference in references:
        place: Any = document()
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_every_event_has_a_writer_and_a_reader() -> None:
    assert [name for name, services in readers().items() if not services] == []
    assert {name for name, services in writers().items() if not services} <= {
        "UpstreamRecord",  # comes from outside
        BadgeVisibilityChanged.__name__,
    }


def test_read_by_names_the_topics_that_each_services_code_consumes() -> None:
    assert topics_read() == {service: {topic.name for topic in topics} for service, topics in READ_BY.items()}


def test_the_schemas_are_true_of_the_bytes_on_kafka() -> None:
    questions: list[tuple[str, Any]] = []

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        facts=st.tuples(*(st.lists(values_of(event), min_size=2, max_size=5) for event in EVENTS)),
        has_cause=st.booleans(),
    )
    def gather(facts: tuple[list[Event], ...], has_cause: bool) -> None:
        cause = RegistrationReleased(registration_id="R", cohort="2026", revision=1) if has_cause else None
        questions.extend(
            question
            for event, said in zip(EVENTS, facts, strict=True)
            for fact in said
            for question in questions_about(event, message_of(fact, cause))
        )

    gather()
    answers = wrong(questions)  # once: a process that compiles all schemas takes a second
    assert [(question, found) for question, found in zip(questions, answers, strict=True) if found] == []
    assert {name for name, _ in questions} >= {event.__name__ for event in EVENTS}


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(facts=st.tuples(*(values_of(event) for event in EVENTS)))
def test_wrong_messages_are_rejected_and_messages_with_added_fields_are_accepted(facts: tuple[Event, ...]) -> None:
    broken: dict[str, tuple[str, Any]] = {}
    for event, fact in zip(EVENTS, facts, strict=True):
        message, schema, name = message_of(fact), event_schema(event), event.__name__
        for field in schema["required"]:
            data = {key: value for key, value in message["data"].items() if key != field}
            for place, question in enumerate(questions_about(event, {**message, "data": data})):
                broken[f"{name} without {field}, {place}"] = question
        for field in schema["properties"]:
            data = {**message["data"], field: [{}]}
            for place, question in enumerate(questions_about(event, {**message, "data": data})):
                broken[f"{name} with {field} of another type, {place}"] = question
        for field, value in WRONG_ATTRIBUTES.items():
            broken[f"{name}, {field}"] = questions_about(event, {**message, field: value})[0]
    assert [what for what, errors in zip(broken, wrong(list(broken.values())), strict=True) if not errors] == []
    newer = [q for event, fact in zip(EVENTS, facts, strict=True) for q in questions_about(event, newer_than(fact))]
    assert wrong(newer) == [[]] * len(newer), "fields may be added"


def newer_than(fact: Event) -> dict[str, Any]:
    message = message_of(fact)
    return {**message, "later": 1, "data": {**message["data"], "later": 1}}


def test_the_samples_records_are_valid_by_the_schema_of_upstream_records() -> None:
    records = [json.loads(line) for line in SAMPLE.read_text("utf-8").splitlines()]
    schema = "asyncapi#/components/schemas/UpstreamRecord"
    assert wrong([(schema, each) for each in records]) == [[]] * len(records)
    assert all(wrong([(schema, {**records[0], "registration_id": 7}), (schema, {})]))


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [each for inner in value.values() for each in _references(inner)]
    return [each for inner in value for each in _references(inner)] if isinstance(value, list) else []
