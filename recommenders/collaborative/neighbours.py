"""Who and what lies nearest: users by what they like, tracks by who likes them."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.collaborative.model import KIND, CollaborativeModel, align, confidences, fold_in, load_model
from recommenders.errors import NotEnoughDataError
from recommenders.listening.interactions import load_interactions
from recommenders.store import Artifacts
from recommenders.store.models import champion
from recommenders.store.names import track_names, track_of, user_names
from recommenders.store.users import get_user


@dataclass(frozen=True)
class Neighbour:
    """One neighbour: the service's own id, a name to show, and the cosine of the two vectors."""

    outside_id: str
    name: str
    cosine: float


def nearest(vectors: npt.NDArray[np.float32], row: int, n: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """The `n` rows of (m, f) `vectors` with the highest cosine to `row`, itself and empty rows aside; their cosines."""
    lengths = np.linalg.norm(vectors, axis=1)
    cosines = vectors @ vectors[row] / np.maximum(lengths * lengths[row], np.finfo(np.float32).tiny)
    candidates = np.flatnonzero((lengths > 0) & (np.arange(len(vectors)) != row))
    order = candidates[np.argsort(-cosines[candidates], kind="stable")][:n]
    return order, cosines[order]


def similar_tracks(connection: sa.Connection, artifacts: Artifacts, track: str, n: int = 10) -> list[Neighbour]:
    """The tracks that lie nearest to the one that the service calls `track`.

    Raises UnknownNameError for a track that the store does not hold, NotEnoughDataError where nobody likes it yet.
    """
    track_id = track_of(connection, track)
    model = _champion(connection, artifacts)
    place = int(np.searchsorted(model.track_ids, track_id))
    if place == len(model.track_ids) or model.track_ids[place] != track_id:
        raise NotEnoughDataError(f"The model does not know the track {track}: nobody liked it before its cut-off.")
    rows, cosines = nearest(model.track_factors, place, n)
    return _named(track_names(connection, model.track_ids[rows].tolist()), cosines)


def similar_users(
    connection: sa.Connection, artifacts: Artifacts, user: str, now: dt.datetime, n: int = 10
) -> list[Neighbour]:
    """The users whose taste, up to `now`, lies nearest to the one that the service calls `user`.

    Raises UnknownNameError for a user that the store does not hold, NotEnoughDataError for one without listening.
    """
    user_id = get_user(connection, user).user_id
    model = _champion(connection, artifacts)
    interactions = load_interactions(connection, now, model.parameters)
    place = int(np.searchsorted(interactions.user_ids, user_id))
    if place == len(interactions.user_ids) or interactions.user_ids[place] != user_id:
        raise NotEnoughDataError(f"The user {user} likes nothing yet, so nobody is like them.")
    factors = fold_in(model, confidences(align(interactions, model.track_ids), model.parameters))
    rows, cosines = nearest(factors, place, n)
    return _named(user_names(connection, interactions.user_ids[rows].tolist()), cosines)


def _champion(connection: sa.Connection, artifacts: Artifacts) -> CollaborativeModel:
    row = champion(connection, KIND)
    if row is None:
        raise NotEnoughDataError("There is no collaborative model yet: run the DAG retrain_collaborative.")
    return load_model(artifacts, row.artifact_uri, row.model_id)


def _named(names: list[tuple[str, str]], cosines: npt.NDArray[np.float32]) -> list[Neighbour]:
    return [Neighbour(*name, float(cosine)) for name, cosine in zip(names, cosines, strict=True)]
