"""The audio network that serves: what a fence needs to predict with it, and where its predictions go."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.store import Artifacts, Store, models
from recommenders.store.models import ModelRow

KIND = "audio"


@dataclass(frozen=True)
class Served:
    """The champion network, if there is one, and its frozen graph on this machine."""

    model: ModelRow | None = None
    graph: Path | None = None
    facts: dict[str, Any] | None = None

    @classmethod
    def champion(cls, store: Store, artifacts: Artifacts, scratch: Path) -> "Served":
        """The champion of now."""
        with store.begin() as connection:
            model = models.champion(connection, KIND)
        return cls(model)

    def options(self) -> dict[str, Any] | None:
        """What `listening_fence` wants to know of it."""
        return {"path": str(self.graph), "facts": self.facts} if self.graph else None

    def write_vector(
        self, connection: sa.Connection, track_id: int, vector: npt.NDArray[np.float32] | None, now: dt.datetime
    ) -> None:
        """Store what it predicts for a track."""
        if self.model and vector is not None:
            models.put_vectors(connection, self.model, np.array([track_id]), vector[None], now)
