"""The audio network that serves: what a fence needs to predict with it, and where its predictions go."""

import datetime as dt
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.audio.serving import fetch_network
from recommenders.errors import ArtifactError
from recommenders.store import Artifacts, models
from recommenders.store.database import advisory_lock
from recommenders.store.models import ModelRow

KIND = "audio"  # of the rows in `models`

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Served:
    """The champion network, if there is one, and its frozen graph on this machine."""

    model: ModelRow | None = None
    graph: Path | None = None
    facts: dict[str, Any] | None = None

    @classmethod
    def fetch(cls, model: ModelRow | None, artifacts: Artifacts, folder: Path) -> "Served":
        """The network of `model`, its graph in `folder`; without a lost one, files are heard all the same."""
        if model is None:
            return cls()
        try:
            return cls(model, *fetch_network(artifacts, model.artifact_uri, folder))
        except ArtifactError as error:
            log.warning("No vectors are predicted: %s Trigger retrain_audio_network.", error)
            return cls(model)

    def is_champion(self, connection: sa.Connection) -> bool:
        """Whether it still serves, or there still is none."""
        champion = models.champion(connection, KIND)
        return (champion and champion.model_id) == (self.model and self.model.model_id)

    def options(self) -> dict[str, Any] | None:
        """What `listening_fence` wants to know of it."""
        return {"path": str(self.graph), "facts": self.facts} if self.graph else None

    def write_vector(
        self, connection: sa.Connection, track_id: int, direction: npt.NDArray[np.float32] | None, now: dt.datetime
    ) -> None:
        """Store what it predicts for a track, (n_factors,), at the one length that such tracks have; not after it has
        ceased to serve."""
        if self.model is None or self.facts is None or direction is None:
            return
        advisory_lock(connection, "champion", KIND)
        if self.is_champion(connection):
            vector = direction[None] * np.float32(self.facts["length"])
            models.put_vectors(connection, self.model, np.array([track_id]), vector, now)
