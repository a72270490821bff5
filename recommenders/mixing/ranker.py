"""The ranker: one score for a song of whatever source, from what each model says of it and a few facts.

A linear one, so that what puts a song on a mixtape can be told exactly: the chance that it is among what the user will
first hear is sigmoid(weights . features + intercept). The weights of what models say are never negative.
"""

from enum import StrEnum

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from recommenders.mixing.mix_kernels import N_FEATURES

KIND = "ranker"  # of the rows in `models`: their parameters are a Ranker, their artifact an item-to-item model


class Voice(StrEnum):
    """Who says something of a song."""

    COLLABORATIVE = "collaborative"
    LANGUAGE = "language"
    AUDIO = "audio"
    FACTS = "facts"


# In the order of the columns that `gather` writes: which voice says it.
FEATURES: dict[str, Voice] = {
    "collaborative": Voice.COLLABORATIVE,  # sqrt of the factors' inner product, the user's at length 1
    "items": Voice.COLLABORATIVE,  # sqrt of the mean of what the liked tracks speak for
    "artist": Voice.COLLABORATIVE,  # cosine with the artists' direction
    "text": Voice.LANGUAGE,  # log of the mean kernel between the texts
    "sound": Voice.AUDIO,  # cosine with the direction by sound
    "rate": Voice.FACTS,  # log of new listeners a week
    "youth": Voice.FACTS,  # exp(-age / 2 weeks)
}
assert len(FEATURES) == N_FEATURES
SAID = np.array([voice is not Voice.FACTS for voice in FEATURES.values()])


class Ranker(BaseModel):
    """What counts how much: one weight for each of FEATURES, in the features' own units."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: tuple[float, ...] = Field(min_length=N_FEATURES, max_length=N_FEATURES)
    intercept: float = 0.0

    def chances(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The chance of each song, (...,) float32 in (0, 1); `features` (..., N_FEATURES)."""
        from recommenders.mixing.mix_kernels import weigh

        logits = np.empty(features.shape[:-1], dtype=np.float32)
        flat = np.ascontiguousarray(features).reshape(-1, N_FEATURES)
        weigh(flat, np.array(self.weights, dtype=np.float32), np.float32(self.intercept), logits.reshape(-1))
        chances: npt.NDArray[np.float32] = np.float32(1) / (np.float32(1) + np.exp(-logits))
        return chances
