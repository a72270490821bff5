"""The trigger form of `weekly_report`: which week, and from where on something is alarming."""

from pydantic import BaseModel, ConfigDict, Field


class ReportParameters(BaseModel):
    """The trigger form of `weekly_report`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    week: str | None = Field(
        None,
        description="The Monday (YYYY-MM-DD) whose mixtapes to report on. Empty: the newest published week, so far, "
        "and the week before it.",
        json_schema_extra={"format": "date"},
    )
    repeat_weeks: int = Field(
        26, ge=1, le=104, description="Weeks before, on whose mixtapes repeated songs and artists are looked for."
    )
    max_short: float = Field(
        0.01, ge=0, le=1, description="Share of mixtapes with too few songs, above which it is alarming."
    )
    max_duplicates: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Share of mixtapes that hold the same songs as another, above which it is alarming.",
    )
    max_fallbacks: float = Field(
        0.3, ge=0, le=1, description="Share of songs from the lower rungs of the ladder, above which it is alarming."
    )
    max_model_age_days: int = Field(
        10, ge=1, description="Days before the mixtapes of which their champion may know nothing, without alarm."
    )
    max_change: float = Field(
        0.25,
        gt=0,
        description="Change against the mean of the four weeks before, as a share of it, above which it is alarming: "
        "a fall of reach, retention, depth, coverage or mixtapes, a rise of skips.",
    )
    max_uneven: float = Field(
        0.25,
        ge=0,
        le=0.5,
        description="Distance from a half of one side's share of a place of a trial's mixtapes, above which it is "
        "alarming.",
    )
