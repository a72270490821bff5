"""How tracks speak for each other: EASE among the most-liked tracks, BM25 with all others, and what brings both onto
one scale."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.linalg import blas, lapack
from scipy.sparse import coo_matrix, csr_matrix
from threadpoolctl import threadpool_limits

from recommenders.collaborative import item_kernels as kernels
from recommenders.errors import ModelError

if TYPE_CHECKING:
    from recommenders.collaborative.items import ItemParameters

BLOCK_SOURCES = 2_048
SAMPLED_SOURCES = 200
TEXT_FAME = 0.25  # the text of a track counts with its likings to this power

Floats = npt.NDArray[np.float32]


def relative(liked: csr_matrix) -> csr_matrix:
    """The likings with a mean of 1 for each user: whoever plays more does not count more for each track."""
    lengths = np.diff(liked.indptr)
    rows = np.repeat(np.arange(liked.shape[0]), lengths)
    means = np.bincount(rows, liked.data, liked.shape[0]) / np.maximum(lengths, 1)
    return csr_matrix((liked.data / means[rows].astype(np.float32), liked.indices, liked.indptr), shape=liked.shape)


def ease(
    liked: csr_matrix,
    dense: npt.NDArray[np.intp],
    n_likers: npt.NDArray[np.int64],
    parameters: "ItemParameters",
    text: Floats | None,
) -> tuple[csr_matrix, csr_matrix]:
    """The strongest positive entries of each row of B = I - P diag(1 / diag P), P = G^-1, among the tracks `dense`; and
    the part of each that comes from `text`.

    G = X'X + text T T' + lambda I + dropout diag(X'X + text T T'), with T the text vectors by the fourth root of their
    tracks' likings, on the scale of a track with the mean diagonal. Column i of B is a ridge regression of the track i
    on all others: what predicts its listeners and what predicts its text add up to it, and the second is the part of
    the text, (P text T T')_ji + (P text T T')_ii B_ji.
    """
    chosen = relative(liked)[:, dense].tocsr()
    chosen.sort_indices()
    gram = np.zeros((len(dense), len(dense)), dtype=np.float32)
    kernels.count_together(chosen.indptr.astype(np.int64), chosen.indices, chosen.data, gram)
    diagonal, pulls = np.diag_indices(len(dense)), np.zeros((len(dense), 0), dtype=np.float32)
    with threadpool_limits(1, "blas"):
        if text is not None and parameters.text:
            fame = n_likers[dense] / n_likers[dense].mean()
            pulls = text * (np.sqrt(parameters.text * gram[diagonal].mean()) * fame**TEXT_FAME)[:, None]
            pulls = pulls.astype(np.float32)
            gram += pulls @ pulls.T
        gram[diagonal] += parameters.regularisation + parameters.dropout * gram[diagonal]
        inverse = _inverse(gram)
    entries = _rows_by_blocks(
        dense,
        liked.shape[1],
        parameters.neighbours,
        lambda first, counts, columns, values: kernels.strongest_of_rows(
            inverse, dense.astype(np.int32), first, counts, columns, values
        ),
    )
    return entries, _told(entries, dense, inverse, pulls)


def _told(entries: csr_matrix, dense: npt.NDArray[np.intp], inverse: Floats, pulls: Floats) -> csr_matrix:
    """The part of each entry that comes from text; `pulls` (n_dense, d) is T, weighted."""
    if not pulls.shape[1]:
        return csr_matrix(entries.shape, dtype=np.float32)
    with threadpool_limits(1, "blas"):
        pulled = np.ascontiguousarray(blas.ssymm(1.0, inverse.T, pulls, lower=1))
    places = np.full(entries.shape[1], -1, dtype=np.int64)
    places[dense] = np.arange(len(dense))
    sources = places[np.repeat(np.arange(entries.shape[0]), np.diff(entries.indptr))]
    parts = np.empty_like(entries.data)
    kernels.part_of_text(pulled, pulls, sources, places[entries.indices], entries.data, parts)
    told = csr_matrix((parts, entries.indices.copy(), entries.indptr.copy()), shape=entries.shape)
    told.eliminate_zeros()
    return told


def _inverse(gram: Floats) -> Floats:
    """The upper half of the inverse of a positive definite matrix of which the upper half is given; overwrites it."""
    # LAPACK's matrices are stored by columns: the transpose is given in place, of which the lower half counts.
    factor, failed = lapack.spotrf(gram.T, lower=1, clean=0, overwrite_a=1)
    if not failed:
        inverse, failed = lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed:
        raise ModelError("The item-to-item model cannot be solved in single precision: raise its regularisation.")
    upper: Floats = inverse.T
    return upper


def together(liked: csr_matrix, dense: npt.NDArray[np.intp], parameters: "ItemParameters") -> csr_matrix:
    """The highest cosines of the BM25 weights of each track with others, two of `dense` aside."""
    weights = bm25(liked, parameters)
    lovers = weights.T.tocsr()
    lovers.sort_indices()
    is_dense = np.zeros(liked.shape[1], dtype=np.bool_)
    is_dense[dense] = True
    sources = np.arange(liked.shape[1])
    if is_dense.all() or not parameters.other_neighbours:
        return csr_matrix((len(sources), len(sources)), dtype=np.float32)
    return _rows_by_blocks(
        sources,
        len(sources),
        parameters.other_neighbours,
        lambda first, counts, columns, values: kernels.strongest_together(
            sources[first : first + len(counts)], _parts(weights), _parts(lovers), is_dense, counts, columns, values
        ),
    )


def bm25(liked: csr_matrix, parameters: "ItemParameters") -> csr_matrix:
    """The BM25 weights of the likings (n_users, n_tracks), a track being a document of its users, at length 1 for each
    track; as `implicit.nearest_neighbours.bm25_weight` makes them."""
    entries = coo_matrix(liked)
    n_tracks = float(liked.shape[1])
    rarity = np.log(n_tracks) - np.log1p(np.bincount(entries.row, minlength=liked.shape[0]))
    sums = np.bincount(entries.col, entries.data, liked.shape[1])
    lengths = (1 - parameters.b) + parameters.b * sums / sums.mean()
    weights = entries.data * (parameters.k1 + 1) / (parameters.k1 * lengths[entries.col] + entries.data)
    weights *= np.maximum(rarity, 0)[entries.row]
    norms = np.sqrt(np.bincount(entries.col, weights**2, liked.shape[1]))
    weights = np.divide(weights, norms[entries.col], out=np.zeros_like(weights), where=norms[entries.col] > 0)
    made = csr_matrix((weights.astype(np.float32), (entries.row, entries.col)), shape=liked.shape)
    made.sort_indices()
    return made


def scale(liked: csr_matrix, dense: npt.NDArray[np.intp], by_ease: csr_matrix, parameters: "ItemParameters") -> float:
    """What cosines are multiplied by so that, on average over the likings that both know, they say as much of a track
    that somebody likes as EASE does; from a sample of sources."""
    sample = dense[:: -(-len(dense) // SAMPLED_SOURCES)]
    counts, weights = relative(liked), bm25(liked, parameters)
    both = (counts[:, sample].T @ counts[:, dense]).tocsr()
    cosines = (weights[:, sample].T @ weights[:, dense]).tocsr()
    own = csr_matrix((np.ones(len(sample)), (np.arange(len(sample)), np.searchsorted(dense, sample))), cosines.shape)
    by_bm25 = (cosines - cosines.multiply(own)).multiply(both).sum()
    said = by_ease[sample][:, dense].multiply(both).sum()
    return float(said / by_bm25) if by_bm25 > 0 and said > 0 else 1.0


def _parts(matrix: csr_matrix) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], Floats]:
    return matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data


def _rows_by_blocks(
    rows: npt.NDArray[np.intp],
    n: int,
    k: int,
    fill: Callable[[int, npt.NDArray[np.int64], npt.NDArray[np.int32], Floats], None],
) -> csr_matrix:
    """The matrix (n, n) float32 of which `rows`, ascending, are filled a block at a time, side by side.

    `fill(first, counts, columns, values)` writes the entries of rows[first], rows[first + 1], ..., at most `k` each.
    """

    def block(first: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], Floats]:
        n_rows = min(BLOCK_SOURCES, len(rows) - first)
        counts = np.zeros(n_rows, dtype=np.int64)
        columns, values = np.zeros((n_rows, k), dtype=np.int32), np.zeros((n_rows, k), dtype=np.float32)
        fill(first, counts, columns, values)
        kept = np.arange(k) < counts[:, None]
        return counts, columns[kept], values[kept]

    with ThreadPoolExecutor() as threads:
        counts, columns, values = zip(*threads.map(block, range(0, len(rows), BLOCK_SOURCES)), strict=True)
    lengths = np.zeros(n, dtype=np.int64)
    lengths[rows] = np.concatenate(counts)
    made = csr_matrix((np.concatenate(values), np.concatenate(columns), np.append(0, np.cumsum(lengths))), shape=(n, n))
    made.sort_indices()
    return made
