"""Metrics of ranked lists over the full catalogue, one value a user or one a model.

Lists are (n_users, k) places in the catalogue, best first, -1 past the end of a short list. `relevant` is the
(n_users, n_tracks) matrix of what each user should have been offered; every user has at least one there.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

Lists = npt.NDArray[np.int64]
PerUser = npt.NDArray[np.float64]

BLOCK_USERS = 1_000


def best_unheard(
    user_factors: npt.NDArray[np.float32], track_factors: npt.NDArray[np.float32], heard: csr_matrix, k: int
) -> Lists:
    """The `k` tracks with the highest inner product for each user, without those in `heard` (n_users, n_tracks)."""
    from recommenders.evaluation.kernels import best_unheard as fill

    lists = np.full((heard.shape[0], k), -1, dtype=np.int64)
    norms = np.linalg.norm(track_factors, axis=1).astype(np.float32)
    tracks = np.argsort(-norms, kind="stable")
    sorted_factors, sorted_norms = np.ascontiguousarray(track_factors[tracks]), norms[tracks]

    def fill_block(users: slice) -> None:
        fill(
            np.ascontiguousarray(user_factors[users]),
            sorted_factors,
            sorted_norms,
            tracks,
            heard.indptr[users.start : users.stop + 1].astype(np.int64),
            heard.indices,
            lists[users],
        )

    blocks = [slice(first, min(first + BLOCK_USERS, len(lists))) for first in range(0, len(lists), BLOCK_USERS)]
    with ThreadPoolExecutor() as threads:
        list(threads.map(fill_block, blocks))
    return lists


def hits(lists: Lists, relevant: csr_matrix) -> npt.NDArray[np.bool_]:
    """Which places of the lists hold something relevant, (n_users, k)."""
    n_users, n_tracks = relevant.shape
    rows = np.repeat(np.arange(n_users), np.diff(relevant.indptr))
    wanted = rows * np.int64(n_tracks) + relevant.indices
    offered = np.arange(n_users)[:, None] * np.int64(n_tracks) + lists
    found: npt.NDArray[np.bool_] = np.isin(offered, wanted) & (lists >= 0)
    return found


def recall(found: npt.NDArray[np.bool_], relevant: csr_matrix) -> PerUser:
    """The share of what is relevant that is on the list, of at most as much as fits on it: hits / min(relevant, k)."""
    per_user: PerUser = found.sum(axis=1) / np.minimum(np.diff(relevant.indptr), found.shape[1])
    return per_user


def ndcg(found: npt.NDArray[np.bool_], relevant: csr_matrix) -> PerUser:
    """Normalised discounted cumulative gain with binary gains (Järvelin & Kekäläinen 2002)."""
    gains = 1 / np.log2(np.arange(found.shape[1]) + 2)
    ideal = np.cumsum(gains)[np.minimum(np.diff(relevant.indptr), found.shape[1]) - 1]
    per_user: PerUser = found @ gains / ideal
    return per_user


def reciprocal_rank(found: npt.NDArray[np.bool_]) -> PerUser:
    """1 / rank of the first relevant song; 0 where there is none on the list."""
    per_user: PerUser = found.any(axis=1) / (found.argmax(axis=1) + 1.0)
    return per_user


def exposure(lists: Lists, n_tracks: int) -> npt.NDArray[np.int64]:
    """On how many lists each track of the catalogue is, (n_tracks,)."""
    return np.bincount(lists[lists >= 0], minlength=n_tracks)


def coverage(counts: npt.NDArray[np.int64]) -> float:
    """The share of the catalogue that is on some list."""
    return float((counts > 0).mean())


def gini(counts: npt.NDArray[np.int64]) -> float:
    """How unequally lists are spread over the catalogue: 0 = every track equally often, near 1 = a few tracks only."""
    ordered = np.sort(counts).astype(np.float64)
    n, total = len(ordered), ordered.sum()
    return float((2 * np.arange(1, n + 1) - n - 1) @ ordered / (n * total)) if total else 0.0


def novelty(lists: Lists, listeners: npt.NDArray[np.int64], n_users: int) -> float:
    """Mean self-information of the songs offered, in bits: -log2 of the share of users who know the song.

    `listeners` (n_tracks,) counts them; a song that nobody knows counts as if one user did (Zhou et al. 2010).
    """
    known = np.maximum(listeners[lists[lists >= 0]], 1) / max(n_users, 1)
    return float(-np.log2(known).mean()) if len(known) else 0.0


def artist_spread(lists: Lists, artist_ids: npt.NDArray[np.int64]) -> float:
    """Mean share of a list's songs that bring in another artist: 1 = every song by someone else."""
    filled = lists >= 0
    artists = np.sort(np.where(filled, artist_ids[lists], -1), axis=1)
    different = (np.diff(artists, axis=1, prepend=-2) != 0) & (artists != -1)
    length = filled.sum(axis=1)
    return float((different.sum(axis=1) / np.maximum(length, 1))[length > 0].mean()) if length.any() else 0.0
