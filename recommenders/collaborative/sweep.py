"""What a retraining of the collaborative model is asked to do, and which configurations its sweep tries."""

import datetime as dt
import itertools
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from recommenders.collaborative.model import AlsParameters


class RetrainParams(BaseModel):
    """What a retraining does. Every combination of the four lists is one configuration to try; what isn't listed keeps
    the default of `AlsParameters`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    factors: list[int] = Field([64], min_length=1, description="Lengths of the vectors to try.")
    alpha: list[float] = Field(
        [1.0, 2.0], min_length=1, description="How fast confidence grows with the strength of a liking, values to try."
    )
    regularisation: list[float] = Field(
        [1.0, 10.0, 30.0], min_length=1, description="Weights of the vectors' squared length in the loss, to try."
    )
    half_life_days: list[float] = Field(
        [42.0], min_length=1, description="Days after which an event counts half, values to try."
    )
    cutoff: dt.datetime | None = Field(
        None, description="Train on what happened before this moment. Empty: the time of the run."
    )
    seed: int = Field(0, ge=0, description="Seed of the factors, of a drawn split and of the comparisons.")
    force: bool = Field(False, description="Promote the candidate even if the gate finds it worse or strange.")
    rollback_to: int | None = Field(
        None, ge=1, description="Train nothing: make this earlier model (its model_id) the champion again."
    )

    def configurations(self, *, dated: bool) -> list["AlsParameters"]:
        """The configurations, each once. Without `dated` events the half-life changes nothing and is not swept."""
        from recommenders.collaborative.model import AlsParameters

        half_lives = self.half_life_days if dated else self.half_life_days[:1]
        combinations = itertools.product(self.factors, self.alpha, self.regularisation, half_lives)
        return list(
            dict.fromkeys(
                AlsParameters(factors=factors, alpha=alpha, regularisation=regularisation, half_life_days=half_life)
                for factors, alpha, regularisation, half_life in combinations
            )
        )


def configuration_name(parameters: "AlsParameters") -> str:
    """What a person reads in a table of metrics, or at a mapped task."""
    return (
        f"ALS {parameters.factors} factors, alpha {parameters.alpha:g}, "
        f"regularisation {parameters.regularisation:g}, half-life {parameters.half_life_days:g} days"
    )
