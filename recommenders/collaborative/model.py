"""The collaborative model: a vector for each track, and each user's vector solved from what they like."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from implicit.cpu.als import AlternatingLeastSquares
from pydantic import Field
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from recommenders.errors import ModelError
from recommenders.listening.interactions import Interactions, TasteParameters
from recommenders.store.artifacts import Artifacts, column_matrix, matrix_column
from recommenders.store.places import places_of

KIND = "collaborative"  # of the rows in `models`
FOLD_IN_PARTS = 4  # solved side by side


class AlsParameters(TasteParameters):
    """Alternating least squares for implicit feedback (Hu, Koren & Volinsky 2008), and the taste that it learns from.

    A liked track has the preference 1 and the confidence 1 + alpha log(1 + r / eps) for its strength r.
    """

    factors: int = Field(64, ge=1, le=1024, description="Length of a vector.")
    alpha: float = Field(2.0, gt=0, description="How fast confidence grows with the logarithm of the strength.")
    eps: float = Field(1.0, gt=0, description="Strength from which on confidence grows slower than linearly.")
    regularisation: float = Field(1.0, gt=0, description="Weight of the squared length of the vectors in the loss.")
    iterations: int = Field(
        10,
        ge=1,
        le=200,
        description="Rounds of solving all users, then all tracks; half as many from an earlier model's vectors.",
    )


@dataclass(frozen=True)
class CollaborativeModel:
    """Trained track factors. Vectors of two spaces must never be multiplied."""

    track_ids: npt.NDArray[np.int64]  # (n_tracks,) ascending
    track_factors: npt.NDArray[np.float32]  # (n_tracks, n_factors)
    parameters: AlsParameters
    space: int
    model_id: int | None = None

    @cached_property
    def gram(self) -> npt.NDArray[np.float64]:
        """Y'Y + regularisation I of the track factors Y, (n_factors, n_factors): what all users' equations share."""
        exact = self.track_factors.astype(np.float64)
        with threadpool_limits(1, "blas"):
            shared: npt.NDArray[np.float64] = exact.T @ exact
        return shared + self.parameters.regularisation * np.eye(len(shared))


def confidences(strengths: csr_matrix, parameters: AlsParameters) -> csr_matrix:
    """Confidences for strengths, same shape, as `implicit` takes them with its own alpha = 1: negative = disliked."""
    grown = 1 + parameters.alpha * np.log1p(np.abs(strengths.data) / parameters.eps)
    signed = (np.sign(strengths.data) * grown).astype(np.float32)
    return csr_matrix((signed, strengths.indices, strengths.indptr), shape=strengths.shape)


def align(interactions: Interactions, track_ids: npt.NDArray[np.int64]) -> csr_matrix:
    """The strengths with one column for each of `track_ids` (ascending), (n_users, n_tracks); other tracks dropped."""
    strengths = interactions.strengths
    if not len(track_ids):
        return csr_matrix((strengths.shape[0], 0), dtype=np.float32)
    columns = places_of(track_ids, interactions.track_ids)
    known = (columns >= 0)[strengths.indices]
    indptr = np.concatenate([[0], np.cumsum(known)])[strengths.indptr]
    return csr_matrix(
        (strengths.data[known], columns[strengths.indices[known]], indptr), shape=(strengths.shape[0], len(track_ids))
    )


def fold_in(model: CollaborativeModel, confidence: csr_matrix) -> npt.NDArray[np.float32]:
    """Each user's factors, (n_users, n_factors) float32, solved exactly against the fixed track factors.

    Solves (Y'Y + Y'(|C| - I)Y + regularisation I) x = Y'C p for every row of `confidence`, (n_users, n_tracks) in
    the model's order of tracks (Hu, Koren & Volinsky 2008, equation 4). A user without confidences gets zeros.
    """
    from recommenders.collaborative import kernels

    factors = np.ascontiguousarray(model.track_factors)
    gram = model.gram.astype(np.float32)
    indices, data = confidence.indices.astype(np.int64), confidence.data.astype(np.float32)
    solved = np.zeros((confidence.shape[0], factors.shape[1]), dtype=np.float32)

    def solve(first: int, end: int) -> None:
        kernels.fold_in(
            factors,
            gram,
            confidence.indptr[first : end + 1].astype(np.int64),
            indices,
            data,
            solved[first:end],
        )

    with threadpool_limits(1, "blas"), ThreadPoolExecutor() as threads:
        ends = np.linspace(0, len(solved), FOLD_IN_PARTS + 1).astype(int)
        list(threads.map(solve, ends[:-1], ends[1:]))
    return solved


def solver(parameters: AlsParameters, seed: int = 0) -> Any:
    """`implicit`'s alternating least squares on the processor, for confidences as `confidences` makes them.

    Use it under `threadpool_limits(1, "blas")`: its own threads and those of OpenBLAS get into each other's way.
    """
    return AlternatingLeastSquares(
        factors=parameters.factors,
        regularization=parameters.regularisation,
        alpha=1.0,
        iterations=parameters.iterations,
        random_state=seed,
    )


def save_model(artifacts: Artifacts, name: str, model: CollaborativeModel) -> str:
    """Write the model, rows in its order of tracks, as the artifact `name`; return its URI."""
    table = pa.table({"track_id": model.track_ids, "vector": matrix_column(model.track_factors)})
    return artifacts.write(name, table, {"parameters": model.parameters.model_dump(), "space": model.space})


def load_model(artifacts: Artifacts, uri: str, model_id: int | None = None) -> CollaborativeModel:
    """The model at `uri`. Raises ModelError when it is missing, damaged, or no sound model."""
    table, facts = artifacts.read(uri)
    try:
        model = CollaborativeModel(
            track_ids=table["track_id"].to_numpy(),
            track_factors=column_matrix(table["vector"]),
            parameters=AlsParameters(**facts["parameters"]),
            space=facts["space"],
            model_id=model_id,
        )
    except (KeyError, AttributeError, ValueError) as error:
        raise ModelError(f"The artifact {uri} is not a collaborative model: {error}. Retrain, or roll back.") from error
    _check(model, uri)
    return model


def _check(model: CollaborativeModel, name: str) -> None:
    """Raise ModelError unless ids are ascending, shapes fit, and every number is finite."""
    shape = (len(model.track_ids), model.parameters.factors)
    if model.track_factors.shape != shape:
        raise ModelError(f"The model {name} has factors of shape {model.track_factors.shape} instead of {shape}.")
    if not (np.diff(model.track_ids) > 0).all():
        raise ModelError(f"The tracks of the model {name} are not in ascending order, each once.")
    if not np.isfinite(model.track_factors).all():
        raise ModelError(f"The model {name} holds numbers that are not finite. Retrain, or roll back to another model.")
