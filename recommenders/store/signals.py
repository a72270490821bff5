"""Signals: what each user's listening says about each track, read for the models; only what counts as their taste."""

import datetime as dt
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.store import own_taste
from recommenders.store import signal_queries as queries
from recommenders.store.blocks import read_called_as_blocked
from recommenders.store.bulk import copy_out
from recommenders.store.genres import genres_of_tracks
from recommenders.store.places import places_of


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
    """Parallel columns, ordered by user, track, time, kind, amount, `from_mixtape` and `foreign`."""

    user_ids: npt.NDArray[np.int64]
    track_ids: npt.NDArray[np.int64]
    times: npt.NDArray[np.datetime64]  # microseconds, UTC; NaT for a total
    kinds: npt.NDArray[np.int16]  # of Signal
    amounts: npt.NDArray[np.float32]  # plays of a total, else 1
    from_mixtape: npt.NDArray[np.bool_]  # it happened while listening to a mixtape
    foreign: npt.NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))  # proposed as not own taste
    genres: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))  # 0 = unknown

    def __post_init__(self) -> None:
        """Where nothing is said of them, nothing is foreign and no genre is known."""
        for name in ("foreign", "genres"):
            given = getattr(self, name)
            if len(given) != len(self.user_ids):
                object.__setattr__(self, name, np.zeros(len(self.user_ids), dtype=given.dtype))

    def __len__(self) -> int:
        return len(self.user_ids)

    def take(self, rows: npt.NDArray[Any]) -> "Signals":
        """The rows that a mask or an array of indexes names."""
        return Signals(*(column[rows] for column in vars(self).values()))


_NEIGHBOURS = 1_000
_MOST_USERS = 2**62
_DAY_US = 86_400_000_000
_LATEST = np.iinfo(np.int64).max
_PAIR = [("user_id", "i8"), ("track_id", "i8")]


def read_signals(connection: sa.Connection, cutoff: dt.datetime, users: tuple[int, int] | None = None) -> Signals:
    """Every signal before `cutoff`, without what the user's exclusions and blocks of that moment take out; what is
    only proposed to be somebody else's listening is marked as foreign.

    `users` is a half-open range of user ids. Totals carry no date and are always before the cut-off. An artist visit
    counts for each track of the artist that the user played in full within the 24 hours before it. A ban of an artist
    reaches every track of the artist that the user had heard; a ban outlives its own block, so that it still says
    "disliked" when everything else about the track is gone.
    """
    first_user, end_user = users or (0, _MOST_USERS)
    values = {"cutoff": cutoff, "first_user": first_user, "end_user": end_user}
    concerned = own_taste.count_concerned(connection, values) > 0
    events = _events(connection, queries.EVENTS_OF_SOME_OTHERS if concerned else queries.ALL_EVENTS, values)
    blocked = _blocked(connection, values)
    parts = [
        events.take(events.track_ids > 0) if (events.track_ids < 0).any() else events,
        _visits(connection, events),
        _totals(connection, queries.TOTALS_OF_SOME_OTHERS if concerned else queries.ALL_TOTALS, values),
    ]
    if len(blocked):
        parts = [part.take((part.kinds == Signal.BAN) | ~contained(part, blocked)) for part in parts]
    if concerned:
        parts = _without_foreign_music(connection, parts, values)
    signals = _joined([*parts, _bans(connection, events)])
    return _with_genres(connection, signals.take(_order(signals)), cutoff)


def _blocked(connection: sa.Connection, values: dict[str, Any]) -> "Pairs":
    """What the users block: tracks, all tracks of artists, and what is called by a term."""
    themselves = copy_out(connection, queries.BLOCKED, _PAIR, values).values()
    called = read_called_as_blocked(connection, values["cutoff"], (values["first_user"], values["end_user"])).values()
    return Pairs(*map(np.concatenate, zip(themselves, called, strict=True)))


def _without_foreign_music(connection: sa.Connection, parts: list[Signals], values: dict[str, Any]) -> list[Signals]:
    """The parts without the music of accepted proposals; that of undecided ones is marked."""
    users, artists, excluded = own_taste.foreign_music(connection, values)
    if not len(users):
        return parts
    tracks = np.concatenate([part.track_ids[np.isin(part.user_ids, users)] for part in parts])
    credits = copy_out(connection, queries.CREDITS, _PAIR, {"tracks": np.unique(tracks).tolist()})
    out, doubtful = Pairs(users[excluded], artists[excluded]), Pairs(users[~excluded], artists[~excluded])
    parts = [part.take((part.kinds == Signal.BAN) | ~_by_artists(part, credits, out)) for part in parts]
    return [replace(part, foreign=part.foreign | _by_artists(part, credits, doubtful)) for part in parts]


def _by_artists(part: Signals, credits: dict[str, npt.NDArray[np.int64]], artists: "Pairs") -> npt.NDArray[np.bool_]:
    """Which signals are of a track by an artist that stands beside their user in `artists` (user, artist).

    `credits` are the artists of tracks, `user_id` being the track's id and `track_id` the artist's, ordered by track.
    """
    rows = np.flatnonzero(np.isin(part.user_ids, artists.user_ids))
    first = np.searchsorted(credits["user_id"], part.track_ids[rows])
    counts = np.searchsorted(credits["user_id"], part.track_ids[rows], side="right") - first
    credited = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    signal = np.repeat(rows, counts)
    theirs = contained(Pairs(part.user_ids[signal], credits["track_id"][credited]), artists)
    found = np.zeros(len(part), dtype=np.bool_)
    found[signal[theirs]] = True
    return found


def _with_genres(connection: sa.Connection, signals: Signals, cutoff: dt.datetime) -> Signals:
    """The signals with the genre of each one's track, as of the cut-off."""
    track_ids, genres = genres_of_tracks(connection, cutoff)
    places = places_of(track_ids, signals.track_ids)
    return replace(signals, genres=np.append(genres, np.int32(0))[places]) if len(track_ids) else signals


def _events(connection: sa.Connection, query: str, values: dict[str, Any]) -> Signals:
    """The events as they are stored; one of an artist alone has the artist's negative id in place of a track."""
    columns = [*_PAIR, ("at", "M8[us]"), ("kind", "i2"), ("ms_played", "i4"), ("foreign", "?")]
    events = copy_out(connection, query, columns, values)
    kinds = events["kind"] % queries.FROM_MIXTAPE
    kinds[_is_skip(connection, events["track_id"], kinds, events["ms_played"])] = Signal.SKIP
    from_mixtape = events["kind"] > queries.FROM_MIXTAPE
    signals = _signals(events["user_id"], events["track_id"], events["at"], kinds, from_mixtape)
    return replace(signals, foreign=events["foreign"])


def _is_skip(
    connection: sa.Connection,
    track_ids: npt.NDArray[np.int64],
    kinds: npt.NDArray[np.int16],
    ms_played: npt.NDArray[np.int32],
) -> npt.NDArray[np.intp]:
    """The rows that are plays of under 30 s and under half the song: what `is_skip` in the database says."""
    short = np.flatnonzero((kinds == Signal.PLAY) & (ms_played >= 0) & (ms_played < 30_000))
    known = copy_out(connection, queries.DURATIONS, [("track_id", "i8"), ("duration_s", "f4")])
    places = places_of(known["track_id"], track_ids[short])
    halves = np.append(known["duration_s"].astype(np.float64) * 500, np.inf)[places]  # an unknown length at the end
    return short[ms_played[short] < halves]


def _joined(parts: list[Signals]) -> Signals:
    parts = [part for part in parts if len(part)] or parts[:1]
    if len(parts) == 1:
        return parts[0]
    return Signals(*(np.concatenate(columns) for columns in zip(*(vars(part).values() for part in parts), strict=True)))


def _order(signals: Signals) -> npt.NDArray[np.intp]:
    """The rows by user, track, time, kind, amount and `from_mixtape`: one order whatever plan Postgres chose, so that
    sums come out the same to the last bit."""
    pairs = signals.user_ids * (signals.track_ids.max(initial=0) + 1) + signals.track_ids
    order = np.argsort(pairs)
    same = np.diff(pairs[order]) == 0
    # Most pairs have one signal; only the others need the slow comparison by everything.
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    rows = order[tied]
    columns = (signals.foreign, signals.from_mixtape, signals.amounts, signals.kinds, signals.times, pairs)
    order[tied] = rows[np.lexsort([column[rows] for column in columns])]
    return order


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


def _visits(connection: sa.Connection, events: Signals) -> Signals:
    """A signal for each visit to an artist's page and each track of the artist played in the day before it."""
    visits = np.flatnonzero((events.kinds == Signal.ARTIST_VISIT) & (events.track_ids < 0) & ~events.foreign)
    if not len(visits):
        return events.take(visits)
    plays = np.flatnonzero((events.kinds == Signal.PLAY) & np.isin(events.user_ids, events.user_ids[visits]))
    visit, play = _plays_before(events, visits, plays)
    credits = Pairs(*copy_out(connection, "SELECT artist_id, track_id FROM track_artists", _PAIR).values())
    of_artist = contained(Pairs(-events.track_ids[visit], events.track_ids[play]), credits)
    visit, play = visit[of_artist], play[of_artist]
    seen = [events.user_ids[visit], events.track_ids[play], events.times[visit].astype(np.int64)]
    user_ids, track_ids, times = np.unique(np.stack(seen), axis=1)
    kinds = np.full(len(times), Signal.ARTIST_VISIT, dtype=np.int16)
    return _signals(user_ids, track_ids, times.astype("M8[us]"), kinds)


def _plays_before(
    events: Signals, visits: npt.NDArray[np.intp], plays: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Every pair of a visit and a play of the same user in the 24 hours before it, as rows of `events`."""
    # One number orders by user, then by time, with more than a day between two users.
    times = events.times.astype(np.int64)
    moments = np.unique(events.user_ids, return_inverse=True)[1] * (np.ptp(times) + 2 * _DAY_US if len(times) else 0)
    moments += times - times.min(initial=_LATEST)
    plays = plays[np.argsort(moments[plays], kind="stable")]
    first = np.searchsorted(moments[plays], moments[visits] - _DAY_US, side="right")
    counts = np.searchsorted(moments[plays], moments[visits], side="right") - first
    places = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    return np.repeat(visits, counts), plays[places]


def _bans(connection: sa.Connection, events: Signals) -> Signals:
    """A ban for each track that the user had heard of an artist before banning the artist."""
    bans = np.flatnonzero((events.kinds == Signal.BAN) & (events.track_ids < 0))
    values = {
        "users": events.user_ids[bans].tolist(),
        "artists": (-events.track_ids[bans]).tolist(),
        "times": [f"{moment}Z" for moment in events.times[bans]],
    }
    heard = copy_out(connection, queries.HEARD_OF_BANNED_ARTISTS, [*_PAIR, ("at", "M8[us]")], values)
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


def read_earlier(connection: sa.Connection, signals: Signals, cutoff: dt.datetime, earlier: dt.datetime) -> Signals:
    """What `read_signals` gives for the moment `earlier`, made of the signals as of the later `cutoff`.

    Only users whose exclusions or blocks were other ones at the earlier moment are read again.
    """
    changed = copy_out(connection, queries.CHANGED, [("user_id", "i8")], {"earlier": earlier, "cutoff": cutoff})[
        "user_id"
    ]
    before = np.isnat(signals.times) | (signals.times < _utc(earlier))
    if len(changed):
        before &= ~np.isin(signals.user_ids, changed)
    parts = [signals.take(before)]
    # A range for each run of neighbours: a few large reads where many have changed, small ones where few have.
    for users in np.split(changed, np.flatnonzero(np.diff(changed) > _NEIGHBOURS) + 1) if len(changed) else []:
        read = read_signals(connection, earlier, (int(users[0]), int(users[-1]) + 1))
        parts.append(read.take(np.isin(read.user_ids, users)))
    joined = _joined(parts)
    return _with_genres(connection, joined.take(_order(joined)) if len(parts) > 1 else joined, earlier)


def _utc(moment: dt.datetime) -> np.datetime64:
    return np.datetime64(moment.astimezone(dt.UTC).replace(tzinfo=None), "us")


def contained(pairs: "Pairs | Signals", others: "Pairs") -> npt.NDArray[np.bool_]:
    """Which of `pairs`, by their user and track, are among `others`."""
    if not len(pairs) or not len(others):
        return np.zeros(len(pairs), dtype=np.bool_)
    width = max(pairs.track_ids.max(), others.track_ids.max()) + 1
    known = others.user_ids * width + others.track_ids
    if (known[1:] < known[:-1]).any():
        known = np.sort(known)
    asked = pairs.user_ids * width + pairs.track_ids
    found: npt.NDArray[np.bool_] = known[np.minimum(np.searchsorted(known, asked), len(known) - 1)] == asked
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


@dataclass(frozen=True)
class Heard:
    """When each user first heard each track, ordered by user and track; NaT where the source knows no time."""

    user_ids: npt.NDArray[np.int64]
    track_ids: npt.NDArray[np.int64]
    first_at: npt.NDArray[np.datetime64]  # microseconds, UTC
    versions: dict[str, npt.NDArray[np.int64]]  # track_id, other_id: the other versions of a track's work

    def before(self, moment: dt.datetime) -> Pairs:
        """What each user had heard before a moment, in any version of the work: all of its versions are heard."""
        past = np.isnat(self.first_at) | (self.first_at < _utc(moment))
        users, tracks = self.user_ids[past], self.track_ids[past]
        first = np.searchsorted(self.versions["track_id"], tracks)
        counts = np.searchsorted(self.versions["track_id"], tracks, side="right") - first
        places = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        if not len(places):
            return Pairs(users, tracks)
        users = np.concatenate([users, np.repeat(users, counts)])
        tracks = np.concatenate([tracks, self.versions["other_id"][places]])
        width = tracks.max() + 1
        pairs = np.unique(users * width + tracks)
        return Pairs(pairs // width, pairs % width)


def read_heard(connection: sa.Connection, before: dt.datetime) -> Heard:
    """What each user first heard before a moment."""
    columns = copy_out(
        connection,
        "SELECT user_id, track_id, first_at FROM heard WHERE first_at < %(before)s",
        [*_PAIR, ("first_at", "M8[us]")],
        {"before": before},
    )
    pairs = columns["user_id"] * (columns["track_id"].max(initial=0) + 1) + columns["track_id"]
    order = np.argsort(pairs)
    versions = copy_out(
        connection,
        """SELECT t.track_id, other.track_id FROM tracks t JOIN tracks other USING (work_id)
           WHERE t.track_id <> other.track_id ORDER BY 1, 2""",
        [("track_id", "i8"), ("other_id", "i8")],
    )
    user_ids, track_ids, first_at = (values[order] for values in columns.values())
    return Heard(user_ids, track_ids, first_at, versions)


@dataclass(frozen=True)
class Catalogue:
    """Every track, by ascending id."""

    track_ids: npt.NDArray[np.int64]
    artist_ids: npt.NDArray[np.int64]  # the first credited artist; 0 = none
    work_ids: npt.NDArray[np.int64]
    uploaded_at: npt.NDArray[np.datetime64]  # microseconds, UTC; NaT where unknown

    def __len__(self) -> int:
        return len(self.track_ids)


def read_catalogue(connection: sa.Connection) -> Catalogue:
    """The tracks as evaluation needs them."""
    columns = copy_out(
        connection,
        """SELECT t.track_id, coalesce(first.artist_id, 0), t.work_id, coalesce(t.uploaded_at, '-infinity')
           FROM tracks t LEFT JOIN (
               SELECT DISTINCT ON (track_id) track_id, artist_id FROM track_artists
               ORDER BY track_id, role <> 'main', position, artist_id) first USING (track_id)
           ORDER BY t.track_id""",
        [("track_id", "i8"), ("artist_id", "i8"), ("work_id", "i8"), ("uploaded_at", "M8[us]")],
    )
    return Catalogue(*columns.values())
