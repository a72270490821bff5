"""Kinds of music: artists that the same listeners play, found from listening alone; nothing is known of their names."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

DIMENSIONS = 32
LEAST_ARTISTS = 8
MOST_KINDS = 200
_ROUNDS = 12
_POWERS = 4
_OVERSAMPLING = 8

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Kinds:
    """Where each artist stands among all music.

    `artist_ids` (n_artists,) ascending; `vectors` (n_artists, d) float32 of unit length: the cosine of two artists says
    how much the same listeners play both; `kinds` (n_artists,) the number of each artist's kind, its centre being a row
    of `centres` (n_kinds, d).
    """

    artist_ids: Ints
    vectors: Floats
    kinds: Ints
    centres: Floats


def learn_kinds(listeners: Ints, artist_ids: Ints, seed: int = 0) -> Kinds:
    """The kinds of music in plays, of which `listeners` and `artist_ids` (n_plays,) say who played whom.

    Spectral co-clustering (Dhillon 2001): singular vectors of the matrix of log(1 + plays), divided by the roots of
    both degrees, which are regularised by their mean (Amini et al. 2013) lest rare artists make kinds of their own;
    by a randomised decomposition (Halko, Martinsson & Tropp 2011); then spherical k-means. Takes time in proportion to
    the number of plays; the same plays and seed give the same kinds.
    """
    _, rows = np.unique(listeners, return_inverse=True)
    known, columns = np.unique(artist_ids, return_inverse=True)
    shape = (int(rows.max(initial=-1)) + 1, len(known))
    if len(known) < LEAST_ARTISTS:
        return Kinds(
            known, np.zeros((len(known), 1), np.float32), np.zeros(len(known), np.int64), np.zeros((1, 1), np.float32)
        )
    plays = csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)
    plays.data = np.log1p(plays.data)
    rng = np.random.default_rng(seed)
    with threadpool_limits(1, "blas"):
        vectors = _co_played(plays, min(DIMENSIONS, len(known) - 1, shape[0]), rng)
        kinds, centres = _grouped(vectors, min(MOST_KINDS, round(np.sqrt(2 * len(known)))), rng)
    return Kinds(known, vectors, kinds, centres)


def _co_played(plays: csr_matrix, dimensions: int, rng: np.random.Generator) -> Floats:
    """A vector of unit length for each column of `plays` (n_listeners, n_artists)."""
    of_rows, of_columns = (np.asarray(plays.sum(axis=axis)).ravel() for axis in (1, 0))
    root_rows, root_columns = (1 / np.sqrt(degrees + degrees.mean()) for degrees in (of_rows, of_columns))
    scaled = csr_matrix(plays.multiply(root_rows[:, None]).multiply(root_columns[None, :]), dtype=np.float32)
    turned = csr_matrix(scaled.T)
    n_columns = min(dimensions + _OVERSAMPLING, *scaled.shape)
    basis = rng.standard_normal((scaled.shape[1], n_columns), dtype=np.float32)
    for _ in range(_POWERS):
        basis = np.linalg.qr(turned @ (scaled @ basis))[0]
    image = (scaled @ basis).astype(np.float64)
    values, directions = np.linalg.eigh(image.T @ image)
    # The first singular vector says only how much an artist is played.
    best = np.argsort(-values)[1 : dimensions + 1]
    vectors = (basis @ directions[:, best]) * np.sqrt(np.maximum(values[best], 0)) * root_columns[:, None]
    return _unit(vectors.astype(np.float32))


def _grouped(vectors: Floats, n_kinds: int, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """Spherical k-means (Dhillon & Modha 2001) from seeds that lie far apart: the kind of each row, and the centres."""
    centres = np.empty((n_kinds, vectors.shape[1]), dtype=np.float32)
    centres[0] = vectors[rng.integers(len(vectors))]
    nearest = vectors @ centres[0]
    for kind in range(1, n_kinds):
        centres[kind] = vectors[
            np.searchsorted(np.cumsum((1.0 - nearest) ** 2), rng.random() * ((1.0 - nearest) ** 2).sum()).clip(
                max=len(vectors) - 1
            )
        ]
        nearest = np.maximum(nearest, vectors @ centres[kind])
    for _ in range(_ROUNDS):
        kinds = np.argmax(vectors @ centres.T, axis=1)
        sums = (
            csr_matrix((np.ones(len(kinds), np.float32), (kinds, np.arange(len(kinds)))), shape=(n_kinds, len(kinds)))
            @ vectors
        )
        centres = np.where(sums.any(axis=1, keepdims=True), _unit(sums), centres)
    return np.argmax(vectors @ centres.T, axis=1), centres


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)
