"""Fingerprints: every difference in what a store holds shows, and nothing else does."""

import pytest
import sqlalchemy as sa

from recommenders.store import Store
from recommenders.store.fingerprints import fingerprints
from tests.service import DAY, NOW, add_catalogue, add_events


def _taken(store: Store) -> dict[str, str]:
    with store.begin() as connection:
        return fingerprints(connection)


def _fill(store: Store) -> None:
    with store.begin() as connection:
        add_catalogue(connection, n_users=3, artists=[1, 1, 2])
        add_events(connection, [{"user": user, "track": user, "at": NOW - user * DAY} for user in (1, 2, 3)])


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ("UPDATE heard SET last_at = last_at + interval '1 microsecond' WHERE user_id = 1", "heard"),
        ("UPDATE tracks SET title = title || ' ' WHERE track_id = 2", "tracks"),
        ("UPDATE events SET ms_played = 1 WHERE user_id = 2", "events"),
        ("INSERT INTO blocks (user_id, artist_id, since) VALUES (1, 2, now())", "blocks"),
    ],
)
def test_every_change_shows_in_its_part_only(store: Store, change: str, part: str) -> None:
    _fill(store)
    before = _taken(store)
    assert _taken(store) == before
    with store.begin() as connection:
        connection.execute(sa.text(change))
    after = _taken(store)
    assert [name for name in after if after[name] != before[name]] == [part]


def test_gaps_in_the_internal_numbers_do_not_show(store: Store) -> None:
    _fill(store)
    before = _taken(store)
    with store.begin() as connection:
        for table in ("users", "user_ids", "events", "heard"):
            connection.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        for table in ("user_ids", "events", "heard"):
            connection.execute(sa.text(f"UPDATE {table} SET user_id = user_id + 10"))
        connection.execute(
            sa.text(
                """INSERT INTO users (user_id, name, created_at) OVERRIDING SYSTEM VALUE
                   SELECT user_id + 10, name, created_at FROM users"""
            )
        )
        connection.execute(sa.text("DELETE FROM users WHERE user_id < 10"))
    assert _taken(store) == before
