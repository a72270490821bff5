"""What tracks and their artists are called, as a run sees it: from it come the terms that two of them share."""

import datetime as dt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa

from recommenders.mixing.shelf import Shelf
from recommenders.store import Artifacts
from recommenders.store.places import places_of
from recommenders.store.spaces import main_credits
from recommenders.store.top_terms import describing_terms

MOST_TERMS = 30  # of an artist or track

Ints = npt.NDArray[np.int32]


class Terms(NamedTuple):
    """The terms that describe n artists and tracks: those of the i-th are `ids[offsets[i]:offsets[i + 1]]`, ascending,
    with `weights` > 0; `own` and `of_artist` (n_tracks,) say, by row of the shelf, which of them are a track and its
    first main artist, -1 = nothing describes it. (A tuple, so that numba can read it.)"""

    offsets: npt.NDArray[np.int64]
    ids: Ints
    weights: npt.NDArray[np.float32]
    own: Ints
    of_artist: Ints

    @staticmethod
    def none(n_tracks: int) -> "Terms":
        """Nothing describes anybody."""
        nobody = np.full(n_tracks, -1, dtype=np.int32)
        return Terms(np.zeros(1, np.int64), np.empty(0, np.int32), np.empty(0, np.float32), nobody, nobody.copy())

    def save(self, artifacts: Artifacts, name: str) -> None:
        """Store them as two artifacts."""
        lists = pa.array(self.offsets.astype(np.int32))
        columns = {
            "ids": pa.ListArray.from_arrays(lists, pa.array(self.ids)),
            "weights": pa.ListArray.from_arrays(lists, pa.array(self.weights)),
        }
        artifacts.write(name, pa.table(columns))
        artifacts.write(f"{name}-tracks", pa.table({"own": self.own, "of_artist": self.of_artist}))

    @staticmethod
    def load(artifacts: Artifacts, folder: str, name: str) -> "Terms":
        """What `save` stored in `folder`."""
        table = artifacts.read(f"{folder}/{name}.parquet")[0].combine_chunks()
        tracks = artifacts.read(f"{folder}/{name}-tracks.parquet")[0]
        lengths = table["ids"].combine_chunks().value_lengths().to_numpy() if len(table) else np.empty(0, np.int32)
        return Terms(
            np.append(0, np.cumsum(lengths)).astype(np.int64),
            pa.compute.list_flatten(table["ids"]).to_numpy().astype(np.int32),
            pa.compute.list_flatten(table["weights"]).to_numpy().astype(np.float32),
            tracks["own"].to_numpy(),
            tracks["of_artist"].to_numpy(),
        )


def read_terms(connection: sa.Connection, shelf: Shelf, day: dt.date) -> Terms:
    """What everybody on the shelf is called as of a day."""
    said = describing_terms(connection, day, MOST_TERMS)
    keys, first = np.unique(said["key"], return_index=True)
    tracks, artists = main_credits(connection)
    first_credit = np.flatnonzero(np.diff(tracks, prepend=-1))
    credited = places_of(tracks[first_credit], shelf.track_ids)
    artist_keys = np.where(credited >= 0, 2 * np.append(artists[first_credit], 0)[credited], -1)
    return Terms(
        np.append(first, len(said["key"])).astype(np.int64),
        said["term_id"].astype(np.int32),
        said["weight"].astype(np.float32),
        places_of(keys, 2 * shelf.track_ids + 1).astype(np.int32),
        places_of(keys, artist_keys).astype(np.int32),
    )
