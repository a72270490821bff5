"""Trials: what listeners did with the songs that either side of a trial picked, and where these stood."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.store.bulk import copy_out
from recommenders.store.mixtapes import Edition
from recommenders.store.reports import Window

Counts = npt.NDArray[np.int64]

SIDES = (1, 2)  # in `playlists.teams`: the champion, and the model that is tried

_PLACED = """
    SELECT song.position, song.team::bigint, count(*)
    FROM playlists p, unnest(p.teams) WITH ORDINALITY AS song (team, position)
    WHERE p.week = %(week)s AND p.edition_id = %(edition_id)s AND p.teams IS NOT NULL AND song.team > 0
    GROUP BY 1, 2 ORDER BY 1, 2
"""
# A row for each user and song with the mixtape's context; the team is 0 where neither side put the song on the list.
_LISTENED = """
    WITH feedback AS MATERIALIZED (
        SELECT e.user_id, e.track_id,
               bool_or(e.kind = 'play' AND coalesce(e.ms_played >= 30000, true)) AS played,
               bool_or(e.kind = 'play' AND is_skip(e.ms_played, t.duration_s)) AS skipped,
               bool_or(e.kind = 'save') AS saved, bool_or(e.kind = 'love') AS loved
        FROM events e LEFT JOIN tracks t ON t.track_id = e.track_id
        WHERE e.context = 'mixtape:' || %(week)s AND e.occurred_at >= %(since)s AND e.occurred_at < %(until)s
        GROUP BY e.user_id, e.track_id
    )
    SELECT p.user_id, coalesce(p.teams[array_position(p.track_ids, f.track_id)], 0)::bigint,
           f.played, f.skipped AND NOT f.played, f.saved, f.loved
    FROM playlists p JOIN feedback f USING (user_id)
    WHERE p.week = %(week)s::date AND p.edition_id = %(edition_id)s AND p.teams IS NOT NULL
    ORDER BY 1, 2, f.track_id
"""


@dataclass(frozen=True)
class Placed:
    """How many songs of either side stand in each place of an edition's mixtapes: (length, 2), champion first."""

    songs: Counts
    mixtapes: int


@dataclass(frozen=True)
class Listened:
    """What each user who opened a mixtape of the trial did with the songs of either side, (n_users, 2) songs each:
    played for 30 s or more, skipped and not played otherwise, saved, loved, and saved or loved."""

    user_ids: Counts
    played: Counts
    skipped: Counts
    saved: Counts
    loved: Counts
    kept: Counts


def count_placed(connection: sa.Connection, edition: Edition) -> Placed:
    """Where the songs of either side stand."""
    columns = [("position", "i8"), ("team", "i8"), ("n", "i8")]
    found = copy_out(connection, _PLACED, columns, _of(edition))
    songs = np.zeros((int(found["position"].max(initial=0)), len(SIDES)), dtype=np.int64)
    songs[found["position"] - 1, found["team"] - 1] = found["n"]
    mixtapes = connection.execute(
        sa.text("SELECT count(teams) FROM playlists WHERE week = :week AND edition_id = :edition_id"), _of(edition)
    ).scalar_one()
    return Placed(songs, int(mixtapes))


def read_listened(connection: sa.Connection, edition: Edition, window: Window) -> Listened:
    """What users did with the mixtapes of `edition` within `window`: from events with its context."""
    columns = [("user_id", "i8"), ("team", "i8"), *((name, "?") for name in ("played", "skipped", "saved", "loved"))]
    values = _of(edition) | {"week": str(edition.week), "since": window.since, "until": window.until}
    found = copy_out(connection, _LISTENED, columns, values)
    user_ids, users = np.unique(found["user_id"], return_inverse=True)

    def count(which: npt.NDArray[np.bool_]) -> Counts:
        chosen = which & (found["team"] > 0)
        places = users[chosen] * len(SIDES) + found["team"][chosen] - 1
        return np.bincount(places, minlength=len(user_ids) * len(SIDES)).reshape(-1, len(SIDES))

    counts = {name: count(found[name]) for name in ("played", "skipped", "saved", "loved")}
    return Listened(user_ids, **counts, kept=count(found["saved"] | found["loved"]))


def _of(edition: Edition) -> dict[str, Any]:
    return {"week": edition.week, "edition_id": edition.edition_id}
