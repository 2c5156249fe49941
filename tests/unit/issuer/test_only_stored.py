from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.issuer.storage.only_stored import OnlyStored, id_of
from shared import object_keys

IDS = st.sets(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=26, max_size=26), max_size=12)


@given(there=IDS, known=IDS, new=IDS, in_both=IDS, page=st.integers(1, 5))
def test_once_all_are_listed_exactly_those_that_only_storage_has_are_read(
    there: set[str], known: set[str], new: set[str], in_both: set[str], page: int
) -> None:
    keys = sorted(object_keys.credential(id) for id in there | in_both)
    stored = known | in_both
    listed = OnlyStored()
    while not listed.is_listed:
        assert all(listed.may_hold(id) for id in there | known | new | in_both)
        following = [key for key in keys if key > listed.after][:page]
        listed.note(following, stored & set(map(id_of, following)))
    for id in there | known | new | in_both:
        assert listed.may_hold(id) == (id in there and id not in stored)
