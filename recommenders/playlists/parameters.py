"""What can be set for a Monday run: the rules of a mixtape, and the trigger form."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class MixtapeRules(BaseModel):
    """What every mixtape of an edition must keep."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    length: int = Field(30, ge=1, le=100, description="Songs on a mixtape.")
    max_per_artist: int = Field(2, ge=1, description="Most songs of any credited artist on one mixtape.")
    max_per_release: int = Field(2, ge=1, description="Most songs of one release on one mixtape.")
    adventurousness: float = Field(
        0.0,
        ge=-1,
        le=1,
        description="From -1, mostly artists that the listener plays, to 1, mostly unknown ones; 0: by taste alone.",
    )
    memory_weeks: int = Field(
        12, ge=0, le=104, description="Weeks before and after in which a recommended song is not recommended again."
    )
    max_exposure: float = Field(
        0.1, gt=0, le=1, description="Largest share of the week's mixtapes on which one song may be."
    )
    min_fresh: int = Field(
        5, ge=0, le=30, description="Places kept for fresh songs, where the user's taste has any that fit."
    )
    fresh_weeks: int = Field(8, ge=1, le=104, description="Weeks since its upload for which a song is fresh.")
    fresh_taste: float = Field(
        0.3,
        ge=0,
        le=1,
        description="Least score of a fresh song that takes such a place, as a share of the user's last other song's.",
    )
    candidates: int = Field(100, ge=30, le=1000, description="Ranked candidates a user that compete for the songs.")

    @model_validator(mode="after")
    def _enough_candidates(self) -> Self:
        if self.candidates < self.length:
            raise ValueError(f"{self.candidates} candidates are too few for {self.length} songs: set at least as many.")
        return self

    def exposure_cap(self, n_users: int, n_eligible: int) -> int:
        """On how many mixtapes one song may be: max(20, max_exposure x users, 3 x length x users / eligible tracks)."""
        return max(20, int(self.max_exposure * n_users), 3 * self.length * n_users // max(1, n_eligible))


class MondayParameters(MixtapeRules):
    """The trigger form of `monday_playlists`."""

    week: str | None = Field(
        None,
        description="The Monday (YYYY-MM-DD) whose mixtapes to make. Empty: the current week. A past week uses only "
        "what was known then, and goes to nobody but the database.",
        json_schema_extra={"format": "date"},
    )
    dry_run: bool = Field(False, description="Write an edition that is not published, and report what it would change.")
    seed: int | None = Field(None, description="Decides between equals. Empty: the week's own number.")
    trial_model: int | None = Field(
        None,
        ge=1,
        description="Try this model (its model_id; a rejected or retired one too): it and the champion pick the songs "
        "of a mixtape by turns, and the weekly report says whose were liked more. Empty: no trial.",
    )
    trial_share: float = Field(
        1.0, gt=0, le=1, description="Share of the users who are in the trial; the same ones from week to week."
    )

    @property
    def rules(self) -> MixtapeRules:
        """The rules alone."""
        return MixtapeRules(**self.model_dump(include=set(MixtapeRules.model_fields)))
