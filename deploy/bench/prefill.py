"""Many finished badges in all stores at once: rows copied inside PostgreSQL, objects as hard links. For the benches.

Each copy is a badge that has gone through the whole pipeline, under another id. Whatever a table keeps of it is there,
so tables, indexes and folders have the size that so many badges give them. What a copy's documents say is that of its
pattern: its signature is another badge's, so nobody can verify it. Kafka keeps nothing of the copies.
"""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from deploy.local.environment import BUCKET, database_url
from deploy.local.stack import Stack

TABLES: Mapping[str, tuple[LiteralString, ...]] = {
    "registration": ("registrations", "announced", "inbox"),
    "issuer": ("status_entries", "assertions", "announced", "inbox"),
    "anchor": ("leaves", "announced", "inbox"),
    "renderer": ("renderings", "announced", "inbox"),
    "mailer": ("holders", "messages", "announced", "inbox"),
    "wallet": ("badges", "progress", "announced", "inbox"),
    "verifier": ("assertions", "announced", "inbox"),
    "ops": ("people", "assertions", "letters", "person_events", "announced", "inbox"),
}
"""Service → its tables that grow with the badges."""

_ID = "substr(translate(upper(md5({column} || '/' || n)), '0189', '2345'), 1, 26)"
_OTHER = "{column} || '-' || n"
_COLUMNS: Mapping[str, LiteralString] = {
    **dict.fromkeys(("assertion_id", "corrects", "corrected_by", "replaces", "replaced_by"), _ID),
    **dict.fromkeys(("renews", "renewed_by"), _ID),
    **dict.fromkeys(("registration_id", "previous_registration_id", "person_id", "first_registration_id"), _OTHER),
    **dict.fromkeys(("id", "message_id", "letter_id", "request_id"), _OTHER),
    **dict.fromkeys(("email", "address", "address_key", "office_email", "contact_email"), "n || '.' || {column}"),
    "event_id": "md5({column}::text || n)::uuid",
    "status_list": "{column} + 1 + n * {patterns} / 131072",  # lists of 2^17 places; the copies' places are in order
    "status_index": "(n * {patterns} + row_number() over (partition by n)) %% 131072",
}
"""Column → what stands there in the n-th copy of a row. All others are copied."""
_BYTES: LiteralString = "sha256({column} || convert_to(n::text, 'utf8'))"  # leaves and keys


def prefill(stack: Stack, badges: int) -> int:
    """When this returns, there are at least `badges` more finished badges; returns how many. No service may be at work.

    Pattern of the copies is each badge that is there, all of which must be finished.
    """
    ids = _assertion_ids(stack)
    copies = -(-badges // len(ids))
    for service, tables in TABLES.items():
        with psycopg.connect(database_url(stack.place, service), autocommit=True) as connection:
            if service == "registration":  # its table of registrations takes writes under this lock only
                connection.execute("select pg_advisory_lock(hashtext('registration/writers'))")
            for table in tables:
                connection.execute(_copied(connection, table, len(ids)), {"copies": copies})
            # What the server does by itself within minutes, else in the middle of what is measured.
            connection.execute("vacuum (analyze)")
    _link_objects(stack.place.data / "s3" / BUCKET, ids, copies)
    os.kill(stack.pid("s3"), signal.SIGHUP)  # rclone drops its cached listings of the folders
    return copies * len(ids)


def copied_id(assertion_id: str, n: int) -> str:
    """The id of the n-th copy, as the database makes it."""
    digest = hashlib.md5(f"{assertion_id}/{n}".encode(), usedforsecurity=False).hexdigest()
    return digest.upper().translate(str.maketrans("0189", "2345"))[:26]


def _assertion_ids(stack: Stack) -> list[str]:
    with psycopg.connect(database_url(stack.place, "issuer")) as connection:
        return [id for (id,) in connection.execute("select assertion_id from assertions").fetchall()]


def _copied(connection: psycopg.Connection, table: LiteralString, patterns: int) -> sql.Composed:
    """The statement that copies each row of `table` as often as `copies` says."""
    columns = connection.execute(
        "select column_name, data_type from information_schema.columns where table_schema = current_schema()"
        " and table_name = %s and is_identity = 'NO' and is_generated = 'NEVER' order by ordinal_position",
        (table,),
    ).fetchall()
    values = []
    for name, type_of_it in columns:
        form: LiteralString = "{column}"
        if name == "leaf" or (name == "key" and type_of_it == "bytea"):
            form = _BYTES if type_of_it == "bytea" else "md5({column} || n)"
        form = _COLUMNS.get(name, form)
        values.append(sql.SQL(form).format(column=sql.Identifier(name), patterns=sql.Literal(patterns)))
    names = sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns)
    return sql.SQL(
        "insert into {table} ({names}) select {values} from {table}, generate_series(1, %(copies)s) as copy(n)"
    ).format(table=sql.Identifier(table), names=names, values=sql.SQL(", ").join(values))


def _link_objects(bucket: Path, ids: list[str], copies: int) -> None:
    """Names for the copies' documents; the bytes are those of the pattern."""
    for assertion_id in ids:
        credential, folder = Path("credentials", f"{assertion_id}.json"), Path("certificates", assertion_id)
        for n in range(1, copies + 1):
            copy = copied_id(assertion_id, n)
            os.link(bucket / credential, bucket / "credentials" / f"{copy}.json")
            (bucket / "certificates" / copy).mkdir()
            for file in (bucket / folder).iterdir():
                os.link(file, bucket / "certificates" / copy / file.name)
