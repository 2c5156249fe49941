"""Statements about rows: read them as values, insert and update many by one statement. Used by `db.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg.rows import kwargs_row

R = TypeVar("R")

_COLUMN_TYPES = """
select attname::text, format_type(atttypid, atttypmod) from pg_attribute
where attrelid = %s::regclass and attnum > 0 and not attisdropped
"""
_TYPES: dict[tuple[str, str], dict[str, str]] = {}  # (service, table) → column → type: a schema's columns keep theirs


def replace(key: str, columns: Sequence[str]) -> str:
    """SQL after "on conflict": the row that comes replaces `columns` of the one that is there."""
    return f"({key}) do update set {', '.join(f'{_quoted(name)} = excluded.{_quoted(name)}' for name in columns)}"


def _quoted(name: str) -> str:
    return f'"{name}"'


def _columns_of(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    return [[row[name] for row in rows] for name in columns]


class RowStatements:
    """Statements on the service's own schema, over one connection."""

    def __init__(self, connection: psycopg.Connection[Any], service: str) -> None:
        self.connection = connection
        self.cursor: psycopg.Cursor[Any] = connection.cursor(binary=True)
        self.service = service

    def fetch_all(
        self, row: Callable[..., R], query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[R]:
        """The answer's rows, each made by `row`: a class or function that takes the answer's columns by their names."""
        with self.connection.cursor(binary=True, row_factory=kwargs_row(row)) as cursor:
            return cursor.execute(query, parameters).fetchall()

    def fetch_one(
        self, row: Callable[..., R], query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
    ) -> R | None:
        """The first row, made by `row`; None without any."""
        with self.connection.cursor(binary=True, row_factory=kwargs_row(row)) as cursor:
            return cursor.execute(query, parameters).fetchone()

    def fetch_value(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> Any:
        """The first column of the first row; None without any."""
        row = self.cursor.execute(query, parameters).fetchone()
        return None if row is None else row[0]

    def insert_rows(
        self,
        table: str,
        rows: Sequence[Mapping[str, Any]],
        on_conflict: str | None = "do nothing",
        *,
        returning: str = "",
    ) -> list[Any]:
        """Insert `rows`, all with the same columns (name → value), by one statement; what `returning` names of each.

        They are inserted in the order of their first column: two workers lock the same rows in the same order, so they
        can't deadlock. `on_conflict` is SQL: "do nothing", "(key) do update set …" or `replace(key, columns)`; None:
        UniqueViolation when a row is there already.
        """
        if not rows:
            return []
        columns = list(rows[0])
        query = (
            f"insert into {table} ({', '.join(map(_quoted, columns))}) select * from {self._arrays(table, columns)}"
            f"{'' if on_conflict is None else f' on conflict {on_conflict}'}"
        )
        values = _columns_of(columns, sorted(rows, key=lambda row: row[columns[0]]))
        if not returning:
            self.cursor.execute(query, values)
            return []
        return self.cursor.execute(f"{query} returning {returning}", values).fetchall()

    def upsert_rows(self, table: str, rows: Sequence[Mapping[str, Any]], key: str) -> None:
        """Insert `rows`; one whose `key` is there already replaces the columns that it names."""
        if rows:
            columns = [column for column in rows[0] if column != key]
            self.insert_rows(table, rows, replace(key, columns))

    def update_rows(
        self, table: str, rows: Sequence[Mapping[str, Any]], key: str, *, assign: str = "", where: str = "true"
    ) -> int:
        """Update the rows of `table` that have the `key` of one of `rows`, by one statement; how many.

        Without `assign` each column of `rows` but the key is set. In `assign` and `where` (SQL) `new` is the row given.
        """
        if not rows:
            return 0
        columns = list(rows[0])
        assign = assign or ", ".join(f"{_quoted(name)} = new.{_quoted(name)}" for name in columns if name != key)
        query = (
            f"update {table} set {assign} from {self._arrays(table, columns)} as new"
            f" ({', '.join(map(_quoted, columns))}) where {table}.{key} = new.{key} and ({where})"
        )
        values = _columns_of(columns, sorted(rows, key=lambda row: row[key]))
        return self.cursor.execute(query, values).rowcount

    def delete_some(self, table: str, key: str, where: str, parameters: Sequence[Any], most: int) -> int:
        """Delete at most `most` rows for which `where` (SQL) holds, none that another transaction locks; how many.

        Their keys are an array, evaluated once. As a join with a limited subquery, a plan for an empty table evaluates
        the subquery for each row.
        """
        return self.cursor.execute(
            f"delete from {table} where {key} = any(array("
            f"select {key} from {table} where {where} limit %s for update skip locked))",
            (*parameters, most),
        ).rowcount

    def _arrays(self, table: str, columns: Sequence[str]) -> str:
        """`unnest(…)` of one array a column, each of the type that the column has in `table`."""
        types = _TYPES.setdefault((self.service, table), {})
        if not types.keys() >= set(columns):
            types.update(self.cursor.execute(_COLUMN_TYPES, (table,)).fetchall())
        # Binary: as text psycopg looks through each value for what has to be quoted, which takes five times as long,
        # and bytes would be an array of text.
        return f"unnest({', '.join(f'%b::{types[name]}[]' for name in columns)})"
