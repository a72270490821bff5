"""What two editions hold for the same users, and the difference that a dry run has noted."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.store.bulk import copy_out
from recommenders.store.names import track_names

_SONGS = """
    SELECT p.user_id, song.track_id, song.source,
           coalesce((SELECT c.artist_id FROM track_artists c WHERE c.track_id = song.track_id
                     ORDER BY c.position, c.artist_id LIMIT 1), 0)
    FROM playlists p, unnest(p.track_ids, p.sources) AS song (track_id, source)
    WHERE p.week = (SELECT week FROM editions WHERE edition_id = %(id)s) AND p.edition_id = %(id)s
      AND p.user_id >= %(low)s AND p.user_id < %(high)s
    ORDER BY 1, 2
"""


@dataclass(frozen=True)
class DryRun:
    """A dry run: its edition, and the difference that it noted, its songs named."""

    edition_id: int
    week: dt.date
    created_at: dt.datetime
    difference: dict[str, Any]


def songs_of_users(
    connection: sa.Connection, edition_id: int, users: tuple[int, int]
) -> dict[str, npt.NDArray[np.integer[Any]]]:
    """Every song of the half-open range `users` in an edition: `user_id, track_id, source` (its code), `artist_id` (the
    first credited, 0 = none), ordered by user and track."""
    columns = [("user_id", "i8"), ("track_id", "i8"), ("source", "i2"), ("artist_id", "i8")]
    return copy_out(connection, _SONGS, columns, {"id": edition_id, "low": users[0], "high": users[1]})


def compared_edition(connection: sa.Connection, week: dt.date) -> tuple[dt.date, int] | None:
    """The published (week, edition id) with which an edition of `week` is compared: its own week's, else the last one's
    before it, else the newest; None when nothing is published."""
    row = connection.execute(
        sa.text("""
            SELECT week, edition_id FROM weeks WHERE edition_id IS NOT NULL
            ORDER BY week = :week DESC, week < :week DESC, week DESC LIMIT 1
        """),
        {"week": week},
    ).one_or_none()
    return None if row is None else (row.week, row.edition_id)


def source_names(connection: sa.Connection, codes: list[int]) -> dict[int, str]:
    """What the codes of sources are called."""
    rows = connection.execute(
        sa.text("SELECT code, source_name(code) FROM unnest(CAST(:codes AS smallint[])) AS code"), {"codes": codes}
    )
    return {row.code: row.source_name for row in rows}


def newest_dry_run(connection: sa.Connection) -> DryRun | None:
    """The dry run made last, unless something was published for its week since; None where there is none."""
    row = connection.execute(
        sa.text("""
            SELECT e.edition_id, e.week, e.created_at, e.figures
            FROM editions e JOIN weeks w USING (week)
            WHERE e.state = 'dry_run' AND (w.edition_id IS NULL OR w.edition_id < e.edition_id)
            ORDER BY e.created_at DESC, e.edition_id DESC LIMIT 1
        """)
    ).one_or_none()
    if row is None:
        return None
    difference = dict(row.figures.get("difference", {}))
    for kind in ("come", "go"):
        counted = difference.get(kind, [])
        named = track_names(connection, [track_id for track_id, _ in counted])
        difference[kind] = [(name, count) for (_, name), (_, count) in zip(named, counted, strict=False)]
    return DryRun(row.edition_id, row.week, row.created_at, difference)
