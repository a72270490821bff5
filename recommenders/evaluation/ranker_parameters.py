"""The trigger form of `retrain_ranker`."""

import datetime as dt

from pydantic import BaseModel, ConfigDict, Field


class RetrainRankerParams(BaseModel):
    """What a retraining of the ranker does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cutoff: dt.datetime | None = Field(
        None, description="Learn from what happened before this moment. Empty: the time of the run."
    )
    most_users: int = Field(
        20_000, ge=20, description="Users to learn from, and to judge by, at most; a seeded draw where there are more."
    )
    seed: int = Field(0, ge=0, description="Seed of the factors, of the draws and of the comparisons.")
    force: bool = Field(False, description="Promote the candidate even if the gate finds it worse or strange.")
    rollback_to: int | None = Field(
        None, ge=1, description="Train nothing: make this earlier ranker (its model_id) the champion again."
    )
