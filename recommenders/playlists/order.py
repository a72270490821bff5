"""The playing order of a mixtape: culture first, then acoustics.

Songs that the same people play, or of which the same things are said, stand together; from one to the next key, tempo
and loudness change little; one of the best songs opens the list; no artist comes twice in a row. What is not known of
a song neither draws it near nor keeps it away.
"""

import datetime as dt
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa
from threadpoolctl import threadpool_limits

from recommenders.collaborative.model import CollaborativeModel
from recommenders.language.similarity import By, read_spaces
from recommenders.language.terms import EntityKind
from recommenders.mixing.candidates import RUNGS
from recommenders.mixing.cold import Cold
from recommenders.mixing.shelf import Shelf
from recommenders.playlists.allocation import Lists
from recommenders.playlists.reasons import Bend
from recommenders.store import Artifacts, recordings
from recommenders.store.artifacts import column_matrix, matrix_column

Floats = npt.NDArray[np.float32]

# A jump is the sum of its parts, each divided by its mean over the list. By less than these it is not divided: a fifth
# or a change of mode, 3 % of the tempo, half a loudness unit, and .05 of 1 - cosine or of the genres.
LEAST = (1.0, float(np.log2(1.03)), 0.5, 0.05, 0.05, 0.05)
CULTURE = 1.0  # as much as key, tempo and loudness together
NEUTRAL = 0.5  # about what a step of a good path costs, so that what is unknown is not driven to the ends
OPENINGS = 5  # of a list's best songs, one opens it
DIMENSIONS = 16  # of the vectors of culture, cut for speed: genres change as seldom as with all of them


class Described(NamedTuple):
    """What the store knows of each track, by row of the shelf.

    `heard` (n_tracks, 4) float32: place on the circle of fifths, mode, log2 of the tempo in bpm, loudness in LUFS, NaN
    where unknown; `said` (n_tracks, d) float32: what is said of it, zeros for nothing; `genres` (n_tracks,) int64: its
    genre tags as bits.
    """

    heard: Floats
    said: Floats
    genres: npt.NDArray[np.int64]

    def save(self, artifacts: Artifacts, name: str) -> str:
        """Store it as an artifact; return its URI."""
        columns = {"heard": matrix_column(self.heard), "said": matrix_column(self.said), "genres": self.genres}
        return artifacts.write(name, pa.table(columns))

    @staticmethod
    def load(artifacts: Artifacts, uri: str) -> "Described":
        """What `save` stored."""
        table, _ = artifacts.read(uri)
        return Described(column_matrix(table["heard"]), column_matrix(table["said"]), table["genres"].to_numpy())


class Features(NamedTuple):
    """What the order goes by, by row of the shelf. (A tuple, so that numba can read it.)

    `heard` and `genres` as in Described. `played` (n_tracks, d) float32: who plays it, and `said` (n_tracks, e)
    float32: what is said of it; the inner product of two rows is about their cosine, `is_played` and `is_said`
    (n_tracks,) bool say which rows there are.
    """

    heard: Floats
    is_played: npt.NDArray[np.bool_]
    played: Floats
    is_said: npt.NDArray[np.bool_]
    said: Floats
    genres: npt.NDArray[np.int64]


def read_described(connection: sa.Connection, shelf: Shelf, cutoff: dt.datetime, *, past: bool) -> Described:
    """What was known of the shelf's tracks before the cut-off; in a `past` week nothing that was said, of which only
    today's state is kept."""
    n_tracks = len(shelf.track_ids)
    sounds = recordings.read_sounds(connection, cutoff)
    heard = np.full((n_tracks, 4), np.nan, dtype=np.float32)
    _put(heard, shelf, sounds["track_id"], as_heard(**{name: sounds[name] for name in sounds if name != "track_id"}))
    said = np.zeros((n_tracks, 1), dtype=np.float32)
    space = None if past else read_spaces(connection, EntityKind.TRACK, By.TEXT)[By.TEXT]
    if space is not None and len(space.ids):
        vectors = shortened(space.vectors)
        said = np.zeros((n_tracks, vectors.shape[1]), dtype=np.float32)
        _put(said, shelf, space.ids, vectors)
    tags = recordings.read_genres(connection)
    genres = np.zeros(n_tracks, dtype=np.int64)
    _put(genres, shelf, tags["track_id"], tags["genres"])
    return Described(heard, said, genres)


def _put(values: npt.NDArray[Any], shelf: Shelf, track_ids: npt.NDArray[np.int64], of: npt.NDArray[Any]) -> None:
    """Write what there is of some tracks into the rows of the shelf."""
    rows = shelf.rows(track_ids)
    values[rows[rows >= 0]] = of[rows >= 0]


def as_heard(
    key: npt.NDArray[np.integer[Any]], mode: npt.NDArray[np.integer[Any]], tempo_bpm: Floats, loudness_lufs: Floats
) -> Floats:
    """The columns of `Described.heard`, (n, 4), of keys (0 = C) and modes (1 = major), both -1 where unknown, and of
    tempi and loudnesses, NaN where unknown.

    A minor key stands where its relative major does: A minor is as near to C major as a change of mode.
    """
    known = (key >= 0) & (mode >= 0)
    fifths = np.where(known, 7 * (key + np.where(mode == 0, 3, 0)) % 12, np.nan)
    return np.column_stack([fifths, np.where(known, mode, np.nan), np.log2(tempo_bpm), loudness_lufs]).astype(
        np.float32
    )


def features_of(shelf: Shelf, described: Described, model: CollaborativeModel | None, cold: Cold) -> Features:
    """What the order goes by: what is known of the tracks, and where the model, or their sound, places them."""
    n_tracks = len(shelf.track_ids)
    played = np.zeros((n_tracks, 1), dtype=np.float32)
    if model is not None:
        vectors = np.zeros((n_tracks, model.track_factors.shape[1]), dtype=np.float32)
        _put(vectors, shelf, model.track_ids, model.track_factors)
        if len(cold.track_ids):
            _put(vectors, shelf, cold.track_ids, cold.vectors)
        played = shortened(vectors)
    is_played, is_said = (np.asarray(matrix.any(axis=1)) for matrix in (played, described.said))
    return Features(described.heard, is_played, played, is_said, described.said, described.genres)


def shortened(vectors: Floats) -> Floats:
    """Vectors (n, d) as (n, at most DIMENSIONS): their directions, along the axes on which most of them lies.

    Inner products are the best approximation of the cosines in so few dimensions (Eckart & Young 1936).
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions = vectors / np.where(lengths > 0, lengths, 1)
    with threadpool_limits(1, "blas"):
        _, axes = np.linalg.eigh((directions.T @ directions).astype(np.float64))
        chosen = axes[:, ::-1][:, :DIMENSIONS].astype(np.float32)
        return np.ascontiguousarray(directions @ chosen, dtype=np.float32)


def in_playing_order(shelf: Shelf, lists: Lists, features: Features) -> Lists:
    """The lists as they are to be played. Where songs of one artist can't be kept apart, one of them is marked as
    bent; where rules were bent for both already, neither."""
    from recommenders.playlists.path import find_paths

    rungs = np.where(lists.rows < 0, np.int8(127), RUNGS[lists.sources])
    lists = lists.reordered(np.lexsort((-lists.scores, rungs), axis=1))
    order = np.zeros(lists.rows.shape, dtype=np.int64)
    touching = np.zeros(lists.rows.shape, dtype=np.bool_)
    find_paths(
        shelf,
        features,
        lists.rows,
        (np.array(LEAST, dtype=np.float32), np.float32(CULTURE), np.float32(NEUTRAL), OPENINGS),
        order,
        touching,
    )
    lists = lists.reordered(order)
    users, places = np.nonzero(touching)
    marked = np.where(lists.bends[users, places] == 0, places, places - 1)
    free = lists.bends[users, marked] == 0
    lists.bends[users[free], marked[free]] = Bend.ORDER
    return lists


def jumps(features: Features, rows: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """How far it is from each song of full lists (n_users, length) to the next: (n_users, length - 1, 3) steps on the
    circle of fifths with changes of mode, octaves of tempo, and loudness units; NaN where unknown."""
    apart = np.abs(np.diff(features.heard[rows], axis=1))
    fifths = np.minimum(apart[..., 0], 12 - apart[..., 0]) + apart[..., 1]
    return np.stack([fifths, apart[..., 2], apart[..., 3]], axis=-1)
