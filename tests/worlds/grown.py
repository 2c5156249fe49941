"""The tables of each service as thousands of finished badges leave them, and how many rows a statement reads there."""

from __future__ import annotations

import json
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from urllib.parse import quote

import msgspec
import psycopg
import pytest
from psycopg import sql

from shared.runtime.lineage import Lineage
from shared.runtime.migrate import migrate
from tests.worlds.postgres import postgres

ROWS = 5000
"""Badges that each service knows, and so about the rows of each table that has one for each."""

PREPARED = 12
"""Times after which psycopg has prepared a statement and the server keeps one plan of it."""

_FEW = ROWS // 5  # batches, statements: one for several badges
_PAST = "now() - interval '40 days' + n * interval '1 second'"
_REGISTRATION = "'R-' || n"
_ASSERTION = "'A-' || n"

_Rows = Mapping[str, str]
_TABLES: Mapping[str, Sequence[tuple[str, int, _Rows]]] = {
    "registration": [
        (
            "registrations",
            ROWS,
            {
                "registration_id": _REGISTRATION,
                "kind": "'new'",
                "birth_date": "date '1980-01-01' + n % 9000",
                "email": "n || '@example.jp'",
                "address_key": "n || '@example.jp'",
                "valid_from": "date '2025-04-01'",
                "valid_until": "date '2030-03-31'",
                "state": "'released'",
                "notify_from": _PAST,
                "released_at": _PAST,
                "version": "1",
                "issued_version": "1",
            },
        ),
        ("rejected", _FEW, {}),
    ],
    "issuer": [
        ("status_entries", ROWS, {"status_list": "1", "status_index": "n"}),
        (
            "assertions",
            ROWS,
            {
                "assertion_id": _ASSERTION,
                "registration_id": _REGISTRATION,
                "cohort": "'2025'",
                "qualification": "'gishi'",
                "status_list": "1",
                "status_index": "n",
                "leaf": "md5(n::text)",
                "credential": "convert_to('{}', 'utf8')",
                "announcement": "convert_to('{}', 'utf8')",
                "state": "'stored'",
                "stored_at": _PAST,
                "stated_in": "1",
            },
        ),
        ("anchored_batches", _FEW, {"root": "'root-' || n", "read_at": _PAST}),
        ("anchored_leaves", ROWS, {"leaf": "md5(n::text)", "root": f"'root-' || n % {_FEW} + 1"}),
        (
            "statements",
            _FEW,
            {"cohort": "'2024'", "number": "n", "body": "'x'::bytea", "leaves": "'x'::bytea", "state": "'published'"},
        ),
    ],
    "anchor": [
        (
            "anchorings",
            _FEW,
            {
                "network": "'local'",
                "chain_id": "31337",
                "contract": "'0x1111111111111111111111111111111111111111'",
                "state": "'final'",
                "transaction": "'0x' || n",
                "block_number": "n",
                "block_hash": "'0x' || n",
                "anchored_at": _PAST,
                "final_at": _PAST,
            },
        ),
        (
            "batches",
            _FEW,
            {"root": "sha256(n::text::bytea)", "manifest_at": _PAST, "decided_by": "n", "proof_names": "'0x' || n"},
        ),
        (
            "anchored_roots",
            _FEW,
            {
                "root": "sha256(n::text::bytea)",
                "chain_id": "31337",
                "contract": "'0x1111111111111111111111111111111111111111'",
                "anchoring": "n",
            },
        ),
        ("transactions", _FEW, {"anchoring": "n"}),
        (
            "leaves",
            ROWS,
            {
                "assertion_id": _ASSERTION,
                "leaf": "sha256(n::text::bytea)",
                "received_at": _PAST,
                "ready_at": _PAST,
                "root": f"sha256((n % {_FEW} + 1)::text::bytea)",
                "proved_at": _PAST,
                "valid_until": "date '2030-03-31'",
            },
        ),
    ],
    "renderer": [
        ("renderings", ROWS, {"assertion_id": _ASSERTION, "state": "'done'", "rendered_at": _PAST}),
        ("print_sheets", _FEW, {"state": "'done'", "sha256": "'x'"}),
    ],
    "mailer": [
        (
            "holders",
            ROWS,
            {
                "assertion_id": _ASSERTION,
                "registration_id": _REGISTRATION,
                "email": "n || '@example.jp'",
                "qualification": "'gishi'",
                "cohort": "'2025'",
                "valid_from": "date '2025-04-01'",
                "valid_until": "current_date + 30",  # all of them are to be told of the end of their period, and were
                "notify_from": _PAST,
                "received_at": _PAST,
                "rendered_at": _PAST,
                "version": "1",
            },
        ),
        ("requests", _FEW, {"request_id": "'q' || n"}),  # forgotten
        (
            "messages",
            ROWS,
            {
                "assertion_id": _ASSERTION,
                "letter": "'award'",
                "state": "'sent'",
                "message": "'x'::bytea",
                "written_at": _PAST,
                "settled_at": _PAST,
            },
        ),
        (
            "messages",
            ROWS,
            {"assertion_id": _ASSERTION, "letter": "'expiry'", "state": "'sent'", "written_at": _PAST},
        ),
        (
            "messages",
            _FEW,
            {"request_id": "'q' || n", "letter": "'reset'", "state": "'sent'", "written_at": _PAST},
        ),
    ],
    "wallet": [
        ("accounts", ROWS, {}),
        (
            "addresses",
            ROWS,
            {"address_key": "n || '@example.jp'", "account_id": "n", "is_primary": "true"},
        ),
        (
            "badges",
            ROWS,
            {
                "assertion_id": _ASSERTION,
                "registration_id": _REGISTRATION,
                "address_key": "n || '@example.jp'",
                "account_id": "n",
                "received_at": _PAST,
            },
        ),
        ("progress", ROWS, {"assertion_id": _ASSERTION, "anchored_at": _PAST, "rendered_at": _PAST}),
        ("devices", ROWS, {"account_id": "n"}),
        ("paper_orders", _FEW, {"order_id": "'o' || n"}),
        ("paper_items", _FEW, {"order_id": "'o' || n", "item": "'card'", "state": "'sent'"}),
    ],
    "verifier": [
        (
            "assertions",
            ROWS,
            {"assertion_id": _ASSERTION, "registration_id": _REGISTRATION, "version": "1", "issued_at": _PAST},
        ),
        ("statements", _FEW, {"cohort": "'2025'", "number": "n"}),
    ],
    "ops": [
        ("batches", _FEW, {"merkle_root": "'root-' || n", "network": "'local'"}),
        (
            "people",
            ROWS,
            {
                "registration_id": _REGISTRATION,
                "cohort": "'2025'",
                "qualification": "'gishi'",
                "name": "'鈴木 ' || n",
                "family_name": "'鈴木'",
                "given_name": "n::text",
                "eligible_at": _PAST,
                "assertion_id": _ASSERTION,
                "issued_at": _PAST,
                "known_version": "1",
                "issued_version": "1",
            },
        ),
        (
            "assertions",
            ROWS,
            {
                "assertion_id": _ASSERTION,
                "registration_id": _REGISTRATION,
                "version": "1",
                "issued_at": _PAST,
                "received_at": _PAST,
                "anchored_at": _PAST,
                "rendered_at": _PAST,
                "merkle_root": f"'root-' || n % {_FEW} + 1",
                "network": "'local'",
            },
        ),
        (
            "letters",
            ROWS,
            {
                "assertion_id": _ASSERTION,
                "letter": "'award'",
                "state": "'sent'",
                "attempt": "1",
                "sent_at": _PAST,
                "domain": "'example.jp'",
            },
        ),
        (
            "letters",
            ROWS,
            {"assertion_id": _ASSERTION, "letter": "'completion'", "state": "'sent'", "attempt": "1", "sent_at": _PAST},
        ),
        ("rejections", _FEW, {"row_number": "n"}),
        ("dismissals", _FEW, {}),  # all of them
        ("person_events", ROWS, {"registration_id": _REGISTRATION, "kind": "'refused'", "number": "1"}),
        ("requested_letters", _FEW, {"state": "'sent'"}),
    ],
}
"""Service → tables: name, number of rows, and what stands in columns that a generic value doesn't fit. SQL, with `n`.

A table that is listed again gets more rows, of another kind.
"""
_OF_EACH: Sequence[tuple[str, int, _Rows]] = (
    ("announced", ROWS, {"event_id": "md5(n::text)::uuid", "topic": "'some.topic'"}),
    ("inbox", ROWS, {"event_id": "md5(n::text)::uuid", "claimed_at": "now()"}),
    ("traces", ROWS, {"noted_at": "now()"}),
)
_GENERIC: Mapping[str, str] = {
    "text": "{name} || '-' || n",
    "int4": "1",
    "int8": "n",
    "numeric": "n",
    "bool": "false",
    "bytea": "convert_to({name} || n, 'utf8')",
    "timestamptz": _PAST,
    "date": "date '2025-04-01'",
    "uuid": "md5(n::text)::uuid",
}


def grow(url: str, service: str, *, analysed: bool = True) -> None:
    """Fill the empty schema of `service`. When this returns, the planner has its statistics, if `analysed`."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(hashtext('registration/writers'))")  # see its trigger
        for table, rows, columns in (*_OF_EACH, *_TABLES[service]):
            connection.execute(_filled(connection, table, rows, columns))
    if analysed:
        analyse(url)


def grown(service: str) -> str:
    """The URL of a new schema of `service`, filled."""
    grow(url := empty(service), service)
    return url


def empty(service: str) -> str:
    """The URL of a new schema of `service`."""
    with postgres() as databases:
        url = databases.fresh()
    migrate(url, service, Path("services") / service / "migrations")
    return url


def take_away(url: str, service: str) -> None:
    """Delete the rows of all tables that `grow` fills, and nothing that hangs on them."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")  # no trigger, no foreign key
        for table in dict.fromkeys(table for table, _, _ in (*_OF_EACH, *_TABLES[service])):
            connection.execute(sql.SQL("delete from {}").format(sql.Identifier(table)))


def analyse(url: str) -> None:
    """What the server does by itself after a minute."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze")


def _filled(connection: psycopg.Connection[Any], table: str, rows: int, given: _Rows) -> sql.Composed:
    needed = connection.execute(
        "select column_name, udt_name from information_schema.columns where table_name = %s and is_nullable = 'NO'"
        " and column_default is null and is_generated = 'NEVER' and is_identity = 'NO'",
        (table,),
    ).fetchall()
    values = {name: _GENERIC[type].format(name=f"'{name}'") for name, type in needed if name not in given}
    values.update(given)
    return sql.SQL("insert into {} ({}) select {} from generate_series(1, {}) as row (n)").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(sql.SQL(value) for value in values.values()),
        sql.Literal(rows),
    )


# ── what statements read ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Read:
    """What one step of a statement's plan read: of `table`, `rows`, whether they were of use or not.

    A join has no table: the pairs that it looked at in vain.
    """

    table: str
    how: str
    rows: int
    statement: str


def explained(url: str) -> str:
    """The URL with which the server tells of each statement how it was carried out."""
    options = {
        "session_preload_libraries": "auto_explain",
        "auto_explain.log_min_duration": "0",
        "auto_explain.log_analyze": "on",
        "auto_explain.log_timing": "off",
        "auto_explain.log_format": "json",
        "auto_explain.log_level": "notice",
    }
    separator = "&" if "?" in url else "?"
    return f"{url}{separator}options={quote(' '.join(f'-c {name}={value}' for name, value in options.items()))}"


def listen(monkeypatch: pytest.MonkeyPatch) -> list[Read]:
    """What every statement of a `Database` reads from now on, if its URL is an explained one."""
    found: list[Read] = []
    check = Lineage.check

    def listening(self: Lineage, connection: Any) -> None:
        check(self, connection)
        connection.add_notice_handler(lambda told: found.extend(reads_of(told.message_primary or "")))

    monkeypatch.setattr(Lineage, "check", listening)
    return found


def largest(reads: Sequence[Read]) -> Read:
    return max(reads, key=lambda read: read.rows)


def reads_of(notice: str) -> Iterator[Read]:
    """What a server's notice about a statement says that was read."""
    _, found, plan = notice.partition("plan:\n")
    if found:
        told = json.loads(plan)
        yield from _scans(told["Plan"], " ".join(told["Query Text"].split()))


def _scans(node: dict[str, Any], statement: str) -> Iterator[Read]:
    if (table := node.get("Relation Name")) and node["Node Type"] != "ModifyTable":
        told = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
        rows = node["Actual Loops"] * sum(node.get(name, 0) for name in told)
        yield Read(table, node["Node Type"], int(rows), statement)
    elif (pairs := node["Actual Loops"] * node.get("Rows Removed by Join Filter", 0)) > 0:
        yield Read("pairs", node["Node Type"], int(pairs), statement)
    for child in node.get("Plans", ()):
        yield from _scans(child, statement)


# ── events ──────────────────────────────────────────────────────────────────────────────────────────────

_NAMED: Mapping[str, Any] = {
    "assertion_id": "A-17",
    "subject": "A-17",
    "registration_id": "R-17",
    "cohort": "2025",
    "qualification": "gishi",
    "email": "17@example.jp",
    "recipient": "17@example.jp",
    "language": "ja",
    "message_id": "<award.A-17@example.jp>",
    "version": 2,
    "number": 700,
}


def example(of: Any, name: str = "") -> Any:
    """An event, or a part of one, of this type: well formed, about a badge that `grow` has put in."""
    if isinstance(of, type) and issubclass(of, msgspec.Struct):
        hints = get_type_hints(of)
        return of(**{field.name: example(hints[field.name], field.name) for field in msgspec.structs.fields(of)})
    origin, arguments = get_origin(of), get_args(of)
    if origin is Literal:
        return arguments[0]
    if origin in (Union, types.UnionType):
        return example(next(each for each in arguments if each is not type(None)), name)
    if origin is tuple:
        return (example(arguments[0], name),)
    if origin in (dict, Mapping):
        return {}
    plain = {str: _NAMED.get(name, "ab" * 32), int: _NAMED.get(name, 1), bool: False, float: 1.0, bytes: b"x"}
    if of in plain:
        return plain[of]
    moments = {datetime: datetime.now(UTC), date: date(2025, 4, 1)}
    return moments[of]
