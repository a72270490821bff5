"""Which plays put a song on a list: the exact effect on its score of taking a play away.

The score of a song is y' A^-1 b with A = Y'Y + Y'(|C| - I)Y + regularisation I and b = Y'Cp (Hu, Koren & Volinsky
2008, equation 4). Their section 5 splits it into a sum over plays, with A held fixed; but a play taken away changes A
as well, so here the score is solved again without it: a rank-one change (Sherman & Morrison 1950) for one play, rank two
(Woodbury) for a pair.
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
    for user in range(songs.shape[0]):
        if songs[user].max() < 0 or indptr[user] == indptr[user + 1]:
            continue
        tracks = indices[indptr[user] : indptr[user + 1]]
        signed = confidence[indptr[user] : indptr[user + 1]]
        vectors = factors[tracks]
        weighted = vectors * (np.abs(signed) - 1).reshape(-1, 1)
        inverse = np.linalg.inv(gram + np.dot(vectors.T, weighted))
        liked = np.flatnonzero(signed > 0)
        own = vectors[liked]
        strength = signed[liked]
        extra = strength - 1
        solved = np.dot(inverse, own.T)  # (f, n_liked): A^-1 y_i
        itself = np.sum(own.T * solved, axis=0)  # y_i' A^-1 y_i
        score = np.dot(solved.T, np.dot(own.T, strength))  # the score of each liked track
        change = -strength + extra * (score - strength * itself) / (1 - extra * itself)
        for place in range(songs.shape[1]):
            song = songs[user, place]
            if song < 0:
                continue
            ties = np.dot(np.ascontiguousarray(factors[song]), solved)  # y' A^-1 y_i
            fall = -ties * change
            first, second = -1, -1
            for i in range(fall.shape[0]):
                if first < 0 or fall[i] > fall[first]:
                    first, second = i, first
                elif second < 0 or fall[i] > fall[second]:
                    second = i
            if first < 0 or fall[first] <= 0:
                continue
            plays[user, place, 0] = tracks[liked[first]]
            if second < 0 or fall[second] < SECOND_PLAY_SHARE * fall[first]:
                continue
            both = _change_without_both(first, second, own, solved, itself, score, strength, ties)
            if both < 0:
                plays[user, place, 1] = tracks[liked[second]]


@njit(cache=True, nogil=True)
def _change_without_both(i, j, own, solved, itself, score, strength, ties):  # type: ignore[no-untyped-def]
    """The change of the song's score when plays i and j are both taken away."""
    cross = np.sum(own[i] * solved[:, j])
    # (D^-1 - U' A^-1 U) of the Woodbury identity, with U = [y_i, y_j] and D = diag(c - 1), times D from the left.
    a, d = strength[i] - 1, strength[j] - 1
    m00, m01, m10, m11 = 1 - a * itself[i], -a * cross, -d * cross, 1 - d * itself[j]
    rest_i = a * (score[i] - strength[i] * itself[i] - strength[j] * cross)
    rest_j = d * (score[j] - strength[i] * cross - strength[j] * itself[j])
    determinant = m00 * m11 - m01 * m10
    pull_i = (m11 * rest_i - m01 * rest_j) / determinant
    pull_j = (m00 * rest_j - m10 * rest_i) / determinant
    return ties[i] * (pull_i - strength[i]) + ties[j] * (pull_j - strength[j])
