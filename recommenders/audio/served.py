"""Serving the network by essentia's TensorflowPredict: what a recording's excerpts say about where it belongs.

Apart from `serving.py`, whose imports (Arrow, the store) would take a sixth of a worker's memory.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recommenders.audio.library import standard
from recommenders.audio.mel import BANDS, FRAMES
from recommenders.audio.network import INPUT, OUTPUT
from recommenders.errors import ModelError

Floats = npt.NDArray[np.float32]
Mels = npt.NDArray[np.float16]

BLOCK = 64  # excerpts in the graph at a time


class ServedNetwork:
    """A frozen network in this process. `facts` are those of its artifact: `factors`, `tags`, `length`, `space`."""

    def __init__(self, graph: Any, facts: dict[str, Any]) -> None:
        self._graph, self.facts = graph, facts
        self.n_factors, self.tag_names = int(facts["factors"]), tuple(facts.get("tags", ()))

    @staticmethod
    def load(path: Path, facts: dict[str, Any]) -> "ServedNetwork":
        """The network whose frozen graph is the local file `path`. Raises ModelError when it is none."""
        try:
            graph = standard().TensorflowPredict(
                graphFilename=str(path), inputs=[INPUT], outputs=[OUTPUT], squeeze=False
            )
        except RuntimeError as error:
            raise ModelError(f"{path} is not a frozen network: {error}. Retrain, or roll back.") from error
        return ServedNetwork(graph, facts)

    def predict(self, mels: Mels) -> tuple[Floats, dict[str, float]]:
        """Where a recording with the excerpts `mels` (n, 599, 128) lies, (n_factors,) of length 1, and its tags."""
        heard = self.hear(mels).mean(axis=0)
        return unit(heard[: self.n_factors]), dict(zip(self.tag_names, heard[self.n_factors :].tolist(), strict=True))

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


def unit(vectors: Floats) -> Floats:
    """`vectors` at length 1 along their last axis; zeros stay."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Floats = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return unit
