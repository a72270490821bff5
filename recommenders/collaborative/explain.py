"""Which plays put a song on a list: the exact effect on its score of taking a play away.

The score of a song is y' A^-1 b with A = Y'Y + Y'(|C| - I)Y + regularisation I and b = Y'Cp (Hu, Koren & Volinsky
2008, equation 4). Their section 5 splits it into a sum over plays, with A held fixed; but a play taken away changes A
as well, so here the score is solved again without it: a rank-one change (Sherman & Morrison 1950) for one play, rank
two (Woodbury) for a pair.
"""

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from recommenders.collaborative.model import CollaborativeModel
from recommenders.compiled import compiled

SECOND_PLAY_SHARE = 0.3


class Explainer:
    """Explains the songs of one model, for any number of users."""

    def __init__(self, model: CollaborativeModel, others: npt.NDArray[np.float32] | None = None) -> None:
        """`others` (n, n_factors) are vectors in the model's space of songs that it does not know: they are explained
        as the columns that follow the model's."""
        self.model = model
        vectors = model.track_factors
        if others is not None and len(others):
            vectors = np.concatenate([vectors, others])
        # In the coordinates L^-1 y, where Y'Y + regularisation I = L L', what is common to all users is the identity,
        # and a user's A is so well conditioned that single precision does.
        with threadpool_limits(1, "blas"):
            whitened = solve_triangular(np.linalg.cholesky(model.gram), vectors.T, lower=True).T
        self._tracks = np.ascontiguousarray(whitened, dtype=np.float32)

    def plays(self, confidence: csr_matrix, songs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The one or two liked tracks without which each song's score falls most, as columns of the model.

        `confidence` (n_users, n_tracks) signed, as `confidences` makes it; `songs` (n_users, length) columns of the
        model and, after them, of `others`, -1 = none. Returns (n_users, length, 2), -1 = none. The score of the song,
        solved again without the named plays, is lower than with them; a second play is named when its own effect is at
        least 0.3 of the first's.
        """
        plays = np.full((*songs.shape, 2), -1, dtype=np.int64)
        with threadpool_limits(1, "blas"):
            _explain(
                self._tracks,
                confidence.indptr.astype(np.int64),
                confidence.indices.astype(np.int64),
                confidence.data.astype(np.float32),
                np.ascontiguousarray(songs),
                plays,
            )
        return plays


@compiled()
def _explain(tracks, indptr, indices, confidence, songs, plays):  # type: ignore[no-untyped-def]
    unit = np.eye(tracks.shape[1], dtype=np.float32)
    for user in range(songs.shape[0]):
        columns = indices[indptr[user] : indptr[user + 1]]
        signed = confidence[indptr[user] : indptr[user + 1]]
        liked = np.flatnonzero(signed > 0)
        listed = np.flatnonzero(songs[user] >= 0)
        if listed.shape[0] == 0 or liked.shape[0] == 0:
            continue
        weighted = tracks[columns] * np.expand_dims(np.sqrt(np.abs(signed) - np.float32(1)), 1)
        lower = np.linalg.cholesky(unit + np.dot(weighted.T, weighted))
        # With A = L L', the product y' A^-1 z is that of L^-1 y and L^-1 z: the columns of `own` and of `asked`.
        solved = np.ascontiguousarray(tracks[np.append(columns[liked], songs[user][listed])].T)
        solve_lower(lower, solved)
        own, asked = solved[:, : liked.shape[0]].copy(), solved[:, liked.shape[0] :].copy()
        strength = signed[liked]
        score = np.dot(own.T, np.dot(own, strength))
        itself = (own * own).sum(axis=0)
        one = np.float32(1)
        change = -strength + (strength - one) * (score - strength * itself) / (one - (strength - one) * itself)
        ties = np.dot(asked.T, own)
        for n in range(listed.shape[0]):
            first, second = _strongest(ties[n], change)
            fall = -ties[n, first] * change[first]
            if fall <= 0:
                continue
            plays[user, listed[n], 0] = columns[liked[first]]
            if second < 0 or -ties[n, second] * change[second] < SECOND_PLAY_SHARE * fall:
                continue
            cross = (own[:, first] * own[:, second]).sum()
            if _change_without_both(first, second, cross, itself, score, strength, ties[n]) < 0:
                plays[user, listed[n], 1] = columns[liked[second]]


@compiled(fastmath=True)
def solve_lower(lower, right):  # type: ignore[no-untyped-def]
    """Replace every column b of `right` by the solution of L x = b."""
    for i in range(lower.shape[0]):
        for k in range(i):
            for column in range(right.shape[1]):
                right[i, column] -= lower[i, k] * right[k, column]
        for column in range(right.shape[1]):
            right[i, column] /= lower[i, i]


@compiled()
def _strongest(ties, change):  # type: ignore[no-untyped-def]
    """The two plays without which the score falls most; the second is -1 where there is only one."""
    first, second = 0, -1
    for i in range(1, ties.shape[0]):
        if ties[i] * change[i] < ties[first] * change[first]:
            first, second = i, first
        elif second < 0 or ties[i] * change[i] < ties[second] * change[second]:
            second = i
    return first, second


@compiled()
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
