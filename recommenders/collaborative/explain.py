"""Which plays put a song on a list: the exact effect on its score of taking a play away.

The score of a song is y' A^-1 b with A = Y'Y + Y'(|C| - I)Y + regularisation I and b = Y'Cp (Hu, Koren & Volinsky
2008, equation 4). Their section 5 splits it into a sum over plays, with A held fixed; but a play taken away changes A
as well, so here the score is solved again without it: a rank-one change (Sherman & Morrison 1950) for one play, rank
two (Woodbury) for a pair.
"""

import os

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from recommenders.collaborative.model import CollaborativeModel
from recommenders.settings import Settings

os.environ.setdefault("NUMBA_CACHE_DIR", str(Settings().home / "numba"))

from numba import njit

SECOND_PLAY_SHARE = 0.3


def explaining_plays(
    model: CollaborativeModel, confidence: csr_matrix, songs: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """The one or two liked tracks without which each song's score falls most, as columns of the model.

    `confidence` (n_users, n_tracks) signed, as `confidences` makes it; `songs` (n_users, length) columns of the model,
    -1 = none. Returns (n_users, length, 2), -1 = none. The score of the song, solved again without the named plays, is
    lower than with them; a second play is named when its own effect is at least 0.3 of the first's.
    """
    factors = model.track_factors.astype(np.float64)
    gram = factors.T @ factors + model.parameters.regularisation * np.eye(factors.shape[1])
    plays = np.full((*songs.shape, 2), -1, dtype=np.int64)
    _explain(
        factors,
        gram,
        confidence.indptr.astype(np.int64),
        confidence.indices.astype(np.int64),
        confidence.data.astype(np.float64),
        np.ascontiguousarray(songs),
        plays,
    )
    return plays


@njit(cache=True, nogil=True)
def _explain(factors, gram, indptr, indices, confidence, songs, plays):  # type: ignore[no-untyped-def]
    n_factors = factors.shape[1]
    lower = np.empty((n_factors, n_factors))
    for user in range(songs.shape[0]):
        tracks = indices[indptr[user] : indptr[user + 1]]
        signed = confidence[indptr[user] : indptr[user + 1]]
        liked = np.flatnonzero(signed > 0)
        if songs[user].max() < 0 or liked.shape[0] == 0:
            continue
        _factorise(factors, gram, tracks, signed, lower)
        # Row i of `solved` is A^-1 y_i; score, itself and change are those of the user's liked tracks.
        solved = np.empty((liked.shape[0], n_factors))
        weights = np.zeros(n_factors)
        for i in range(liked.shape[0]):
            _solve(lower, factors[tracks[liked[i]]], solved[i])
            weights += signed[liked[i]] * solved[i]
        score, itself = np.empty(liked.shape[0]), np.empty(liked.shape[0])
        strength, change = np.empty(liked.shape[0]), np.empty(liked.shape[0])
        for i in range(liked.shape[0]):
            own = factors[tracks[liked[i]]]
            c = signed[liked[i]]
            score[i], itself[i], strength[i] = _dot(own, weights), _dot(own, solved[i]), c
            change[i] = -c + (c - 1) * (score[i] - c * itself[i]) / (1 - (c - 1) * itself[i])
        ties = np.empty(liked.shape[0])
        for place in range(songs.shape[1]):
            if songs[user, place] < 0:
                continue
            song = factors[songs[user, place]]
            first, second = -1, -1
            for i in range(liked.shape[0]):
                ties[i] = _dot(song, solved[i])
                if first < 0 or ties[i] * change[i] < ties[first] * change[first]:
                    first, second = i, first
                elif second < 0 or ties[i] * change[i] < ties[second] * change[second]:
                    second = i
            fall = -ties[first] * change[first]
            if fall <= 0:
                continue
            plays[user, place, 0] = tracks[liked[first]]
            if second < 0 or -ties[second] * change[second] < SECOND_PLAY_SHARE * fall:
                continue
            cross = _dot(factors[tracks[liked[first]]], solved[second])
            if _change_without_both(first, second, cross, itself, score, strength, ties) < 0:
                plays[user, place, 1] = tracks[liked[second]]


@njit(cache=True, nogil=True, fastmath=True)
def _dot(a, b):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(a.shape[0]):
        total += a[i] * b[i]
    return total


@njit(cache=True, nogil=True)
def _factorise(factors, gram, tracks, signed, lower):  # type: ignore[no-untyped-def]
    """The lower Cholesky factor of A = gram + sum over the user's tracks of (|c| - 1) y y'."""
    lower[:] = gram
    for n in range(tracks.shape[0]):
        weight = abs(signed[n]) - 1
        own = factors[tracks[n]]
        for i in range(own.shape[0]):
            scaled = weight * own[i]
            for j in range(i + 1):
                lower[i, j] += scaled * own[j]
    for i in range(lower.shape[0]):
        for j in range(i + 1):
            rest = lower[i, j] - _dot(lower[i, :j], lower[j, :j])
            lower[i, j] = np.sqrt(rest) if i == j else rest / lower[j, j]


@njit(cache=True, nogil=True)
def _solve(lower, right, solution):  # type: ignore[no-untyped-def]
    """Solve L L' x = right into `solution`."""
    n = lower.shape[0]
    for i in range(n):
        solution[i] = (right[i] - _dot(lower[i, :i], solution[:i])) / lower[i, i]
    for i in range(n - 1, -1, -1):
        solution[i] /= lower[i, i]
        for j in range(i):
            solution[j] -= lower[i, j] * solution[i]


@njit(cache=True, nogil=True)
def _change_without_both(i, j, cross, itself, score, strength, ties):  # type: ignore[no-untyped-def]
    """The change of the song's score when plays i and j are both taken away; `cross` = y_i' A^-1 y_j."""
    # (1 - D U' A^-1 U) of the Woodbury identity, with U = [y_i, y_j] and D = diag(c - 1).
    a, d = strength[i] - 1, strength[j] - 1
    m00, m01, m10, m11 = 1 - a * itself[i], -a * cross, -d * cross, 1 - d * itself[j]
    rest_i = a * (score[i] - strength[i] * itself[i] - strength[j] * cross)
    rest_j = d * (score[j] - strength[i] * cross - strength[j] * itself[j])
    determinant = m00 * m11 - m01 * m10
    pull_i = (m11 * rest_i - m01 * rest_j) / determinant
    pull_j = (m00 * rest_j - m10 * rest_i) / determinant
    return ties[i] * (pull_i - strength[i]) + ties[j] * (pull_j - strength[j])
