"""The place of an id is the one that a dictionary gives, however far apart the ids lie."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recommenders.store.places import places_of

near = st.integers(-5, 40)
far = st.integers(-(2**62), 2**62)


@given(ids=st.one_of(st.sets(near), st.sets(far)), wanted=st.lists(st.one_of(near, far)))
def test_it_is_the_place_that_a_dictionary_gives(ids: set[int], wanted: list[int]) -> None:
    ascending = sorted(ids)
    asked = wanted + ascending
    known = {one: place for place, one in enumerate(ascending)}
    found = places_of(np.array(ascending, dtype=np.int64), np.array(asked, dtype=np.int64))
    assert found.tolist() == [known.get(one, -1) for one in asked]
