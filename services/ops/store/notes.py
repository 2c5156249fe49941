"""Notes of what changed, which triggers leave in the tables `stirred` and `renamed` of the schema `ops`."""

from __future__ import annotations


def delete_first(table: str, columns: str) -> str:
    """The statement that takes up the oldest notes, at most as many as its parameter says, and gives their `columns`.

    By a range of ids: each note is looked at once, whatever the server takes the table for. Joined with the first of
    itself, an empty table's plan compared all with all: 5 s for 5 000 notes.
    """
    return (
        f"delete from {table} where id <= (select max(id) from (select id from {table} order by id limit %s) as first)"
        f" returning {columns}"
    )
