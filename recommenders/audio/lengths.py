"""The constant length of a heard vector: it puts songs that nobody has played on the scale of those with few plays."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

FEW_LISTENERS = (5, 20)
LEAST_TRACKS = 20


def fit_length(directions: Floats, vectors: Floats, listeners: npt.NDArray[np.int64], users: Floats) -> float:
    """The length L at which the scores of heard tracks come nearest to their collaborative scores.

    For the heard `directions` (n, f), unit rows, the collaborative `vectors` (n, f) and the number of `listeners` (n,)
    of tracks that the network did not learn from, and users' factors (n_users, f): the least-squares L of
    u·v = L u·d over all users u and the tracks with 5-20 listeners (all of them where these are fewer than 20). Then
    L u·d is what such a track scores on average when it sounds like d: the less the network knows, the shorter, so
    that an uncertain guess can't swamp the ranking, which a vector of length 1, or the median, would. At least 0.
    """
    few = (listeners >= FEW_LISTENERS[0]) & (listeners <= FEW_LISTENERS[1])
    if few.sum() >= LEAST_TRACKS:
        directions, vectors = directions[few], vectors[few]
    gram = users.astype(np.float64).T @ users
    scored = directions.astype(np.float64) @ gram
    between = float(np.einsum("nf,nf->", scored, vectors))
    within = float(np.einsum("nf,nf->", scored, directions))
    return max(between / within, 0.0) if within > 0 else 0.0
