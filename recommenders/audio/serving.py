"""Predicting in bulk with a published network, and fetching one.

    python -m recommenders.audio.serving ARTIFACTS_URL NETWORK_URI NAME

predicts every track in the artifact NAME-wanted from its stored excerpts, and writes the artifact NAME: a program of
its own, since no process may hold both essentia and tensorflow.
"""

import logging
import sys
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from recommenders.audio.mels import Ids, read_mels
from recommenders.audio.programs import end_with_parent
from recommenders.audio.served import Floats, ServedNetwork, unit
from recommenders.store.artifacts import Artifacts, column_matrix, matrix_column
from recommenders.store.places import places_of
from recommenders.timing import Stage


@dataclass(frozen=True)
class Predictions:
    """Where each of `track_ids` (n,), ascending, lies by its sound: `directions` (n, n_factors), unit rows."""

    track_ids: Ids
    directions: Floats

    def save(self, artifacts: Artifacts, name: str) -> str:
        """Store as the artifact `name`; return its URI."""
        table = pa.table({"track_id": self.track_ids, "direction": matrix_column(self.directions)})
        return artifacts.write(name, table)

    @staticmethod
    def load(artifacts: Artifacts, name: str) -> "Predictions":
        """What `save` stored."""
        table, _ = artifacts.read(f"{artifacts.url}/{name}.parquet")
        return Predictions(table["track_id"].to_numpy(), column_matrix(table["direction"]))


def fetch_network(artifacts: Artifacts, uri: str, folder: Path) -> tuple[Path, dict[str, Any]]:
    """A local file in `folder` with the frozen graph of the network at `uri`, and the network's facts.

    The file is named after the network and made once. Raises ArtifactError when the artifact is missing or damaged.
    """
    table, facts = artifacts.read(uri)
    path = folder / f"{uuid.uuid5(uuid.NAMESPACE_URL, uri).hex}.pb"
    graph = table["graph"][0].as_py()
    if not path.exists() or path.stat().st_size != len(graph):
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{uuid.uuid4().hex}.part")
        unfinished.write_bytes(graph)
        unfinished.replace(path)
    return path, facts


def predict_stored(artifacts: Artifacts, network_uri: str, name: str) -> str:
    """Predict the tracks of NAME-wanted from their stored excerpts, a track's excerpts averaged; the URI of NAME.

    A track without excerpts is left out.
    """
    stage = Stage("predict")
    wanted = artifacts.read(f"{artifacts.url}/{name}-wanted.parquet")[0]["track_id"].to_numpy()
    with tempfile.TemporaryDirectory(prefix="mixtape-") as folder:
        network = ServedNetwork.load(*fetch_network(artifacts, network_uri, Path(folder)))
        sums = np.zeros((len(wanted), network.n_factors), dtype=np.float32)
        counts = np.zeros(len(wanted), dtype=np.int64)
        for track_ids, mels in read_mels(artifacts, wanted):
            places = places_of(wanted, track_ids)
            np.add.at(sums, places, network.hear(mels)[:, : network.n_factors])
            np.add.at(counts, places, 1)
    heard = counts > 0
    stage.done(int(counts.sum()), "excerpts", f"{int(heard.sum()):,} tracks")
    return Predictions(wanted[heard], unit(sums[heard])).save(artifacts, name)


if __name__ == "__main__":
    end_with_parent()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    predict_stored(Artifacts(sys.argv[1]), sys.argv[2], sys.argv[3])
