"""Users: finding them, what they play most, the weeks for which they have a mixtape."""

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from recommenders.errors import UnknownNameError


@dataclass(frozen=True)
class UserRow:
    """A user, named by the service's own id (`outside_id`), and how many plays of theirs are on record."""

    user_id: int
    outside_id: str
    name: str
    plays: int


@dataclass(frozen=True)
class ArtistPlays:
    """An artist in one user's listening: full plays of how many different songs."""

    artist_id: int
    name: str
    plays: int
    songs: int


def find_users(connection: sa.Connection, text: str, limit: int = 20) -> list[UserRow]:
    """Users whose name or service id contains `text`, in any case: an equal one first, then those that begin with it.

    Without text, the first users in alphabetical order.
    """
    text = _storable(text)
    pattern = text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    rows = connection.execute(
        sa.text(
            """
            SELECT u.user_id, i.outside_id, u.name
            FROM users u JOIN user_ids i ON i.user_id = u.user_id AND i.source = 'service'
            WHERE i.outside_id ILIKE :contains OR u.name ILIKE :contains
            ORDER BY i.outside_id = :text DESC, lower(u.name) = lower(:text) DESC,
                     i.outside_id ILIKE :begins OR u.name ILIKE :begins DESC, u.name, i.outside_id
            LIMIT :limit
            """
        ),
        {"text": text, "begins": f"{pattern}%", "contains": f"%{pattern}%", "limit": limit},
    ).all()
    plays = _plays(connection, [row.user_id for row in rows])
    return [UserRow(row.user_id, row.outside_id, row.name, plays[row.user_id]) for row in rows]


def get_user(connection: sa.Connection, outside_id: str) -> UserRow:
    """The user with this service id; raises UnknownNameError when there is none."""
    row = connection.execute(
        sa.text(
            """
            SELECT user_id, outside_id, name FROM user_ids JOIN users USING (user_id)
            WHERE source = 'service' AND outside_id = :outside_id
            """
        ),
        {"outside_id": _storable(outside_id)},
    ).one_or_none()
    if row is None:
        raise UnknownNameError(f"The service has no user {outside_id!r}.")
    plays = _plays(connection, [row.user_id])[row.user_id]
    return UserRow(row.user_id, row.outside_id, row.name, plays)


def most_played_artists(
    connection: sa.Connection, user_id: int, before: dt.datetime, limit: int = 10
) -> list[ArtistPlays]:
    """The artists whom the user played most before a moment (skips don't count), most played first.

    Counts without dates (`listening_totals`) count whenever.
    """
    rows = connection.execute(
        sa.text(
            """
            WITH played AS (
                SELECT track_id, sum(plays) AS plays
                FROM (SELECT e.track_id, 1 AS plays
                      FROM events e JOIN tracks t USING (track_id)
                      WHERE e.user_id = :user_id AND e.occurred_at < :before AND e.kind = 'play'
                            AND NOT is_skip(e.ms_played, t.duration_s)
                      UNION ALL
                      SELECT track_id, plays FROM listening_totals WHERE user_id = :user_id) AS every
                GROUP BY track_id)
            SELECT artist_id, a.name, sum(played.plays)::bigint AS plays, count(*) AS songs
            FROM played JOIN track_artists USING (track_id) JOIN artists a USING (artist_id)
            GROUP BY artist_id, a.name
            ORDER BY plays DESC, songs DESC, a.name LIMIT :limit
            """
        ),
        {"user_id": user_id, "before": before, "limit": limit},
    )
    return [ArtistPlays(*row) for row in rows]


def mixtape_weeks(connection: sa.Connection, user_id: int) -> list[tuple[dt.date, dt.datetime]]:
    """The weeks whose published edition holds a mixtape for the user, with their cut-offs, newest first."""
    rows = connection.execute(
        sa.text(
            """
            SELECT w.week, w.cutoff FROM weeks w JOIN playlists p USING (week, edition_id)
            WHERE p.user_id = :user_id ORDER BY w.week DESC
            """
        ),
        {"user_id": user_id},
    )
    return [(row.week, row.cutoff) for row in rows]


def _plays(connection: sa.Connection, user_ids: list[int]) -> dict[int, int]:
    """The plays on record of each of these users: play events and counts without dates."""
    rows = connection.execute(
        sa.text(
            """
            SELECT user_id,
                   (SELECT count(*) FROM events e WHERE e.user_id = given.user_id AND kind = 'play')
                   + (SELECT coalesce(sum(plays), 0) FROM listening_totals l WHERE l.user_id = given.user_id) AS plays
            FROM unnest(CAST(:user_ids AS bigint[])) AS given (user_id)
            """
        ),
        {"user_ids": user_ids},
    )
    return {row.user_id: int(row.plays) for row in rows}


def _storable(text: str) -> str:
    """`text` with a stand-in for what no PostgreSQL text can hold: NUL and halves of surrogate pairs."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
