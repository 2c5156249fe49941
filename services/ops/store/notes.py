"""Notes of what changed, which triggers leave in the tables `stirred` and `renamed` of the schema `ops`."""

from __future__ import annotations


def delete_first(table: str, columns: str) -> str:
    """SQL: delete the oldest notes, at most as many as its parameter says, and return their `columns`.

    By a range of ids, which is linear in any plan. A semi-join with the limited subquery, planned with statistics of an
    empty table, was a nested loop: 5 s for 5 000 notes.
    """
    return (
        f"delete from {table} where id <= (select max(id) from (select id from {table} order by id limit %s) as first)"
        f" returning {columns}"
    )
