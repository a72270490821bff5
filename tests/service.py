"""A small music service, put straight into the tables: users, tracks and artists are called 1, 2, 3 ..."""

import datetime as dt
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.store.bulk import copy_in_binary
from recommenders.store.partitions import ensure_event_months

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
_event_ids = itertools.count(1)


def add_catalogue(
    connection: sa.Connection,
    n_users: int,
    artists: Sequence[int],
    works: Sequence[int] | None = None,
    duration_s: float | None = 200.0,
) -> None:
    """Users 1..n_users, and one track for each entry of `artists`: the artist that it credits. `works` groups them."""
    works = works or range(1, len(artists) + 1)
    everything = {"users": n_users, "artists": max(artists), "works": max(works)}
    for table, columns in (("users", "name"), ("artists", "name, name_key"), ("works", "title_key")):
        values = ", ".join("'n' || i" for _ in columns.split(","))
        connection.execute(
            sa.text(f"INSERT INTO {table} ({columns}) SELECT {values} FROM generate_series(1, :n) i"),
            {"n": everything[table]},
        )
    rows = [
        {"work": work, "title": f"song {track}", "duration": duration_s, "artist": artist, "track": track}
        for track, (artist, work) in enumerate(zip(artists, works, strict=True), 1)
    ]
    connection.execute(
        sa.text("INSERT INTO tracks (work_id, title, duration_s) VALUES (:work, :title, :duration)"), rows
    )
    connection.execute(sa.text("INSERT INTO track_artists (track_id, artist_id) VALUES (:track, :artist)"), rows)
    for entity, n in (("user", n_users), ("track", len(artists)), ("artist", max(artists))):
        connection.execute(
            sa.text(
                f"INSERT INTO {entity}_ids (source, outside_id, {entity}_id) "
                f"SELECT 'service', '{entity[0]}' || i, i FROM generate_series(1, :n) i"
            ),
            {"n": n},
        )


def add_events(connection: sa.Connection, events: Iterable[dict[str, Any]]) -> None:
    """Events with `user`, `at` and, where they are about them, track, artist, kind, ms, rating, device, context."""
    blank = dict.fromkeys(("track", "artist", "ms", "rating", "device", "context")) | {"kind": "play"}
    rows = [blank | event | {"id": next(_event_ids)} for event in events]
    ensure_event_months(connection, {row["at"].date() for row in rows})
    connection.execute(
        sa.text(
            """INSERT INTO events (occurred_at, event_id, user_id, track_id, artist_id, kind, ms_played, rating, device,
                                   context)
               VALUES (:at, :id, :user, :track, :artist, CAST(:kind AS event_kind), :ms, :rating, :device, :context)"""
        ),
        rows,
    )
    connection.execute(
        sa.text(
            """INSERT INTO heard SELECT user_id, track_id, min(occurred_at), max(occurred_at) FROM events
               WHERE track_id IS NOT NULL AND kind <> 'ban' GROUP BY 1, 2
               ON CONFLICT (user_id, track_id) DO UPDATE SET first_at = least(heard.first_at, excluded.first_at),
                                                             last_at = greatest(heard.last_at, excluded.last_at)"""
        )
    )


def add_totals(connection: sa.Connection, totals: npt.NDArray[np.int64]) -> None:
    """Rows (user, track, plays), heard at an unknown time."""
    connection.execute(sa.text("CREATE TEMPORARY TABLE totals (u bigint, t bigint, p integer) ON COMMIT DROP"))
    users, tracks, plays = totals.T
    copy_in_binary(connection, "totals", {"u": users, "t": tracks, "p": plays.astype(np.int32)})
    connection.execute(sa.text("INSERT INTO listening_totals SELECT u, t, 'test', p FROM totals"))
    connection.execute(sa.text("INSERT INTO heard SELECT u, t, '-infinity', '-infinity' FROM totals"))
    connection.execute(sa.text("DROP TABLE totals"))


def two_camps(
    rng: np.random.Generator, n_users: int = 60, n_tracks: int = 40, plays: int = 12
) -> npt.NDArray[np.int64]:
    """(user, track) rows in a drawn order: odd users like odd tracks, even users even ones, each some of them."""
    rows = [
        (user, track)
        for user in range(1, n_users + 1)
        for track in rng.choice(np.arange(2 - user % 2, n_tracks + 1, 2), size=plays, replace=False)
    ]
    return rng.permutation(np.array(rows))
