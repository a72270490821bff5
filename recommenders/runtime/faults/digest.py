"""Everything that a service holds, as one fingerprint for each part: its store's, and the champion's vectors."""

import hashlib

import numpy as np
import sqlalchemy as sa

from recommenders.collaborative.model import KIND, load_model
from recommenders.store import Artifacts, Store, models
from recommenders.store.fingerprints import fingerprints
from recommenders.store.names import track_names


def digests(store: Store, artifacts: Artifacts) -> dict[str, str]:
    """A SHA-256 of every part; equal digests, equal bytes."""
    with store.begin() as connection:
        return fingerprints(connection) | {"champion": _champion(connection, artifacts)}


def _champion(connection: sa.Connection, artifacts: Artifacts) -> str:
    row = models.champion(connection, KIND)
    if row is None:
        return "none"
    model = load_model(artifacts, row.artifact_uri)
    tracks = np.array([outside_id for outside_id, _ in track_names(connection, model.track_ids.tolist())])
    order = np.argsort(tracks)
    told = (sorted(row.parameters.items()), row.cutoff, tracks[order].tolist())
    return hashlib.sha256(repr(told).encode() + model.track_factors[order].tobytes()).hexdigest()
