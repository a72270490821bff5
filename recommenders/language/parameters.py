"""What one run of `crawl_blogs` reads."""

from pydantic import BaseModel, ConfigDict, Field

MOST_BATCHES = 1024  # mapped tasks that Airflow takes


class ReadingParameters(BaseModel):
    """The params of reading."""

    model_config = ConfigDict(frozen=True)

    batch_articles: int = Field(500, ge=1, le=10_000, description="Articles that one task reads, one after the other.")
    most_articles: int = Field(100_000, ge=1, description="Most articles of one run; the next run goes on with others.")
    read_again_days: int = Field(
        0,
        ge=0,
        description="Articles of so many days are read again: for artists and songs that have come into the catalogue "
        "since.",
    )
