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


_EVENTS = """
SELECT e.user_id, coalesce(e.track_id, 0), coalesce(e.artist_id, 0), e.occurred_at,
       CASE e.kind
           WHEN 'play' THEN CASE WHEN is_skip(e.ms_played, t.duration_s) THEN 2 ELSE 1 END
           WHEN 'save' THEN 3
           WHEN 'love' THEN 4
           WHEN 'artist_visit' THEN 5
           WHEN 'ban' THEN 6
           WHEN 'rating' THEN CASE WHEN e.rating >= 4 THEN 7 WHEN e.rating = 3 THEN 8 ELSE 9 END
       END::smallint,
       coalesce(e.context LIKE 'mixtape:%%', false)
FROM events e LEFT JOIN tracks t USING (track_id)
WHERE e.occurred_at < %(cutoff)s AND e.user_id >= %(first_user)s AND e.user_id < %(end_user)s
"""
_TOTALS = """
SELECT l.user_id, l.track_id, l.plays::real FROM listening_totals l
WHERE l.user_id >= %(first_user)s AND l.user_id < %(end_user)s
"""
_EXCLUSIONS = """
FROM taste_exclusions x
WHERE x.valid_from <= %(cutoff)s AND x.valid_until > %(cutoff)s
  AND x.user_id >= %(first_user)s AND x.user_id < %(end_user)s
"""
_EVENT_IS_TASTE = f"""
AND NOT EXISTS (
    SELECT {_EXCLUSIONS} AND x.user_id = e.user_id
      AND (x.device IS NULL OR x.device = e.device)
      AND (x.context IS NULL OR x.context = e.context)
      AND (x.from_at IS NULL OR x.from_at <= e.occurred_at)
      AND (x.until_at IS NULL OR x.until_at > e.occurred_at)
      AND (x.track_id IS NULL OR x.track_id = e.track_id)
      AND (x.artist_id IS NULL OR x.artist_id = e.artist_id OR EXISTS (
          SELECT FROM track_artists a WHERE a.track_id = e.track_id AND a.artist_id = x.artist_id)))
"""  # noqa: S608 - constants of this module
_TOTAL_IS_TASTE = f"""
AND NOT EXISTS (
    SELECT {_EXCLUSIONS} AND x.user_id = l.user_id
      AND num_nonnulls(x.device, x.context, x.from_at, x.until_at) = 0
      AND (x.track_id IS NULL OR x.track_id = l.track_id)
      AND (x.artist_id IS NULL OR EXISTS (
          SELECT FROM track_artists a WHERE a.track_id = l.track_id AND a.artist_id = x.artist_id)))
"""  # noqa: S608 - constants of this module
_BLOCKED = """
SELECT b.user_id, coalesce(a.track_id, b.track_id)
FROM blocks b LEFT JOIN track_artists a ON a.artist_id = b.artist_id
WHERE b.since < %(cutoff)s AND b.until >= %(cutoff)s AND coalesce(a.track_id, b.track_id) IS NOT NULL
  AND b.user_id >= %(first_user)s AND b.user_id < %(end_user)s
"""
_HEARD_OF_BANNED_ARTISTS = """
SELECT ban.user_id, h.track_id, ban.at
FROM unnest(%(users)s::bigint[], %(artists)s::bigint[], %(times)s::timestamptz[]) AS ban (user_id, artist_id, at)
JOIN track_artists a USING (artist_id)
JOIN heard h ON h.user_id = ban.user_id AND h.track_id = a.track_id AND h.first_at < ban.at
"""

_MOST_USERS = 2**62
_DAY_US = 86_400_000_000
_LATEST = np.iinfo(np.int64).max
_PAIR = [("user_id", "i8"), ("track_id", "i8")]


def read_signals(connection: sa.Connection, cutoff: dt.datetime, users: tuple[int, int] | None = None) -> Signals:
    """Every signal before `cutoff`, without what the user's exclusions and blocks of that moment take out.

    `users` is a half-open range of user ids. Totals carry no date and are always before the cut-off. An artist visit
    counts for each track of the artist that the user played in full within the 24 hours before it. A ban of an artist
    reaches every track of the artist that the user had heard; a ban outlives its own block, so that it still says
    "disliked" when everything else about the track is gone.
    """
    first_user, end_user = users or (0, _MOST_USERS)
    values = {"cutoff": cutoff, "first_user": first_user, "end_user": end_user}
    excluding = bool(copy_out(connection, f"SELECT count(*) {_EXCLUSIONS}", [("n", "i8")], values)["n"][0])
    events = copy_out(
        connection,
        _EVENTS + (_EVENT_IS_TASTE if excluding else ""),
        [*_PAIR, ("artist_id", "i8"), ("at", "M8[us]"), ("kind", "i2"), ("mixtape", "?")],
        values,
    )
    on_track = events["track_id"] > 0
    blocked = Pairs(*copy_out(connection, _BLOCKED, _PAIR, values).values())
    parts = [
        _signals(*(events[name][on_track] for name in ("user_id", "track_id", "at", "kind", "mixtape"))),
        _visits(connection, events),
        _totals(connection, _TOTALS + (_TOTAL_IS_TASTE if excluding else ""), values),
    ]
    kept = [part.take((part.kinds == Signal.BAN) | ~contained(part, blocked)) for part in parts]
    signals = Signals(
        *(
            np.concatenate(columns)
            for columns in zip(*(vars(part).values() for part in [*kept, _bans(connection, events)]), strict=True)
        )
    )
    # One order whatever plan Postgres chose, so that sums come out the same to the last bit.
    return signals.take(
        np.lexsort((signals.amounts, signals.kinds, signals.times, signals.track_ids, signals.user_ids))
    )


def _signals(
    user_ids: npt.NDArray[Any],
    track_ids: npt.NDArray[Any],
    times: npt.NDArray[Any],
    kinds: npt.NDArray[Any],
    from_mixtape: npt.NDArray[Any] | None = None,
    amounts: npt.NDArray[Any] | None = None,
) -> Signals:
    n = len(user_ids)
    return Signals(
        user_ids,
        track_ids,
        times,
        kinds.astype(np.int16),
        np.ones(n, dtype=np.float32) if amounts is None else amounts,
        np.zeros(n, dtype=np.bool_) if from_mixtape is None else from_mixtape,
    )


def _visits(connection: sa.Connection, events: dict[str, npt.NDArray[Any]]) -> Signals:
    """A signal for each visit to an artist's page and each track of the artist played in the day before it."""
    visits = np.flatnonzero((events["kind"] == Signal.ARTIST_VISIT) & (events["track_id"] == 0))
    plays = np.flatnonzero((events["kind"] == Signal.PLAY) & np.isin(events["user_id"], events["user_id"][visits]))
    visit, play = _plays_before(events, visits, plays)
    credits = Pairs(*copy_out(connection, "SELECT artist_id, track_id FROM track_artists", _PAIR).values())
    of_artist = contained(Pairs(events["artist_id"][visit], events["track_id"][play]), credits)
    visit, play = visit[of_artist], play[of_artist]
    seen = [events["user_id"][visit], events["track_id"][play], events["at"][visit].astype(np.int64)]
    user_ids, track_ids, times = np.unique(np.stack(seen), axis=1)
    kinds = np.full(len(times), Signal.ARTIST_VISIT, dtype=np.int16)
    return _signals(user_ids, track_ids, times.astype("M8[us]"), kinds)


def _plays_before(
    events: dict[str, npt.NDArray[Any]], visits: npt.NDArray[np.intp], plays: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Every pair of a visit and a play of the same user in the 24 hours before it, as rows of `events`."""
    # One number orders by user, then by time, with more than a day between two users.
    times = events["at"].astype(np.int64)
    moments = np.unique(events["user_id"], return_inverse=True)[1] * (np.ptp(times) + 2 * _DAY_US if len(times) else 0)
    moments += times - times.min(initial=_LATEST)
    plays = plays[np.argsort(moments[plays], kind="stable")]
    first = np.searchsorted(moments[plays], moments[visits] - _DAY_US, side="right")
    counts = np.searchsorted(moments[plays], moments[visits], side="right") - first
    places = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    return np.repeat(visits, counts), plays[places]


def _bans(connection: sa.Connection, events: dict[str, npt.NDArray[Any]]) -> Signals:
    """A ban for each track that the user had heard of an artist before banning the artist."""
    bans = np.flatnonzero((events["kind"] == Signal.BAN) & (events["track_id"] == 0))
    values = {
        "users": events["user_id"][bans].tolist(),
        "artists": events["artist_id"][bans].tolist(),
        "times": [f"{moment}Z" for moment in events["at"][bans]],
    }
    heard = copy_out(connection, _HEARD_OF_BANNED_ARTISTS, [*_PAIR, ("at", "M8[us]")], values)
    kinds = np.full(len(heard["at"]), Signal.BAN, dtype=np.int16)
    return _signals(heard["user_id"], heard["track_id"], heard["at"], kinds)


def _totals(connection: sa.Connection, query: str, values: dict[str, Any]) -> Signals:
    totals = copy_out(connection, query, [*_PAIR, ("plays", "f4")], values)
    n = len(totals["plays"])
    return _signals(
        totals["user_id"],
        totals["track_id"],
        np.full(n, np.datetime64("NaT"), dtype="M8[us]"),
        np.full(n, Signal.TOTAL, dtype=np.int16),
        amounts=totals["plays"],
    )


def contained(pairs: "Pairs | Signals", others: "Pairs") -> npt.NDArray[np.bool_]:
    """Which of `pairs`, by their user and track, are among `others`."""
    if not len(pairs) or not len(others):
        return np.zeros(len(pairs), dtype=np.bool_)
    users, places = np.unique(others.user_ids, return_inverse=True)
    width = max(pairs.track_ids.max(), others.track_ids.max()) + 1
    rank = np.minimum(np.searchsorted(users, pairs.user_ids), len(users) - 1)
    same_track: npt.NDArray[np.bool_] = np.isin(rank * width + pairs.track_ids, places * width + others.track_ids)
    found: npt.NDArray[np.bool_] = same_track & (users[rank] == pairs.user_ids)
    return found


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
