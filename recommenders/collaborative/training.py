"""Training: alternating least squares, begun at the champion's vectors and rotated back onto them."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.linalg import orthogonal_procrustes
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from recommenders.collaborative.model import (
    AlsParameters,
    CollaborativeModel,
    align,
    confidences,
    solver,
)
from recommenders.errors import NotEnoughDataError
from recommenders.listening.interactions import Interactions

LEAST_COSINE = 0.9  # below this median, tracks no longer lie where the old space had them


@dataclass(frozen=True)
class Training:
    """A trained model, and how near it lies to the champion that it was rotated onto."""

    model: CollaborativeModel
    median_cosine: float | None  # of tracks in both models; None where there was no champion of the same length


def train(
    interactions: Interactions,
    parameters: AlsParameters,
    seed: int,
    *,
    champion: CollaborativeModel | None = None,
    start: CollaborativeModel | None = None,
    new_space: int = 1,
) -> Training:
    """Train on `interactions`; the tracks that somebody likes get a vector.

    With a champion whose vectors are as long, training begins at its vectors, and the result is rotated onto them.
    It keeps the champion's space when the median cosine between old and new vectors is at least .9; else, and
    without such a champion, it opens `new_space`. Without a champion it begins at the vectors of `start`, or at random.
    Raises NotEnoughDataError when nobody likes anything.
    """
    liked = np.flatnonzero(np.bincount(interactions.strengths.indices[interactions.strengths.data > 0]))
    if not len(liked):
        raise NotEnoughDataError(
            "There is no listening to train on: nobody likes any track before the cut-off. "
            "Import some (`mixtape import listening PATH`), or choose a later cut-off."
        )
    track_ids = interactions.track_ids[liked]
    confidence = confidences(align(interactions, track_ids), parameters)
    if champion is None or champion.parameters.factors != parameters.factors:
        factors = fit(confidence, parameters, seed, _start(start, track_ids, seed) if start else None)
        return Training(CollaborativeModel(track_ids, factors, parameters, new_space), None)
    fresh = CollaborativeModel(
        track_ids, fit(confidence, parameters, seed, _start(champion, track_ids, seed)), parameters, new_space
    )
    rotated = rotate_onto(fresh, champion)
    cosine = median_cosine(rotated, champion)
    if cosine is not None and cosine >= LEAST_COSINE:
        rotated = replace(rotated, space=champion.space)
    return Training(rotated, cosine)


def fit(
    confidence: csr_matrix,
    parameters: AlsParameters,
    seed: int,
    start: npt.NDArray[np.float32] | None = None,
) -> npt.NDArray[np.float32]:
    """Track factors (n_tracks, n_factors) for confidences (n_users, n_tracks).

    They begin at `start`, of the same shape, with the users solved against it, and take half the iterations; or at
    random. The same seed gives the same factors, to the last bit, however many threads work on them.
    """
    with threadpool_limits(1, "blas"):
        als = solver(parameters, seed)
        if start is not None:
            als.item_factors = start.copy()
            als.user_factors = als.recalculate_user(np.arange(confidence.shape[0]), confidence)
            als.iterations = -(-parameters.iterations // 2)
        als.fit(confidence, show_progress=False)
    factors: npt.NDArray[np.float32] = als.item_factors
    return factors


def _start(earlier: CollaborativeModel, track_ids: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.float32]:
    """The earlier model's vectors for the tracks that it knows, and small random ones for new tracks."""
    random = np.random.default_rng(seed).random((len(track_ids), earlier.parameters.factors), dtype=np.float32)
    start: npt.NDArray[np.float32] = random * np.float32(0.01)
    _, here, there = np.intersect1d(track_ids, earlier.track_ids, assume_unique=True, return_indices=True)
    start[here] = earlier.track_factors[there]
    return start


def rotate_onto(model: CollaborativeModel, target: CollaborativeModel) -> CollaborativeModel:
    """The model turned (orthogonal Procrustes, Schönemann 1966) so that its tracks lie nearest to the target's.

    A rotation changes no inner product: every score stays as it was.
    """
    here, there = _common(model, target)
    if not len(here):
        return model
    with threadpool_limits(1, "blas"):
        rotation, _ = orthogonal_procrustes(model.track_factors[here], target.track_factors[there])
        turned = model.track_factors @ rotation.astype(np.float32)
    return replace(model, track_factors=turned)


def median_cosine(model: CollaborativeModel, other: CollaborativeModel) -> float | None:
    """The median cosine between the two models' vectors of one track; None where they share no track."""
    here, there = _common(model, other)
    a, b = model.track_factors[here].astype(np.float64), other.track_factors[there].astype(np.float64)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    known = lengths > 0
    if not known.any():
        return None
    return float(np.median(np.einsum("tf,tf->t", a[known], b[known]) / lengths[known]))


def _common(model: CollaborativeModel, other: CollaborativeModel) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Where the tracks of both models stand in each."""
    _, here, there = np.intersect1d(model.track_ids, other.track_ids, assume_unique=True, return_indices=True)
    return here, there
