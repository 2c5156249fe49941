"""The table `search_keys` of the schema `ops`: names and numbers of each person, as they are searched for."""

from __future__ import annotations

from services.ops.board.search import grams_of, key_of
from services.ops.store.notes import delete_first
from shared.runtime.db import Transaction

_FOUND_BY = (
    "name, family_name, given_name, family_name_latin, given_name_latin, given_name_latin, family_name_latin,"
    " registration_id, registration_number, pass_number, person_id"
)
_MOST = 5_000  # notes taken up at a time: a third of a second. More wait only after an upgrade or a rebuild


def write_search_keys(tx: Transaction) -> int:
    """Take up the notes about whose names or numbers changed; how many. One transaction at a time."""
    taken = tx.cursor.execute(delete_first("renamed", "registration_id"), (_MOST,)).fetchall()
    found = tx.cursor.execute(
        f"select registration_id, array[{_FOUND_BY}] from people where registration_id = any(%s) order by 1",
        ([id for (id,) in taken],),
    ).fetchall()
    ids, keys = [id for id, _ in found], [key_of(texts) for _, texts in found]
    tx.cursor.execute(
        "insert into search_keys (registration_id, key, grams)"
        " select id, key, array_to_tsvector(string_to_array(grams, ' '))"
        " from unnest(%b::text[], %b::text[], %b::text[]) as new (id, key, grams)"
        " on conflict (registration_id) do update set key = excluded.key, grams = excluded.grams",
        (ids, keys, [" ".join(grams_of(key)) for key in keys]),
    )
    return len(taken)
