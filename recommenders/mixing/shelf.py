"""The shelf: all tracks as arrays, as a Monday run sees them, frozen for the whole run."""

import datetime as dt
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa

from recommenders.store import Artifacts, eligibility
from recommenders.store.places import places_of
from recommenders.store.signals import Pairs


class Shelf(NamedTuple):
    """All tracks by ascending id; a track's place in these arrays is its row. (A tuple, so that numba can read it.)

    `track_ids, works, releases` (n_tracks,): works and releases as dense numbers, release -1 = none; `eligible`
    (n_tracks,) bool: uploaded before the cut-off; `fresh` (n_tracks,) bool: not long before it; `listeners` (n_tracks,)
    users who had heard it; the artists of row i are `artists[artist_offsets[i]:artist_offsets[i + 1]]`, dense numbers
    into `artist_ids`.
    """

    track_ids: npt.NDArray[np.int64]
    works: npt.NDArray[np.int32]
    releases: npt.NDArray[np.int32]
    eligible: npt.NDArray[np.bool_]
    fresh: npt.NDArray[np.bool_]
    listeners: npt.NDArray[np.int64]
    artist_offsets: npt.NDArray[np.int64]
    artists: npt.NDArray[np.int32]
    artist_ids: npt.NDArray[np.int64]
    n_releases: int

    def rows(self, track_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The row of each track id; -1 for an id that is not on the shelf."""
        return places_of(self.track_ids, track_ids)

    def by_popularity(self) -> npt.NDArray[np.int32]:
        """The rows of eligible tracks, most heard first, then by id."""
        rows = np.flatnonzero(self.eligible)
        return rows[np.argsort(-self.listeners[rows], kind="stable")].astype(np.int32)


def read_shelf(connection: sa.Connection, cutoff: dt.datetime, fresh_weeks: int) -> Shelf:
    """The shelf at the cut-off; fresh is what was uploaded in the `fresh_weeks` before it."""
    tracks = eligibility.read_tracks(connection, cutoff, fresh_weeks)
    credits = eligibility.read_credits(connection)
    track_ids: npt.NDArray[np.int64] = tracks["track_id"].astype(np.int64)
    releases, release_numbers = np.unique(tracks["release_id"], return_inverse=True)
    first_release = int(len(releases) > 0 and releases[0] == 0)
    artist_ids, artists = np.unique(credits["artist_id"], return_inverse=True)
    return Shelf(
        track_ids=track_ids,
        works=np.unique(tracks["work_id"], return_inverse=True)[1].astype(np.int32),
        releases=(release_numbers - first_release).astype(np.int32),
        eligible=tracks["uploaded"].astype(np.bool_),
        fresh=tracks["fresh"].astype(np.bool_),
        listeners=tracks["listeners"].astype(np.int64),
        artist_offsets=np.searchsorted(credits["track_id"], np.append(track_ids, np.iinfo(np.int64).max)),
        artists=artists.astype(np.int32),
        artist_ids=artist_ids,
        n_releases=len(releases) - first_release,
    )


def save_shelf(artifacts: Artifacts, name: str, shelf: Shelf, facts: dict[str, Any]) -> str:
    """Store the shelf as an artifact with `facts`; return its URI."""
    table = pa.table(
        {
            "track_id": shelf.track_ids,
            "work": shelf.works,
            "release": shelf.releases,
            "eligible": shelf.eligible,
            "fresh": shelf.fresh,
            "listeners": shelf.listeners,
            "artist_ids": pa.ListArray.from_arrays(
                pa.array(shelf.artist_offsets, type=pa.int32()), pa.array(shelf.artist_ids[shelf.artists])
            ),
        }
    )
    return artifacts.write(name, table, facts)


def load_shelf(artifacts: Artifacts, uri: str) -> tuple[Shelf, dict[str, Any]]:
    """The shelf that `save_shelf` stored, and its facts."""
    table, facts = artifacts.read(uri)
    table = table.combine_chunks()
    column = {name: table[name].to_numpy() for name in table.column_names if name != "artist_ids"}
    credits = table["artist_ids"].combine_chunks()
    credits = credits.chunk(0) if isinstance(credits, pa.ChunkedArray) and credits.num_chunks else credits
    flat = credits.flatten().to_numpy() if table.num_rows else np.empty(0, dtype=np.int64)
    offsets = credits.offsets.to_numpy().astype(np.int64) if table.num_rows else np.zeros(1, dtype=np.int64)
    artist_ids, artists = np.unique(flat, return_inverse=True)
    shelf = Shelf(
        track_ids=column["track_id"],
        works=column["work"],
        releases=column["release"],
        eligible=column["eligible"],
        fresh=column["fresh"],
        listeners=column["listeners"],
        artist_offsets=offsets - offsets[0],
        artists=artists.astype(np.int32),
        artist_ids=artist_ids,
        n_releases=int(column["release"].max(initial=-1)) + 1,
    )
    return shelf, facts


class Forbidden(NamedTuple):
    """What each of some users must not get, as dense numbers of the shelf.

    The works of the i-th user are `works[work_offsets[i]:work_offsets[i + 1]]`; the artists likewise.
    """

    work_offsets: npt.NDArray[np.int64]
    works: npt.NDArray[np.int32]
    artist_offsets: npt.NDArray[np.int64]
    artists: npt.NDArray[np.int32]


def read_forbidden(
    connection: sa.Connection,
    shelf: Shelf,
    user_ids: npt.NDArray[np.int64],
    *,
    cutoff: dt.datetime,
    week: dt.date,
    memory_weeks: int,
) -> Forbidden:
    """What `user_ids` (ascending) must not get: rules 2 and 4 of a mixtape."""
    if not len(user_ids):
        empty = np.empty(0, dtype=np.int32)
        return Forbidden(np.zeros(1, dtype=np.int64), empty, np.zeros(1, dtype=np.int64), empty)
    users = (int(user_ids[0]), int(user_ids[-1]) + 1)
    tracks = eligibility.read_forbidden_tracks(connection, cutoff, week, memory_weeks, users)
    artists = eligibility.read_forbidden_artists(connection, cutoff, week, memory_weeks, users)
    rows = shelf.rows(tracks["item_id"])
    known = rows >= 0
    work_offsets, works = _by_user(user_ids, tracks["user_id"][known], shelf.works[rows[known]])
    numbers = places_of(shelf.artist_ids, artists["item_id"])
    known = numbers >= 0
    artist_offsets, forbidden_artists = _by_user(user_ids, artists["user_id"][known], numbers[known].astype(np.int32))
    return Forbidden(work_offsets, works, artist_offsets, forbidden_artists)


def forbidden_works(shelf: Shelf, user_ids: npt.NDArray[np.int64], heard: Pairs) -> Forbidden:
    """What `user_ids` (ascending) must not get where nothing is known but what they have heard."""
    rows = shelf.rows(heard.track_ids)
    known = rows >= 0
    offsets, works = _by_user(user_ids, heard.user_ids[known], shelf.works[rows[known]])
    return Forbidden(offsets, works, np.zeros(len(user_ids) + 1, dtype=np.int64), np.empty(0, dtype=np.int32))


def _by_user(
    user_ids: npt.NDArray[np.int64], owners: npt.NDArray[np.int64], items: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Group `items` by the place of their owner in `user_ids`: offsets (n_users + 1,) and the items in that order."""
    places = places_of(user_ids, owners)
    known = places >= 0
    places, items = places[known], items[known]
    order = np.argsort(places, kind="stable")
    return np.searchsorted(places[order], np.arange(len(user_ids) + 1)), items[order]
