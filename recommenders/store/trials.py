"""Trials: what listeners did with the songs that either side of a trial picked, and where these stood."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.store.bulk import copy_out
from recommenders.store.mixtapes import Edition
from recommenders.store.reports import Window

Counts = npt.NDArray[np.int64]
Marks = npt.NDArray[np.bool_]

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
    SELECT p.user_id, coalesce(p.teams[song.position], 0)::bigint, coalesce(song.position, 0)::bigint,
           f.played, f.skipped AND NOT f.played, f.saved, f.loved
    FROM playlists p JOIN feedback f USING (user_id), array_position(p.track_ids, f.track_id) AS song (position)
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
    """What users did with the songs of either side, for each (n,) that something was done with.

    `users` (n,) are places in `user_ids`, of all who opened a mixtape of the trial; `sides` (n,) 0 = the champion's;
    `places` (n,) on the list, from 0. Played for 30 s or more; skipped and not played otherwise; saved; loved.
    """

    user_ids: Counts
    users: Counts
    sides: Counts
    places: Counts
    played: Marks
    skipped: Marks
    saved: Marks
    loved: Marks


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
    marks = ("played", "skipped", "saved", "loved")
    columns = [*((name, "i8") for name in ("user_id", "team", "position")), *((name, "?") for name in marks)]
    values = _of(edition) | {"week": str(edition.week), "since": window.since, "until": window.until}
    found = copy_out(connection, _LISTENED, columns, values)
    user_ids, users = np.unique(found["user_id"], return_inverse=True)
    picked = found["team"] > 0
    songs = {name: found[name][picked] for name in ("team", "position", *marks)}
    return Listened(
        user_ids,
        users[picked],
        songs["team"] - 1,
        songs["position"] - 1,
        *(songs[name] for name in marks),
    )


def side_rows(trial: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The figures of a report's trial as people read them: what it is, the champion's, the candidate's."""
    labels = {
        "songs": "Songs on mixtapes",
        "plays": "Played for 30 s or more",
        "saves": "Saved",
        "loves": "Loved",
        "skips": "Skipped",
        "credit": "Credit per listener",
    }
    rows = []
    for name, label in labels.items():
        values = (trial["sides"][side][name] for side in ("champion", "candidate"))
        champion, candidate = ("–" if v is None else f"{v:.2f}" if name == "credit" else f"{v:,}" for v in values)
        rows.append((label, champion, candidate))
    return rows


def _of(edition: Edition) -> dict[str, Any]:
    return {"week": edition.week, "edition_id": edition.edition_id}
