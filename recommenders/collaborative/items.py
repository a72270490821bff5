"""The item-to-item model: which tracks a liked track speaks for.

Two cheap models on one scale. Among the most-liked tracks EASE (Steck 2019): the closed form of a linear autoencoder,
with the diagonal that emulates dropout (Steck 2020, "Autoencoders that don't overfit towards the identity") and, where
something is said of the tracks, their text vectors beside their listeners (Jeunen, Van Balen & Goethals 2020, "Closed-
form models for collaborative filtering with side-information"). For all others, cosines of BM25 weights (Robertson &
Walker 1994). No entry is negative, so a score is a mean of what the liked tracks say, and each play's part is exact.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field
from scipy.sparse import csr_matrix

from recommenders.errors import ModelError, NotEnoughDataError
from recommenders.listening.interactions import Interactions
from recommenders.store.artifacts import Artifacts
from recommenders.store.places import places_of

KIND = "items"  # of the rows in `models`
_COLUMNS = (("tracks", "similarities"), ("told_tracks", "told"))  # of the artifact: of each matrix, where and how much

Floats = npt.NDArray[np.float32]


class Told(Protocol):
    """Where tracks lie by what is said of them."""

    @property
    def ids(self) -> npt.NDArray[np.int64]:
        """The tracks, (m,) ascending."""

    @property
    def vectors(self) -> Floats:
        """(m, n_dimensions), of length 1."""


class ItemParameters(BaseModel):
    """What the item-to-item model looks at, and how far it trusts it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    most_dense: int = Field(
        8_000, ge=0, description="Tracks that EASE knows, the most liked; its cost is the cube of them. 0: BM25 alone."
    )
    least_likers: int = Field(2, ge=1, description="Likers from which on EASE knows a track.")
    neighbours: int = Field(100, ge=1, description="Most tracks that one of these speaks for among these.")
    other_neighbours: int = Field(60, ge=0, description="Most tracks that any track speaks for by BM25.")
    most_liked: int = Field(500, ge=2, description="A user's strongest likings that count, so that cost stays linear.")
    regularisation: float = Field(100.0, gt=0, description="Added to the diagonal of EASE: lambda.")
    dropout: float = Field(
        1.0, ge=0, description="Share of the diagonal that is added to it, as p / (1 - p) of dropout."
    )
    text: float = Field(2.0, ge=0, description="Weight of what is said of tracks beside who likes them.")
    k1: float = Field(1.2, gt=0, description="BM25: from which strength on a liking weighs less than linearly.")
    b: float = Field(0.75, ge=0, le=1, description="BM25: how far a track's many likings are held against it.")
    other_trust: float = Field(0.3, gt=0, description="What BM25 says counts so much beside EASE, on EASE's scale.")


@dataclass(frozen=True)
class ItemModel:
    """Row j of `similarity` holds the tracks that a liked track j speaks for, in ascending order, all entries > 0;
    `told` holds the part of these entries, where there is one, that comes from what is said of both."""

    track_ids: npt.NDArray[np.int64]  # (n_tracks,) ascending
    similarity: csr_matrix  # (n_tracks, n_tracks) float32
    told: csr_matrix  # (n_tracks, n_tracks) float32
    parameters: ItemParameters
    model_id: int | None = None


def likings(strengths: csr_matrix) -> csr_matrix:
    """How much each liking of `strengths` (n_users, n_tracks) counts: log1p; a dislike counts nothing."""
    liked = strengths.maximum(0).astype(np.float32).tocsr()
    liked.sort_indices()
    liked.data = np.log1p(liked.data)
    return liked


def fit_items(interactions: Interactions, parameters: ItemParameters, text: Told | None = None) -> ItemModel:
    """Train on `interactions`, and on what is said of the tracks; those that somebody likes are known.

    The same data give the same model. Raises NotEnoughDataError when nobody likes anything.
    """
    from recommenders.collaborative.item_similarity import ease, scale, together

    liked = _strongest(likings(interactions.strengths), parameters.most_liked)
    n_likers = np.bincount(liked.indices, minlength=liked.shape[1])
    known = np.flatnonzero(n_likers)
    if not len(known):
        raise NotEnoughDataError("There is no listening to learn from: nobody likes any track before the cut-off.")
    liked, n_likers, track_ids = liked[:, known].tocsr(), n_likers[known], interactions.track_ids[known]
    dense = np.sort(np.argsort(-n_likers, kind="stable")[: parameters.most_dense])
    dense = dense[n_likers[dense] >= parameters.least_likers]
    others = together(liked, dense, parameters)
    if not len(dense):
        return ItemModel(track_ids, others, csr_matrix(others.shape, dtype=np.float32), parameters)
    by_ease, told = ease(liked, dense, n_likers, parameters, _placed(track_ids[dense], text))
    others.data *= np.float32(parameters.other_trust * scale(liked, dense, by_ease, parameters))
    similarity = (by_ease + others).tocsr()
    similarity.sort_indices()
    return ItemModel(track_ids, similarity, told, parameters)


def _strongest(liked: csr_matrix, most: int) -> csr_matrix:
    """The `most` strongest likings of each user, of equal ones the first tracks'; rows in order of tracks."""
    liked.eliminate_zeros()
    lengths = np.diff(liked.indptr)
    if lengths.max(initial=0) <= most:
        return liked
    rows = np.repeat(np.arange(liked.shape[0]), lengths)
    order = np.lexsort((liked.indices, -liked.data, rows))
    kept = np.sort(order[np.arange(len(order)) - liked.indptr[rows[order]] < most])
    indptr = np.append(0, np.cumsum(np.minimum(lengths, most)))
    return csr_matrix((liked.data[kept], liked.indices[kept], indptr), shape=liked.shape)


def _placed(track_ids: npt.NDArray[np.int64], text: Told | None) -> Floats | None:
    """The text vectors of these tracks, zeros for those of which nothing is said; None where nothing is of any."""
    if text is None or not len(text.ids):
        return None
    places = places_of(text.ids, track_ids)
    if (places < 0).all():
        return None
    vectors: Floats = text.vectors[np.maximum(places, 0)] * (places >= 0)[:, None]
    return vectors.astype(np.float32)


def score_items(model: ItemModel, strengths: csr_matrix) -> npt.NDArray[np.float32]:
    """The scores of all tracks, (n_users, n_tracks) float32 >= 0, for strengths of that shape in the model's order.

    score(u, i) = sum_j w_uj s_ji / sum_j w_uj over the liked tracks j with w = log1p(strength); zeros for a user who
    likes nothing.
    """
    liked = likings(strengths)
    weights = np.asarray(liked.sum(axis=1), dtype=np.float32)
    said = (liked @ model.similarity).toarray()
    scores: npt.NDArray[np.float32] = np.divide(said, weights, out=np.zeros_like(said), where=weights > 0)
    return scores


def save_items(artifacts: Artifacts, name: str, model: ItemModel) -> str:
    """Write the model, rows in its order of tracks, as the artifact `name`; return its URI."""
    columns = {"track_id": model.track_ids}
    for (tracks, values), matrix in zip(_COLUMNS, (model.similarity, model.told), strict=True):
        offsets = pa.array(matrix.indptr.astype(np.int32))
        columns[tracks] = pa.ListArray.from_arrays(offsets, pa.array(matrix.indices.astype(np.int32)))
        columns[values] = pa.ListArray.from_arrays(offsets, pa.array(matrix.data))
    return artifacts.write(name, pa.table(columns), {"parameters": model.parameters.model_dump()})


def load_items(artifacts: Artifacts, uri: str, model_id: int | None = None) -> ItemModel:
    """The model at `uri`. Raises ModelError when it is missing, damaged, or no sound model."""
    table, facts = artifacts.read(uri)
    try:
        parameters = ItemParameters(**facts["parameters"])
        track_ids = table["track_id"].to_numpy()
        read = [(*_lists(table[tracks]), *_lists(table[values])) for tracks, values in _COLUMNS]
    except (KeyError, AttributeError, TypeError, ValueError, pa.ArrowException) as error:
        raise ModelError(f"The artifact {uri} is not an item-to-item model: {error}. Train it again.") from error
    if not (np.diff(track_ids) > 0).all():
        raise ModelError(f"The tracks of the model {uri} are not in ascending order, each once. Train it again.")
    similarity, told = (_sound_matrix(uri, len(track_ids), *columns) for columns in read)
    return ItemModel(track_ids, similarity, told, parameters, model_id)


def _sound_matrix(
    uri: str,
    n_tracks: int,
    offsets: npt.NDArray[np.int32],
    tracks: npt.NDArray[np.int32],
    ends: npt.NDArray[np.int32],
    values: npt.NDArray[Any],
) -> csr_matrix:
    if not np.array_equal(offsets, ends) or not ((tracks >= 0) & (tracks < n_tracks)).all():
        raise ModelError(f"The model {uri} names tracks that it does not hold. Train it again.")
    if not (np.isfinite(values) & (values > 0)).all():
        raise ModelError(f"The model {uri} holds similarities that are not finite or not above 0. Train it again.")
    matrix = csr_matrix((values.astype(np.float32), tracks, offsets), shape=(n_tracks, n_tracks))
    if not matrix.has_canonical_format:
        raise ModelError(f"The model {uri} names tracks out of order, or twice. Train it again.")
    return matrix


def _lists(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int32], npt.NDArray[Any]]:
    """The offsets (n + 1,) and the values of a column of lists."""
    whole = column.combine_chunks()
    whole = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) and whole.num_chunks else whole
    if not len(column):
        return np.zeros(1, dtype=np.int32), np.empty(0, dtype=np.float32)
    offsets = whole.offsets.to_numpy()
    return (offsets - offsets[0]).astype(np.int32), whole.flatten().to_numpy(zero_copy_only=False)
