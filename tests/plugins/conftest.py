"""A published week with hostile names, and the pages over it."""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from recommenders.runtime.postgres import ensure_database
from recommenders.store import Store, mixtapes
from recommenders.store.partitions import ensure_event_months

WEEK = dt.date(2026, 11, 23)
NOW = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
SCRIPT = "<script>alert(1)</script>"
HOSTILE_ID = "a/../b?c=d&e #\"'<i>🎧 ü%41+"


@dataclass(frozen=True)
class Shop:
    """A store with a published week of Ann, Bob and a user whose every name is hostile."""

    store: Store
    edition_id: int
    week: dt.date = WEEK
    script: str = SCRIPT
    hostile_id: str = HOSTILE_ID


def add_users(connection: sa.Connection, users: dict[str, str]) -> None:
    """Users by service id, with their names."""
    for outside_id, name in users.items():
        user_id = connection.execute(
            sa.text("INSERT INTO users (name) VALUES (:name) RETURNING user_id"), {"name": name}
        ).scalar()
        connection.execute(
            sa.text("INSERT INTO user_ids VALUES ('service', :id, :user)"), {"id": outside_id, "user": user_id}
        )


def add_tracks(connection: sa.Connection, tracks: list[tuple[str, str, str | None]]) -> None:
    """Tracks of (title, artist, audio URI), of 200 s each, with the service ids t1, t2, ..."""
    for number, (title, artist, audio_uri) in enumerate(tracks, start=1):
        connection.execute(
            sa.text("""
                INSERT INTO artists (name, name_key) VALUES (:artist, :key);
                INSERT INTO releases (artist_id, title, title_key) VALUES (:n, :release, :key);
                INSERT INTO works (artist_id, title_key) VALUES (:n, :key);
                INSERT INTO tracks (work_id, release_id, title, duration_s, audio_uri)
                VALUES (:n, :n, :title, 200, :uri);
                INSERT INTO track_artists (track_id, artist_id) VALUES (:n, :n);
                INSERT INTO track_ids VALUES ('service', :id, :n)
            """),
            {
                "n": number,
                "key": str(number),
                "id": f"t{number}",
                "artist": artist,
                "title": title,
                "release": f"Album {number}",
                "uri": audio_uri,
            },
        )


def publish(connection: sa.Connection, week: dt.date, lists: dict[int, list[int]]) -> int:
    """Publish an edition of `week` with these tracks for these users (internal ids); return its id."""
    edition_id = mixtapes.plan_edition(
        connection,
        week=week,
        run_key=f"test/{week}",
        dry_run=False,
        cutoff=dt.datetime.combine(week, dt.time(), dt.UTC),
        seed=1,
        model_id=None,
        parameters={},
        warnings=["The champion is 20 days old."],
        package_version="0",
        now=NOW,
    )
    edition = mixtapes.edition(connection, edition_id)
    for user_id, tracks in lists.items():
        n = len(tracks)
        mixtapes.write_playlists(
            connection,
            edition,
            [
                mixtapes.Playlists(
                    user_ids=np.array([user_id]),
                    track_ids=np.array([tracks]),
                    scores=np.linspace(1, 0.5, n, dtype=np.float32)[None],
                    sources=np.where(np.arange(n) % 3 == 2, 5, 1).astype(np.int16)[None],
                    reason_codes=np.where(np.arange(n) % 3 == 2, 4, 1).astype(np.int16)[None],
                    reason_ids=np.where(np.arange(2 * n) % 6 < 4, 1, 0).astype(np.int64)[None],
                    bends=np.array([[1] + [0] * (n - 1)], dtype=np.int16),
                    short_reason=np.array([0 if n == 30 else 1], dtype=np.int16),
                )
            ],
        )
    figures = {"playlists": len(lists), "short": 1, "songs_by_source": {"mix": 22, "popular": 11}}
    mixtapes.conclude_edition(connection, edition_id, "verified", figures)
    mixtapes.publish_edition(connection, edition, NOW)
    return edition_id


def add_inputs(connection: sa.Connection) -> None:
    """A champion, a rejected candidate and an import whose file has a hostile name."""
    judged = {
        "candidate": "64 factors",
        "judged": {"64 factors": {"recall@30": 0.3214}, "popularity": {"recall@30": 0.1}},
    }
    connection.execute(
        sa.text("""
            INSERT INTO models (kind, space, status, reason, trained_at, cutoff, parameters, metrics, artifact_uri,
                                package_version)
            VALUES ('collaborative', 1, 'champion', NULL, :sunday, :sunday, '{}', :metrics, 'file:///x', '0'),
                   ('collaborative', 1, 'rejected', :reason, :sunday, :sunday, '{}', '{}', 'file:///x', '0')
        """),
        {
            "sunday": NOW - dt.timedelta(days=1),
            "metrics": json.dumps(judged),
            "reason": "Recall@30 is 4.2 % under the champion's.",
        },
    )
    connection.execute(
        sa.text(
            "INSERT INTO imports (kind, source, content_hash, started_at, finished_at, rows_read, rows_new, "
            "rows_rejected) VALUES ('listening', :source, 'x', :at, :at, 12345, 12000, 7)"
        ),
        {"source": f"{SCRIPT}.csv", "at": NOW - dt.timedelta(minutes=90)},
    )


@pytest.fixture(scope="session")
def shop(postgres: sa.URL) -> Iterator[Shop]:
    """A store that tests only read, filled by `fill`."""
    store = Store(ensure_database(postgres, "shop", template="template").render_as_string(hide_password=False))
    yield Shop(store, fill(store))
    store.close()


def fill(store: Store) -> int:
    """Ann with thirty songs, a user with hostile names and three songs, Bob without; the weeks of Ann are two.

    Returns the id of the newest edition.
    """
    tracks: list[tuple[str, str, str | None]] = [(SCRIPT, 'Quote" onmouseover="alert(2)', "file:///music/a b.mp3")]
    tracks += [(f"Song {n}", f"Artist {n}", None if n % 2 else f"file:///music/{n}.mp3") for n in range(2, 41)]
    with store.begin() as connection:
        add_users(connection, {"ann": "Ann", HOSTILE_ID: f"<b>{SCRIPT}", "bob": "Bob"})
        add_tracks(connection, tracks)
        ensure_event_months(connection, [dt.date(2026, 11, 1)])
        connection.execute(
            sa.text("""
                INSERT INTO events (occurred_at, event_id, user_id, track_id, kind)
                SELECT '2026-11-10', n, 1, 1 + n % 3, 'play' FROM generate_series(1, 10) n
            """)
        )
        add_inputs(connection)
        publish(connection, WEEK - dt.timedelta(days=7), {1: list(range(11, 41))})
        return publish(connection, WEEK, {1: list(range(1, 31)), 2: [1, 2, 3]})


@pytest.fixture
def shop_of() -> Callable[[Store], None]:
    """Fills a store as `fill` does, with a recording that was heard and one that could not be."""

    def make(store: Store) -> None:
        fill(store)
        with store.begin() as connection:
            connection.execute(
                sa.text("""
                    INSERT INTO audio_files (uri, size, modified_at, state, track_id, reason, found_at, concluded_at)
                    VALUES ('a.mp3', 1, :now, 'analysed', 2, NULL, :now, :now),
                           (:name, 1, :now, 'rejected', NULL, 'not_audio', :now, :now)
                """),
                {"now": NOW, "name": "<script>.mp3"},
            )
            connection.execute(
                sa.text("""
                    INSERT INTO rejected (kind, source, content_hash, reason, detail, rejected_at)
                    VALUES ('uploads', '<script>.mp3', 'x', 'not_audio', 'no decoder knows it', :now)
                """),
                {"now": NOW},
            )
            connection.execute(
                sa.text("""
                    INSERT INTO audio_analyses (track_id, version, analysed_at, duration_s, tempo_bpm, tempo_confidence,
                        time_signature_confidence, key, key_confidence, mode, mode_confidence, loudness_lufs,
                        n_bars, n_beats, n_sections, n_segments, analysis)
                    VALUES (2, 1, :at, 200, 92.3, 1, 0, 9, 1, 0, 1, -14.2, 0, 0, 0, 0, '{}')
                """),
                {"at": NOW - dt.timedelta(hours=1)},
            )

    return make


Client = Any  # starlette's TestClient is imported late: it imports Airflow's web stack


@pytest.fixture
def client_of() -> Callable[[Store], Client]:
    """Makes a browser that is logged in, over the pages that read a given store."""
    from fastapi.testclient import TestClient

    from plugins.pages import app as pages
    from plugins.pages import connection

    def make(store: Store) -> Client:
        def open_connection() -> Iterator[sa.Connection]:
            with store.begin() as opened:
                yield opened

        app = pages.create_app()
        app.dependency_overrides = {
            pages.require_login: lambda: None,
            connection.open_connection: open_connection,
            connection.current_time: lambda: NOW,
        }
        return TestClient(app)

    return make


@pytest.fixture
def client(shop: Shop, client_of: Callable[[Store], Client]) -> Client:
    """A browser that is logged in, over the published week."""
    return client_of(shop.store)
