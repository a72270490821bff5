"""Text vectors: artists and tracks in one space, by the words that are said of them (Deerwester et al. 1990).

Latent semantic analysis of words, pairs, phrases and adjectives, each kind with a weight of its own. What is said
decays alike for everybody, and vectors have the length 1: nobody moves because time passes.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field
from scipy.sparse import csr_matrix, diags
from threadpoolctl import threadpool_limits

from recommenders.errors import ModelError, NotEnoughDataError
from recommenders.language.weights import rarity
from recommenders.store import Artifacts
from recommenders.store.artifacts import column_matrix, matrix_column

KIND = "text"  # of the rows in `models`
OVERSAMPLED = 20
POWER_ITERATIONS = 4

Floats32 = npt.NDArray[np.float32]


class TextParameters(BaseModel):
    """Text vectors, and when their space is made anew."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dimensions: int = Field(200, ge=2, le=2_000, description="Most numbers of a vector.")
    word: float = Field(1, ge=0, description="Weight of one-word terms.")
    pair: float = Field(0.7, ge=0, description="Weight of two-word terms.")
    phrase: float = Field(0.5, ge=0, description="Weight of noun phrases.")
    adjective: float = Field(0.3, ge=0, description="Weight of adjectives, beside their being words.")
    artist: float = Field(0.5, ge=0, description="Weight of artists mentioned beside an artist.")
    least_artists: int = Field(2, ge=1, description="Artists that must have a term for it to count.")
    most_artists: int = Field(
        50_000, ge=2, description="Most artists that the space is learnt from, those of whom most is said."
    )
    most_terms: int = Field(200_000, ge=2, description="Most terms, those of most artists.")
    refit_growth: float = Field(
        0.1, gt=0, description="The space is made anew when this share more artists and tracks are known,"
    )
    refit_days: float = Field(7, gt=0, description="or when it is older than so many days and something new was said.")

    def weight_of(self, kind: str) -> float:
        """The weight of a kind of term."""
        return float(self.model_dump()[kind])


@dataclass(frozen=True)
class TextModel:
    """The projection from terms to vectors. `projection` (n_terms, n_dimensions) holds each term's weight, too."""

    term_ids: npt.NDArray[np.int64]  # (n_terms,) ascending
    projection: Floats32
    parameters: TextParameters


def strengths(masses: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How far a term pulls a vector: less than linearly in its mass, and all alike where all have decayed."""
    pulls: npt.NDArray[np.float64] = np.sqrt(masses)
    return pulls


@dataclass(frozen=True)
class Weighted:
    """The terms that count: their columns (n_terms,), the weight of each (n_terms,), and everybody's rows of length 1,
    (n, n_terms)."""

    columns: npt.NDArray[np.intp]
    weights: npt.NDArray[np.float64]
    rows: csr_matrix


def weighted(said: csr_matrix, kinds: npt.NDArray[np.str_], parameters: TextParameters) -> Weighted:
    """TF-IDF of `said`, masses of (n_artists, n_terms); `kinds` (n_terms,) name the kinds of the terms.

    Raises NotEnoughDataError where fewer than two artists or terms are left.
    """
    counts = np.bincount(said.indices, minlength=said.shape[1])
    weights = np.array([parameters.weight_of(kind) for kind in kinds.tolist()])
    chosen = np.flatnonzero((counts >= parameters.least_artists) & (weights > 0))
    if len(chosen) > parameters.most_terms:
        chosen = np.sort(chosen[np.argsort(-counts[chosen], kind="stable")[: parameters.most_terms]])
    n_artists = int((np.diff(said.indptr) > 0).sum())
    if n_artists < 2 or len(chosen) < 2:
        raise NotEnoughDataError(
            f"Too little was said for text vectors: {n_artists} artists, {len(chosen)} terms that some of them share."
        )
    weights = weights[chosen] * rarity(counts[chosen], n_artists)
    rows = said[:, chosen].astype(np.float64)
    rows.data = strengths(rows.data)
    return Weighted(chosen, weights, _of_length_one(rows @ diags(weights)))


def fit(
    said: csr_matrix,
    term_ids: npt.NDArray[np.int64],
    kinds: npt.NDArray[np.str_],
    parameters: TextParameters,
    seed: int = 0,
) -> TextModel:
    """The projection learnt from `said`, masses of (n_artists, n_terms): the right singular vectors of its TF-IDF.

    `term_ids` (n_terms,) ascend, `kinds` (n_terms,) name their kinds. Raises NotEnoughDataError where too little was
    said.
    """
    told = weighted(said, kinds, parameters)
    axes = principal_axes(told.rows, parameters.dimensions, seed)
    return TextModel(term_ids[told.columns], (told.weights[:, None] * axes).astype(np.float32), parameters)


def principal_axes(rows: csr_matrix, most: int, seed: int) -> npt.NDArray[np.float64]:
    """The first right singular vectors of `rows` (n, m), (m, k), at most `most`, the strongest first; each one's
    largest number is positive.

    Randomised range finder with power iterations (Halko, Martinsson & Tropp 2011, algorithms 4.4 and 5.1).
    """
    wanted = min(most, min(rows.shape) - 1)
    sampled = min(wanted + OVERSAMPLED, *rows.shape)
    with threadpool_limits(1, "blas"):
        basis = np.random.default_rng(seed).standard_normal((rows.shape[1], sampled))
        for _ in range(POWER_ITERATIONS):
            basis, _ = np.linalg.qr(rows.T @ np.linalg.qr(rows @ basis)[0])
        _, _, inner = np.linalg.svd(rows @ basis, full_matrices=False)
        axes = basis @ inner[:wanted].T
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(wanted)])
    found: npt.NDArray[np.float64] = axes * signs
    return found


def fold_in(model: TextModel, said: csr_matrix) -> Floats32:
    """The vectors of length 1 of whom `said` (n, n_terms), masses in the model's order of terms, speaks, (n,
    n_dimensions); zeros where it says nothing that the model knows."""
    rows = said.astype(np.float32)
    rows.data = strengths(rows.data).astype(np.float32)
    vectors = np.asarray(rows @ model.projection)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    folded: Floats32 = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-9)
    return folded


def masses_matrix(
    owners: npt.NDArray[np.intp],
    term_ids: npt.NDArray[np.int64],
    masses: npt.NDArray[np.float64],
    n_owners: int,
    columns: npt.NDArray[np.int64],
) -> csr_matrix:
    """Masses (n_owners, n_terms) of (owner, term) pairs, with one column for each of `columns` (ascending); other
    terms are left out."""
    places = np.searchsorted(columns, term_ids)
    known = np.flatnonzero(places < len(columns))
    known = known[columns[places[known]] == term_ids[known]]
    return csr_matrix((masses[known], (owners[known], places[known])), shape=(n_owners, len(columns)))


def _of_length_one(rows: csr_matrix) -> csr_matrix:
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    return csr_matrix(diags(np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)) @ rows)


def save_model(artifacts: Artifacts, name: str, model: TextModel) -> str:
    """Write the model as the artifact `name`; return its URI."""
    table = pa.table({"term_id": model.term_ids, "vector": matrix_column(model.projection)})
    return artifacts.write(name, table, {"parameters": model.parameters.model_dump()})


def load_model(artifacts: Artifacts, uri: str) -> TextModel:
    """The model at `uri`. Raises ModelError when it is missing, damaged, or no sound model."""
    table, facts = artifacts.read(uri)
    try:
        model = TextModel(
            table["term_id"].to_numpy(), column_matrix(table["vector"]), TextParameters(**facts["parameters"])
        )
    except (KeyError, AttributeError, ValueError) as error:
        raise ModelError(f"The artifact {uri} is not a text model: {error}. Delete its row, and read on.") from error
    if not (np.diff(model.term_ids) > 0).all() or not np.isfinite(model.projection).all():
        raise ModelError(f"The text model {uri} is damaged: its terms are not in order, or its numbers not finite.")
    return model
