"""Users are found by any part of their name or id; what they play most is what they played most."""

import datetime as dt
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from recommenders.errors import UnknownNameError
from recommenders.store import Store
from recommenders.store.partitions import ensure_event_months, ensure_playlist_week
from recommenders.store.users import ArtistPlays, find_users, get_user, mixtape_weeks, most_played_artists

NAMES = {
    "u1": "Ann",
    "u2": "Joanna",
    "ann": "Zed",
    "100%": "Percy",
    "a_b": "Under Score",
    "axb": "Letter",
    "slash/é 🎧'--": "Robert'); DROP TABLE users;--",
    "back\\slash": "Ännä",
}


@pytest.fixture
def connection(store: Store) -> Iterator[sa.Connection]:
    """A transaction in a store that holds the users of NAMES, without listening."""
    with store.begin() as opened:
        for outside_id, name in NAMES.items():
            opened.execute(
                sa.text(
                    "WITH made AS (INSERT INTO users (name) VALUES (:name) RETURNING user_id) "
                    "INSERT INTO user_ids SELECT 'service', :id, user_id FROM made"
                ),
                {"name": name, "id": outside_id},
            )
        yield opened


def found(connection: sa.Connection, text: str, limit: int = 20) -> list[str]:
    return [user.outside_id for user in find_users(connection, text, limit)]


def test_an_equal_id_or_name_comes_first_then_beginnings_then_parts(connection: sa.Connection) -> None:
    assert found(connection, "ann") == ["ann", "u1", "u2"]
    assert found(connection, "JOAN") == ["u2"]


def test_signs_of_search_patterns_are_letters_like_any_other(connection: sa.Connection) -> None:
    assert found(connection, "%") == ["100%"]
    assert found(connection, "_") == ["a_b"]
    assert found(connection, "\\") == ["back\\slash"]
    assert found(connection, "'); DROP") == ["slash/é 🎧'--"]
    assert found(connection, "ÄNN") == ["back\\slash"]
    assert found(connection, "\0") == []
    assert found(connection, "\ud800") == []


def test_without_text_the_first_users_by_name_are_listed(connection: sa.Connection) -> None:
    assert found(connection, "", limit=2) == ["u1", "u2"]


@pytest.mark.parametrize("outside_id", NAMES)
def test_a_user_is_known_by_their_exact_id(connection: sa.Connection, outside_id: str) -> None:
    user = get_user(connection, outside_id)
    assert (user.outside_id, user.name, user.plays) == (outside_id, NAMES[outside_id], 0)


@pytest.mark.parametrize("outside_id", ["", "U1", "u1 ", "u1\0", "nobody", "\udc80"])
def test_an_unknown_id_is_an_error_that_names_it(connection: sa.Connection, outside_id: str) -> None:
    with pytest.raises(UnknownNameError, match="has no user"):
        get_user(connection, outside_id)


def test_most_played_counts_full_plays_before_the_moment_and_counts_without_dates(connection: sa.Connection) -> None:
    user_id = get_user(connection, "u1").user_id
    ensure_event_months(connection, [dt.date(2026, 10, 1), dt.date(2026, 11, 1)])
    connection.execute(
        sa.text("""
            INSERT INTO artists (name, name_key) VALUES ('A', 'a'), ('B', 'b'), ('C', 'c');
            INSERT INTO works (artist_id, title_key) SELECT 1, n::text FROM generate_series(1, 4) n;
            INSERT INTO tracks (work_id, title, duration_s) SELECT n, 'song ' || n, 200 FROM generate_series(1, 4) n;
            -- A sings songs 1 and 2, B song 3, and C is a guest on song 1 and sings song 4.
            INSERT INTO track_artists (track_id, artist_id, role) VALUES
                (1, 1, 'main'), (1, 3, 'featured'), (2, 1, 'main'), (3, 2, 'main'), (4, 3, 'main');
        """)
    )
    plays = [  # track, when, kind, ms played
        (1, "2026-10-01", "play", None),
        (1, "2026-10-02", "play", 150_000),
        (2, "2026-11-01", "play", 200_000),
        (3, "2026-11-02", "play", 4_000),  # a skip
        (3, "2026-11-03", "save", None),
        (3, "2026-11-20", "play", None),  # after the moment
    ]
    for number, (track, when, kind, ms_played) in enumerate(plays):
        connection.execute(
            sa.text(
                "INSERT INTO events (occurred_at, event_id, user_id, track_id, kind, ms_played) "
                "VALUES (:at, :id, :user, :track, CAST(:kind AS event_kind), :ms)"
            ),
            {"at": when, "id": number, "user": user_id, "track": track, "kind": kind, "ms": ms_played},
        )
    connection.execute(
        sa.text("INSERT INTO listening_totals VALUES (:user, 4, 'service', 40), (:user + 1, 3, 'service', 99)"),
        {"user": user_id},
    )
    before = dt.datetime(2026, 11, 16, tzinfo=dt.UTC)
    assert most_played_artists(connection, user_id, before) == [
        ArtistPlays(3, "C", 42, 2),
        ArtistPlays(1, "A", 3, 2),
    ]
    assert [row.name for row in most_played_artists(connection, user_id, before, limit=1)] == ["C"]
    assert get_user(connection, "u1").plays == 5 + 40
    assert [user.plays for user in find_users(connection, "u1")] == [45]


def test_only_weeks_whose_published_edition_has_the_user_are_listed_newest_first(connection: sa.Connection) -> None:
    user_id = get_user(connection, "u1").user_id
    cutoff = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
    for week in (dt.date(2026, 11, 2), dt.date(2026, 11, 9), dt.date(2026, 11, 16), dt.date(2026, 11, 23)):
        ensure_playlist_week(connection, week)
        connection.execute(
            sa.text("INSERT INTO weeks (week, cutoff, seed) VALUES (:w, :c, 1)"), {"w": week, "c": cutoff}
        )
        for user in (user_id, user_id + 1):
            edition = connection.execute(
                sa.text("""
                    INSERT INTO editions (week, state, dry_run, cutoff, seed, parameters, package_version, created_at)
                    VALUES (:w, 'verified', false, :c, 1, '{}', '0', :c) RETURNING edition_id
                """),
                {"w": week, "c": cutoff},
            ).scalar()
            connection.execute(
                sa.text("INSERT INTO playlists VALUES (:w, :e, :u, '{}', '{}', '{}', '{}', '{}', '{}', 1)"),
                {"w": week, "e": edition, "u": user},
            )
    # Editions 1, 3, 5, 7 hold the user, the even ones another; week 4 stays unpublished.
    connection.execute(
        sa.text("""
            UPDATE weeks SET edition_id = CASE week WHEN '2026-11-02' THEN 1 WHEN '2026-11-09' THEN 4
                                                    WHEN '2026-11-16' THEN 5 END
        """)
    )
    assert mixtape_weeks(connection, user_id) == [(dt.date(2026, 11, 16), cutoff), (dt.date(2026, 11, 2), cutoff)]
