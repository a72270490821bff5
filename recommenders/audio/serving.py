"""Serving the network by essentia's TensorflowPredict: what a recording's excerpts say about where it belongs.

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
import numpy.typing as npt
import pyarrow as pa

from recommenders.audio.mel import BANDS, FRAMES
from recommenders.audio.mels import Ids, Mels, read_mels
from recommenders.audio.network import INPUT, OUTPUT
from recommenders.audio.programs import end_with_parent
from recommenders.errors import ModelError
from recommenders.store.artifacts import Artifacts, column_matrix, matrix_column
from recommenders.store.places import places_of
from recommenders.timing import Stage

Floats = npt.NDArray[np.float32]

BLOCK = 64  # excerpts in the graph at a time


class ServedNetwork:
    """A frozen network in this process. `facts` are those of its artifact: `factors`, `tags`, `length`, `space`."""

    def __init__(self, graph: Any, facts: dict[str, Any]) -> None:
        self._graph, self.facts = graph, facts
        self.n_factors, self.tag_names = int(facts["factors"]), tuple(facts.get("tags", ()))

    @staticmethod
    def load(path: Path, facts: dict[str, Any]) -> "ServedNetwork":
        """The network whose frozen graph is the local file `path`. Raises ModelError when it is none."""
        import essentia.standard as es

        try:
            graph = es.TensorflowPredict(graphFilename=str(path), inputs=[INPUT], outputs=[OUTPUT], squeeze=False)
        except RuntimeError as error:
            raise ModelError(f"{path} is not a frozen network: {error}. Retrain, or roll back.") from error
        return ServedNetwork(graph, facts)

    def predict(self, mels: Mels) -> tuple[Floats, dict[str, float]]:
        """Where a recording with the excerpts `mels` (n, 599, 128) lies, (n_factors,) of length 1, and its tags."""
        heard = self.hear(mels).mean(axis=0)
        return _unit(heard[: self.n_factors]), dict(zip(self.tag_names, heard[self.n_factors :].tolist(), strict=True))

    def hear(self, mels: Mels) -> Floats:
        """The network's output for each of `mels` (n, 599, 128), (n, n_factors + n_tags) float32."""
        from essentia import Pool

        heard = np.empty((len(mels), self.n_factors + len(self.tag_names)), dtype=np.float32)
        for first in range(0, len(mels), BLOCK):
            block = mels[first : first + BLOCK].astype(np.float32).reshape(-1, FRAMES, BANDS, 1)
            pool = Pool()
            pool.set(INPUT, np.ascontiguousarray(block))
            heard[first : first + len(block)] = self._graph(pool)[OUTPUT].reshape(len(block), -1)
        return heard


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
    return Predictions(wanted[heard], _unit(sums[heard])).save(artifacts, name)


def _unit(vectors: Floats) -> Floats:
    """`vectors` at length 1 along their last axis; zeros stay."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Floats = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return unit


if __name__ == "__main__":
    end_with_parent()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    predict_stored(Artifacts(sys.argv[1]), sys.argv[2], sys.argv[3])
