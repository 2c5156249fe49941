"""Each step of a schema leaves the release before it able to work: it adds, and takes nothing away.

Two releases run side by side during an upgrade (docs/upgrade.md). So each step of each service is applied to the schema
before it, and what PostgreSQL says of both is compared. A step that takes something away says in `contracts` since when
no release uses it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from shared.runtime import migrate
from shared.topics import SERVICES
from tests.worlds.migrations import write_migration
from tests.worlds.postgres import Databases

ROOT = Path(__file__).parents[2]
FOLDERS = {"runtime": migrate._OWN, **{name: ROOT / "services" / name / "migrations" for name in SERVICES}}
BEFORE_THE_RULE = {
    "runtime": "0004",
    "registration": "0009",
    "issuer": "0004",
    "anchor": "0003",
    "renderer": "0005",
    "mailer": "0010",
    "wallet": "0008",
    "verifier": "0002",
    "ops": "0010",
}
"""The last step of each before there was a rule: none of them was ever applied beside a running release."""

_COLUMNS = """
select table_name || '.' || column_name, data_type, is_nullable = 'YES' or column_default is not null
  or is_identity = 'YES' or is_generated = 'ALWAYS'
from information_schema.columns where table_schema = current_schema()
"""
_CONSTRAINTS = """
select conrelid::regclass || '.' || conname, conrelid::regclass::text, pg_get_constraintdef(oid),
  array(select attname::text from pg_attribute where attrelid = conrelid and attnum = any(conkey))
from pg_constraint where connamespace = current_schema()::regnamespace and contype in ('c', 'u', 'f', 'p', 'x')
"""
_UNIQUE = """
select indexrelid::regclass::text, indrelid::regclass::text, pg_get_indexdef(indexrelid),
  array(select attname::text from pg_attribute where attrelid = indrelid and attnum = any(indkey))
from pg_index join pg_class on pg_class.oid = indexrelid
where indisunique and relnamespace = current_schema()::regnamespace
"""


@dataclass(frozen=True)
class Schema:
    """`columns`: type, and whether a row may be written without it. `rules`: definition, and columns it is about."""

    columns: dict[str, tuple[str, bool]]
    rules: dict[str, tuple[str, frozenset[str]]]

    @property
    def tables(self) -> set[str]:
        return {name.partition(".")[0] for name in self.columns}


def schema_of(connection: psycopg.Connection[Any]) -> Schema:
    columns = {name: (kind, free) for name, kind, free in connection.execute(_COLUMNS).fetchall()}
    rules = [*connection.execute(_CONSTRAINTS).fetchall(), *connection.execute(_UNIQUE).fetchall()]
    about = {name: (text, frozenset(f"{table}.{each}" for each in names)) for name, table, text, names in rules}
    return Schema(columns, about)


def taken_away(before: Schema, after: Schema) -> list[str]:
    """What a release that knows `before` can no longer do with `after`."""
    found = []
    for name, (kind, free) in sorted(before.columns.items()):
        if name not in after.columns:
            found.append(f"{name} is gone")
        elif after.columns[name][0] != kind:
            found.append(f"{name} was {kind}, is {after.columns[name][0]}")
        elif free and not after.columns[name][1]:
            found.append(f"{name} must be written now")
    for name in sorted(after.columns.keys() - before.columns.keys()):
        if name.partition(".")[0] in before.tables and not after.columns[name][1]:
            found.append(f"{name} is new and must be written")
    for name, (text, about) in sorted(after.rules.items()):
        was, _ = before.rules.get(name, ("", frozenset()))
        # One that is about new columns alone is none for who does not write them.
        if about & before.columns.keys() and was != text and not only_wider(was, text):
            found.append(f"{name} is a new rule: {text}")
    # "on conflict (…)" needs the unique index that it names.
    lost = {text for text, _ in before.rules.values() if "UNIQUE" in text.upper() or "PRIMARY KEY" in text} - {
        text for text, _ in after.rules.values()
    }
    return found + [f"{text} is gone" for text in sorted(lost)]


def only_wider(before: str, after: str) -> bool:
    """Whether a check on a list of words still allows all that it allowed."""
    words = [set(re.findall(r"'([^']+)'", text)) for text in (before, after)]
    return (
        bool(words[0])
        and words[0] <= words[1]
        and re.sub(r"'[^']+'[^,\]]*,? ?", "", before) == re.sub(r"'[^']+'[^,\]]*,? ?", "", after)
    )


def steps(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9]*.py"))


@pytest.mark.parametrize("name", FOLDERS)
def test_each_step_leaves_the_release_before_able_to_work(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    part, url = tmp_path / "part", databases.fresh()
    part.mkdir()
    if name == "runtime":
        monkeypatch.setattr(migrate, "_OWN", part)
    service = write_migration(tmp_path, "0001", None, "select 1") if name == "runtime" else part
    before: Schema | None = None
    found: dict[str, list[str]] = {}
    for path in steps(FOLDERS[name]):
        (part / path.name).symlink_to(path)
        migrate.migrate(url, name, service)
        with psycopg.connect(url) as connection:
            after = schema_of(connection)
        taken = [] if before is None else taken_away(before, after)
        if taken and not contracts(path):
            found[path.stem] = taken
        before = after
    assert {step: taken for step, taken in found.items() if step[:4] > BEFORE_THE_RULE[name]} == {}


def contracts(path: Path) -> str | None:
    """Since when no release uses what the step takes away; None for a step that only adds."""
    found = re.search(r'^contracts = "(.+)"$', path.read_text(encoding="utf-8"), re.MULTILINE)
    return found and found[1]


HARMS = {
    "a column is dropped": ("alter table thing drop column word", ["thing.word is gone"]),
    "a column is renamed": ("alter table thing rename word to words", ["thing.word is gone"]),
    "a type changes": ("alter table thing alter word type varchar(9)", ["thing.word was text, is character varying"]),
    "a table is dropped": ("drop table other", ["other.id is gone"]),
    "a table is renamed": ("alter table other rename to others", ["other.id is gone"]),
    "a column must be written": ("alter table thing alter word set not null", ["thing.word must be written now"]),
    "a default goes": ("alter table thing alter size drop default", ["thing.size must be written now"]),
    "a new column must be written": (
        "alter table thing add more int not null",
        ["thing.more is new and must be written"],
    ),
    "a check is added": ("alter table thing add constraint few check (size < 9)", ["thing.few is a new rule"]),
    "a word less in a list": (
        "alter table thing drop constraint of_words, add constraint of_words check (size in (1, 2) or word in ('a'))",
        ["thing.of_words is a new rule"],
    ),
    "a unique index is added": ("create unique index one_word on thing (word)", ["one_word is a new rule"]),
    "a unique index goes": (
        "drop index one_size",
        ["CREATE UNIQUE INDEX one_size ON public.thing USING btree (size) is gone"],
    ),
}
FINE = {
    "a table is added": "create table more (id int primary key, word text not null unique)",
    "a column that may be left out": "alter table thing add more text",
    "a column with a default": "alter table thing add more int not null default 0",
    "a rule about a new column": "alter table thing add more text check (more in ('a', 'b'))",
    "a word more in a list": "alter table thing drop constraint of_words, add constraint of_words"
    " check (size in (1, 2) or word in ('a', 'b', 'c'))",
    "a plain index": "create index on thing (word)",
    "a column may be left out now": "alter table thing alter id drop not null",
    "a default comes": "alter table thing alter id set default 7",
}
BEFORE = (
    "create table thing (id int not null, word text, size int not null default 1,"
    " constraint of_words check (size in (1, 2) or word in ('a', 'b')));"
    "create unique index one_size on thing (size); create table other (id int primary key)"
)


def changed(databases: Databases, tmp_path: Path, sql: str) -> list[str]:
    folder, url = write_migration(tmp_path, "0001", None, BEFORE), databases.fresh()
    migrate.migrate(url, "probe", folder)
    with psycopg.connect(url) as connection:
        before = schema_of(connection)
    migrate.migrate(url, "probe", write_migration(tmp_path, "0002", "0001", sql))
    with psycopg.connect(url) as connection:
        return taken_away(before, schema_of(connection))


@pytest.mark.parametrize("harm", HARMS)
def test_what_takes_something_away_is_found(databases: Databases, tmp_path: Path, harm: str) -> None:
    sql, words = HARMS[harm]
    found = changed(databases, tmp_path, sql)
    assert all(any(each.startswith(word) for each in found) for word in words), found


@pytest.mark.parametrize("fine", FINE)
def test_what_only_adds_is_not(databases: Databases, tmp_path: Path, fine: str) -> None:
    assert changed(databases, tmp_path, FINE[fine]) == []
