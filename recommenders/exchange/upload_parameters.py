"""What one run of `analyse_uploads` hears."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_BATCHES = 1024  # mapped tasks that Airflow takes


class UploadParameters(BaseModel):
    """The params of `analyse_uploads`."""

    model_config = ConfigDict(frozen=True)

    batch_size: int = Field(25, ge=1, le=1000, description="Files that one task hears, one after the other.")
    most_files: int = Field(10_000, ge=1, description="Most files of one run; the next run goes on with the others.")
    reanalyse: Literal["changed", "rejected", "all"] = Field(
        "changed",
        description="changed: what is new, has changed, or was heard by an older analysis. rejected: also what could "
        "not be used. all: everything.",
    )
