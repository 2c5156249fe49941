"""The table `search_keys` of the schema `ops`: names and numbers of each person, as they are searched for."""

from __future__ import annotations

from services.ops.board.search import grams_of, key_of
from services.ops.store.notes import delete_first
from shared.runtime.db import Transaction
from shared.variant_characters import VERSION as FOLDING

_FOUND_BY = (
    "name, family_name, given_name, family_name_latin, given_name_latin, given_name_latin, family_name_latin,"
    " registration_id, registration_number, pass_number, person_id"
)
_MOST = 5_000  # notes taken up at a time: a third of a second. More wait only after an upgrade or a rebuild


# Keys that another table of variants made. A range of the index search_keys_by_folding on each side: no key is read.
_OTHERWISE = "(folding < %(folding)s or folding > %(folding)s)"


def are_folded_otherwise(tx: Transaction) -> bool:
    """Whether there are keys that another release wrote, whose variants of characters are others."""
    found = tx.cursor.execute(
        "select coalesce((select min(folding) from search_keys) <> %(folding)s"
        " or (select max(folding) from search_keys) <> %(folding)s, false)",
        {"folding": FOLDING},
    ).fetchone()
    return found is not None and found[0]


def count_folded_otherwise(tx: Transaction) -> int:
    """How many of them."""
    return int(tx.fetch_value(f"select count(*) from search_keys where {_OTHERWISE}", {"folding": FOLDING}))


def write_search_keys(tx: Transaction) -> int:
    """Take up the notes about whose names or numbers changed, and keys that another release wrote; how many.

    One transaction at a time. A key is never updated, but deleted and inserted: a trigger notes by this what the former
    release updates (migration 0016).
    """
    taken = tx.cursor.execute(delete_first("renamed", "registration_id"), (_MOST,)).fetchall()
    taken += tx.cursor.execute(
        f"select registration_id from search_keys where {_OTHERWISE} limit %(most)s",
        {"folding": FOLDING, "most": _MOST - len(taken)},
    ).fetchall()
    ids = [id for (id,) in taken]
    tx.cursor.execute("delete from search_keys where registration_id = any(%s)", (ids,))
    found = tx.cursor.execute(
        f"select registration_id, array[{_FOUND_BY}] from people where registration_id = any(%s) order by 1", (ids,)
    ).fetchall()
    keys = [key_of(texts) for _, texts in found]
    tx.cursor.execute(
        "insert into search_keys (registration_id, key, grams, folding)"
        " select id, key, array_to_tsvector(string_to_array(grams, ' ')), %b"
        " from unnest(%b::text[], %b::text[], %b::text[]) as new (id, key, grams)",
        (FOLDING, [id for id, _ in found], keys, [" ".join(grams_of(key)) for key in keys]),
    )
    return len(taken)
