"""Stations: what was asked for, the songs that were found, and why."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from recommenders.errors import UnknownNameError
from recommenders.store.bulk import fetch_table

KEPT = 50  # newest stations of each user


@dataclass(frozen=True)
class NewStation:
    """A station as it is written: lists are parallel to `track_ids`."""

    user_id: int | None
    tags: Sequence[str]
    liked_track_id: int | None
    parameters: Mapping[str, Any]
    track_ids: Sequence[int]
    scores: Sequence[float]
    bends: Sequence[int]
    reasons: Sequence[Mapping[str, Any]]
    short_reason: str | None


@dataclass(frozen=True)
class StationRow:
    """A station without its songs; users and tracks by the service's ids."""

    station_id: int
    user: str | None
    user_name: str | None
    made_at: dt.datetime
    tags: list[str]
    liked: str | None
    liked_title: str | None
    liked_artist: str | None
    short_reason: str | None
    length: int


def write_station(connection: sa.Connection, new: NewStation, package_version: str, now: dt.datetime) -> int:
    """Store a station; of the user's older ones the newest are kept. Returns its id."""
    station_id: int = connection.execute(
        sa.text("""
            INSERT INTO stations (user_id, made_at, tags, liked_track_id, parameters, track_ids, scores, bends, reasons,
                                  short_reason, package_version)
            VALUES (:user_id, :now, :tags, :liked, :parameters, :track_ids, :scores, :bends, :reasons, :short_reason,
                    :version)
            RETURNING station_id
        """),
        {
            "user_id": new.user_id,
            "now": now,
            "tags": list(new.tags),
            "liked": new.liked_track_id,
            "parameters": json.dumps(new.parameters),
            "track_ids": list(new.track_ids),
            "scores": list(new.scores),
            "bends": list(new.bends),
            "reasons": json.dumps(list(new.reasons)),
            "short_reason": new.short_reason,
            "version": package_version,
        },
    ).scalar_one()
    theirs = "user_id IS NULL" if new.user_id is None else "user_id = :user_id"
    connection.execute(
        sa.text(f"""
            DELETE FROM stations WHERE station_id IN (
                SELECT station_id FROM stations WHERE {theirs}
                ORDER BY station_id DESC OFFSET :kept)
        """),  # noqa: S608 - one of two constants
        {"user_id": new.user_id, "kept": KEPT},
    )
    return station_id


_STATIONS = """
    SELECT s.station_id, u.outside_id AS "user", users.name AS user_name, s.made_at, s.tags,
           i.outside_id AS liked, t.title AS liked_title,
           (SELECT a.name FROM track_artists c JOIN artists a USING (artist_id)
            WHERE c.track_id = s.liked_track_id ORDER BY c.position LIMIT 1) AS liked_artist,
           s.short_reason, cardinality(s.track_ids) AS length
    FROM stations s
    LEFT JOIN users USING (user_id)
    LEFT JOIN user_ids u ON u.user_id = s.user_id AND u.source = 'service'
    LEFT JOIN tracks t ON t.track_id = s.liked_track_id
    LEFT JOIN track_ids i ON i.track_id = s.liked_track_id AND i.source = 'service'
"""


def get_station(connection: sa.Connection, station_id: int) -> StationRow:
    """The station of this id; raises UnknownNameError."""
    row = connection.execute(sa.text(f"{_STATIONS} WHERE s.station_id = :id"), {"id": station_id}).one_or_none()
    if row is None:
        raise UnknownNameError(f"There is no station {station_id}.")
    return StationRow(**row._mapping)


def newest_stations(connection: sa.Connection, most: int = 20) -> list[StationRow]:
    """The stations that were made last, the newest first."""
    rows = connection.execute(sa.text(f"{_STATIONS} ORDER BY s.station_id DESC LIMIT :most"), {"most": most})
    return [StationRow(**row._mapping) for row in rows]


def songs_of_station(connection: sa.Connection, station_id: int) -> list[dict[str, Any]]:
    """The songs of a station in their order, with everything that a page shows about each."""
    songs = fetch_table(
        connection,
        """
        SELECT song.position::int, song.track_id, coalesce(i.outside_id, song.track_id::text) AS outside_id, t.title,
               ARRAY(SELECT a.name FROM track_artists c JOIN artists a USING (artist_id)
                     WHERE c.track_id = t.track_id AND c.role = 'main' ORDER BY c.position) AS artists,
               r.title AS release, t.duration_s, t.audio_uri, song.score, bend_name(song.bend) AS bend,
               (s.reasons -> (song.position - 1)::int)::text AS reason
        FROM stations s,
             unnest(s.track_ids, s.scores, s.bends) WITH ORDINALITY AS song (track_id, score, bend, position)
        JOIN tracks t ON t.track_id = song.track_id
        LEFT JOIN releases r ON r.release_id = t.release_id
        LEFT JOIN track_ids i ON i.track_id = t.track_id AND i.source = 'service'
        WHERE s.station_id = :id ORDER BY song.position
        """,
        {"id": station_id},
    )
    return [row | {"reason": json.loads(row["reason"])} for row in songs.to_pylist()]
