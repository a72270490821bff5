"""Listeners like you, as a source: what the nearest of some drawn listeners play.

Nearest by the collaborative model: the highest cosines between users' factors. Two thousand drawn listeners stand for
all, so that a user costs the same however many there are.
"""

import datetime as dt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa

from recommenders.collaborative.model import CollaborativeModel
from recommenders.listening.interactions import load_interactions
from recommenders.mixing.candidates import Offered, Source, user_factors
from recommenders.mixing.cold import directions
from recommenders.mixing.likings import Likings, likings_of, of_now
from recommenders.mixing.shelf import Forbidden, Shelf
from recommenders.store import Artifacts
from recommenders.store.artifacts import column_matrix, matrix_column

DRAWN, RUN = 2_000, 100  # listeners drawn, in runs of neighbours by id: a read each
NEAREST, SONGS = 30, 20


class Drawn(NamedTuple):
    """Drawn listeners: `user_ids` (n,) ascending, `vectors` (n, f) float32 of length 1, and what each likes."""

    user_ids: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.float32]
    likings: Likings

    def save(self, artifacts: Artifacts, name: str) -> str:
        """Store them as an artifact; return its URI."""
        offsets = pa.array(self.likings.offsets.astype(np.int32))
        table = {
            "user_id": self.user_ids,
            "vector": matrix_column(self.vectors),
            "rows": pa.ListArray.from_arrays(offsets, pa.array(self.likings.rows)),
            "weights": pa.ListArray.from_arrays(offsets, pa.array(self.likings.weights)),
        }
        return artifacts.write(name, pa.table(table))

    @staticmethod
    def load(artifacts: Artifacts, uri: str) -> "Drawn":
        """What `save` stored."""
        table, _ = artifacts.read(uri)
        rows, weights = table["rows"].combine_chunks(), table["weights"].combine_chunks()
        offsets = np.append(0, np.cumsum(rows.value_lengths().to_numpy())).astype(np.int64)
        likings = Likings(offsets, rows.flatten().to_numpy(), weights.flatten().to_numpy())
        return Drawn(table["user_id"].to_numpy(), column_matrix(table["vector"]), likings)


def draw(
    connection: sa.Connection,
    shelf: Shelf,
    model: CollaborativeModel,
    user_ids: npt.NDArray[np.int64],
    cutoff: dt.datetime,
    seed: int,
) -> Drawn:
    """Draw listeners of `user_ids` (ascending) of whose taste something is known at the cut-off."""
    runs = np.array_split(user_ids, max(1, -(-len(user_ids) // RUN)))
    chosen = np.random.default_rng(seed).permutation(len(runs))[: DRAWN // RUN]
    parts = [_listeners(connection, shelf, model, runs[number], cutoff) for number in sorted(chosen.tolist())]
    ids, vectors = (np.concatenate([part[place] for part in parts]) for place in (0, 1))
    counts = np.concatenate([np.diff(part.likings.offsets) for part in parts])
    rows, weights = (np.concatenate([part.likings[place] for part in parts]) for place in (1, 2))
    return Drawn(ids, vectors, Likings(np.append(0, np.cumsum(counts)), rows, weights))


def _listeners(
    connection: sa.Connection,
    shelf: Shelf,
    model: CollaborativeModel,
    user_ids: npt.NDArray[np.int64],
    cutoff: dt.datetime,
) -> Drawn:
    users = (int(user_ids[0]), int(user_ids[-1]) + 1)
    known = load_interactions(connection, cutoff, of_now(model.parameters), users)
    factors = user_factors(model, known, known.user_ids)
    there = factors.any(axis=1)
    return Drawn(known.user_ids[there], directions(factors[there]), likings_of(shelf, known, known.user_ids[there]))


def offer(
    shelf: Shelf,
    forbidden: Forbidden,
    user_ids: npt.NDArray[np.int64],
    factors: npt.NDArray[np.float32],
    drawn: Drawn,
) -> Offered:
    """What the listeners most like each of `user_ids` play and they don't, the best first."""
    from recommenders.mixing.listener_kernels import offer_of_nearest

    rows = np.full((len(user_ids), SONGS), -1, dtype=np.int32)
    if len(drawn.user_ids):
        offer_of_nearest(shelf, forbidden, user_ids, np.ascontiguousarray(factors), drawn, NEAREST, rows)
    counts = (rows >= 0).sum(axis=1)
    offered = rows[rows >= 0]
    sources = np.full(len(offered), Source.LIKE_LISTENERS, dtype=np.int8)
    return Offered(np.append(0, np.cumsum(counts)).astype(np.int64), offered, sources)
