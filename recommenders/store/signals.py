"""Signals: what each user's listening says about each track, read for the models; only what counts as their taste."""

import datetime as dt
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.store.bulk import copy_out


class Signal(IntEnum):
    """What one row of `Signals` is."""

    TOTAL = 0  # a count of plays without a date
    PLAY = 1  # a full play
    SKIP = 2
    SAVE = 3
    LOVE = 4
    ARTIST_VISIT = 5  # the artist's page was opened within a day after this track
    BAN = 6
    RATED_UP = 7  # 4 or 5 stars
    RATED_NEUTRAL = 8  # 3 stars
    RATED_DOWN = 9  # 1 or 2 stars


@dataclass(frozen=True)
class Signals:
    """Parallel columns, ordered by user, track, time and kind."""

    user_ids: npt.NDArray[np.int64]
    track_ids: npt.NDArray[np.int64]
    times: npt.NDArray[np.datetime64]  # microseconds, UTC; NaT for a total
    kinds: npt.NDArray[np.int16]  # of Signal
    amounts: npt.NDArray[np.float32]  # plays of a total, else 1
    from_mixtape: npt.NDArray[np.bool_]  # it happened while listening to a mixtape

    def __len__(self) -> int:
        return len(self.user_ids)

    def take(self, rows: npt.NDArray[Any]) -> "Signals":
        """The rows that a mask or an array of indexes names."""
        return Signals(
            self.user_ids[rows],
            self.track_ids[rows],
            self.times[rows],
            self.kinds[rows],
            self.amounts[rows],
            self.from_mixtape[rows],
        )


# An artist's ban, like a block, reaches every track that credits the artist; a ban itself outlives its own block,
# so that it still says "disliked" when everything else about the track is gone.
_SIGNALS = """
WITH blocked AS (
    SELECT user_id, track_id FROM blocks
    WHERE track_id IS NOT NULL AND since < %(cutoff)s AND until >= %(cutoff)s
    UNION
    SELECT b.user_id, a.track_id FROM blocks b JOIN track_artists a USING (artist_id)
    WHERE b.since < %(cutoff)s AND b.until >= %(cutoff)s
),
excluded AS (
    SELECT * FROM taste_exclusions WHERE valid_from <= %(cutoff)s AND valid_until > %(cutoff)s
),
kept AS NOT MATERIALIZED (
    SELECT e.user_id, e.track_id, e.artist_id, e.kind, e.occurred_at, e.rating,
           coalesce(e.context LIKE 'mixtape:%%', false) AS from_mixtape, is_skip(e.ms_played, t.duration_s) AS skip
    FROM events e LEFT JOIN tracks t USING (track_id)
    WHERE e.occurred_at < %(cutoff)s AND e.user_id >= %(first_user)s AND e.user_id < %(end_user)s
      AND NOT EXISTS (
          SELECT FROM excluded x
          WHERE x.user_id = e.user_id
            AND (x.device IS NULL OR x.device = e.device)
            AND (x.context IS NULL OR x.context = e.context)
            AND (x.from_at IS NULL OR x.from_at <= e.occurred_at)
            AND (x.until_at IS NULL OR x.until_at > e.occurred_at)
            AND (x.track_id IS NULL OR x.track_id = e.track_id)
            AND (x.artist_id IS NULL OR x.artist_id = e.artist_id OR EXISTS (
                SELECT FROM track_artists a WHERE a.track_id = e.track_id AND a.artist_id = x.artist_id)))
      AND (e.kind = 'ban' OR NOT EXISTS (
          SELECT FROM blocked b WHERE b.user_id = e.user_id AND b.track_id = e.track_id))
)
SELECT user_id, track_id, occurred_at,
       CASE kind
           WHEN 'play' THEN CASE WHEN skip THEN 2 ELSE 1 END
           WHEN 'save' THEN 3
           WHEN 'love' THEN 4
           WHEN 'artist_visit' THEN 5
           WHEN 'ban' THEN 6
           WHEN 'rating' THEN CASE WHEN rating >= 4 THEN 7 WHEN rating = 3 THEN 8 ELSE 9 END
       END::smallint,
       1::real, from_mixtape
FROM kept WHERE track_id IS NOT NULL
UNION ALL
SELECT DISTINCT visit.user_id, play.track_id, visit.occurred_at, 5::smallint, 1::real, false
FROM kept visit
JOIN kept play ON play.user_id = visit.user_id AND play.kind = 'play' AND NOT play.skip
              AND play.occurred_at > visit.occurred_at - interval '1 day' AND play.occurred_at <= visit.occurred_at
JOIN track_artists a ON a.track_id = play.track_id AND a.artist_id = visit.artist_id
WHERE visit.kind = 'artist_visit' AND visit.track_id IS NULL
UNION ALL
SELECT ban.user_id, h.track_id, ban.occurred_at, 6::smallint, 1::real, false
FROM kept ban
JOIN track_artists a USING (artist_id)
JOIN heard h ON h.user_id = ban.user_id AND h.track_id = a.track_id AND h.first_at < ban.occurred_at
WHERE ban.kind = 'ban' AND ban.track_id IS NULL
UNION ALL
SELECT l.user_id, l.track_id, '-infinity'::timestamptz, 0::smallint, l.plays::real, false
FROM listening_totals l
WHERE l.user_id >= %(first_user)s AND l.user_id < %(end_user)s
  AND NOT EXISTS (SELECT FROM blocked b WHERE b.user_id = l.user_id AND b.track_id = l.track_id)
  AND NOT EXISTS (
      SELECT FROM excluded x
      WHERE x.user_id = l.user_id
        AND num_nonnulls(x.device, x.context, x.from_at, x.until_at) = 0
        AND (x.track_id IS NULL OR x.track_id = l.track_id)
        AND (x.artist_id IS NULL OR EXISTS (
            SELECT FROM track_artists a WHERE a.track_id = l.track_id AND a.artist_id = x.artist_id)))
"""

_MOST_USERS = 2**62


def read_signals(connection: sa.Connection, cutoff: dt.datetime, users: tuple[int, int] | None = None) -> Signals:
    """Every signal before `cutoff`, without what the user's exclusions and blocks of that moment take out.

    `users` is a half-open range of user ids. Totals carry no date and are always before the cut-off. An artist visit
    counts for each track of the artist that the user played in full within the 24 hours before it.
    """
    first_user, end_user = users or (0, _MOST_USERS)
    columns = copy_out(
        connection,
        _SIGNALS,
        [
            ("user_id", "i8"),
            ("track_id", "i8"),
            ("at", "M8[us]"),
            ("kind", "i2"),
            ("amount", "f4"),
            ("mixtape", "?"),
        ],
        {"cutoff": cutoff, "first_user": first_user, "end_user": end_user},
    )
    signals = Signals(*columns.values())
    # One order whatever plan Postgres chose, so that sums come out the same to the last bit.
    return signals.take(
        np.lexsort((signals.amounts, signals.kinds, signals.times, signals.track_ids, signals.user_ids))
    )


@dataclass(frozen=True)
class Pairs:
    """(user, track) pairs as parallel columns, ordered by user and track, each pair once."""

    user_ids: npt.NDArray[np.int64]
    track_ids: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.user_ids)

    def take(self, rows: npt.NDArray[Any]) -> "Pairs":
        """The rows that a mask or an array of indexes names."""
        return Pairs(self.user_ids[rows], self.track_ids[rows])


def read_heard(connection: sa.Connection, before: dt.datetime) -> Pairs:
    """What each user had heard before a moment, in any version of the work: all of its versions are heard."""
    columns = copy_out(
        connection,
        """SELECT DISTINCT h.user_id, version.track_id
           FROM heard h JOIN tracks t USING (track_id) JOIN tracks version ON version.work_id = t.work_id
           WHERE h.first_at < %(before)s ORDER BY 1, 2""",
        [("user_id", "i8"), ("track_id", "i8")],
        {"before": before},
    )
    return Pairs(columns["user_id"], columns["track_id"])


@dataclass(frozen=True)
class Catalogue:
    """Every track, by ascending id."""

    track_ids: npt.NDArray[np.int64]
    artist_ids: npt.NDArray[np.int64]  # the first credited artist; 0 = none
    uploaded_at: npt.NDArray[np.datetime64]  # microseconds, UTC; NaT where unknown

    def __len__(self) -> int:
        return len(self.track_ids)


def read_catalogue(connection: sa.Connection) -> Catalogue:
    """The tracks as evaluation needs them."""
    columns = copy_out(
        connection,
        """SELECT t.track_id, coalesce(first.artist_id, 0), coalesce(t.uploaded_at, '-infinity')
           FROM tracks t LEFT JOIN (
               SELECT DISTINCT ON (track_id) track_id, artist_id FROM track_artists
               ORDER BY track_id, role <> 'main', position, artist_id) first USING (track_id)
           ORDER BY t.track_id""",
        [("track_id", "i8"), ("artist_id", "i8"), ("uploaded_at", "M8[us]")],
    )
    return Catalogue(columns["track_id"], columns["artist_id"], columns["uploaded_at"])
