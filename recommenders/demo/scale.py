"""A service of any size with planted taste, streamed to Parquet: what the benchmarks run on.

Less lifelike than the demo service (`world.py`), and cheap: songs are played whether they were uploaded yet or not,
users keep their tastes. Memory grows with the catalogue and not with users or events.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

TASTES = 200
TASTES_PER_USER = 3
TRACKS_PER_ARTIST = 10
TRACKS_PER_RELEASE = 5
OWN_TASTE = 0.85  # share of plays that follow the user's tastes; the others follow fame alone
ZIPF = 0.8
SKIPPED = 0.1
MEAN_AGE_WEEKS = 100  # of a song; 8 in 100 were uploaded in the last 8 weeks
FULL_PLAY_S = (120, 420)


@dataclass(frozen=True)
class Scale:
    """How large the service is: `events` plays by `users` on `tracks`, over `weeks` weeks that end at `now`."""

    users: int
    tracks: int
    events: int
    weeks: int
    now: dt.datetime
    seed: int


def write_service(folder: Path, scale: Scale, block: int = 5_000) -> None:
    """Write the service as a landing folder of Parquet files, about `block` users at a time; same arguments, same
    bytes.

    Each file holds users from everywhere: as in a real service, what one of them played lies scattered in the table.
    """
    for kind in ("catalogue", "users", "listening"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for_tracks, *for_users = np.random.SeedSequence(scale.seed).spawn(1 + -(-scale.users // block))
    rng = np.random.default_rng(for_tracks)
    fame = rng.permutation(1.0 / np.arange(1, scale.tracks + 1) ** ZIPF)
    taste_of_track = rng.integers(min(TASTES, scale.tracks), size=scale.tracks)
    durations = rng.integers(*FULL_PLAY_S, size=scale.tracks)
    ages_s = rng.exponential(MEAN_AGE_WEEKS * 7 * 86_400, size=scale.tracks).astype(np.int64)
    _write_tracks(folder / "catalogue" / "tracks.parquet", scale, durations, _moments(scale, ages_s))
    shelves = _shelves(fame, taste_of_track)
    for number, seeds in enumerate(for_users):
        users = np.arange(number, scale.users, len(for_users))
        events = _listen(users, scale, shelves, durations, np.random.default_rng(seeds))
        pq.write_table(pa.table({"user_id": _ids("u", users)}), folder / "users" / f"users-{number:04}.parquet")
        pq.write_table(events, folder / "listening" / f"events-{number:04}.parquet")


@dataclass(frozen=True)
class _Shelves:
    """The tracks ordered by taste, with running sums of their fame: a track is drawn by a binary search."""

    tracks: npt.NDArray[np.int64]
    cumulative: npt.NDArray[np.float64]
    starts: npt.NDArray[np.int64]  # (n_tastes + 1,) where each taste's tracks begin

    def draw(self, tastes: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """One track for each taste; -1 = from all tracks."""
        sums = np.concatenate([[0.0], self.cumulative])
        low = np.where(tastes < 0, 0.0, sums[self.starts[tastes]])
        high = np.where(tastes < 0, sums[-1], sums[self.starts[tastes + 1]])
        places = np.searchsorted(self.cumulative, low + rng.random(len(tastes)) * (high - low), side="right")
        drawn: npt.NDArray[np.int64] = self.tracks[np.minimum(places, len(self.tracks) - 1)]
        return drawn


def _shelves(fame: npt.NDArray[np.float64], tastes: npt.NDArray[np.int64]) -> _Shelves:
    order = np.argsort(tastes, kind="stable")
    starts = np.searchsorted(tastes[order], np.arange(tastes.max() + 2))
    return _Shelves(order, np.cumsum(fame[order]), starts)


def _listen(
    users: npt.NDArray[np.int64],
    scale: Scale,
    shelves: _Shelves,
    durations: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> pa.Table:
    """The plays of a block of users; how much each listens is log-normal, about `events / users` on average."""
    n_tastes = len(shelves.starts) - 1
    mean = scale.events / scale.users
    amounts = np.maximum(1, rng.lognormal(np.log(mean) - 0.18, 0.6, len(users)).astype(np.int64))
    own = rng.integers(n_tastes, size=(len(users), TASTES_PER_USER))
    listener = np.repeat(np.arange(len(users)), amounts)
    tastes = own[listener, rng.integers(TASTES_PER_USER, size=len(listener))]
    tracks = shelves.draw(np.where(rng.random(len(listener)) < OWN_TASTE, tastes, -1), rng)
    at = _moments(scale, rng.integers(scale.weeks * 7 * 86_400, size=len(listener)))
    skipped = rng.random(len(listener)) < SKIPPED
    ms_played = np.where(skipped, rng.integers(1_000, 29_000, size=len(listener)), durations[tracks] * 1_000)
    order = np.argsort(at, kind="stable")
    return pa.table(
        {
            "user_id": _ids("u", users[listener[order]]),
            "track_id": _ids("t", tracks[order]),
            "at": pa.array(at[order], type=pa.timestamp("s", tz="UTC")),
            "ms_played": pa.array(ms_played[order], type=pa.int32()),
        }
    )


def _moments(scale: Scale, ages_s: npt.NDArray[np.int64]) -> npt.NDArray[np.datetime64]:
    """The moments that lie so many seconds, and one more, before `now`."""
    return np.datetime64(scale.now.astimezone(dt.UTC).replace(tzinfo=None), "s") - 1 - ages_s


def _write_tracks(
    path: Path, scale: Scale, durations: npt.NDArray[np.int64], uploaded_at: npt.NDArray[np.datetime64]
) -> None:
    numbers = np.arange(scale.tracks)
    artists = numbers // TRACKS_PER_ARTIST
    releases = numbers // TRACKS_PER_RELEASE
    table = pa.table(
        {
            "track_id": _ids("t", numbers),
            "title": _ids("Song ", numbers),
            "artists": _ids("Artist ", artists),
            "artist_ids": _ids("a", artists),
            "release": _ids("Album ", releases),
            "duration_s": pa.array(durations, type=pa.float64()),
            "uploaded_at": pa.array(uploaded_at, type=pa.timestamp("s", tz="UTC")),
        }
    )
    pq.write_table(table, path)


def _ids(prefix: str, numbers: npt.NDArray[np.int64]) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pa.array(numbers).cast(pa.string()), "")
