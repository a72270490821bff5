"""What one retraining of the ranker set out to do: kept as an artifact beside its folds, and found by the run's key."""

import datetime as dt
import re
from dataclasses import dataclass

import pyarrow as pa

from recommenders.store import Artifacts

FOLDER = "retraining_ranker"
LEARN, JUDGE = "learn", "judge"  # the two folds


@dataclass(frozen=True)
class Plan:
    """What one retraining set out to do; kept as an artifact beside its folds, and found by the run's key."""

    run_key: str
    cutoff: dt.datetime
    seed: int
    force: bool
    temporal: bool
    collaborative: int  # the collaborative champion's model_id
    network: int | None  # the audio network's, where one serves in that champion's space

    @property
    def folder(self) -> str:
        """The folder of the run's artifacts."""
        return _folder(self.run_key)

    def save(self, artifacts: Artifacts) -> None:
        """Store the plan."""
        facts = {**vars(self), "cutoff": self.cutoff.isoformat()}
        artifacts.write(f"{self.folder}/plan", pa.table({"fold": [LEARN, JUDGE]}), facts)

    @staticmethod
    def load(artifacts: Artifacts, run_key: str) -> "Plan":
        """The plan of the run `run_key`."""
        _, facts = artifacts.read(f"{artifacts.url}/{_folder(run_key)}/plan.parquet")
        return Plan(cutoff=dt.datetime.fromisoformat(facts.pop("cutoff")), **facts)


def _folder(run_key: str) -> str:
    return f"{FOLDER}/" + re.sub(r"[^A-Za-z0-9.-]+", "_", run_key)
