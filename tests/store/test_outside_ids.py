"""Outside ids, asked for again and again while a file is loaded."""

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa

from recommenders.store import Store
from recommenders.store.outside_ids import KnownIds, find_ids


@pytest.mark.parametrize("most", [0, 3, 1000])
def test_remembered_ids_are_those_of_the_store_however_few_are_remembered(store: Store, most: int) -> None:
    rng = np.random.default_rng(2)
    known = KnownIds(most)
    with store.begin() as connection:
        connection.execute(
            sa.text("""
                WITH new AS (
                    INSERT INTO users (name) SELECT 'u' || i FROM generate_series(1, 20) i RETURNING user_id, name)
                INSERT INTO user_ids (source, outside_id, user_id) SELECT 'service', name, user_id FROM new
            """)
        )
        for _ in range(10):
            asked = pa.array([None if i == 0 else f"u{i}" for i in rng.integers(0, 30, size=12)], pa.string())
            assert (known.find(connection, "user", asked) == find_ids(connection, "user", asked)).all()


def test_an_id_that_was_unknown_is_asked_for_again(store: Store) -> None:
    known, name = KnownIds(), pa.array(["Ada"])
    with store.begin() as connection:
        assert known.find(connection, "user", name).tolist() == [0]
        user_id = connection.execute(
            sa.text("""
                WITH new AS (INSERT INTO users (name) VALUES ('Ada') RETURNING user_id)
                INSERT INTO user_ids (source, outside_id, user_id) SELECT 'service', 'Ada', user_id FROM new
                RETURNING user_id
            """)
        ).scalar_one()
        assert known.find(connection, "user", name).tolist() == [user_id]
