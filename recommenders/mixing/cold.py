"""Cold songs: those that hardly anybody has played yet, placed among the others by what they sound like.

The network gives a cold song the direction that the collaborative model would have given it, and one constant length,
that of songs with a few plays. It takes the place of whatever the collaborative model learnt from less than
`FEW_LISTENERS` people.
"""

import datetime as dt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa

from recommenders.mixing.shelf import Shelf
from recommenders.store import Artifacts, models
from recommenders.store.artifacts import column_matrix, matrix_column

KIND = "audio"  # of the rows in `models`
FEW_LISTENERS = 5


class Cold(NamedTuple):
    """The cold songs: `track_ids` (n,) ascending, and `vectors` (n, f) float32 in the collaborative model's space."""

    track_ids: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.float32]

    def save(self, artifacts: Artifacts, name: str) -> str:
        """Store them as an artifact; return its URI."""
        return artifacts.write(name, pa.table({"track_id": self.track_ids, "vector": matrix_column(self.vectors)}))

    @staticmethod
    def load(artifacts: Artifacts, uri: str) -> "Cold":
        """What `save` stored."""
        table, _ = artifacts.read(uri)
        return Cold(table["track_id"].to_numpy(), column_matrix(table["vector"]))

    @staticmethod
    def none(n_factors: int = 1) -> "Cold":
        """No songs at all."""
        return Cold(np.empty(0, dtype=np.int64), np.empty((0, n_factors), dtype=np.float32))


def read_cold(connection: sa.Connection, shelf: Shelf, network: models.ModelRow, cutoff: dt.datetime) -> Cold:
    """The cold songs of which `network` had made a vector before the cut-off."""
    track_ids, vectors = models.read_vectors(connection, network, cutoff)
    rows = shelf.rows(track_ids)
    cold = (rows >= 0) & shelf.eligible[rows] & (shelf.listeners[rows] < FEW_LISTENERS)
    return Cold(track_ids[cold], vectors[cold])
