"""Signals of an earlier moment, skips and what was heard: each against the database's own answer."""

import datetime as dt

import numpy as np
import pytest
import sqlalchemy as sa

from recommenders.store import Store
from recommenders.store.signals import Signal, read_earlier, read_heard, read_signals
from tests.service import DAY, NOW, add_catalogue, add_events, add_totals

N_USERS, N_TRACKS, N_ARTISTS = 25, 30, 8
KINDS = ("play", "play", "play", "save", "love", "ban", "rating", "artist_visit")


def _random_service(store: Store, seed: int) -> None:
    rng = np.random.default_rng(seed)
    events = []
    for _ in range(1500):
        kind = KINDS[rng.integers(len(KINDS))]
        of_artist = kind == "artist_visit" or (kind == "ban" and rng.random() < 0.5)
        events.append(
            {
                "user": int(rng.integers(1, N_USERS + 1)),
                "track": None if of_artist else int(rng.integers(1, N_TRACKS + 1)),
                "artist": int(rng.integers(1, N_ARTISTS + 1)) if of_artist else None,
                "at": NOW - float(rng.integers(1, 60 * 24)) / 24 * DAY,
                "kind": kind,
                "rating": int(rng.integers(1, 6)) if kind == "rating" else None,
                "ms": None if rng.random() < 0.2 else int(rng.integers(0, 60_000)),
                "device": ("phone", "kitchen", None)[rng.integers(3)],
                "context": ("mixtape:2026-02-02", "radio", None)[rng.integers(3)],
            }
        )
    with store.begin() as connection:
        add_catalogue(
            connection,
            N_USERS,
            [*rng.integers(1, N_ARTISTS, N_TRACKS - 1).tolist(), N_ARTISTS],
            works=[*rng.integers(1, 22, N_TRACKS - 1).tolist(), 21],
            duration_s=None,
        )
        connection.execute(sa.text("UPDATE tracks SET duration_s = CASE WHEN track_id % 4 > 0 THEN 7.7 * track_id END"))
        add_totals(connection, np.array([(user, 1 + user % N_TRACKS, 3) for user in range(1, N_USERS + 1, 4)]))
        add_events(connection, events)
        for table, columns, n in (
            ("taste_exclusions", "user_id, device, valid_from, valid_until", 8),
            ("taste_exclusions", "user_id, artist_id, valid_from, valid_until", 8),
            ("blocks", "user_id, track_id, since, until", 12),
            ("blocks", "user_id, artist_id, since, until", 6),
        ):
            for _ in range(n):
                first = NOW - int(rng.integers(0, 40)) * DAY
                values = {
                    "user_id": int(rng.integers(1, N_USERS + 1)),
                    "device": "kitchen",
                    "track_id": int(rng.integers(1, N_TRACKS + 1)),
                    "artist_id": int(rng.integers(1, N_ARTISTS + 1)),
                    "valid_from": first,
                    "since": first,
                    "valid_until": first + int(rng.integers(1, 40)) * DAY,
                }
                values["until"] = values["valid_until"]
                names = ", ".join(f":{name}" for name in columns.split(", "))
                connection.execute(
                    sa.text(f"INSERT INTO {table} ({columns}) VALUES ({names}) ON CONFLICT DO NOTHING"), values
                )


@pytest.fixture(params=[1, 2])
def service(store: Store, request: pytest.FixtureRequest) -> Store:
    """Every kind of event, exclusions and blocks that begin and end, versions, and songs of unknown length."""
    _random_service(store, request.param)
    return store


@pytest.mark.parametrize("days", [0, 1, 7, 14, 33])
def test_what_was_known_earlier_is_what_would_have_been_read_then(service: Store, days: int) -> None:
    earlier = NOW - days * DAY
    with service.begin() as connection:
        now = read_signals(connection, NOW)
        made = read_earlier(connection, now, NOW, earlier)
        read = read_signals(connection, earlier)
    for name, expected in vars(read).items():
        assert np.array_equal(getattr(made, name), expected, equal_nan=name == "times"), name
    assert len(read) > 100


def test_a_skip_is_what_the_database_calls_a_skip(service: Store) -> None:
    with service.begin() as connection:
        connection.execute(sa.text("TRUNCATE taste_exclusions, blocks"))
        found = read_signals(connection, NOW)
        expected = connection.execute(
            sa.text("""
                SELECT e.user_id, e.track_id, extract(epoch FROM e.occurred_at)::bigint
                FROM events e JOIN tracks t USING (track_id)
                WHERE e.kind = 'play' AND is_skip(e.ms_played, t.duration_s)
            """)
        ).all()
    skips = found.take(found.kinds == Signal.SKIP)
    seconds = skips.times.astype("M8[s]").astype(np.int64)
    assert sorted(zip(skips.user_ids.tolist(), skips.track_ids.tolist(), seconds.tolist(), strict=True)) == sorted(
        map(tuple, expected)
    )
    assert len(expected) > 50


@pytest.mark.parametrize("days", [0, 10, 1000])
def test_every_version_of_what_was_heard_is_heard(service: Store, days: int) -> None:
    moment: dt.datetime = NOW - days * DAY
    with service.begin() as connection:
        found = read_heard(connection, NOW).before(moment)
        expected = connection.execute(
            sa.text("""
                SELECT DISTINCT h.user_id, other.track_id
                FROM heard h JOIN tracks t USING (track_id) JOIN tracks other USING (work_id)
                WHERE h.first_at < :moment ORDER BY 1, 2
            """),
            {"moment": moment},
        ).all()
    assert list(zip(found.user_ids.tolist(), found.track_ids.tolist(), strict=True)) == [tuple(row) for row in expected]
    assert expected
