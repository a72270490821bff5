"""Cold songs: those that hardly anybody has played yet, placed among the others by what they sound like.

The network gives a cold song the direction that the collaborative model would have given it, and one constant length,
that of songs with a few plays; where its artist's other songs are known, it lies halfway there. A song that was not
heard lies where its artist's other songs lie. Either takes the place of whatever the collaborative model learnt from
less than `FEW_LISTENERS` people.
"""

import datetime as dt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa
from scipy.sparse import csr_matrix

from recommenders.collaborative.model import CollaborativeModel
from recommenders.mixing.shelf import Shelf
from recommenders.store import Artifacts, models
from recommenders.store.artifacts import column_matrix, matrix_column
from recommenders.store.places import places_of

KIND = "audio"  # of the rows in `models`
FEW_LISTENERS = 5


class Sound(NamedTuple):
    """Where tracks lie by their sound, in the collaborative model's space: ids (n,) ascending, vectors (n, f)."""

    track_ids: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.float32]


class Cold(NamedTuple):
    """The cold songs: `track_ids` (n,) ascending, `vectors` (n, f) float32 in the collaborative model's space, and
    `by_sound` (n,) whether their sound has placed them, or else their artist."""

    track_ids: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.float32]
    by_sound: npt.NDArray[np.bool_]

    def save(self, artifacts: Artifacts, name: str) -> str:
        """Store them as an artifact; return its URI."""
        columns = {"track_id": self.track_ids, "vector": matrix_column(self.vectors), "by_sound": self.by_sound}
        return artifacts.write(name, pa.table(columns))

    @staticmethod
    def load(artifacts: Artifacts, uri: str) -> "Cold":
        """What `save` stored."""
        table, _ = artifacts.read(uri)
        return Cold(table["track_id"].to_numpy(), column_matrix(table["vector"]), table["by_sound"].to_numpy())

    @staticmethod
    def none(n_factors: int = 1) -> "Cold":
        """No songs at all."""
        return Cold(
            np.empty(0, dtype=np.int64), np.empty((0, n_factors), dtype=np.float32), np.empty(0, dtype=np.bool_)
        )


def read_sound(connection: sa.Connection, network: models.ModelRow, before: dt.datetime) -> Sound:
    """Where the tracks lie of which `network` had made a vector before that moment."""
    return Sound(*models.read_vectors(connection, network, before))


def cold_songs(shelf: Shelf, model: CollaborativeModel, sound: Sound | None) -> Cold:
    """The cold songs that their sound places, and, of the others, those that are new or that nobody has played at the
    place of their artists."""
    cold = np.flatnonzero(shelf.eligible & (shelf.listeners < FEW_LISTENERS))
    vectors = np.zeros((len(cold), model.track_factors.shape[1]), dtype=np.float32)
    by_sound = np.zeros(len(cold), dtype=np.bool_)
    length, artists = _length_of_few(shelf, model), _of_artists(shelf, model, cold)
    if sound is not None and len(sound.track_ids):
        places = places_of(sound.track_ids, shelf.track_ids[cold])
        by_sound = places >= 0
        heard = sound.vectors[places[by_sound]]
        halfway = directions(directions(heard) + artists[by_sound])
        vectors[by_sound] = halfway * np.linalg.norm(heard, axis=1, keepdims=True)
        length = np.float32(np.median(np.linalg.norm(sound.vectors, axis=1)))
    known = places_of(model.track_ids, shelf.track_ids[cold]) >= 0
    by_artist = ~by_sound & (~known | shelf.fresh[cold])
    vectors[by_artist] = length * artists[by_artist]
    placed = vectors.any(axis=1)
    return Cold(shelf.track_ids[cold[placed]], vectors[placed], by_sound[placed])


def _length_of_few(shelf: Shelf, model: CollaborativeModel) -> np.float32:
    """The median length of the vectors of songs with a few listeners; of all, where there are none."""
    rows = shelf.rows(model.track_ids)
    heard = np.where(rows >= 0, shelf.listeners[rows], 0)
    few = (heard >= FEW_LISTENERS) & (heard < 4 * FEW_LISTENERS)
    lengths = np.linalg.norm(model.track_factors[few if few.any() else slice(None)], axis=1)
    return np.float32(np.median(lengths)) if len(lengths) else np.float32(0)


def _of_artists(shelf: Shelf, model: CollaborativeModel, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
    """The directions (n, f) of the artists of the songs in `rows`; zeros where nobody knows them."""
    played = np.zeros((len(shelf.track_ids), model.track_factors.shape[1]), dtype=np.float32)
    known = shelf.rows(model.track_ids)
    played[known[known >= 0]] = model.track_factors[known >= 0]
    return directions(np.asarray(credits_matrix(shelf)[rows] @ artist_directions(shelf, played), dtype=np.float32))


def directions(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The vectors (n, d) at length 1; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: npt.NDArray[np.float32] = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return scaled


def credits_matrix(shelf: Shelf) -> csr_matrix:
    """Who is credited: (n_tracks, n_artists) of ones."""
    ones = np.ones(len(shelf.artists), dtype=np.float32)
    shape = (len(shelf.track_ids), len(shelf.artist_ids))
    return csr_matrix((ones, shelf.artists, shelf.artist_offsets), shape=shape)


def artist_directions(shelf: Shelf, played: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The mean direction (n_artists, f) of each artist's songs that enough people have heard, at length 1; zeros where
    there are none. `played` (n_tracks, f)."""
    enough = (shelf.listeners >= FEW_LISTENERS)[:, None]
    return directions(np.asarray(credits_matrix(shelf).T @ (directions(played) * enough), dtype=np.float32))
