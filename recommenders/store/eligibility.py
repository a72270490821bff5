"""What may be recommended to whom: the whole catalogue, and what each user must not get."""

import datetime as dt
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.store import own_taste
from recommenders.store.blocks import read_called_as_blocked
from recommenders.store.bulk import copy_out

Columns = dict[str, npt.NDArray[np.int64]]

_PAIR = [("user_id", "i8"), ("item_id", "i8")]


def read_tracks(connection: sa.Connection, cutoff: dt.datetime, fresh_weeks: int) -> dict[str, npt.NDArray[Any]]:
    """Every track by ascending id: `track_id, work_id, release_id` (0 = none), `uploaded` before the cut-off or at an
    unknown time, `fresh` = uploaded in the `fresh_weeks` before it, `listeners` = users who had heard it before it."""
    return copy_out(
        connection,
        """
        SELECT t.track_id, t.work_id, coalesce(t.release_id, 0), t.uploaded_at IS NULL OR t.uploaded_at < %(cutoff)s,
               coalesce(t.uploaded_at < %(cutoff)s AND t.uploaded_at >= %(fresh)s, false), coalesce(h.listeners, 0)
        FROM tracks t
        LEFT JOIN (SELECT track_id, count(*) AS listeners FROM heard WHERE first_at < %(cutoff)s GROUP BY track_id) h
               USING (track_id)
        ORDER BY t.track_id
        """,
        [
            ("track_id", "i8"),
            ("work_id", "i8"),
            ("release_id", "i8"),
            ("uploaded", "?"),
            ("fresh", "?"),
            ("listeners", "i8"),
        ],
        {"cutoff": cutoff, "fresh": cutoff - dt.timedelta(weeks=fresh_weeks)},
    )


def read_uploads(connection: sa.Connection) -> npt.NDArray[np.datetime64]:
    """When each track was uploaded (microseconds, UTC; NaT = unknown), by ascending id."""
    query = "SELECT track_id, coalesce(uploaded_at, '-infinity') FROM tracks ORDER BY track_id"
    uploads: npt.NDArray[np.datetime64] = copy_out(connection, query, [("track_id", "i8"), ("at", "M8[us]")])["at"]
    return uploads


def listening_since(connection: sa.Connection) -> dt.datetime | None:
    """When anybody is first known to have heard anything; None where no time is known."""
    query = "SELECT min(first_at) FROM heard WHERE first_at > '-infinity'"
    since: dt.datetime | None = connection.execute(sa.text(query)).scalar()
    return since


def read_credits(connection: sa.Connection) -> Columns:
    """Every credit: `track_id, artist_id`, ordered by both."""
    return copy_out(
        connection,
        "SELECT track_id, artist_id FROM track_artists ORDER BY 1, 2",
        [("track_id", "i8"), ("artist_id", "i8")],
    )


def read_users(
    connection: sa.Connection, cutoff: dt.datetime, users: tuple[int, int] | None = None
) -> npt.NDArray[np.int64]:
    """The ids, ascending, of the users there were before the cut-off."""
    low, high = users or (0, 2**62)
    return copy_out(
        connection,
        """
        SELECT user_id FROM users
        WHERE user_id >= %(low)s AND user_id < %(high)s AND (created_at IS NULL OR created_at < %(cutoff)s) ORDER BY 1
        """,
        [("user_id", "i8")],
        {"low": low, "high": high, "cutoff": cutoff},
    )["user_id"]


def read_forbidden_tracks(
    connection: sa.Connection, cutoff: dt.datetime, week: dt.date, memory_weeks: int, users: tuple[int, int]
) -> Columns:
    """Pairs `user_id, item_id` (a track) that must not be recommended, in any version: heard before the cut-off,
    blocked at it, itself or by a term, excluded from their taste, or on a published mixtape of the `memory_weeks` weeks
    before and after `week`."""
    ruled = copy_out(
        connection,
        """
        SELECT user_id, track_id FROM heard
        WHERE user_id >= %(low)s AND user_id < %(high)s AND first_at < %(cutoff)s
        UNION ALL
        SELECT user_id, track_id FROM blocks
        WHERE user_id >= %(low)s AND user_id < %(high)s AND track_id IS NOT NULL
          AND since < %(cutoff)s AND until > %(cutoff)s
        UNION ALL
        SELECT p.user_id, unnest(p.track_ids)
        FROM weeks w JOIN playlists p ON p.week = w.week AND p.edition_id = w.edition_id
        WHERE p.user_id >= %(low)s AND p.user_id < %(high)s
          AND w.week <> %(week)s
          AND w.week BETWEEN %(week)s - 7 * %(memory)s AND %(week)s + 7 * %(memory)s
        """,
        _PAIR,
        {"cutoff": cutoff, "week": week, "memory": memory_weeks, "low": users[0], "high": users[1]},
    )
    foreign = own_taste.forbidden(connection, "track", cutoff, users)
    called = read_called_as_blocked(connection, cutoff, users)
    return {name: np.concatenate([ruled[name], foreign[name], called[name]]) for name in ruled}


def read_forbidden_artists(
    connection: sa.Connection, cutoff: dt.datetime, week: dt.date, memory_weeks: int, users: tuple[int, int]
) -> Columns:
    """Pairs `user_id, item_id` (an artist) that must not be recommended: blocked at the cut-off, cooling off, or not of
    the user's own taste.

    An artist cools off when they were on the user's last four opened mixtapes that had them, all within the memory,
    and the user played 30 s or more of none of those songs from the mixtape. A mixtape is opened when any event has
    its context.
    """
    ruled = copy_out(
        connection,
        """
        WITH mixtape AS (
            SELECT p.user_id, p.week, p.track_ids, 'mixtape:' || p.week AS context
            FROM weeks w JOIN playlists p ON p.week = w.week AND p.edition_id = w.edition_id
            WHERE p.user_id >= %(low)s AND p.user_id < %(high)s
              AND w.week < %(week)s AND w.week >= %(week)s - 7 * %(memory)s
        ), feedback AS (
            SELECT e.user_id, e.context, e.track_id,
                   e.kind IN ('save', 'love') OR (e.kind = 'play' AND coalesce(e.ms_played >= 30000, true)) AS positive
            FROM events e
            WHERE e.user_id >= %(low)s AND e.user_id < %(high)s AND e.context LIKE 'mixtape:%%'
              AND e.occurred_at < %(cutoff)s AND e.occurred_at >= %(week)s - 7 * (%(memory)s + 1)
        ), shown AS (
            SELECT m.user_id, c.artist_id, m.week,
                   bool_or(EXISTS (SELECT FROM feedback f WHERE f.user_id = m.user_id AND f.context = m.context
                                   AND f.track_id = song.track_id AND f.positive)) AS welcome
            FROM mixtape m, unnest(m.track_ids) AS song (track_id) JOIN track_artists c USING (track_id)
            WHERE EXISTS (SELECT FROM feedback f WHERE f.user_id = m.user_id AND f.context = m.context)
            GROUP BY m.user_id, c.artist_id, m.week
        ), ranked AS (
            SELECT user_id, artist_id, welcome,
                   row_number() OVER (PARTITION BY user_id, artist_id ORDER BY week DESC) AS nth
            FROM shown
        )
        SELECT user_id, artist_id FROM ranked WHERE nth <= 4 GROUP BY user_id, artist_id
        HAVING count(*) = 4 AND NOT bool_or(welcome)
        UNION
        SELECT user_id, artist_id FROM blocks
        WHERE user_id >= %(low)s AND user_id < %(high)s AND artist_id IS NOT NULL
          AND since < %(cutoff)s AND until > %(cutoff)s
        """,
        _PAIR,
        {"cutoff": cutoff, "week": week, "memory": memory_weeks, "low": users[0], "high": users[1]},
    )
    foreign = own_taste.forbidden(connection, "artist", cutoff, users)
    return {name: np.concatenate([ruled[name], foreign[name]]) for name in ruled}


def read_co_heard(
    connection: sa.Connection, cutoff: dt.datetime, users: npt.NDArray[np.int64], neighbours: int, tracks: int
) -> dict[str, npt.NDArray[Any]]:
    """What the nearest listeners of these users have heard: `user_id, item_id` (a track), `score`, best first.

    Nearest are the `neighbours` users with the highest cosine between the sets of tracks heard before the cut-off; a
    track's score is the sum of the cosines of those who heard it. At most `tracks` rows a user. What it counts once
    is kept until the end of the transaction.
    """
    connection.execute(
        sa.text("""
            CREATE TEMPORARY TABLE IF NOT EXISTS listener_size ON COMMIT DROP AS
            SELECT user_id, count(*) AS n FROM heard WHERE first_at < :cutoff GROUP BY user_id
        """),
        {"cutoff": cutoff},
    )
    return copy_out(
        connection,
        """
        WITH asked AS (SELECT unnest(%(users)s::bigint[]) AS user_id),
        past AS NOT MATERIALIZED (SELECT user_id, track_id FROM heard WHERE first_at < %(cutoff)s),
        near AS (
            SELECT mine.user_id, other.user_id AS neighbour,
                   count(*) / sqrt(min(s.n)::float8 * min(o.n)) AS cosine
            FROM asked JOIN past mine USING (user_id)
            JOIN past other ON other.track_id = mine.track_id AND other.user_id <> mine.user_id
            JOIN listener_size s ON s.user_id = mine.user_id JOIN listener_size o ON o.user_id = other.user_id
            GROUP BY mine.user_id, other.user_id
        ), nearest AS (
            SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY cosine DESC, neighbour) AS nth FROM near
        ), scored AS (
            SELECT nearest.user_id, past.track_id, sum(cosine ORDER BY neighbour)::real AS score
            FROM nearest JOIN past ON past.user_id = nearest.neighbour
            WHERE nth <= %(neighbours)s
              AND NOT EXISTS (SELECT FROM past known
                              WHERE known.user_id = nearest.user_id AND known.track_id = past.track_id)
            GROUP BY nearest.user_id, past.track_id
        ), best AS (
            SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY score DESC, track_id) AS nth FROM scored
        )
        SELECT user_id, track_id, score FROM best WHERE nth <= %(tracks)s ORDER BY user_id, nth
        """,
        [*_PAIR, ("score", "f4")],
        {"cutoff": cutoff, "users": users.tolist(), "neighbours": neighbours, "tracks": tracks},
    )
